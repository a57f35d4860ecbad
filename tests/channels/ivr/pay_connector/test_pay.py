"""Cards typed at Twilio: <Pay> in three languages, and where each of its results leads."""

from xml.etree.ElementTree import fromstring

import pytest

from core.payments.table import PaymentState
from khallas.server.app import VoiceBounds
from lab.caller import VoicePhone
from lab.twilio.pay import PayTaker
from tests.channels.ivr.paying import (
    ASKS_PIN,
    CENTIMES,
    CHARGES_SILENTLY,
    DECLINED,
    GOOD,
    PACE,
    PASSWORD,
    USER,
    by_connector,
    caller,
    ended,
    line,
    only_payment,
    twilio,
)
from tests.support.world import PUBLIC_URL, World, load_demo_data, world

__all__ = ["line", "twilio"]  # fixtures


@pytest.mark.parametrize(("key", "language"), [("1", "fr-FR"), ("2", "arb"), ("3", "en-GB")])
async def test_pay_is_prompted_in_the_callers_language(line: World, key: str, language: str) -> None:
    async with caller(line, key) as call:
        pay = call.paying
        assert pay is not None
        told = dict(pay.attributes)
        assert told.pop("action").startswith(f"{PUBLIC_URL}/ivr/twilio/turn?v=")
        assert told.pop("language") in {"fr-FR", "en-GB"}
        assert told == {
            "input": "dtmf",
            "timeout": "8",
            "maxAttempts": "3",
            "securityCode": "true",
            "postalCode": "false",
            "paymentConnector": "khallas",
            "paymentMethod": "credit-card",
            "validCardTypes": "visa mastercard",
            "tokenType": "one-time",
            "chargeAmount": "769.20",
            "currency": "mad",
        }
        assert pay.parameters == {"payment": (await only_payment(line)).id, "call": call.dialled.sid}
        assert {getattr(prompt, "language", None) for prompt in pay.prompts} == {language}


async def test_every_step_and_error_has_its_prompt(line: World) -> None:
    heard: list[bytes] = []
    async with VoicePhone(line.url, "+212600000099", public_url=PUBLIC_URL, pace=PACE) as phone:
        phone.line.watcher = lambda exchange: heard.append(exchange.body.encode())
        call = await phone.dial()
        for keys in ("2", "2", "0600000001#", "482913#", "1"):
            call.press(keys)
            await call.settled()
    (verb,) = [verb for body in heard if b"<Pay" in body for verb in fromstring(body).iter("Pay")]  # noqa: S314 - ours
    steps: dict[str, set[str]] = {}
    for prompt in verb.iter("Prompt"):
        steps.setdefault(prompt.get("for", ""), set()).add(prompt.get("errorType", ""))
    assert steps == {
        "payment-card-number": {"", "timeout", "invalid-card-number", "invalid-card-type"},
        "expiration-date": {"", "timeout", "invalid-date"},
        "security-code": {"", "timeout", "invalid-security-code"},
        "payment-processing": {"", "card-declined", "internal-error"},
    }


async def test_a_bill_is_paid(line: World, twilio: PayTaker) -> None:
    async with caller(line) as call:
        await twilio.pay(call, GOOD)
        await call.settled()
        assert call.screen == "Paid"
    payment = await only_payment(line)
    assert (payment.state, payment.card_last4) == (PaymentState.CAPTURED, "0010")
    assert line.cmi.captured_centimes(payment.id) == CENTIMES
    (answer,) = twilio.answers
    assert (answer["charge_id"], answer["error_code"], answer["error_message"]) == (payment.id, None, None)


async def test_after_a_decline_another_card(line: World, twilio: PayTaker) -> None:
    async with caller(line) as call:
        await twilio.pay(call, DECLINED)
        await call.settled()
        assert call.screen == "Declined"
        call.press("1")
        await call.settled()
        assert call.screen == "CardNumber"
        await twilio.pay(call, GOOD)
        await call.settled()
        assert call.screen == "Paid"
    assert [answer["error_code"] for answer in twilio.answers] == ["other_card", None]
    assert twilio.answers[0]["charge_id"] == ""


