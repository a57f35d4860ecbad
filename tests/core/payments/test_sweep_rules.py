"""The sweep's rounds in memory: all that is due is done, counted and bounded."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.payments.schedule import Times
from core.payments.sweeps import Sweep
from lab.clocks import NOON, StillClock
from tests.core.payments.on_its_way import at
from tests.support.port import port


class Swept:
    """A sweep of rows in memory."""

    def __init__(self, **said: Any) -> None:
        self.payments = port(**{"claim_due": [["p1"]], "hanging": [["h1", "h2"]]} | said)
        self.postings, self.refunds, self.messages = port(due=[["b1"]]), port(due=[["r1"]]), port(due=[["m1", "m2"]])
        self.janitor, self.poster = port(**said), port()
        self.sender, self.wallets = port(), port(attend_due=3)
        books = SimpleNamespace(
            payments=self.payments, postings=self.postings, refunds=self.refunds, messages=self.messages
        )
        rooms = cast("Any", books), self.janitor, self.poster, self.sender, StillClock(), Times()
        self.of, self.plain = Sweep(*rooms, self.wallets), Sweep(*rooms)


async def test_a_round_does_all_that_is_due_and_counts_it() -> None:
    swept = Swept()
    assert (await swept.of.run(), await swept.plain.run()) == (1 + 1 + 1 + 3 + 2, 1 + 1 + 1 + 2)
    assert swept.payments.asked[0] == ("claim_due", NOON, at(240), 100)
    assert swept.janitor.asked[0] == ("attend_claimed", "p1")
    assert swept.poster.asked[:2] == [("post", "b1"), ("refund", "r1")]
    assert swept.sender.asked[:2] == [("deliver", "m1"), ("deliver", "m2")]
    due = ("due", NOON, 100)
    assert swept.postings.asked[0] == swept.refunds.asked[0] == swept.messages.asked[0] == due
    assert swept.wallets.asked == [("attend_due", 100)]


async def test_at_its_start_a_process_asks_about_what_hangs_and_one_rows_trouble_stops_no_other() -> None:
    swept = Swept(inquire=[ValueError(), None])
    await swept.of.start()
    assert swept.payments.asked == [("hanging", 1_000)]
    assert swept.janitor.asked == [("inquire", "h1"), ("inquire", "h2")]


@pytest.mark.parametrize(("rows", "rounds"), [(99, 1), (100, 20)])
async def test_rounds_go_on_while_they_are_full_and_one_goes_at_a_time(rows: int, rounds: int) -> None:
    swept = Swept()
    for books in (swept.payments, swept.postings, swept.refunds):
        books._said |= {"claim_due": [[]], "due": [[]]}
    asked: list[int] = []

    async def slowly(limit: int) -> int:
        asked.append(limit)
        await asyncio.sleep(0)
        return rows

    swept.wallets.attend_due = slowly
    await asyncio.gather(swept.of.money(), swept.of.money())
    assert asked == [100] * rounds
    swept.messages._said["due"] = [["m"] * rows]
    await swept.of.texts()
    assert len(swept.messages.asked) == rounds
