"""Cards typed at Twilio: <Pay> in three languages, its results, and the connector that charges them by our till."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from xml.etree.ElementTree import fromstring

import aiohttp
import pytest

from channels.settings import Settings
from core.payment import Payment, State
from lab.call import Call
from lab.caller import VoicePhone
from lab.cmi_lies import Manner
from lab.dialled import Pace
from lab.pay import PayTaker, Typed
from tests.journeys.world import load_demo_data
from tests.security.world import PUBLIC_URL, World, changed, world

USER, PASSWORD, OLD_PASSWORD = "twilio", "a-long-password-of-twilio", "the-password-before-it"
PACE = Pace(pause_factor=0.02)
GOOD = Typed("4000000000000010", "1228", "123")
DECLINED = Typed("4000009900005102", "1228", "123")
ASKS_PIN = Typed("5191630100004896", "1228", "123")
CHARGES_SILENTLY = Typed("4000009900009203", "1228", "123")
CENTIMES = 76920


def _by_connector(settings: Settings) -> Settings:
    passwords = f"{PASSWORD},{OLD_PASSWORD}"
    own = {"card_mode": "pay", "pay_connector": "khallas", "pay_user": USER, "pay_passwords": passwords}
    return changed(settings, ivr={**own})


@pytest.fixture
async def line(redis_url: str, database_url: str) -> AsyncIterator[World]:
    await load_demo_data(database_url)
    async with world(redis_url, database_url, bank_timeout_s=30, change=_by_connector) as here:
        yield here


@pytest.fixture
def twilio(line: World) -> PayTaker:
    return PayTaker(f"{line.url}/ivr/pay-connector", USER, PASSWORD)


@asynccontextmanager
async def caller(line: World, language: str = "1") -> AsyncIterator[Call]:
    """A call up to <Pay>."""
    async with VoicePhone(line.url, "+212600000099", public_url=PUBLIC_URL, pace=PACE) as phone:
        call = await phone.dial()
        for keys in (language, "2", "0600000001#", "482913#", "1", "1"):
            call.press(keys)
            await call.settled()
        assert (call.error, call.screen) == (None, "CardNumber")
        assert call.paying is not None
        yield call


async def only_payment(line: World) -> Payment:
    row = await line.house.database.one("SELECT id FROM payments")
    assert row is not None
    payment = await line.house.till.payment(row["id"])
    assert payment is not None
    return payment


async def ended(call: Call, result: str) -> str | None:
    """<Pay> is over with this result, nothing was charged."""
    call.finish_pay({"Result": result})
    await call.settled()
    return call.screen


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
        for keys in ("2", "2", "0600000001#", "482913#", "1", "1"):
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
    assert (payment.state, payment.card_last4) == (State.CAPTURED, "0010")
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


@pytest.fixture
def hasty() -> Iterator[None]:
    """The connector waits for the bank a moment only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("channels.ivr.connector.BANK_WAIT_S", 0.2)
        yield


async def test_a_bank_that_charges_in_silence_is_unknown_and_then_found(
    redis_url: str, database_url: str, hasty: None
) -> None:
    await load_demo_data(database_url)
    async with world(redis_url, database_url, bank_timeout_s=1, change=_by_connector) as line:
        twilio = PayTaker(f"{line.url}/ivr/pay-connector", USER, PASSWORD)
        async with caller(line) as call:
            await twilio.pay(call, CHARGES_SILENTLY)
            await call.settled()
            assert call.screen == "Unknown"
        payment = await only_payment(line)
        assert payment.state is State.UNKNOWN
        assert twilio.answers[0]["error_code"] == "unknown"
        assert (await line.house.till.inquire(payment.id)).state is State.CAPTURED
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
    assert payment.state is State.CREATED
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
    for keys in ("1", "2", "0600000001#", "482913#", "1", "1"):
        call.press(keys)
        await call.settled()
    assert (call.screen, call.captions[-1].text) == ("CardNumber", "Tapez le numéro de votre carte, puis dièse.")
    for keys in (f"{GOOD.number[:-1]}1#", f"{GOOD.number}#", f"{GOOD.expiry}#", f"{GOOD.code}#"):
        call.press(keys)
        await call.settled()
    assert call.screen == "Paid"
    words = [caption.text for caption in call.captions]
    assert any(text.startswith("Ce numéro de carte est incorrect.") for text in words)
    assert "Un instant, votre banque répond. Ne raccrochez pas." in words
    assert line.cmi.captured_centimes((await only_payment(line)).id) == CENTIMES
    assert not [text for text in words if GOOD.number in text]


