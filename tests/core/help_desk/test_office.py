"""The office writes down who asks for what before anything is done, and keeps no card's number in any of its fields."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, cast

import pytest

from core.chargebacks.service import Chargeback, ChargebackState, Claim
from core.help_desk.access_log import Access, Action, Actor
from core.help_desk.accounts import Role
from core.help_desk.office import SHOWN_MAX, Office
from core.help_desk.service import WholeCard
from core.payments.janitor import NoSuchPayment
from core.refunds.resolving import HandRequest, HandState, Proposed, Resolution
from lab.clocks import NOON, StillClock

SAMI = Actor("sami", Role.SUPERVISOR, "10.0.0.7")
CARD = "5453-0100-0006-6100"
PROPOSED = Proposed("p1", "the payment", Resolution.GIVEN_BACK, "a letter", "121306", "T-9", 769_20)
CLAIM = Claim("c-1", "p1", "10.4", 769_20, date(2026, 11, 1), date(2026, 12, 1))
REQUEST = HandRequest(4, PROPOSED, "stuck", HandState.PROPOSED, "amal", NOON)
DISPUTE = Chargeback(5, CLAIM, ChargebackState.RECEIVED, "amal")


@dataclass
class Asked:
    """Stands for one of the office's services: notes the calls, and answers as it was told to."""

    name: str
    noted: list[object]
    answers: dict[str, object] = field(default_factory=dict)

    def __getattr__(self, method: str) -> Callable[..., Awaitable[object]]:
        async def call(*args: object) -> object:
            self.noted.append((f"{self.name}.{method}", *args))
            return self.answers.get(method, f"{self.name}.{method} said so")

        return call


class OfficeAlone:
    """An office whose log and services only note what they are asked."""

    def __init__(self) -> None:
        self.noted: list[object] = []
        self.services = {name: Asked(name, self.noted) for name in ("findings", "hands", "disputes", "evidence")}
        self.books = {name: Asked(f"{name}' books", self.noted) for name in ("hands", "disputes")}
        for name, books in self.books.items():
            self.services[name].books = books  # type: ignore[attr-defined]
        self.books["hands"].answers["get"] = REQUEST
        self.books["disputes"].answers["get"] = DISPUTE
        findings, hands, disputes, evidence = (cast("Any", each) for each in self.services.values())
        self.office = Office(findings, hands, disputes, evidence, self, StillClock())  # type: ignore[arg-type]

    async def write(self, access: Access) -> None:
        self.noted.append(access)

    async def does(self, act: Callable[[Office], Awaitable[object]]) -> object:
        """What came of it; what was read before it is not noted."""
        answer = await act(self.office)
        self.noted[:] = [each for each in self.noted if not (isinstance(each, tuple) and each[0].endswith("books.get"))]
        return answer


def line(action: Action, payment_id: str | None = None, detail: str | None = None) -> Access:
    return Access(NOON, "sami", "supervisor", action, payment_id, detail, "10.0.0.7")


