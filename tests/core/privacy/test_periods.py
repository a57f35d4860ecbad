"""Which period ends when, in how many commits, and what does not leave before disputes have what they need of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from core.privacy.retention import BATCH_MAX, ROUNDS_MAX, Periods, RetentionJob
from lab.clocks import NOON, StillClock

OWN = Periods(
    messages_days=400, unpaid_days=90, paid_days=3_660, access_log_days=1_100, transcripts_days=30, dispute_days=0
)


@dataclass
class Rows:
    """So many rows of each kind are too old; what was asked is noted."""

    old: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, int, int]] = field(default_factory=list)  # kind, days, limit
    unkept: int = 0
    kept_since: set[timedelta] = field(default_factory=set)

    def _took(self, kind: str, before: datetime, limit: int) -> int:
        self.asked.append((kind, (NOON - before).days, limit))
        assert NOON - before == timedelta(days=(NOON - before).days)
        taken = min(limit, self.old.get(kind, 0))
        self.old[kind] = self.old.get(kind, 0) - taken
        return taken

    async def forget_unpaid(self, before: datetime, limit: int) -> int:
        return self._took("unpaid", before, limit)

    async def forget_paid(self, before: datetime, limit: int) -> int:
        return self._took("paid", before, limit)

    async def forget_messages(self, before: datetime, limit: int) -> int:
        return self._took("messages", before, limit)

    async def forget_people(self, before: datetime, limit: int) -> int:
        return self._took("people", before, limit)

    async def drop_accesses(self, before: datetime, limit: int) -> int:
        return self._took("access_log", before, limit)

    async def drop_transcripts(self, before: datetime, limit: int) -> int:
        return self._took("transcripts", before, limit)

    async def keep(self, since: datetime, now: datetime, limit: int) -> int:
        assert now == NOON
        self.kept_since.add(now - since)
        taken = min(limit, self.unkept)
        self.unkept -= taken
        return taken

    async def drop(self, before: datetime, limit: int) -> int:
        return self._took("evidence", before, limit)


def job(rows: Rows, periods: Periods = OWN, *, evidence: bool = False) -> RetentionJob:
    return RetentionJob(rows, StillClock(), periods, rows if evidence else None)


def asked(kinds: Sequence[tuple[str, int]]) -> list[tuple[str, int, int]]:
    return [(kind, days, BATCH_MAX) for kind, days in kinds]


PLAIN = [("unpaid", 90), ("paid", 3_660), ("messages", 400), ("people", 400), ("access_log", 1_100)]


async def test_each_kind_has_its_own_period() -> None:
    rows = Rows()
    assert await job(rows).apply() == dict.fromkeys(
        ("unpaid", "paid", "messages", "people", "access_log", "transcripts"), 0
    )
    assert rows.asked == asked([*PLAIN, ("transcripts", 30)])


async def test_the_defaults_are_those_that_are_documented() -> None:
    assert Periods() == OWN


async def test_what_disputes_need_stays_as_long_as_one_can_come() -> None:
    for dispute, paid, messages in ((540, 3_660, 540), (4_000, 4_000, 4_000), (399, 3_660, 400)):
        rows = Rows()
        await job(rows, replace(OWN, dispute_days=dispute), evidence=True).apply()
        assert {kind: days for kind, days, _ in rows.asked} == dict(PLAIN) | {
            "paid": paid,
            "messages": messages,
            "transcripts": 30,
            "evidence": dispute,
        }
        assert rows.kept_since == {timedelta(days=30 + 30)}


async def test_without_disputes_evidence_that_was_kept_once_leaves() -> None:
    rows = Rows({"evidence": 3}, unkept=5)
    assert (await job(rows, evidence=True).apply())["evidence"] == 3
    assert (rows.unkept, rows.kept_since) == (5, set())
    assert rows.asked == asked([*PLAIN, ("transcripts", 30), ("evidence", 0)])


@pytest.mark.parametrize("unkept", [BATCH_MAX * ROUNDS_MAX - 1, BATCH_MAX * ROUNDS_MAX])
async def test_transcripts_stay_until_all_that_disputes_need_of_them_is_kept(unkept: int) -> None:
    rows = Rows({"transcripts": 7}, unkept=unkept)
    changed = await job(rows, replace(OWN, dispute_days=540), evidence=True).apply()
    assert changed.get("transcripts") == (7 if unkept < BATCH_MAX * ROUNDS_MAX else None)
    assert rows.unkept == 0


@pytest.mark.parametrize("old", [0, 1, BATCH_MAX - 1, BATCH_MAX, BATCH_MAX + 1, BATCH_MAX * ROUNDS_MAX + 5])
async def test_rows_leave_in_commits_of_a_size_and_not_without_end(old: int) -> None:
    rows = Rows({"unpaid": old, "people": 2})
    changed = await job(rows).apply()
    most = BATCH_MAX * ROUNDS_MAX
    assert (changed["unpaid"], changed["people"]) == (min(old, most), 2)
    commits = sum(kind == "unpaid" for kind, _, _ in rows.asked)
    assert commits == min(old // BATCH_MAX + 1, ROUNDS_MAX)
