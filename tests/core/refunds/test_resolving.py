"""By hand: what only people can end, ended by two of them with evidence, and the ledger with it."""

import asyncio
from dataclasses import replace

import pytest
from psycopg import errors

from core.database.payments.repository import PgPayments
from core.database.settlement.resolving import PgResolving
from core.help_desk.access_log import Actor
from core.ids import Ids
from core.payments.table import Payment, PaymentState
from core.ports import Approved, TooLate
from core.refunds.model import RefundPart
from core.refunds.requests import Reason, RefundRequest
from core.refunds.resolving import HandRefusal, HandRequest, Proposed, Resolution, Resolving
from tests.support.bank import declines, silent, silent_after_charging
from tests.support.desks import AGENT, OTHER_SUPERVISOR, SUPERVISOR, DeskShop, desk_of
from tests.support.shop import Shop

EVIDENCE = "letter of the bank, 29/11/2026, no 117"
DAY_S = 86_400


@pytest.fixture
async def at(shop: Shop) -> DeskShop:
    return await desk_of(shop)


def resolving(shop: Shop) -> Resolving:
    return Resolving(PgResolving(shop.database, PgPayments(shop.database)), shop.clock, Ids())


async def unknown(at: DeskShop) -> Payment:
    at.shop.bank.scripts.append(silent)
    payment = await at.shop.paid()
    assert payment.state is PaymentState.UNKNOWN
    return payment


async def asked(at: DeskShop, proposed: Proposed, actor: Actor = AGENT) -> HandRequest:
    request = await resolving(at.shop).propose(actor, proposed)
    assert isinstance(request, HandRequest), request
    return request


def charged(payment: Payment, centimes: int = 76920) -> Proposed:
    return Proposed(payment.id, "", Resolution.CHARGED, EVIDENCE, "390059", "100001001587", centimes)


async def test_an_unknown_payment_is_left_to_the_machine_for_a_day(at: DeskShop) -> None:
    payment = await unknown(at)
    assert await resolving(at.shop).propose(AGENT, charged(payment)) is HandRefusal.NOT_NOW


async def test_one_says_with_evidence_and_another_approves_that_it_was_charged(at: DeskShop) -> None:
    payment = await unknown(at)
    at.shop.clock.forward(DAY_S)
    request = await asked(at, charged(payment), SUPERVISOR)
    hand = resolving(at.shop)
    assert await hand.approve(AGENT, request) is HandRefusal.NOT_ALLOWED
    assert await hand.approve(SUPERVISOR, request) is HandRefusal.SECOND_PERSON
    assert await at.shop.state(payment) is PaymentState.UNKNOWN
    assert await hand.approve(OTHER_SUPERVISOR, request) is None
    found = await at.shop.till.payment(payment.id)
    assert found is not None
    assert (found.state, found.auth_code, found.transaction_number) == (PaymentState.CAPTURED, "390059", "100001001587")
    assert found.receipt_number is not None
    await at.shop.work()
    assert await at.shop.postings(payment) == ["posted"]
    row = await at.shop.database.one("SELECT detail FROM payment_events WHERE event = 'approved'")
    assert row == {"detail": f"by hand {request.id}: charged: sami, sofia"}
    assert await hand.approve(OTHER_SUPERVISOR, request) is HandRefusal.DECIDED_ALREADY


async def test_not_charged_lets_the_bills_go_and_is_looked_at_once_more(at: DeskShop) -> None:
    payment = await unknown(at)
    at.shop.clock.forward(DAY_S)
    request = await asked(at, Proposed(payment.id, "", Resolution.NOT_CHARGED, EVIDENCE))
    assert await resolving(at.shop).approve(SUPERVISOR, request) is None
    assert await at.shop.state(payment) is PaymentState.EXPIRED
    assert await at.shop.active() == []
    row = await at.shop.database.one("SELECT due_at FROM payments WHERE id = %(id)s", id=payment.id)
    assert row is not None
    assert row["due_at"] > at.shop.clock.now()