async def test_the_banks_pin_is_asked_by_us(line: World, twilio: PayTaker) -> None:
    async with caller(line) as call:
        await twilio.pay(call, ASKS_PIN)
        await call.settled()
        assert call.screen == "BankPin"
        call.press("123#")
        await call.settled()
        assert call.screen == "Paid"
    assert twilio.answers[0]["error_code"] == "challenge"


async def test_a_bank_that_charges_in_silence_is_unknown_and_then_found(redis_url: str, database_url: str) -> None:
    await load_demo_data(database_url)
    hasty = VoiceBounds(bank_wait_s=0.2)
    async with world(redis_url, database_url, bank_timeout_s=1, change=by_connector, voice=hasty) as line:
        twilio = PayTaker(f"{line.url}/ivr/pay-connector", USER, PASSWORD)
        async with caller(line) as call:
            await twilio.pay(call, CHARGES_SILENTLY)
            await call.settled()
            assert call.screen == "Unknown"
        payment = await only_payment(line)
        assert payment.state is PaymentState.UNKNOWN
        assert twilio.answers[0]["error_code"] == "unknown"
        assert (await line.house.till.inquire(payment.id)).state is PaymentState.CAPTURED
        assert line.cmi.captured_centimes(payment.id) == CENTIMES


@pytest.mark.parametrize(
    ("result", "screens"),
    [
        ("too-many-failed-attempts", ["Goodbye"]),
        ("payment-connector-error", ["Declined"]),
        ("caller-interrupted-with-star", ["CardNumber", "CardNumber", "Goodbye"]),
        ("caller-hung-up", ["CardNumber"]),
        ("validation-error", ["Declined"]),
        ("internal-error", ["Declined"]),
        ("something-new", ["Declined"]),
        ("success", ["Unknown"]),  # said by somebody else: nobody may be told to pay again
    ],
)
async def test_every_result_leads_somewhere(line: World, result: str, screens: list[str]) -> None:
    async with caller(line) as call:
        assert [await ended(call, result) for _ in screens] == screens
    payment = await only_payment(line)
    assert payment.state is PaymentState.CREATED
    assert payment.attempts == 0


async def test_a_result_that_lies_is_not_believed(line: World, twilio: PayTaker) -> None:
    """The card was charged, and Twilio says that the caller pressed star."""
    async with caller(line) as call:
        await twilio.charge(twilio.asked(call, GOOD, "t1"))
        assert await ended(call, "caller-interrupted-with-star") == "Paid"


async def test_the_card_is_typed_on_the_telephone(line: World, twilio: PayTaker) -> None:
    """As the demo's phone and `khallas call` do it: Twilio's stand-in plays <Pay>, keys and all."""
    line.twilio.taker = twilio
    call = await line.twilio.dial("+212600000099")
    await call.settled()
    for keys in ("1", "2", "0600000001#", "482913#", "1"):
        call.press(keys)
        await call.settled()
    assert (call.screen, call.captions[-1].text) == ("CardNumber", "Tapez le numéro de votre carte, puis dièse.")
    for keys in (f"{GOOD.number[:-1]}1#", f"{GOOD.number}#", f"{GOOD.expiry}#", f"{GOOD.code}#"):
        call.press(keys)
        await call.settled()
    assert call.screen == "Paid"
    words = [caption.text for caption in call.captions]
    assert any(text.startswith("Ce numéro de carte est incorrect.") for text in words)
    assert "Un instant, nous attendons votre banque. Ne raccrochez pas." in words
    assert line.cmi.captured_centimes((await only_payment(line)).id) == CENTIMES
    assert not [text for text in words if GOOD.number in text]
