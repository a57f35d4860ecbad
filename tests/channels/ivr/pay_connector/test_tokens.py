"""Cards that the Pay connector keeps for one charge of one call: sealed, once, and gone on every way out."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from core.payments.table import PaymentState
from lab.twilio.call import Call
from lab.twilio.pay import PayTaker
from sessions.store.protocol import VAULT_TTL_S
from tests.channels.ivr.paying import (
    CENTIMES,
    DECLINED,
    GOOD,
    caller,
    line,
    only_payment,
    twilio,
)
from tests.support.world import World

KEPT = "kh:pay-token:{%s}"

__all__ = ["line", "twilio"]  # fixtures


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


async def _kept(twilio: PayTaker, call: Call, transaction: str = "k1") -> str:
    answer = await twilio.charge(twilio.kept(call, GOOD, transaction))
    assert answer is not None
    assert (answer["error_code"], answer["error_message"]) == (None, None)
    token = answer["token_id"]
    assert isinstance(token, str)
    assert len(token) == 32
    return token


async def _charged(twilio: PayTaker, call: Call, token: str, transaction: str = "c1", **other: Any) -> Any:
    """The error's code, None when it was charged."""
    answer = await twilio.charge(twilio.by_token(call, token, "123", transaction) | other)
    assert answer is not None
    assert bool(answer["charge_id"]) is (answer["error_code"] is None)
    return answer["error_code"]


async def test_what_is_kept_is_charged_once(line: World, twilio: PayTaker, redis: Redis) -> None:
    async with caller(line) as call:
        token = await _kept(twilio, call)
        assert (await only_payment(line)).attempts == 0  # the bank hears of a charge alone
        body = twilio.by_token(call, token, "123", "c1")
        first = await twilio.charge(body)
        assert first is not None
        assert first["charge_id"] == (await only_payment(line)).id
        assert await twilio.charge(body) == first
        assert await _charged(twilio, call, token, "c2") == "no_token"
        assert await redis.exists(KEPT % call.dialled.sid) == 0
        call.finish_pay({"Result": "success", "PaymentConfirmationCode": str(first["charge_id"])})
        await call.settled()
        assert call.screen == "Paid"
    payment = await only_payment(line)
    assert (payment.state, payment.attempts, payment.card_last4) == (PaymentState.CAPTURED, 1, "0010")
    assert line.cmi.captured_centimes(payment.id) == CENTIMES


async def test_one_transaction_has_one_token_that_lives_no_longer_for_it(
    line: World, twilio: PayTaker, redis: Redis
) -> None:
    async with caller(line) as call:
        key = KEPT % call.dialled.sid
        first = await twilio.charge(twilio.kept(call, GOOD, "k1"))
        assert 0 < await redis.ttl(key) <= VAULT_TTL_S
        sealed = await redis.hgetall(key)
        await redis.expire(key, 60)
        repeats = await asyncio.gather(*(twilio.charge(twilio.kept(call, GOOD, "k1")) for _ in range(4)))
        assert repeats == [first] * 4
        assert 0 < await redis.ttl(key) <= 60
        assert await redis.hgetall(key) == sealed
        # a charge of the same name is another question, with another answer
        charged = await twilio.charge(twilio.asked(call, GOOD, "k1"))
        assert charged is not None
        assert charged["charge_id"]


async def test_what_lies_in_redis_is_sealed(line: World, twilio: PayTaker, redis: Redis) -> None:
    async with caller(line) as call:
        token = await _kept(twilio, call)
        sealed = await redis.hgetall(KEPT % call.dialled.sid)
        assert set(sealed) == {b"number", b"expiry"}
        for blob in sealed.values():
            assert GOOD.number.encode() not in blob
            assert GOOD.expiry.encode() not in blob
            assert token.encode() not in blob


async def test_no_other_call_payment_or_token_opens_it(line: World, twilio: PayTaker, redis: Redis) -> None:
    async with caller(line) as call:
        token = await _kept(twilio, call)
        payment, sid = (await only_payment(line)).id, call.dialled.sid
        for number, (told, wrong) in enumerate(
            (
                (token, {"payment": payment, "call": "CA" + "0" * 32}),
                (token, {"payment": payment}),
                (token[:-1] + ("0" if token[-1] != "0" else "1"), {"payment": payment, "call": sid}),
                ("", {"payment": payment, "call": sid}),
            )
        ):
            if told:
                assert await _charged(twilio, call, told, f"w{number}", parameters=wrong) == "no_token"
        # under another call's name, as if somebody had copied what lies there
        other = "CA" + "1" * 32
        await redis.copy(KEPT % sid, KEPT % other)
        copied = {"payment": payment, "call": other}
        assert await _charged(twilio, call, token, "w9", parameters=copied) == "no_token"
        assert (await only_payment(line)).attempts == 0
        assert await _charged(twilio, call, token) is None


