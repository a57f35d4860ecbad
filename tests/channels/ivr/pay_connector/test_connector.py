"""The connector that charges what Twilio took: once, for whoever knows the secret, and for nobody else."""

import asyncio

import aiohttp
import pytest

from lab.cmi.lies import Manner
from lab.twilio.pay import PayTaker
from tests.channels.ivr.paying import (
    CENTIMES,
    DECLINED,
    GOOD,
    OLD_PASSWORD,
    PASSWORD,
    USER,
    caller,
    line,
    only_payment,
    twilio,
)
from tests.support.world import World

__all__ = ["line", "twilio"]  # fixtures


async def test_one_transaction_has_one_answer(line: World, twilio: PayTaker) -> None:
    async with caller(line) as call:
        body = twilio.asked(call, GOOD, "t1")
        first = await twilio.charge(body)
        repeats = [await twilio.charge(body) for _ in range(3)]
        assert repeats == [first] * 3
    payment = await only_payment(line)
    assert payment.attempts == 1
    assert line.cmi.captured_centimes(payment.id) == CENTIMES


async def test_an_id_that_comes_again_with_another_card_gets_no_ones_success(line: World, twilio: PayTaker) -> None:
    async with caller(line) as call:
        assert (await twilio.charge(twilio.asked(call, GOOD, "t1")) or {})["error_code"] is None
        other = await twilio.charge(twilio.asked(call, DECLINED, "t1"))
    assert other is not None
    assert (other["error_code"], other["charge_id"]) == ("transaction_reused", "")
    assert (await only_payment(line)).attempts == 1


async def test_copies_at_once_charge_once(line: World, twilio: PayTaker) -> None:
    async with caller(line) as call:
        body = twilio.asked(call, GOOD, "t1")
        answers = await asyncio.gather(*(twilio.charge(body) for _ in range(8)))
        other = await twilio.charge(twilio.asked(call, GOOD, "t2"))
        assert [answer == answers[0] for answer in answers] == [True] * 8
        assert other == answers[0]
    assert (await only_payment(line)).attempts == 1


async def test_a_repeat_waits_for_the_first_answer(line: World, twilio: PayTaker) -> None:
    line.cmi.lie(Manner.SLOW, seconds=2.0)
    async with caller(line) as call:
        body = twilio.asked(call, GOOD, "t1")
        twilio.patience_s = 1.5  # and five repeats of as long
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
    ({"cvv": "1123"}, "invalid_card"),  # one press read twice: a Visa card's code has three digits
    ({"cvv": "1123", "cardnumber": "5453010000066100"}, "invalid_card"),
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