@pytest.mark.parametrize("centimes", [76920, 100])
async def test_what_was_declined_here_and_taken_there_goes_back(at: DeskShop, centimes: int) -> None:
    """The bank's letter says so days later: the payer heard "nothing was charged", and may have paid again since."""
    at.shop.bank.scripts.append(declines)
    payment = await at.shop.paid()
    assert await resolving(at.shop).propose(AGENT, charged(payment, centimes)) is HandRefusal.NOT_NOW
    again = await at.shop.paid(at.shop.order("ussd:again"))
    assert again.state is PaymentState.CAPTURED
    at.shop.clock.forward(DAY_S)
    request = await asked(at, charged(payment, centimes))
    assert await resolving(at.shop).approve(OTHER_SUPERVISOR, request) is None
    await at.shop.work()
    await at.shop.sweep.run()
    found = await at.shop.till.payment(payment.id)
    assert found is not None
    assert (found.state, found.receipt_number, await at.shop.state(again)) == (
        PaymentState.VOIDED,
        None,
        PaymentState.CAPTURED,
    )


async def test_another_amount_than_asked_is_never_a_receipt(at: DeskShop) -> None:
    payment = await unknown(at)
    at.shop.clock.forward(DAY_S)
    request = await asked(at, charged(payment, 100))
    assert await resolving(at.shop).approve(SUPERVISOR, request) is None
    assert await at.shop.state(payment) is PaymentState.INTEGRITY_FAILURE


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"evidence": " short  "}, HandRefusal.NO_EVIDENCE),
        ({"auth_code": ""}, HandRefusal.NO_NUMBERS),
        ({"amount_centimes": 0}, HandRefusal.NO_NUMBERS),
        ({"resolution": Resolution.GIVEN_BACK}, HandRefusal.NOT_NOW),
        ({"subject": "0000171682062019"}, HandRefusal.NOT_NOW),
    ],
)
async def test_what_is_no_end_changes_nothing(at: DeskShop, change: dict[str, object], refusal: HandRefusal) -> None:
    payment = await unknown(at)
    at.shop.clock.forward(DAY_S)
    proposed = replace(charged(payment), **change)  # type: ignore[arg-type]
    assert await resolving(at.shop).propose(AGENT, proposed) is refusal
    assert await at.shop.state(payment) is PaymentState.UNKNOWN


async def test_what_the_machine_ended_meanwhile_stays_as_it_is(at: DeskShop) -> None:
    at.shop.bank.scripts.append(silent_after_charging)
    payment = await at.shop.paid()
    at.shop.clock.forward(DAY_S)
    request = await asked(at, Proposed(payment.id, "", Resolution.NOT_CHARGED, EVIDENCE))
    await at.shop.sweep.run()
    assert await at.shop.state(payment) is PaymentState.CAPTURED
    assert await resolving(at.shop).approve(SUPERVISOR, request) is HandRefusal.NOT_NOW
    assert await at.shop.state(payment) is PaymentState.CAPTURED


async def test_the_table_itself_wants_two_people(at: DeskShop) -> None:
    payment = await unknown(at)
    at.shop.clock.forward(DAY_S)
    request = await asked(at, charged(payment), SUPERVISOR)
    with pytest.raises(errors.CheckViolation):
        await at.shop.database.do(
            "UPDATE hand_requests SET state = 'approved', decided_by = 'sami', decided_at = now() WHERE id = %(id)s",
            id=request.id,
        )


async def test_of_two_decisions_at_once_one_is_done(at: DeskShop) -> None:
    payment = await at.shop.paid()
    await at.shop.work()
    request = await asked(at, Proposed(payment.id, "", Resolution.GIVEN_BACK, EVIDENCE))
    hand = resolving(at.shop)
    outcomes = await asyncio.gather(*(hand.approve(OTHER_SUPERVISOR, request) for _ in range(4)))
    assert sorted(map(str, outcomes)) == ["None", *["decided_already"] * 3]
    assert await at.shop.state(payment) is PaymentState.REFUNDED
    assert at.shop.bank.refunds == []  # no machine gives it back a second time
    await at.shop.work()
    rows = await at.shop.database.all("SELECT paid_at FROM invoices WHERE number = '0000171682062019'")
    assert rows == [{"paid_at": None}]  # billing was told: it is owed again


async def stuck_bill(at: DeskShop) -> tuple[Payment, str]:
    order = await at.shop.internet_order()
    payment = await at.shop.paid(order)
    number = order.invoices[0].number
    await at.shop.database.do("UPDATE invoices SET paid_at = now(), paid_by = 'shop' WHERE number = %(n)s", n=number)
    at.shop.bank.refund_answers.append(TooLate())
    await at.shop.work()
    assert "stuck" in await at.shop.postings(payment)
    return payment, number


