"""The mail sink, spoken to by the same client the project uses."""

from collections.abc import AsyncIterator
from email.message import EmailMessage

import aiosmtplib
import pytest

from lab.mailsink import MailFault, MailSink


@pytest.fixture
async def sink() -> AsyncIterator[MailSink]:
    async with MailSink() as sink:
        yield sink


def receipt(to: str = "fatima@example.ma") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = "recus@khallas.example", to
    message["Subject"] = "Reçu de paiement / وصل الأداء"
    message["Message-ID"] = "<r1@khallas.example>"
    message.set_content("Payé : 769,20 DH\n")
    message.add_alternative("<p dir=rtl>تم الأداء</p>\n", subtype="html")
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="recu.pdf")
    return message


async def send(sink: MailSink, message: EmailMessage) -> None:
    await aiosmtplib.send(message, hostname="127.0.0.1", port=sink.port)


async def test_a_mail_is_kept_as_a_mailbox_shows_it(sink: MailSink) -> None:
    await send(sink, receipt())
    (mail,) = await sink.wait_for("fatima@example.ma")
    assert mail.to == "fatima@example.ma"
    assert mail.subject == "Reçu de paiement / وصل الأداء"
    assert "769,20 DH" in mail.text
    assert "تم الأداء" in mail.html
    assert mail.message_id == "<r1@khallas.example>"
    assert mail.attachments == ("recu.pdf",)
    assert sink.mails("other@example.ma") == ()
    sink.clear()
    assert sink.mails() == ()


@pytest.mark.parametrize(("fault", "code"), [(MailFault.TEMPORARY, 451), (MailFault.PERMANENT, 550)])
async def test_it_refuses_on_request(sink: MailSink, fault: MailFault, code: int) -> None:
    sink.fault = fault
    with pytest.raises(aiosmtplib.SMTPDataError) as caught:
        await send(sink, receipt())
    assert caught.value.code == code
    assert (sink.mails(), sink.refused) == ((), 1)


async def test_a_lost_reply_leaves_the_mail_delivered(sink: MailSink) -> None:
    sink.fault = MailFault.LOST_REPLY
    with pytest.raises(aiosmtplib.SMTPException):
        await send(sink, receipt())
    assert len(sink.mails()) == 1


async def test_waiting_for_a_mail_that_never_comes_ends(sink: MailSink) -> None:
    with pytest.raises(TimeoutError):
        await sink.wait_for("nobody@example.ma", timeout_s=0.05)
