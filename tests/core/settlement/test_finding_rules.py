"""Who may do what with a finding, over books in memory; the pages and the SQL have tests of their own."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.help_desk.access_log import Actor
from core.help_desk.accounts import Role
from core.settlement.findings import FindingQueue, FindingRefusal, Findings, SettlementFinding

NADIA, OMAR, SALMA = Actor("nadia", Role.SUPERVISOR), Actor("omar", Role.SUPERVISOR), Actor("salma", Role.AGENT)
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def findings(closing_by: str | None = None, *, done: bool = True, there: bool = True) -> Findings:
    """One finding, whose books say that every change was made, or that it was too late."""
    one = SettlementFinding(
        FindingQueue.DIFFERENT, "o1", None, None, 100, 90, "amounts", id=1, closing_by=closing_by, closing_reason="x"
    )

    async def got(_: int) -> SettlementFinding | None:
        return one if there else None

    async def did(*_: Any) -> bool:
        return done

    books = SimpleNamespace(get=got, take=did, propose=did, close=did, keep=did)
    return Findings(cast("Any", books), cast("Any", SimpleNamespace(now=lambda: NOW)))


@pytest.mark.parametrize(
    ("actor", "closing_by", "refusal"),
    [
        (OMAR, "nadia", None),
        (NADIA, "nadia", FindingRefusal.SECOND_PERSON),
        (OMAR, None, FindingRefusal.SECOND_PERSON),
        (SALMA, "nadia", FindingRefusal.NOT_ALLOWED),
    ],
)
async def test_a_second_person_closes(actor: Actor, closing_by: str | None, refusal: FindingRefusal | None) -> None:
    assert await findings(closing_by).close(actor, 1) == refusal


@pytest.mark.parametrize(("actor", "refusal"), [(OMAR, None), (NADIA, None), (SALMA, FindingRefusal.NOT_ALLOWED)])
async def test_a_supervisor_or_who_asked_keeps_it_open(actor: Actor, refusal: FindingRefusal | None) -> None:
    assert await findings("nadia").keep(actor, 1) == refusal
    assert await findings("salma").keep(SALMA, 1) is None


async def test_what_is_gone_is_told() -> None:
    late, absent = findings("nadia", done=False), findings(there=False)
    assert await late.take(OMAR, 1) is FindingRefusal.GONE
    assert await late.propose(OMAR, 1, "why") is FindingRefusal.GONE
    assert await late.close(OMAR, 1) is FindingRefusal.GONE
    assert await late.keep(OMAR, 1) is FindingRefusal.GONE
    assert await absent.close(OMAR, 1) is FindingRefusal.GONE
    assert await absent.keep(OMAR, 1) is FindingRefusal.GONE
    assert await absent.propose(OMAR, 1, "  ") is FindingRefusal.NO_REASON


async def test_what_is_written_down_is_who_why_and_when() -> None:
    """The reason on one line, and no longer than the page shows it."""
    told: list[tuple[object, ...]] = []

    async def did(*what: object) -> bool:
        told.append(what)
        return True

    async def got(_: int) -> SettlementFinding:
        return SettlementFinding(FindingQueue.DIFFERENT, "o1", None, None, 1, 2, "amounts", closing_by="nadia")

    books = SimpleNamespace(get=got, take=did, propose=did, close=did, keep=did)
    rules = Findings(cast("Any", books), cast("Any", SimpleNamespace(now=lambda: NOW)))
    assert await rules.take(SALMA, 7) is None
    assert await rules.propose(SALMA, 7, " paid \n twice ") is None
    assert await rules.propose(SALMA, 7, "x" * 301) is None
    assert await rules.close(OMAR, 7) is None
    assert await rules.keep(OMAR, 7) is None
    assert told == [
        (7, "salma"),
        (7, "salma", "paid twice", NOW),
        (7, "salma", "x" * 300, NOW),
        (7, "omar", NOW),
        (7, "omar"),
    ]