Act = Callable[[Office], Awaitable[object]]
ACTS: list[tuple[Act, Access, list[tuple[object, ...]]]] = [
    (lambda at: at.open_findings(SAMI), line(Action.QUEUE, None, "findings"), [("findings.open", SHOWN_MAX)]),
    (lambda at: at.finding(SAMI, "take", 7, ""), line(Action.FINDING, None, "take 7"), [("findings.take", SAMI, 7)]),
    (
        lambda at: at.finding(SAMI, "propose", 7, "seen\x07"),
        line(Action.FINDING, None, "propose 7 seen"),
        [("findings.propose", SAMI, 7, "seen")],
    ),
    (lambda at: at.finding(SAMI, "close", 7, ""), line(Action.FINDING, None, "close 7"), [("findings.close", SAMI, 7)]),
    (lambda at: at.finding(SAMI, "keep", 7, ""), line(Action.FINDING, None, "keep 7"), [("findings.keep", SAMI, 7)]),
    (
        lambda at: at.waiting(SAMI),
        line(Action.QUEUE, None, "by hand"),
        [("hands' books.waiting", NOON, SHOWN_MAX), ("hands' books.open", SHOWN_MAX)],
    ),
    (
        lambda at: at.matters(SAMI, "p1"),
        line(Action.VIEW, "p1"),
        [("hands' books.matters", "p1", NOON), ("hands' books.of_payment", "p1")],
    ),
    (
        lambda at: at.propose(SAMI, PROPOSED),
        line(Action.HAND_PROPOSE, "p1", f"{Resolution.GIVEN_BACK} the payment"),
        [("hands.propose", SAMI, PROPOSED)],
    ),
    (
        lambda at: at.decide(SAMI, 4, approves=True),
        line(Action.HAND_APPROVE, "p1", "request 4"),
        [("hands.approve", SAMI, REQUEST)],
    ),
    (
        lambda at: at.decide(SAMI, 4, approves=False),
        line(Action.HAND_REJECT, "p1", "request 4"),
        [("hands.reject", SAMI, REQUEST)],
    ),
    (
        lambda at: at.open_chargebacks(SAMI),
        line(Action.QUEUE, None, "chargebacks"),
        [("disputes' books.open", SHOWN_MAX)],
    ),
    (lambda at: at.disputes(SAMI, "p1"), line(Action.VIEW, "p1"), [("disputes' books.of_payment", "p1")]),
    (
        lambda at: at.enter(SAMI, CLAIM),
        line(Action.CHARGEBACK, "p1", "received c-1"),
        [("disputes.receive", "sami", CLAIM)],
    ),
    (
        lambda at: at.step(SAMI, 5, ChargebackState.WON, "they paid"),
        line(Action.CHARGEBACK, "p1", f"{ChargebackState.WON} c-1"),
        [("disputes.move", SAMI, DISPUTE, ChargebackState.WON, "they paid")],
    ),
    (lambda at: at.evidence_of(SAMI, "p1"), line(Action.EVIDENCE, "p1"), [("evidence.of", "p1")]),
]


@pytest.mark.parametrize(("act", "written", "asked"), ACTS)
async def test_what_is_asked_for_is_written_down_and_then_done(
    act: Act, written: Access, asked: list[tuple[object, ...]]
) -> None:
    alone = OfficeAlone()
    answer = await alone.does(act)
    assert alone.noted == [written, *asked]
    said = [f"{name} said so" for name, *_ in asked]
    assert answer in (said[0], tuple(said), ("p1", said[0]))


@pytest.mark.parametrize(
    "act",
    [
        lambda at: at.finding(SAMI, "propose", 7, f"card {CARD}"),
        lambda at: at.propose(SAMI, replace(PROPOSED, subject=f"x {CARD}")),
        lambda at: at.propose(SAMI, replace(PROPOSED, evidence=f"x {CARD}")),
        lambda at: at.propose(SAMI, replace(PROPOSED, auth_code=CARD)),
        lambda at: at.propose(SAMI, replace(PROPOSED, transaction_number=CARD)),
        lambda at: at.enter(SAMI, replace(CLAIM, case_id=CARD)),
        lambda at: at.enter(SAMI, replace(CLAIM, reason_code=CARD)),
        lambda at: at.step(SAMI, 5, ChargebackState.WON, f"card {CARD}"),
    ],
)
async def test_a_card_is_refused_in_every_field_and_nothing_is_written(act: Act) -> None:
    alone = OfficeAlone()
    with pytest.raises(WholeCard):
        await act(alone.office)
    assert [each for each in alone.noted if each != ("disputes' books.get", 5)] == []


async def test_what_is_not_there_is_nobodys() -> None:
    alone = OfficeAlone()
    for books in alone.books.values():
        books.answers["get"] = None
    alone.services["evidence"].answers["of"] = None
    for act in (
        lambda at: at.decide(SAMI, 4, approves=True),
        lambda at: at.step(SAMI, 5, ChargebackState.WON, ""),
        lambda at: at.evidence_of(SAMI, "p1"),
    ):
        with pytest.raises(NoSuchPayment):
            await alone.does(act)
    assert [each for each in alone.noted if isinstance(each, Access)] == [line(Action.EVIDENCE, "p1")]
