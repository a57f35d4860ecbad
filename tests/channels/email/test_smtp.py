"""Mails handed to a real SMTP server, and what each of its refusals means."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from channels.email.compose import Composer, MailSender
from channels.email.smtp import SmtpMailer, SmtpServer, failure_of, greet
from channels.links import ReceiptLinks
from channels.receipt_view import Operator
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from core.ports import DeliveryFailed, Mailer
from khallas.doctor import outside
from khallas.doctor.finding import CheckFailed
from khallas.settings.model import load
from lab.clocks import StillClock
from lab.mailsink import MailFault, MailSink
from tests.support.certificates import self_signed
from tests.support.paid import PAID_AT, paid

ID = "<receipt.01KATWQ2YD0123456789ABCDEF@pay.example.ma>"
COMPOSER = Composer(
    load_texts(),
    Operator("Opérateur", "777"),
    MailSender.parse("recus@pay.example.ma"),
    ReceiptLinks(["a-secret-of-the-tests"], "https://pay.example.ma"),
)


def mailer(url: str, trust: ssl.SSLContext | None = None) -> SmtpMailer:
    return SmtpMailer(SmtpServer.parse(url), COMPOSER, StillClock(PAID_AT), trust)


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_a_receipt_arrives(language: LanguageCode) -> None:
    async with MailSink() as sink:
        port: Mailer = mailer(sink.url)
        assert await port.send_receipt(paid(language), "salma@example.com") == ID
        (mail,) = sink.mails("salma@example.com")
        assert mail.message_id == ID
        assert mail.sender == "recus@pay.example.ma"
        assert mail.recipients == ("salma@example.com",)
        assert "2026-00000042" in mail.subject
        assert "Q41T9Z" in mail.text
        assert "Q41T9Z" in mail.html
        assert ('dir="rtl"' in mail.html) is (language is LanguageCode.AR)
        assert all(len(line) <= 998 for line in mail.raw.splitlines())


async def test_the_systems_certificates_are_not_read_for_each_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    """They cost the worker more than the rest of a paid bill."""
    read: list[ssl.SSLContext] = []
    load_certificates = ssl.SSLContext.load_default_certs

    def counted(context: ssl.SSLContext, purpose: ssl.Purpose = ssl.Purpose.SERVER_AUTH) -> None:
        read.append(context)
        load_certificates(context, purpose)

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", counted)
    async with MailSink() as sink:
        for _ in range(3):
            await mailer(sink.url).send_receipt(paid(), "salma@example.com")
    assert read == [], "nobody proves who answers at a server without a password"
    async with MailSink() as sink:
        secure = f"smtps://127.0.0.1:{sink.url.rpartition(':')[2]}"
        for _ in range(3):
            with pytest.raises(DeliveryFailed):
                await mailer(secure).send_receipt(paid(), "salma@example.com")
    assert len(read) <= 1


async def test_letters_of_any_script_in_an_address() -> None:
    async with MailSink() as sink:
        await mailer(sink.url).send_receipt(paid(), "سلمى@example.com")
        (mail,) = sink.mails("سلمى@example.com")
        assert mail.to == "سلمى@example.com"
        assert "payés à Opérateur" in mail.subject


async def test_whether_a_server_says_smtputf8() -> None:
    async with MailSink() as sink:
        assert await greet(SmtpServer.parse(sink.url)) is True
    async with listening(None, Vault(), at_once=False) as port:
        assert await greet(SmtpServer.parse(f"smtp://localhost:{port}")) is False
        settings = load({"KHALLAS_SMTP_URL": f"smtp://localhost:{port}", "KHALLAS_MAIL_UTF8": "1"})
        with pytest.raises(CheckFailed, match="does not say SMTPUTF8"):
            await outside.smtp(settings)
        assert await outside.smtp(settings.model_copy(update={"mail_utf8": False})) == "takes us without a login"


async def test_a_server_of_ascii_takes_no_other_letters() -> None:
    async with listening(None, Vault(), at_once=False) as port:
        with pytest.raises(DeliveryFailed) as caught:
            await mailer(f"smtp://localhost:{port}").send_receipt(paid(), "سلمى@example.com")
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("fault", "retryable"),
    [(MailFault.TEMPORARY, True), (MailFault.PERMANENT, False), (MailFault.LOST_REPLY, True)],
)
async def test_a_refusal_says_whether_to_try_again(fault: MailFault, retryable: bool) -> None:
    async with MailSink() as sink:
        sink.fault = fault
        with pytest.raises(DeliveryFailed) as caught:
            await mailer(sink.url).send_receipt(paid(), "salma@example.com")
        assert caught.value.retryable is retryable
        assert "salma" not in str(caught.value)
        sink.fault = MailFault.NONE
        assert await mailer(sink.url).send_receipt(paid(), "salma@example.com") == ID
        assert {mail.message_id for mail in sink.mails()} == {ID}


async def test_a_copy_that_was_asked_for_is_another_mail() -> None:
    async with MailSink() as sink:
        port: Mailer = mailer(sink.url)
        ids = [await port.send_receipt(paid(), "salma@example.com", copy) for copy in (0, 1, 1, 2)]
        assert [mail.message_id for mail in sink.mails()] == ids
    assert ids[0] == ID
    assert ids[1] == ids[2]
    assert len(set(ids)) == 3


async def test_nobody_at_the_door_is_a_reason_to_come_back() -> None:
    async with MailSink() as sink:
        url = sink.url
    with pytest.raises(DeliveryFailed) as caught:
        await mailer(url).send_receipt(paid(), "salma@example.com")
    assert caught.value.retryable


async def test_a_bad_address_goes_nowhere() -> None:
    async with MailSink() as sink:
        with pytest.raises(DeliveryFailed) as caught:
            await mailer(sink.url).send_receipt(paid(), "a@b.ma\r\nBcc: c@d.ma")
        assert not caught.value.retryable
        assert sink.mails() == ()


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (aiosmtplib.SMTPRecipientsRefused([aiosmtplib.SMTPRecipientRefused(450, "a@b.ma", "a@b.ma")]), True),
        (aiosmtplib.SMTPRecipientsRefused([aiosmtplib.SMTPRecipientRefused(550, "a@b.ma", "a@b.ma")]), False),
        (aiosmtplib.SMTPSenderRefused(451, "a@b.ma", "a@b.ma"), True),
        (aiosmtplib.SMTPDataError(554, "a@b.ma spam"), False),
        (aiosmtplib.SMTPAuthenticationError(535, "a@b.ma"), True),
        (aiosmtplib.SMTPConnectResponseError(554, "a@b.ma"), True),
        (aiosmtplib.SMTPNotSupported("a@b.ma"), False),
        (aiosmtplib.SMTPReadTimeoutError("a@b.ma"), True),
        (aiosmtplib.SMTPServerDisconnected("a@b.ma"), True),
        (TimeoutError("a@b.ma"), True),
        (OSError("a@b.ma"), True),
    ],
)
def test_codes_decide(error: Exception, retryable: bool) -> None:
    failure = failure_of(error)
    assert failure.retryable is retryable
    assert "a@b.ma" not in str(failure)


@pytest.mark.parametrize(
    ("url", "server", "starttls"),
    [
        ("smtp://mail.ma", SmtpServer("mail.ma", 25, tls=False), None),
        ("smtp://127.0.0.1:2525/", SmtpServer("127.0.0.1", 2525, tls=False), None),
        ("smtps://u:p%40ss@mail.ma", SmtpServer("mail.ma", 465, tls=True, user="u", password="p@ss"), False),
        ("smtp://u%40x:p@mail.ma:587", SmtpServer("mail.ma", 587, tls=False, user="u@x", password="p"), True),
        ("smtp://u:p@localhost:25", SmtpServer("localhost", 25, tls=False, user="u", password="p"), None),
    ],
)
def test_a_server_is_an_address(url: str, server: SmtpServer, starttls: bool | None) -> None:
    parsed = SmtpServer.parse(url)
    assert parsed == server
    assert parsed.wants_starttls is starttls
    assert "p@ss" not in repr(parsed)


@pytest.mark.parametrize(
    "url", ["", "mail.ma:25", "http://mail.ma", "smtp://", "smtp://secret@mail.ma", "smtp://m/x", "smtp://m:99999"]
)
def test_what_is_no_server(url: str) -> None:
    with pytest.raises(ValueError, match=r"SMTP|[Pp]ort") as caught:
        SmtpServer.parse(url)
    assert "secret" not in str(caught.value)


# --- encryption -------------------------------------------------------------------------------------------------


class Vault:
    """A server that takes a login over TLS only, and counts what it took."""

    def __init__(self) -> None:
        self.taken: list[tuple[bool, bool]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.taken.append((session.ssl is not None, bool(session.authenticated)))
        return "250 kept"

    def login(self, server: SMTP, session: Session, envelope: Envelope, how: str, proof: object) -> AuthResult:
        given = (getattr(proof, "login", b""), getattr(proof, "password", b""))
        return AuthResult(success=given == (b"khallas", b"s:cret"), handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def listening(certificate: Path | None, vault: Vault, *, at_once: bool) -> AsyncIterator[int]:
    """TLS from the first byte, by STARTTLS, or not at all without a certificate; yields the port."""
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()

    def connection() -> asyncio.BaseProtocol:
        starttls = None if at_once else context
        protocol: asyncio.BaseProtocol = SMTP(
            vault, hostname="localhost", tls_context=starttls, authenticator=vault.login, auth_require_tls=not at_once
        )
        return protocol

    server = await loop.create_server(connection, "127.0.0.1", 0, ssl=context if at_once else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def test_encryption_is_taken_where_it_is_offered(certificate: Path) -> None:
    vault = Vault()
    async with listening(certificate, vault, at_once=False) as port:
        await mailer(f"smtp://localhost:{port}").send_receipt(paid(), "salma@example.com")
        await mailer(f"smtp://khallas:s%3Acret@localhost:{port}").send_receipt(paid(), "salma@example.com")
    assert vault.taken == [(True, False), (True, True)]


async def test_a_wrong_login_may_heal(certificate: Path) -> None:
    vault = Vault()
    async with listening(certificate, vault, at_once=False) as port:
        with pytest.raises(DeliveryFailed) as caught:
            await mailer(f"smtp://khallas:wrong@localhost:{port}").send_receipt(paid(), "salma@example.com")
    assert caught.value.retryable
    assert vault.taken == []


async def test_smtps_wants_a_proven_certificate(certificate: Path) -> None:
    vault = Vault()
    async with listening(certificate, vault, at_once=True) as port:
        with pytest.raises(DeliveryFailed) as caught:
            await mailer(f"smtps://localhost:{port}").send_receipt(paid(), "salma@example.com")
        assert caught.value.retryable
        assert vault.taken == []
        trust = ssl.create_default_context(cafile=str(certificate))
        assert await mailer(f"smtps://localhost:{port}", trust).send_receipt(paid(), "salma@example.com") == ID
    assert len(vault.taken) == 1
