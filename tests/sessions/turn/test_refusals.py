"""A launch that sent nothing says so in whichever process the call asks next, and never about a later attempt."""

import pytest
from redis.asyncio import Redis

from core.payments.refusal import Refusal
from sessions.store.redis import RedisStore
from sessions.turn.perform import EffectPerformer
from sessions.turn.refusals import KEPT_MAX, KeptRefusals, RedisRefusals
from sessions.turn.turns import Turns
from sessions.vault import Seals
from tests.sessions.cards import CVV, landed, to_cvv
from tests.sessions.fakes import CASABLANCA, MASTER_KEYS, NUMBERS, Stage


def process(on: Stage) -> Turns:
    """One more of the server's."""
    performer = EffectPerformer(on.till, Seals(MASTER_KEYS), refusals=RedisRefusals(on.redis))
    return Turns(RedisStore(on.redis), performer, on.clock, NUMBERS, zone=CASABLANCA)


@pytest.mark.parametrize("why", [Refusal.LOCKED, Refusal.TOO_MANY_DECLINES, Refusal.BANK_DOWN])
async def test_another_process_tells_why_nothing_was_sent(on: Stage, why: Refusal) -> None:
    call = await to_cvv(on)
    on.till.memory.refusals["authorise"] = why
    call.turns = process(on)
    await call.key(CVV)
    await landed(call.turns)
    call.turns = process(on)
    answer = await call.say(None)
    assert (answer.screen, answer.page.text) == ("Goodbye", f"refused.{why.replace('_', '-')}")
    assert on.till.memory.sent == []


@pytest.mark.parametrize("kept", [True, False], ids=["one process", "redis"])
async def test_a_refusal_is_about_one_attempt_of_one_call(on: Stage, kept: bool) -> None:
    refusals = KeptRefusals() if kept else RedisRefusals(on.redis)
    await refusals.tell("call", "p1", Refusal.LOCKED, 1)
    assert [await refusals.heard("call", "p1", 1) for _ in range(2)] == [Refusal.LOCKED] * 2  # copies hear it too
    assert await refusals.heard("call", "p1", 2) is None
    assert await refusals.heard("other", "p1", 1) is None
    assert await refusals.heard("call", "p2", 1) is None
    for number in range(KEPT_MAX):
        await refusals.tell(f"call {number}", "p1", Refusal.LOCKED, 1)
    assert (await refusals.heard("call", "p1", 1) is None) is kept  # one process keeps so many


async def test_one_process_keeps_so_many_refusals_and_forgets_the_oldest_first() -> None:
    refusals = KeptRefusals()
    for number in range(KEPT_MAX):
        await refusals.tell(f"call {number}", "p1", Refusal.LOCKED, 1)
    assert await refusals.heard("call 0", "p1", 1) is Refusal.LOCKED
    await refusals.tell("one more", "p1", Refusal.LOCKED, 1)
    assert await refusals.heard("call 0", "p1", 1) is None
    assert await refusals.heard("call 1", "p1", 1) is Refusal.LOCKED


async def test_nobody_to_tell_is_no_fault_of_the_charge() -> None:
    async with Redis.from_url("redis://127.0.0.1:1") as nobody:
        refusals = RedisRefusals(nobody)
        await refusals.tell("call", "p1", Refusal.LOCKED, 1)
        assert await refusals.heard("call", "p1", 1) is None
