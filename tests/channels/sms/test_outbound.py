"""A receipt goes out through Twilio's stand-in, and its signed delivery report comes back to our door."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from channels.carriers.twilio.client import TwilioAccount, TwilioRest, TwilioTexter
from channels.links import ReceiptLinks
from channels.sms.outbound.texts import PaymentTexts
from channels.sms.words import SmsNumbers, Words
from core.messaging.texts import load_texts
from core.ports import DeliveryFailed, OutgoingSms, ReceiptTexts
from core.repositories import Delivery
from lab.caller import DEMO_ACCOUNT, DEMO_TOKEN
from lab.servers.serving import serving
from lab.twilio.rest import rest
from lab.twilio.server import Fault, Twilio
from tests.channels.sms.conftest import PUBLIC, SALMA, Counter
from tests.support.paid import paid

REFERENCE = "01KATWQ2YD0123456789ABCDEF-receipt_sms-1"


@dataclass
class Out:
    """The way out."""

    twilio: Twilio
    texter: TwilioTexter


@pytest.fixture
async def out(counter: Counter) -> AsyncIterator[Out]:
    async with Twilio(status_delay_s=0.0) as twilio, serving(rest(twilio)) as url:
        twilio.connect(counter.url, PUBLIC)
        client = TwilioRest(TwilioAccount(DEMO_ACCOUNT, DEMO_TOKEN, "1117", url))
        yield Out(twilio, TwilioTexter(client, f"{PUBLIC}/sms/twilio/status"))
        await client.aclose()


async def logged(counter: Counter) -> None:
    """As the outbox does before it sends."""
    await counter.books.messages.record(REFERENCE, "receipt_sms", SALMA, counter.clock.now(), status=Delivery.QUEUED)


def receipt() -> OutgoingSms:
    links = ReceiptLinks(["a-secret-of-the-tests"], PUBLIC)
    texts: ReceiptTexts = PaymentTexts(Words(load_texts(), SmsNumbers("*1117#", "777")), links.of)
    return OutgoingSms(REFERENCE, SALMA, texts.receipt_sms(paid()))


async def test_a_receipt_arrives_and_is_reported(counter: Counter, out: Out) -> None:
    await logged(counter)
    await out.texter.send(receipt())
    await out.twilio.idle()
    (text,) = out.twilio.inboxes.of(SALMA)
    assert text.body.startswith("Paiement accepté : 1 769,20 DH, 06...001, 05/2019 à 06/2019. Autorisation : Q41T9Z. ")
    assert list(out.twilio.callback_failures) == []
    assert await counter.messages() == [("receipt_sms", SALMA, "delivered")]


async def test_an_undelivered_one_keeps_its_error(counter: Counter, out: Out) -> None:
    await logged(counter)
    out.twilio.messages_fault = Fault.UNDELIVERED
    await out.texter.send(receipt())
    await out.twilio.idle()
    row = await counter.database.one("SELECT status, error FROM messages")
    assert row == {"status": "failed", "error": "30003"}


async def test_whether_to_try_again(counter: Counter, out: Out) -> None:
    retryable = []
    for fault in (Fault.RATE_LIMIT, Fault.SERVER_ERROR):
        out.twilio.messages_fault = fault
        with pytest.raises(DeliveryFailed) as failed:
            await out.texter.send(receipt())
        retryable.append(failed.value.retryable)
    out.twilio.messages_fault = Fault.NONE
    out.twilio.opted_out.add(SALMA)
    with pytest.raises(DeliveryFailed, match="21610") as failed:
        await out.texter.send(receipt())
    assert [*retryable, failed.value.retryable] == [True, True, False]
    assert out.twilio.inboxes.of(SALMA) == ()