async def test_a_charge_brings_its_own_code(line: World, twilio: PayTaker) -> None:
    async with caller(line) as call:
        token = await _kept(twilio, call)
        for number, code in enumerate(("", "12", "١٢٣")):
            assert await _charged(twilio, call, token, f"w{number}", cvv=code) == "invalid_card"
        assert await _charged(twilio, call, token, "w8", amount="1.0") == "amount_differs"
        assert await _charged(twilio, call, token) is None


async def test_two_charges_at_once_have_one_card(line: World, twilio: PayTaker) -> None:
    async with caller(line) as call:
        token = await _kept(twilio, call)
        told = await asyncio.gather(*(_charged(twilio, call, token, f"c{n}") for n in range(6)))
        assert sorted(told, key=str) == [None] + ["no_token"] * 5
    assert (await only_payment(line)).attempts == 1


async def test_it_ends_by_itself(line: World, twilio: PayTaker, redis: Redis) -> None:
    async with caller(line) as call:
        token = await _kept(twilio, call)
        await redis.expire(KEPT % call.dialled.sid, 0)
        assert await _charged(twilio, call, token) == "no_token"


async def test_the_calls_next_request_erases_it(line: World, twilio: PayTaker, redis: Redis) -> None:
    async with caller(line) as call:
        for number, result in enumerate(("caller-interrupted-with-star", "payment-connector-error")):
            await _kept(twilio, call, f"k{number}")
            call.finish_pay({"Result": result})
            await call.settled()
            assert await redis.exists(KEPT % call.dialled.sid) == 0


async def test_a_hang_up_erases_it_and_what_comes_too_late_is_not_kept(
    line: World, twilio: PayTaker, redis: Redis
) -> None:
    async with caller(line) as call:
        await _kept(twilio, call)
        late = twilio.kept(call, GOOD, "k2")
        call.hang_up()
        await call.finished()
        assert await redis.exists(KEPT % call.dialled.sid) == 0
        answer = await twilio.charge(late)
        assert answer is not None
        assert (answer["token_id"], answer["error_code"]) == ("", "no_call")
        assert await redis.exists(KEPT % call.dialled.sid) == 0


async def test_a_decline_erases_it(line: World, twilio: PayTaker, redis: Redis) -> None:
    async with caller(line) as call:
        answer = await twilio.charge(twilio.kept(call, DECLINED, "k1"))
        assert answer is not None
        assert await _charged(twilio, call, str(answer["token_id"])) == "other_card"
        assert await redis.exists(KEPT % call.dialled.sid) == 0


async def test_a_fault_while_it_is_charged_leaves_none(
    line: World, twilio: PayTaker, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with caller(line) as call:
        for broken in (
            "core.database.payments.repository.PgPayments.get",
            "sessions.vault.Seals.card",
            "sessions.turn.perform.EffectPerformer.charge",
            "channels.limits.Limits.spend",
            "core.payments.service.PaymentService.authorise",
        ):
            token = await _kept(twilio, call, f"kept-{broken}")
            with monkeypatch.context() as patch:
                patch.setattr(broken, _broken)
                assert await _charged(twilio, call, token, broken) == "unknown", broken
            assert await redis.exists(KEPT % call.dialled.sid) == 0, broken
        assert (await only_payment(line)).attempts == 0


async def test_a_turn_that_breaks_leaves_none(
    line: World, twilio: PayTaker, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with caller(line) as call:
        await _kept(twilio, call)
        with monkeypatch.context() as patch:
            patch.setattr("sessions.turn.turns.Turns.take", _broken)
            call.finish_pay({"Result": "caller-interrupted-with-star"})
            await call.finished()
        assert await redis.exists(KEPT % call.dialled.sid) == 0


async def test_while_redis_is_away_nothing_is_kept_and_none_is_charged(
    line: World, twilio: PayTaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with caller(line) as call:
        token = await _kept(twilio, call)
        for verb in ("EVALSHA", "HMGET", "DEL"):
            with monkeypatch.context() as patch:
                patch.setattr("sessions.store.pipeline.Pipelined.do", _away(verb))
                if verb == "EVALSHA":
                    answer = await twilio.charge(twilio.kept(call, GOOD, "k2"))
                    assert answer is not None
                    assert (answer["token_id"], answer["error_code"]) == ("", "unavailable")
                else:
                    assert await _charged(twilio, call, token, verb) == "unavailable"
        assert (await only_payment(line)).attempts == 0


def _broken(*_: object, **__: object) -> None:
    raise ValueError("broken")


def _away(verb: str) -> Any:
    from sessions.store.pipeline import Pipelined

    do = Pipelined.do

    async def away(self: Pipelined, *arguments: Any) -> Any:
        if arguments[0] == verb:
            raise ConnectionError("away")
        return await do(self, *arguments)

    return away
