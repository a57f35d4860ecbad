"""Money back: who may propose, who decides, and that two decisions at once are one refund."""

import asyncio
from dataclasses import replace

import psycopg
import pytest
from psycopg import errors

from core.help_desk.access_log import Actor
from core.help_desk.accounts import Role
from core.payments.janitor import NoSuchPayment
from core.payments.table import Payment, PaymentState
from core.refunds.model import RefundPart
from core.refunds.requests import (
    Bounds,
    Reason,
    RefundRequest,
    RefundRequestRefusal,
    RefundRequests,
    RefundRequestState,
    Sign,
    given_back,
)
from core.repositories import PostingState
from tests.support.desks import AGENT, OTHER_SUPERVISOR, SUPERVISOR, DeskShop, desk_of
from tests.support.shop import Shop

RACERS = 8


@pytest.fixture
async def at(shop: Shop) -> DeskShop:
    return await desk_of(shop)


async def small(at: DeskShop) -> Payment:
    """A payment of 299,00 DH: below the limit."""
    order = await at.shop.internet_order()
    return await at.shop.paid(replace(order, invoices=order.invoices[:1]))


async def proposed(at: DeskShop, actor: Actor, payment: Payment) -> RefundRequest:
    request = await at.desk.propose_undo(actor, payment.id, Reason.PAID_TWICE, "")
    assert isinstance(request, RefundRequest), request
    return request


async def test_an_agent_proposes_and_a_supervisor_gives_the_whole_back(at: DeskShop) -> None:
    payment = await at.shop.paid()
    request = await proposed(at, AGENT, payment)
    assert (request.state, request.two_people, request.amount_centimes) == (RefundRequestState.PROPOSED, True, 76920)
    assert await at.shop.state(payment) is PaymentState.CAPTURED
    assert [waiting.id for waiting, _ in await at.desk.queue(SUPERVISOR)] == [request.id]
    payment_id, outcome = await at.desk.approve_undo(SUPERVISOR, request.id)
    assert isinstance(outcome, Payment)
    assert (payment_id, outcome.state) == (payment.id, PaymentState.VOIDING)
    assert await at.desk.queue(SUPERVISOR) == ()
    await at.shop.work()
    assert await at.shop.state(payment) is PaymentState.VOIDED
    assert at.shop.bank.voided == {payment.id}
    row = await at.shop.database.one("SELECT detail FROM payment_events WHERE event = 'void'")
    assert row == {"detail": "paid_twice: amal, sami"}


async def test_an_agent_decides_nothing_however_small(at: DeskShop) -> None:
    payment = await small(at)
    request = await proposed(at, AGENT, payment)
    assert request.two_people
    assert await at.desk.approve_undo(AGENT, request.id) == (payment.id, RefundRequestRefusal.NOT_ALLOWED)
    assert await at.shop.state(payment) is PaymentState.CAPTURED


async def test_a_supervisor_alone_gives_back_up_to_the_limit(at: DeskShop) -> None:
    payment = await small(at)
    outcome = await at.desk.propose_undo(SUPERVISOR, payment.id, Reason.WRONG_LINE, "")
    assert isinstance(outcome, Payment)
    await at.shop.work()
    assert await at.shop.state(payment) is PaymentState.VOIDED
    (request,) = await at.desk.undoing.of_payment(payment.id)
    assert (request.two_people, request.state, request.decided_by) == (False, RefundRequestState.APPROVED, "sami")


async def test_above_the_limit_the_same_supervisor_is_refused_and_another_is_not(at: DeskShop) -> None:
    payment = await at.shop.paid()
    request = await proposed(at, SUPERVISOR, payment)
    assert await at.desk.approve_undo(SUPERVISOR, request.id) == (payment.id, RefundRequestRefusal.SECOND_PERSON)
    assert await at.shop.state(payment) is PaymentState.CAPTURED
    _, outcome = await at.desk.approve_undo(OTHER_SUPERVISOR, request.id)
    assert isinstance(outcome, Payment)


@pytest.mark.parametrize("limit_centimes", [76919, 76920])
async def test_the_limit_itself_is_within_it(at: DeskShop, limit_centimes: int) -> None:
    payment = await at.shop.paid()
    undoing = RefundRequests(at.desk.undoing._books, at.shop.clock, Bounds(limit_centimes))
    assert undoing.alone(SUPERVISOR, given_back(payment)) is (limit_centimes == 76920)
    assert not undoing.alone(AGENT, given_back(payment))


