"""A wallet's money goes back by its own reversal, once; what it refuses is a person's, and two people end it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from core.database.help_desk.lists import PgPaymentLists
from core.database.payments.repository import PgPayments
from core.database.settlement.resolving import PgResolving
from core.help_desk.access_log import Actor
from core.help_desk.accounts import Role
from core.help_desk.lists import PaymentFilter, PaymentList
from core.ids import Ids
from core.payments.table import PaymentState
from core.ports import UnknownOutcome
from core.refunds.resolving import HandRequest, Proposed, Resolution, Resolving
from core.wallets.attempts import AttemptState
from khallas.telemetry.payment_metrics import PaymentMetrics
from khallas.telemetry.queues import Queues
from tests.core.ledger.ledgers import balances
from tests.core.wallets.conftest import NEQDI, WalletShop
from tests.core.wallets.test_paying import RECEIVABLE, balanced
from tests.support.bank import CARD, CVV


async def paid(shop: WalletShop) -> str:
    record = await shop.asked()
    shop.neqdi.pays(record.attempt)
    await shop.round(5)
    return record.attempt.payment_id


async def test_the_whole_goes_back_to_the_wallet_and_no_card_is_voided(shop: WalletShop) -> None:
    payment_id = await paid(shop)
    await shop.till.undo(payment_id, "a mistake")
    await shop.round()
    payment = await shop.till.payment(payment_id)
    assert payment is not None
    assert payment.state is PaymentState.VOIDED
    assert shop.neqdi.took_centimes() == 0
    assert shop.bank.voided == set()
    assert await balances(shop.database) == {}
    assert await balanced(shop)


async def test_a_reversal_whose_answer_was_lost_is_asked_about_with_the_same_reference(shop: WalletShop) -> None:
    payment_id = await paid(shop)
    shop.neqdi.reversals.append(UnknownOutcome("time-out"))
    await shop.till.undo(payment_id, "a mistake")
    for _ in range(3):
        await shop.round(60)
    payment = await shop.till.payment(payment_id)
    assert payment is not None
    assert payment.state is PaymentState.VOIDED
    assert len(shop.neqdi.back) == 1


async def test_a_wallet_that_gives_nothing_back_is_the_operators_queue(shop: WalletShop) -> None:
    payment_id = await paid(shop)
    shop.neqdi.gives_back = False
    await shop.till.undo(payment_id, "a mistake")
    for _ in range(3):
        await shop.round(120)
    payment = await shop.till.payment(payment_id)
    assert payment is not None
    assert (payment.state, payment.by_hand) == (PaymentState.REFUNDING, "undo_refused")
    assert await balanced(shop)


@pytest.mark.parametrize("charged", [True, False])
async def test_two_people_end_an_unknown_one(shop: WalletShop, charged: bool) -> None:
    """On the wallet's own letter; its attempt ends with it, and a card may follow."""
    shop.neqdi.answers.append(UnknownOutcome("time-out"))
    shop.neqdi.silent = True
    record = await shop.asked()
    for _ in range(12):
        await shop.round(60)
    await shop.database.do(
        "INSERT INTO desk_users (name, password_hash, role, created_at) VALUES ('sara', '', 'supervisor', now()), "
        "('ali', '', 'agent', now())"
    )
    books = PgResolving(shop.database, PgPayments(shop.database))
    resolving = Resolving(books, shop.clock, Ids())
    payment_id = record.attempt.payment_id
    end = Resolution.CHARGED if charged else Resolution.NOT_CHARGED
    numbers = ("W77", "W77", 76920) if charged else ("", "", None)
    said = Proposed(payment_id, "", end, "the wallet's letter of today", *numbers)
    asked = await resolving.propose(Actor("ali", Role.AGENT), said)
    assert isinstance(asked, HandRequest), asked
    assert [matter.payment_id for matter in await books.waiting(shop.clock.now(), 10)] == [payment_id]
    assert await resolving.approve(Actor("sara", Role.SUPERVISOR), asked) is None
    payment = await shop.seen_of(record)
    attempt = await shop.again(record)
    if charged:
        assert (payment.state, payment.wallet) == (PaymentState.CAPTURED, NEQDI)
        assert (attempt.state, attempt.attempt.receipt) == (AttemptState.PAID, "W77")
        assert (await balances(shop.database))[RECEIVABLE] == 76920
    else:
        assert (payment.state, attempt.state) == (PaymentState.EXPIRED, AttemptState.DECLINED)
    assert await balanced(shop)


async def test_two_people_end_a_surplus_that_the_wallet_keeps(shop: WalletShop) -> None:
    """It stands among what waits for people, and in the ledger until they say that it is back."""
    record = await shop.asked()
    shop.neqdi.declines(record.attempt)
    shop.neqdi.gives_back = False
    await shop.round(5)
    payment_id = record.attempt.payment_id
    await shop.till.authorise(payment_id, CARD, CVV, wait_s=60)
    shop.neqdi.pays(record.attempt)
    await shop.round(900)
    await shop.round()
    await shop.database.do(
        "INSERT INTO desk_users (name, password_hash, role, created_at) VALUES ('sara', '', 'supervisor', now()), "
        "('ali', '', 'agent', now())"
    )
    books = PgResolving(shop.database, PgPayments(shop.database))
    resolving = Resolving(books, shop.clock, Ids())
    matter = next(each for each in await books.waiting(shop.clock.now(), 10) if each.subject)
    assert (matter.subject, matter.state, matter.amount_centimes) == ("w1", "surplus", 76920)
    lists = PgPaymentLists(shop.database)
    stuck = await lists.listed(PaymentFilter(PaymentList.STUCK), shop.clock.now(), 0)
    assert [row.payment.id for row in stuck.rows] == [payment_id]
    assert await due(shop, "stuck") == 1
    said = Proposed(payment_id, "w1", Resolution.GIVEN_BACK, "the wallet's letter of today")
    asked = await resolving.propose(Actor("ali", Role.AGENT), said)
    assert isinstance(asked, HandRequest), asked
    assert await resolving.approve(Actor("sara", Role.SUPERVISOR), asked) is None
    assert (await shop.again(record)).state is AttemptState.RETURNED
    assert [each for each in await books.waiting(shop.clock.now(), 10) if each.subject] == []
    assert "doubt:captures" not in await balances(shop.database)
    assert await due(shop, "stuck") == 0
    assert (await shop.seen_of(record)).state is PaymentState.CAPTURED


async def test_an_attempt_whose_window_is_over_is_counted(shop: WalletShop) -> None:
    shop.neqdi.silent = True
    await shop.asked()
    assert await due(shop, "wallet_unknown") == 0
    shop.clock.forward(86_400)
    assert await due(shop, "wallet_unknown") == 1


async def test_lists_are_narrowed_by_the_wallet(shop: WalletShop) -> None:
    payment_id = await paid(shop)
    lists, now = PgPaymentLists(shop.database), shop.clock.now()
    begun = PaymentFilter(PaymentList.BEGUN, now - timedelta(days=1), now + timedelta(days=1))
    assert await lists.tenders(now) == (NEQDI,)
    for tender, found in ((NEQDI, [payment_id]), ("visa", []), ("-", [])):
        listed = await lists.listed(replace(begun, tender=tender), now, 0)
        assert [row.payment.id for row in listed.rows] == found, tender


async def due(shop: WalletShop, queue: str) -> int:
    """As the metrics tell it."""
    registry = CollectorRegistry()
    await Queues(shop.database, shop.clock, PaymentMetrics(registry)).look()
    told = registry.get_sample_value("khallas_queue_due", {"queue": queue})
    return int(told or 0)