# --- the connector -------------------------------------------------------------------------------------------------


async def test_one_transaction_has_one_answer(line: World, twilio: PayTaker) -> None:
    async with caller(line) as call:
        body = twilio.asked(call, GOOD, "t1")
        first = await twilio.charge(body)
        repeats = [await twilio.charge(body) for _ in range(3)]
        assert repeats == [first] * 3
    payment = await only_payment(line)
    assert payment.attempts == 1
    assert line.cmi.captured_centimes(payment.id) == CENTIMES


async def test_copies_at_once_charge_once(line: World, twilio: PayTaker) -> None:
    async with caller(line) as call:
        body = twilio.asked(call, GOOD, "t1")
        answers = await asyncio.gather(*(twilio.charge(body) for _ in range(8)))
        other = await twilio.charge(twilio.asked(call, GOOD, "t2"))
        assert [answer == answers[0] for answer in answers] == [True] * 8
        assert other == answers[0]
    assert (await only_payment(line)).attempts == 1


async def test_a_repeat_waits_for_the_first_answer(line: World, twilio: PayTaker) -> None:
    line.cmi.lie(Manner.SLOW, seconds=1.0)
    async with caller(line) as call:
        body = twilio.asked(call, GOOD, "t1")
        twilio.patience_s = 0.3
        answer = await twilio.charge(body)
        assert answer is not None
        assert answer["charge_id"] == (await only_payment(line)).id
    assert (await only_payment(line)).attempts == 1


async def test_one_amount_and_one_expiry_are_spelled_in_many_ways(line: World, twilio: PayTaker) -> None:
    spelled: list[dict[str, object]] = [{"amount": amount} for amount in ("769.2", "769.200", 769.2)]
    spelled += [{"expiry_month": 12, "expiry_year": 28}, {"expiry_year": "2028", "currency_code": "MAD"}]
    async with caller(line) as call:
        for number, told in enumerate(spelled):
            answer = await twilio.charge(twilio.asked(call, GOOD, f"t{number}") | told)
            assert answer is not None
            assert answer["error_code"] is None, told


DISAGREES: list[tuple[dict[str, object], str]] = [
    ({"amount": "769.19"}, "amount_differs"),
    ({"amount": "769.205"}, "amount_differs"),
    ({"amount": "-769.20"}, "amount_differs"),
    ({"amount": "NaN"}, "amount_differs"),
    ({"amount": "Infinity"}, "amount_differs"),
    ({"amount": "a lot"}, "invalid_amount"),
    ({"amount": ""}, "invalid_amount"),
    ({"currency_code": "usd"}, "currency_differs"),
    ({"cardnumber": "4000000000000011"}, "invalid_card"),
    ({"cardnumber": "no card"}, "invalid_card"),
    ({"cardnumber": "４０００００００００００００１０"}, "invalid_card"),
    ({"cvv": "12"}, "invalid_card"),
    ({"cvv": "12a"}, "invalid_card"),
    ({"expiry_month": "13"}, "invalid_card"),
    ({"expiry_month": "x"}, "invalid_card"),
    ({"expiry_month": 1e308}, "invalid_card"),
    ({"cvv": "١٢٣"}, "invalid_card"),
    ({"expiry_year": "20"}, "invalid_card"),
    ({"parameters": {}}, "no_payment"),
    ({"parameters": {"payment": "01JNOBODY"}}, "no_payment"),
    ({"parameters": {"payment": ""}, "method": "tokenize"}, "no_payment"),
    ({"method": "tokenize", "cardnumber": "4000000000000011"}, "invalid_card"),
    ({"method": "tokenize", "expiry_year": "20"}, "invalid_card"),
]