async def test_two_approvals_at_once_are_one_refund(at: DeskShop) -> None:
    payment = await at.shop.paid()
    request = await proposed(at, AGENT, payment)
    racers = [SUPERVISOR, OTHER_SUPERVISOR] * (RACERS // 2)
    outcomes = await asyncio.gather(*(at.desk.approve_undo(actor, request.id) for actor in racers))
    assert sum(isinstance(outcome, Payment) for _, outcome in outcomes) == 1
    assert {outcome for _, outcome in outcomes if isinstance(outcome, RefundRequestRefusal)} == {
        RefundRequestRefusal.DECIDED_ALREADY
    }
    await at.shop.work()
    assert [step for step in await at.shop.story(payment) if step.startswith("void")] == [
        "void>voiding",
        "voided>voided",
    ]
    assert await at.shop.state(payment) is PaymentState.VOIDED


async def test_two_proposals_at_once_are_one(at: DeskShop) -> None:
    payment = await at.shop.paid()
    outcomes = await asyncio.gather(
        *(at.desk.propose_undo(actor, payment.id, Reason.PAID_TWICE, "") for actor in [AGENT, SUPERVISOR] * 4)
    )
    assert sum(isinstance(outcome, RefundRequest) for outcome in outcomes) == 1
    assert [outcome for outcome in outcomes if not isinstance(outcome, RefundRequest)] == [
        RefundRequestRefusal.OPEN_ALREADY
    ] * 7


async def test_an_approval_and_a_rejection_at_once_are_one_of_them(at: DeskShop) -> None:
    payment = await at.shop.paid()
    request = await proposed(at, AGENT, payment)
    (_, approved), (_, rejected) = await asyncio.gather(
        at.desk.approve_undo(SUPERVISOR, request.id), at.desk.reject_undo(OTHER_SUPERVISOR, request.id)
    )
    assert isinstance(approved, Payment) is (rejected is RefundRequestRefusal.DECIDED_ALREADY)
    assert await at.shop.state(payment) is (
        PaymentState.VOIDING if isinstance(approved, Payment) else PaymentState.CAPTURED
    )


async def test_a_rejected_request_stays_so_and_another_may_follow(at: DeskShop) -> None:
    payment = await at.shop.paid()
    request = await proposed(at, AGENT, payment)
    assert await at.desk.reject_undo(Actor("ali", Role.AGENT), request.id) == (
        payment.id,
        RefundRequestRefusal.NOT_ALLOWED,
    )
    assert await at.desk.reject_undo(AGENT, request.id) == (payment.id, None)  # whoever asked may withdraw
    assert await at.desk.approve_undo(SUPERVISOR, request.id) == (payment.id, RefundRequestRefusal.DECIDED_ALREADY)
    assert await at.shop.state(payment) is PaymentState.CAPTURED
    await proposed(at, AGENT, payment)


async def test_only_what_was_captured_goes_back(at: DeskShop) -> None:
    started = await at.shop.started()
    propose = at.desk.propose_undo(SUPERVISOR, started.id, Reason.PAID_TWICE, "")
    assert await propose is RefundRequestRefusal.NOT_CAPTURED
    paid = await at.shop.paid(await at.shop.internet_order())
    request = await proposed(at, AGENT, paid)
    await at.shop.till.undo(paid.id, "billing refused")
    assert await at.desk.approve_undo(SUPERVISOR, request.id) == (paid.id, RefundRequestRefusal.NOT_CAPTURED)
    assert await at.desk.queue(SUPERVISOR) == ()
    again = await at.desk.undoing.get(request.id)
    assert again is not None
    assert again.state is RefundRequestState.PROPOSED  # the decision was rolled back with the move


@pytest.mark.parametrize("posting", [PostingState.REFUSED, PostingState.CREDITING, PostingState.CREDITED])
async def test_the_whole_does_not_go_back_after_a_part_did(at: DeskShop, posting: PostingState) -> None:
    payment = await at.shop.paid(await at.shop.internet_order())
    request = await proposed(at, AGENT, payment)
    at.shop.by_hand = True
    await at.shop.database.do(
        "UPDATE payment_lines SET posting = %(posting)s, posting_due_at = NULL "
        "WHERE invoice_number = '0000400215092026'",
        posting=posting,
    )
    assert await at.desk.approve_undo(SUPERVISOR, request.id) == (payment.id, RefundRequestRefusal.PARTLY_CREDITED)
    await at.desk.reject_undo(SUPERVISOR, request.id)
    propose = at.desk.propose_undo(AGENT, payment.id, Reason.PAID_TWICE, "")
    assert await propose is RefundRequestRefusal.PARTLY_CREDITED
    assert await at.shop.state(payment) is PaymentState.CAPTURED


async def test_another_reason_wants_words(at: DeskShop) -> None:
    payment = await at.shop.paid()
    assert await at.desk.propose_undo(AGENT, payment.id, Reason.OTHER, " \n ") is RefundRequestRefusal.NO_REASON
    request = await at.desk.propose_undo(AGENT, payment.id, Reason.OTHER, "  décès  du client ")
    assert isinstance(request, RefundRequest)
    assert request.comment == "décès du client"


async def test_an_account_that_is_disabled_meanwhile_approves_nothing(at: DeskShop) -> None:
    payment = await at.shop.paid()
    request = await proposed(at, AGENT, payment)
    await at.shop.database.do("UPDATE desk_users SET disabled_at = now() WHERE name = 'sami'")
    assert await at.desk.approve_undo(SUPERVISOR, request.id) == (payment.id, RefundRequestRefusal.DECIDED_ALREADY)
    assert await at.shop.state(payment) is PaymentState.CAPTURED


async def test_the_table_itself_keeps_the_rules(at: DeskShop) -> None:
    request = await proposed(at, SUPERVISOR, await at.shop.paid())
    with pytest.raises(errors.CheckViolation, match="two_people"):
        await at.shop.database.do(
            "UPDATE undo_requests SET state = 'approved', decided_by = 'sami', decided_at = now()"
        )
    for statement in ("UPDATE undo_requests SET two_people = false", "DELETE FROM undo_requests"):
        with pytest.raises(errors.RestrictViolation, match="decided once"):
            await at.shop.database.do(statement)
    await at.desk.reject_undo(SUPERVISOR, request.id)
    with pytest.raises(psycopg.errors.RestrictViolation, match="decided once"):
        await at.shop.database.do("UPDATE undo_requests SET state = 'proposed', decided_by = NULL, decided_at = NULL")


async def test_what_goes_back_is_what_the_bank_took(at: DeskShop) -> None:
    payment = await at.shop.paid()
    assert given_back(payment) == 76920
    assert given_back(replace(payment, approved_centimes=100)) == 100
    assert given_back(replace(payment, approved_centimes=None)) == 76920
    with pytest.raises(NoSuchPayment):
        await at.desk.propose_undo(AGENT, "nobody", Reason.PAID_TWICE, "")


CLONES = """
WITH more AS (
    INSERT INTO payments SELECT (jsonb_populate_record(p, jsonb_build_object(
        'id', lpad(n::text, 26, '0'), 'reference', lpad(n::text, 6, '0'), 'idempotency_key', 'clone:' || n,
        'receipt_number', NULL, 'receipt_token', NULL, 'transaction_number', NULL))).*
    FROM payments p, generate_series(1, %(count)s) AS n WHERE p.id = %(id)s RETURNING id)
INSERT INTO payment_lines SELECT (jsonb_populate_record(l, jsonb_build_object('payment_id', more.id,
    'invoice_number', l.invoice_number || more.id, 'posting', 'posted'))).*
FROM payment_lines l, more WHERE l.payment_id = %(id)s
"""


async def clones(at: DeskShop, count: int) -> list[str]:
    """As many paid payments of 299,00 DH as one."""
    paid = await small(at)
    await at.shop.work()
    at.shop.by_hand = True
    await at.shop.database.do(CLONES, id=paid.id, count=count)
    return [f"{n:026}" for n in range(1, count + 1)]


async def alone(at: DeskShop, who: str = "sami") -> int:
    """Centimes that went back by one person's word."""
    row = await at.shop.database.one(
        "SELECT COALESCE(sum(amount_centimes), 0)::bigint AS sum FROM undo_requests "
        "WHERE state = 'approved' AND decided_by = %(who)s AND proposed_by = decided_by",
        who=who,
    )
    assert row is not None
    return int(row["sum"])


async def test_a_thousand_approvals_at_once_stay_within_a_day_s_limit(at: DeskShop) -> None:
    payments = [await at.shop.till.payment(payment_id) for payment_id in await clones(at, 1_000)]
    heard: list[Sign] = []
    bounds = Bounds(day_max_centimes=200_000, day_max_count=100)
    undoing = RefundRequests(at.desk.undoing._books, at.shop.clock, bounds, lambda sign, _: heard.append(sign))

    async def ask(payment: Payment | None) -> object:
        assert payment is not None
        return await undoing.propose(SUPERVISOR, payment, Reason.WRONG_LINE, "")

    outcomes = await asyncio.gather(*(ask(payment) for payment in payments))
    assert sum(isinstance(outcome, Payment) for outcome in outcomes) == 200_000 // 29_900
    assert sum(isinstance(outcome, RefundRequest) for outcome in outcomes) == 1_000 - 200_000 // 29_900
    assert await alone(at) == 200_000 // 29_900 * 29_900
    assert set(heard) == {Sign.DAY_FULL}
    waiting = next(outcome for outcome in outcomes if isinstance(outcome, RefundRequest))
    assert await undoing.approve(SUPERVISOR, waiting) is RefundRequestRefusal.DAY_FULL
    assert isinstance(await undoing.approve(OTHER_SUPERVISOR, waiting), Payment)
    at.shop.clock.forward(86_401)
    later = next(outcome for outcome in outcomes if isinstance(outcome, RefundRequest) and outcome.id != waiting.id)
    assert isinstance(await undoing.approve(SUPERVISOR, later), Payment)


async def test_a_day_allows_so_many_decisions_alone(at: DeskShop) -> None:
    payments = await clones(at, 4)
    undoing = RefundRequests(at.desk.undoing._books, at.shop.clock, Bounds(day_max_count=2))
    outcomes = []
    for payment_id in payments:
        payment = await at.shop.till.payment(payment_id)
        assert payment is not None
        outcomes.append(await undoing.propose(SUPERVISOR, payment, Reason.WRONG_LINE, ""))
    assert [type(outcome) for outcome in outcomes] == [Payment, Payment, RefundRequest, RefundRequest]


async def test_parts_of_one_payment_at_once_stay_within_the_limit(at: DeskShop) -> None:
    payment = await at.shop.paid(await at.shop.internet_order())
    await at.shop.work()
    bills = await at.desk.undoing.bills(payment.id)
    parts = [(RefundPart(bill.number, 20_000),) for bill in bills] * 10
    for _ in range(3):
        await asyncio.gather(*(at.desk.propose_undo(SUPERVISOR, payment.id, Reason.WRONG_AMOUNT, "", x) for x in parts))
    assert 0 < await alone(at) <= 50_000


async def test_one_browser_for_two_people_is_told(at: DeskShop) -> None:
    heard: list[tuple[Sign, str]] = []
    undoing = RefundRequests(
        at.desk.undoing._books,
        at.shop.clock,
        Bounds(watch_centimes=1),
        lambda sign, who: heard.append((sign, who.name)),
    )
    payment = await at.shop.paid()
    request = await undoing.propose(replace(SUPERVISOR, browser="b1"), payment, Reason.PAID_TWICE, "")
    assert isinstance(request, RefundRequest)
    other = replace(OTHER_SUPERVISOR, browser="b1")
    assert request.signs(other) == (Sign.SAME_BROWSER, Sign.SAME_ADDRESS)
    assert request.signs(replace(other, browser="b2", address="192.0.2.9")) == ()
    assert isinstance(await undoing.approve(other, request), Payment)
    assert heard == [(Sign.SAME_BROWSER, "sofia"), (Sign.SAME_ADDRESS, "sofia"), (Sign.DAY_WATCH, "sofia")]
    row = await at.shop.database.one("SELECT proposed_browser, decided_browser, decided_address FROM undo_requests")
    assert row == {"proposed_browser": "b1", "decided_browser": "b1", "decided_address": "127.0.0.1"}
