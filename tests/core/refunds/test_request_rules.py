"""Who may propose and who decides, in memory: every bound at, below and above, and what is written and told."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.help_desk.access_log import Actor
from core.payments.table import PaymentState
from core.refunds.model import RefundPart
from core.refunds.requests import (
    BillLeft,
    Bounds,
    Given,
    Proposal,
    Reason,
    RefundRequest,
    RefundRequestRefusal,
    RefundRequests,
    RefundRequestState,
    Sign,
    given_back,
)
from core.refunds.resolving import (
    HandRefusal,
    HandRequest,
    HandState,
    Matter,
    Proposed,
    Resolution,
    Resolving,
    bill_ends,
    part_ends,
    payment_ends,
)
from lab.clocks import NOON, StillClock
from tests.support.desks import AGENT, OTHER_SUPERVISOR, SUPERVISOR
from tests.support.paid import paid
from tests.support.port import port

PAYMENT = paid()
FIRST, SECOND = PAYMENT.invoices
BACK = replace(PAYMENT, state=PaymentState.VOIDING)
BOUNDS = Bounds(payment_max_centimes=1_000, watch_centimes=5_000, watch_count=5)
OTHER_DESK = replace(OTHER_SUPERVISOR, address="192.0.2.9", browser="b9")
ASKED = RefundRequest(
    7, PAYMENT.id, 1_000, Reason.PAID_TWICE, "", two_people=False, state=RefundRequestState.PROPOSED,
    proposed_by=SUPERVISOR.name, proposed_at=NOON, address="192.0.2.1", browser="b1",
)  # fmt: skip
WAITS = replace(ASKED, two_people=True)
PART = (RefundPart(FIRST.number, 1_000),)


class Desk:
    """The rules over books in memory, and the signs that were told."""

    def __init__(self, bounds: Bounds | None = BOUNDS, **said: Any) -> None:
        usual = {"of_payment": [()], "propose": ASKED, "approve": BACK, "given": Given(), "reject": True}
        self.books = port(**usual | said)
        self.told: list[tuple[Sign, str]] = []
        alarm = lambda sign, actor: self.told.append((sign, actor.name))  # noqa: E731
        self.of = RefundRequests(self.books, StillClock(), bounds, alarm)

    async def proposes(
        self, actor: Actor, *parts: RefundPart, comment: str = "", reason: Reason = Reason.OTHER
    ) -> object:
        return await self.of.propose(actor, PAYMENT, reason, comment or "why", parts)

    def proposal(self) -> Proposal:
        (made,) = [asked[1] for asked in self.books.asked if asked[0] == "propose"]
        assert isinstance(made, Proposal)
        return made


@pytest.mark.parametrize(("centimes", "alone"), [(999, True), (1_000, True), (1_001, False)])
@pytest.mark.parametrize("actor", [SUPERVISOR, AGENT])
async def test_a_supervisor_alone_gives_back_up_to_the_limit(actor: Actor, centimes: int, *, alone: bool) -> None:
    desk, decides = Desk(), alone and actor is SUPERVISOR
    outcome = await desk.proposes(actor, RefundPart(FIRST.number, centimes))
    assert outcome == (BACK if decides else ASKED)
    parts = (RefundPart(FIRST.number, centimes),)
    assert desk.proposal() == Proposal(PAYMENT.id, Reason.OTHER, "why", two_people=not decides, parts=parts)
    approved = [asked for asked in desk.books.asked if asked[0] == "approve"]
    assert approved == [("approve", ASKED, actor, NOON, BOUNDS)] * decides
    assert desk.of.alone(actor, centimes) is decides


@pytest.mark.parametrize(
    ("before", "alone"),
    [
        (replace(ASKED, state=RefundRequestState.APPROVED, amount_centimes=1), False),
        (replace(ASKED, state=RefundRequestState.PROPOSED, amount_centimes=1), True),
        (replace(ASKED, state=RefundRequestState.REJECTED, amount_centimes=1), True),
    ],
)
async def test_what_went_back_before_counts(before: RefundRequest, *, alone: bool) -> None:
    desk = Desk(of_payment=[(before,)])
    assert await desk.proposes(SUPERVISOR, *PART) == (BACK if alone else ASKED)
    assert desk.proposal().two_people is not alone


async def test_all_the_bills_are_the_whole_and_nearly_all_are_not() -> None:
    whole = Bounds(payment_max_centimes=PAYMENT.amount_centimes)
    all_ = [RefundPart(bill.number, bill.amount_centimes) for bill in PAYMENT.invoices]
    for parts, kept in ((all_, ()), ([], ()), (all_[:1], tuple(all_[:1]))):
        desk = Desk(whole)
        assert await desk.proposes(SUPERVISOR, *parts) is BACK
        assert desk.proposal().parts == kept
    short = replace(whole, payment_max_centimes=PAYMENT.amount_centimes - 1)
    assert await Desk(short).proposes(SUPERVISOR) is ASKED
    took = replace(PAYMENT, approved_centimes=5)
    assert (given_back(PAYMENT), given_back(took)) == (PAYMENT.amount_centimes, 5)


async def test_another_reason_wants_words_on_one_line_and_not_too_many() -> None:
    assert await Desk().of.propose(AGENT, PAYMENT, Reason.OTHER, " \n ") is RefundRequestRefusal.NO_REASON
    for reason in set(Reason) - {Reason.OTHER}:
        assert await Desk().of.propose(AGENT, PAYMENT, reason, "") is ASKED
    desk = Desk()
    await desk.proposes(AGENT, comment=" two\nlines " + "x" * 400)
    assert desk.proposal().comment == ("two lines " + "x" * 400)[:300]


@pytest.mark.parametrize("state", [state for state in PaymentState if state is not PaymentState.CAPTURED])
async def test_only_what_was_captured_goes_back(state: PaymentState) -> None:
    desk = Desk()
    outcome = await desk.of.propose(SUPERVISOR, replace(PAYMENT, state=state), Reason.PAID_TWICE, "")
    assert (outcome, desk.books.asked) == (RefundRequestRefusal.NOT_CAPTURED, [])


@pytest.mark.parametrize("refusal", RefundRequestRefusal)
async def test_a_request_stands_where_somebody_else_must_decide(refusal: RefundRequestRefusal) -> None:
    desk = Desk(approve=refusal)
    stands = refusal in {RefundRequestRefusal.SECOND_PERSON, RefundRequestRefusal.DAY_FULL}
    assert await desk.proposes(SUPERVISOR, *PART) == (ASKED if stands else refusal)
    assert desk.told == [(Sign.DAY_FULL, SUPERVISOR.name)] * (refusal is RefundRequestRefusal.DAY_FULL)
    refused = Desk(propose=refusal)
    assert await refused.proposes(SUPERVISOR, *PART) is refusal
    assert [asked[0] for asked in refused.books.asked] == ["of_payment", "propose"]


@pytest.mark.parametrize(
    ("actor", "request_", "refusal"),
    [
        (AGENT, ASKED, RefundRequestRefusal.NOT_ALLOWED),
        (SUPERVISOR, WAITS, RefundRequestRefusal.SECOND_PERSON),
        (SUPERVISOR, ASKED, None),
        (OTHER_SUPERVISOR, WAITS, None),
    ],
)
async def test_who_approves(actor: Actor, request_: RefundRequest, refusal: RefundRequestRefusal | None) -> None:
    desk = Desk()
    assert await desk.of.approve(actor, request_) == (refusal or BACK)
    assert request_.may_approve(actor) is (refusal is None)
    assert bool(desk.books.asked) is (refusal is None)


@pytest.mark.parametrize(
    ("actor", "refusal"),
    [(AGENT, RefundRequestRefusal.NOT_ALLOWED), (SUPERVISOR, None), (OTHER_SUPERVISOR, None)],
)
async def test_who_rejects(actor: Actor, refusal: RefundRequestRefusal | None) -> None:
    desk = Desk()
    assert await desk.of.reject(actor, WAITS) is refusal
    assert desk.books.asked == ([] if refusal else [("reject", 7, actor.name, NOON)])
    own = replace(WAITS, proposed_by=AGENT.name)
    assert await Desk().of.reject(AGENT, own) is None
    assert await Desk(reject=False).of.reject(SUPERVISOR, WAITS) is RefundRequestRefusal.DECIDED_ALREADY


@pytest.mark.parametrize(
    ("given", "watched"),
    [
        (Given(5, 5_000), False),
        (Given(6, 0), True),
        (Given(0, 5_001), True),
    ],
)
async def test_a_days_sum_is_told_above_what_is_watched(given: Given, *, watched: bool) -> None:
    desk = Desk(given=given)
    assert await desk.of.approve(OTHER_DESK, WAITS) is BACK
    assert desk.told == [(Sign.DAY_WATCH, OTHER_DESK.name)] * watched
    assert desk.books.asked[-1] == ("given", OTHER_DESK.name, NOON - timedelta(hours=24))


@pytest.mark.parametrize(
    ("address", "browser", "signs"),
    [
        ("192.0.2.1", "b1", (Sign.SAME_BROWSER, Sign.SAME_ADDRESS)),
        ("192.0.2.1", "b2", (Sign.SAME_ADDRESS,)),
        ("192.0.2.2", "b1", (Sign.SAME_BROWSER,)),
        ("192.0.2.2", "b2", ()),
        ("", "", ()),
    ],
)
async def test_one_browser_or_address_for_two_people_is_told(
    address: str, browser: str, signs: tuple[Sign, ...]
) -> None:
    actor = replace(OTHER_SUPERVISOR, address=address, browser=browser)
    unnamed = replace(WAITS, address="", browser="")
    assert WAITS.signs(actor) == signs
    assert unnamed.signs(actor) == ()
    assert WAITS.signs(replace(SUPERVISOR, address=address, browser=browser)) == ()  # of one person it is nothing
    desk = Desk()
    await desk.of.approve(actor, WAITS)
    assert desk.told == [(sign, actor.name) for sign in signs]


async def test_the_bounds_that_hold_unless_others_are_set() -> None:
    assert Desk(None).of.bounds == Bounds(50_000, 200_000, 10, 1_000_000, 50)
    plain = RefundRequests(port(approve=RefundRequestRefusal.DAY_FULL), StillClock())
    assert await plain.approve(OTHER_SUPERVISOR, WAITS) is RefundRequestRefusal.DAY_FULL  # told to nobody


def test_what_is_left_of_a_bill() -> None:
    assert BillLeft("1", 1_000, 300, returnable=True).left_centimes == 700
    assert BillLeft("1", 1_000, 300, returnable=False).left_centimes == 0


# --- by hand ----------------------------------------------------------------------------------------------------------

CHARGED, NOT_CHARGED, GIVEN_BACK, KEPT = (
    Resolution.CHARGED, Resolution.NOT_CHARGED, Resolution.GIVEN_BACK, Resolution.KEPT
)  # fmt: skip
DAY = timedelta(hours=24)
# by state: (early, early and by hand, after a day, after a day and by hand)
ENDS: dict[PaymentState, tuple[set[Resolution], ...]] = {
    PaymentState.UNKNOWN: (set(), {CHARGED, NOT_CHARGED}, {CHARGED, NOT_CHARGED}, {CHARGED, NOT_CHARGED}),
    PaymentState.DECLINED: (set(), set(), {CHARGED}, {CHARGED}),
    PaymentState.EXPIRED: (set(), set(), {CHARGED}, {CHARGED}),
    PaymentState.CAPTURED: ({GIVEN_BACK}, {GIVEN_BACK, KEPT}, {GIVEN_BACK}, {GIVEN_BACK, KEPT}),
    PaymentState.VOIDING: (set(), {GIVEN_BACK}, {GIVEN_BACK}, {GIVEN_BACK}),
    PaymentState.REFUNDING: (set(), {GIVEN_BACK}, {GIVEN_BACK}, {GIVEN_BACK}),
    PaymentState.INTEGRITY_FAILURE: (set(), {GIVEN_BACK}, {GIVEN_BACK}, {GIVEN_BACK}),
}


@pytest.mark.parametrize("state", PaymentState)
def test_what_people_may_end_and_when(state: PaymentState) -> None:
    early, late = NOON + DAY - timedelta(microseconds=1), NOON + DAY
    found = [set(payment_ends(state, why, NOON, now)) for now in (early, late) for why in (None, "why")]
    assert found == list(ENDS.get(state, (set(),) * 4))
    never_sent = [set(payment_ends(state, why, None, late)) for why in (None, "why")]
    assert never_sent == found[:2]


def test_what_people_may_end_of_bills_and_parts() -> None:
    assert bill_ends("stuck") == (GIVEN_BACK, Resolution.NOT_GIVEN_BACK)
    assert bill_ends("posted") == bill_ends("credited") == ()
    expected: dict[str, tuple[Resolution, ...]] = {
        "stuck": (GIVEN_BACK, Resolution.NOT_GIVEN_BACK),
        "refused": (GIVEN_BACK, KEPT),
        "untold": (Resolution.BILLING_TOLD,),
        "told": (),
    }
    for state, ends in expected.items():
        assert (part_ends(state, closed=False), part_ends(state, closed=True)) == (ends, ())


PROPOSED = Proposed(PAYMENT.id, "r7", CHARGED, "e" * 10, "390059", "10-A", 1)
MATTER = Matter(PAYMENT.id, "r7", "unknown", 1, None, (CHARGED, GIVEN_BACK))


def hand(**said: Any) -> tuple[Resolving, Any]:
    books = port(**{"matters": [(MATTER,)], "propose": HandRefusal.OPEN_ALREADY, "reject": True} | said)
    return Resolving(books, StillClock(), Tokens()), books


class Tokens:
    def token(self) -> str:
        return "token"


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"evidence": "e" * 9}, HandRefusal.NO_EVIDENCE),
        ({"evidence": " " + "e" * 9 + " "}, HandRefusal.NO_EVIDENCE),
        ({"evidence": "e" * 501}, HandRefusal.NO_EVIDENCE),
        ({"auth_code": ""}, HandRefusal.NO_NUMBERS),
        ({"auth_code": "a b"}, HandRefusal.NO_NUMBERS),
        ({"auth_code": "1" * 65}, HandRefusal.NO_NUMBERS),
        ({"transaction_number": ""}, HandRefusal.NO_NUMBERS),
        ({"amount_centimes": 0}, HandRefusal.NO_NUMBERS),
        ({"amount_centimes": None}, HandRefusal.NO_NUMBERS),
        ({"subject": "r8"}, HandRefusal.NOT_NOW),
        ({"resolution": KEPT}, HandRefusal.NOT_NOW),
    ],
)
async def test_what_is_no_end_is_refused(changes: dict[str, Any], refusal: HandRefusal) -> None:
    rules, books = hand()
    assert await rules.propose(AGENT, replace(PROPOSED, **changes)) is refusal
    assert [asked[0] for asked in books.asked] == ["matters"] * (refusal is HandRefusal.NOT_NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"evidence": "e" * 500, "auth_code": "1" * 64},
        {"resolution": GIVEN_BACK, "auth_code": "", "transaction_number": "", "amount_centimes": None},
    ],
)
async def test_an_end_is_written_down_with_what_the_matter_was(changes: dict[str, Any]) -> None:
    rules, books = hand()
    proposed = replace(PROPOSED, **changes)
    assert await rules.propose(AGENT, proposed) is HandRefusal.OPEN_ALREADY  # the books' own word
    assert books.asked == [("matters", PAYMENT.id, NOON), ("propose", proposed, "unknown", AGENT.name, NOON)]


REQUEST = HandRequest(9, PROPOSED, "unknown", HandState.PROPOSED, SUPERVISOR.name, NOON)


@pytest.mark.parametrize(
    ("actor", "approval", "rejection"),
    [
        (AGENT, HandRefusal.NOT_ALLOWED, HandRefusal.NOT_ALLOWED),
        (SUPERVISOR, HandRefusal.SECOND_PERSON, None),
        (OTHER_SUPERVISOR, None, None),
    ],
)
async def test_who_ends_it_by_hand(actor: Actor, approval: HandRefusal | None, rejection: HandRefusal | None) -> None:
    rules, books = hand()
    assert await rules.approve(actor, REQUEST) is approval
    assert await rules.reject(actor, REQUEST) is rejection
    assert REQUEST.may_approve(actor) is (approval is None)
    approved: list[object] = [] if approval else [("approve", REQUEST, actor.name, NOON, "token")]
    assert books.asked == approved + ([] if rejection else [("reject", 9, actor.name, NOON)])
    own = replace(REQUEST, proposed_by=AGENT.name)
    assert await hand()[0].reject(AGENT, own) is None
    assert await hand(reject=False)[0].reject(OTHER_SUPERVISOR, REQUEST) is HandRefusal.DECIDED_ALREADY