async def test_a_stuck_bill_was_given_back_at_the_bank(at: DeskShop) -> None:
    payment, number = await stuck_bill(at)
    waiting = await resolving(at.shop).books.waiting(at.shop.clock.now(), 10)
    assert [(matter.payment_id, matter.subject) for matter in waiting] == [(payment.id, number)]
    request = await asked(at, Proposed(payment.id, number, Resolution.GIVEN_BACK, EVIDENCE))
    assert await resolving(at.shop).approve(SUPERVISOR, request) is None
    assert sorted(await at.shop.postings(payment)) == ["credited", "posted", "posted"]
    assert await resolving(at.shop).books.waiting(at.shop.clock.now(), 10) == ()
    assert at.shop.bank.refunds == []


async def test_a_stuck_bill_that_never_went_back_is_asked_for_again(at: DeskShop) -> None:
    payment, number = await stuck_bill(at)
    request = await asked(at, Proposed(payment.id, number, Resolution.NOT_GIVEN_BACK, EVIDENCE))
    assert await resolving(at.shop).approve(SUPERVISOR, request) is None
    await at.shop.sweep.run()
    await at.shop.work()
    assert "credited" in await at.shop.postings(payment)
    assert at.shop.bank.refunds == [(payment.id, 29900)]


async def stuck_part(at: DeskShop) -> tuple[Payment, str]:
    payment = await at.shop.paid()
    await at.shop.work()
    at.shop.bank.refund_answers.append(TooLate())
    part = RefundPart(payment.invoices[0].number, 10_000)
    outcome = await at.desk.propose_undo(SUPERVISOR, payment.id, Reason.OTHER, "x", (part,))
    assert not isinstance(outcome, RefundRequest)
    await at.shop.work()
    row = await at.shop.database.one("SELECT 'r' || id AS key FROM refunds WHERE state = 'stuck'")
    assert row is not None
    return payment, row["key"]


@pytest.mark.parametrize(
    ("end", "state", "times"), [(Resolution.GIVEN_BACK, "told", 0), (Resolution.NOT_GIVEN_BACK, "told", 1)]
)
async def test_a_stuck_part_ends_by_the_evidence(at: DeskShop, end: Resolution, state: str, times: int) -> None:
    payment, key = await stuck_part(at)
    request = await asked(at, Proposed(payment.id, key, end, EVIDENCE))
    assert await resolving(at.shop).approve(SUPERVISOR, request) is None
    await at.shop.sweep.run()
    await at.shop.work()
    assert [row["state"] for row in await at.shop.database.all("SELECT state FROM refunds")] == [state]
    assert len(at.shop.bank.refunds) == times
    whole = Proposed(payment.id, "", Resolution.GIVEN_BACK, EVIDENCE)
    again = await asked(at, whole)
    assert await resolving(at.shop).approve(SUPERVISOR, again) is HandRefusal.NOT_NOW  # a part of it is back already


@pytest.mark.parametrize("end", [Resolution.KEPT, Resolution.GIVEN_BACK])
async def test_a_paid_order_that_was_approved_again_waits_in_the_list_until_two_people_end_it(
    at: DeskShop, end: Resolution
) -> None:
    payment = await at.shop.paid()
    await at.shop.work()
    await at.shop.till.attendant.approved_again(payment, Approved("999999", "another", payment.amount_centimes))
    books = resolving(at.shop).books
    waiting = await books.waiting(at.shop.clock.now(), 10)
    assert [(each.payment_id, each.subject) for each in waiting] == [(payment.id, "")]
    request = await asked(at, Proposed(payment.id, "", end, EVIDENCE))
    assert await resolving(at.shop).approve(SUPERVISOR, request) is None
    assert await books.waiting(at.shop.clock.now(), 10) == ()


async def test_nothing_is_proposed_twice_and_a_proposal_can_be_turned_down(at: DeskShop) -> None:
    payment = await at.shop.paid()
    proposed = Proposed(payment.id, "", Resolution.GIVEN_BACK, EVIDENCE)
    request = await asked(at, proposed)
    assert await resolving(at.shop).propose(SUPERVISOR, proposed) is HandRefusal.OPEN_ALREADY
    assert await resolving(at.shop).reject(AGENT, request) is None
    assert await resolving(at.shop).reject(AGENT, request) is HandRefusal.DECIDED_ALREADY
    assert await at.shop.state(payment) is PaymentState.CAPTURED
