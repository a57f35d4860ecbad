"""Launches: so many at once, each one's place free again when it has landed, and what fails is said in the log."""

import asyncio
import logging
from typing import cast

import pytest

from core.cards import Card, Secret
from sessions.store.protocol import Key
from sessions.turn.dispatch import Dispatcher
from sessions.turn.effects import AnswerChallenge, Launch
from sessions.turn.perform import DialogKey, EffectPerformer

PLACE = DialogKey(Key("+212600000001", "ivr", "c1"), 1, {})


class Bank:
    """In the place of the performer: launches wait until they may land."""

    def __init__(self) -> None:
        self.lands = asyncio.Event()
        self.begun: list[str] = []
        self.fails: Exception | None = None

    async def launch(self, effect: Launch, card: Card | None, place: DialogKey) -> None:
        self.begun.append(effect.payment_id)
        await self.lands.wait()
        if self.fails is not None:
            raise self.fails


def begin(launches: Dispatcher, payment_id: str) -> None:
    launches.begin(AnswerChallenge(payment_id, Secret("123")), None, PLACE)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_launch_too_many_is_left_and_a_landed_one_makes_room(caplog: pytest.LogCaptureFixture) -> None:
    bank = Bank()
    launches = Dispatcher(cast("EffectPerformer", bank), launches_max=2)
    for payment_id in ("p1", "p2", "p3"):
        begin(launches, payment_id)
    await settled()
    assert bank.begun == ["p1", "p2"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    bank.lands.set()
    await settled()
    begin(launches, "p4")
    await launches.close()
    assert bank.begun == ["p1", "p2", "p4"]
    assert len(caplog.records) == 1


async def test_a_launch_that_fails_is_told_in_the_log_and_to_nobody_who_closes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bank = Bank()
    bank.fails = RuntimeError("the books are away")
    launches = Dispatcher(cast("EffectPerformer", bank))
    begin(launches, "p1")
    bank.lands.set()
    await launches.close()
    await settled()
    assert [record.message for record in caplog.records] == ["a launch failed"]
    assert caplog.records[0].exc_info is not None
    assert caplog.records[0].exc_info[1] is bank.fails


@pytest.mark.parametrize("ended", ["landed", "cancelled"])
async def test_what_lands_or_is_cancelled_is_no_failure(ended: str, caplog: pytest.LogCaptureFixture) -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    bank = Bank()
    launches = Dispatcher(cast("EffectPerformer", bank))
    before = asyncio.all_tasks()
    begin(launches, "p1")
    await settled()
    if ended == "cancelled":
        (asyncio.all_tasks() - before).pop().cancel()
    bank.lands.set()
    await launches.close()
    await settled()
    assert (faults, caplog.records) == ([], [])