async def test_what_does_not_agree_is_not_sent(line: World, twilio: PayTaker) -> None:
    async with caller(line) as call:
        for number, (wrong, code) in enumerate(DISAGREES):
            answer = await twilio.charge(twilio.asked(call, GOOD, f"t{number}") | wrong)
            assert answer is not None
            key = "token_id" if "method" in wrong else "charge_id"
            assert (answer[key], answer["error_code"]) == ("", code), wrong
            assert answer["error_message"]
    assert (await only_payment(line)).attempts == 0


async def _status(line: World, *, auth: str | None, body: bytes) -> tuple[int, str, str]:
    headers = {"Authorization": auth} if auth is not None else {}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{line.url}/ivr/pay-connector", data=body, headers=headers) as answer,
    ):
        return answer.status, answer.headers.get("Cache-Control", ""), await answer.text()


async def test_nobody_else_may_charge(line: World) -> None:
    right = aiohttp.encode_basic_auth(USER, PASSWORD)
    wrong = [
        None,
        "",
        "Basic",
        "Basic !",
        "Bearer x",
        aiohttp.encode_basic_auth(USER, "x"),
        aiohttp.encode_basic_auth("", ""),
    ]
    wrong += [aiohttp.encode_basic_auth("other", PASSWORD), right.replace("Basic", "Digest"), right + "x"]
    for auth in wrong:
        assert await _status(line, auth=auth, body=b"\xff not read") == (403, "no-store", "refused\n")
    for password in (PASSWORD, OLD_PASSWORD):
        assert (await _status(line, auth=aiohttp.encode_basic_auth(USER, password), body=b"{}"))[0] == 400
    metrics = line.house.metrics.page()[0].decode()
    assert 'khallas_refused_total{door="ivr/pay-connector",reason="forbidden"} 10.0' in metrics
    assert 'khallas_refused_total{door="ivr/pay-connector",reason="malformed"} 2.0' in metrics


MALFORMED = [
    (b"", "the body is no JSON object"),
    (b"[]", "the body is no JSON object"),
    (b"{}", "the field transaction_id is missing or wrong"),
    (b'{"transaction_id": "t", "cardnumber": "4000000000000010"}', "the field expiry_month is missing or wrong"),
    (b'{"transaction_id": "a b", "cardnumber": "4000000000000010"}', "the field transaction_id is missing or wrong"),
    (b"{" + b'"a":1,' * 3000 + b'"b":1}', "the body is too large"),
]


async def test_malformed_charges_are_told_so_without_their_words(line: World) -> None:
    for body, words in MALFORMED:
        told = await _status(line, auth=aiohttp.encode_basic_auth(USER, PASSWORD), body=body)
        assert told == (400, "no-store", words + "\n")


async def test_without_redis_nothing_is_sent(line: World, twilio: PayTaker, monkeypatch: pytest.MonkeyPatch) -> None:
    async with caller(line) as call:
        body = twilio.asked(call, GOOD, "t1")
        with monkeypatch.context() as patch:
            patch.setattr("redis.asyncio.client.Pipeline.execute", _down)
            answer = await twilio.charge(body)
        assert answer is not None
        assert (answer["charge_id"], answer["error_code"]) == ("", "unavailable")
        assert (await only_payment(line)).attempts == 0
        assert (await twilio.charge(body) or {})["error_code"] is None


async def _down(*_: object, **__: object) -> None:
    raise ConnectionError("down")
