"""What an audit asks of the books, where retention may have taken a row, and where a row is late in no link."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest

from core.hash_chain import GENESIS, ChainLink, Fields, linked
from core.help_desk.audit import LINKED_WITHIN, ROUNDS_MAX, Audit, AuditVerdict, Chain, Linked, bounds
from core.zone import ZONE
from lab.clocks import NOON, StillClock

LOG, EVENTS = Chain.ACCESS_LOG, Chain.PAYMENT_EVENTS
BEFORE = b"\x07" * 32  # the hash of link 6
MOMENT = timedelta(microseconds=1)
KEPT = timedelta(days=90)  # what the table itself keeps


def chained(count: int, at: datetime = NOON, *, gone: int = 0) -> list[Linked]:
    """Links 7 and on; of the first `gone` the row is gone."""
    rows, before = [], BEFORE
    for number in range(7, 7 + count):
        fields: Fields = {"n": number}
        link = linked(before, number, fields)
        before = link.hash
        rows.append(Linked(link, at, None if number < 7 + gone else fields))
    return rows


@dataclass
class Books:
    """Links in batches of two; what was asked is noted."""

    rows: list[Linked]
    late: int | None = None
    to_link: int = 0
    asked: list[object] = field(default_factory=list)

    async def link(self, chain: Chain, now: datetime) -> int:
        self.asked.append((chain, now))
        done = min(1, self.to_link)
        self.to_link -= done
        return done

    async def links(
        self, chain: Chain, first: datetime | None, until: datetime | None
    ) -> AsyncIterator[Sequence[Linked]]:
        self.asked.append(("links", chain, first, until))
        for at in range(0, len(self.rows), 2):
            yield self.rows[at : at + 2]

    async def before(self, chain: Chain, number: int) -> bytes:
        self.asked.append(("before", chain, number))
        return BEFORE

    async def unlinked(self, chain: Chain, first: datetime | None, until: datetime) -> int | None:
        self.asked.append(("unlinked", chain, first, until))
        return self.late


async def test_a_whole_chain_holds_and_its_head_is_told() -> None:
    books = Books(chained(5))
    verdict = await Audit(books, StillClock()).verify(LOG)
    head = books.rows[-1].link.hash.hex()
    assert verdict == AuditVerdict(LOG, 5, head, None)
    assert books.asked == [
        ("links", LOG, None, None),
        ("before", LOG, 7),
        ("unlinked", LOG, None, NOON - LINKED_WITHIN),
    ]
    assert verdict.told() == {"chain": "access_log", "rows": 5, "head": head, "broken": None}
    assert verdict.line() == f"access_log: holds, 5 rows, head {head}"


async def test_an_empty_chain_begins_with_nothing() -> None:
    assert await Audit(Books([]), StillClock()).verify(EVENTS) == AuditVerdict(EVENTS, 0, GENESIS.hex(), None)


@pytest.mark.parametrize(("ago", "whole"), [(0, False), (1, False), (2, True)])
async def test_of_a_day_what_should_be_linked_by_now_is_looked_for(ago: int, *, whole: bool) -> None:
    day = NOON.astimezone(ZONE).date() - timedelta(days=ago)
    books = Books([], late=31)
    verdict = await Audit(books, StillClock(NOON - timedelta(hours=12) if ago == 1 else NOON)).verify(LOG, day)
    first, until = bounds(day)
    now = NOON - timedelta(hours=12) if ago == 1 else NOON
    assert books.asked[-1] == ("unlinked", LOG, first, until if whole else now - LINKED_WITHIN)
    assert verdict.broken == "row 31 is in no link"
    assert verdict.line() == "access_log: row 31 is in no link"


def test_a_day_is_the_operator_s() -> None:
    assert timedelta(minutes=10) == LINKED_WITHIN
    first, until = bounds(date(2024, 11, 23))
    assert (first.astimezone(UTC), until.astimezone(UTC)) == (
        datetime(2024, 11, 22, 23, tzinfo=UTC),
        datetime(2024, 11, 23, 23, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("chain", "age", "broken"), [(LOG, KEPT + MOMENT, False), (LOG, KEPT, True), (EVENTS, KEPT * 9, True)]
)
async def test_only_the_log_s_old_rows_may_be_gone(chain: Chain, age: timedelta, *, broken: bool) -> None:
    books = Books(chained(4, NOON - age, gone=2))
    verdict = await Audit(books, StillClock()).verify(chain)
    at = (NOON - age).isoformat(timespec="seconds")
    assert verdict.broken == (f"link 7 ({at}): its row is gone" if broken else None)
    assert (verdict.rows, verdict.head) == ((0, BEFORE.hex()) if broken else (4, books.rows[-1].link.hash.hex()))


async def test_a_changed_row_is_told_with_what_held_before_it() -> None:
    rows = chained(5)
    rows[3] = Linked(rows[3].link, NOON, {"n": 0})
    verdict = await Audit(Books(rows), StillClock()).verify(LOG)
    assert (verdict.rows, verdict.head) == (3, rows[2].link.hash.hex())
    assert verdict.broken is not None
    assert verdict.broken.startswith("link 10 (2026-11-23T12:00:00+00:00): its row was changed")
    missing = await Audit(Books([*rows[:2], rows[4]]), StillClock()).verify(LOG)
    assert (missing.rows, (missing.broken or "").split(" (")[0]) == (2, "link 9")


@pytest.mark.parametrize("batches", [0, 1, ROUNDS_MAX - 1, ROUNDS_MAX + 3])
async def test_rows_are_linked_until_none_is_left_or_for_so_many_batches(batches: int) -> None:
    books = Books([], to_link=batches)
    await Audit(books, StillClock()).link()
    of_log = [each for each in books.asked if each == (LOG, NOON)]
    assert len(of_log) == min(batches + 1, ROUNDS_MAX)
    assert books.asked[-1] == (EVENTS, NOON)


async def test_a_day_s_links_are_taken_along_in_their_order() -> None:
    books = Books(chained(5))
    day = date(2026, 11, 23)
    assert [each async for each in Audit(books, StillClock()).export(LOG, day)] == books.rows
    assert books.asked == [("links", LOG, *bounds(day))]
    assert ChainLink(7, books.rows[0].link.hash) == books.rows[0].link
