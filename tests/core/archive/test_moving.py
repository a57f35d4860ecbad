"""What moves, what stays, what comes back; nothing is lost, doubled or charged anew by it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta

import psycopg
import pytest
from psycopg import errors

from core.chargebacks.service import Chargeback, Claim
from core.database.archive.months import PgArchive
from core.database.pool import Database
from core.database.settlement.chargebacks import PgChargebacks
from core.payments.table import IllegalMove, Payment, PaymentEvent, PaymentState
from core.refunds.requests import Reason, RefundRequest
from core.repositories import BillsTaken, Change, KeyTaken, MessageKind, NewPayment
from tests.core.archive.archives import LATER, month_made, moved, rows, settled
from tests.support.bank import declines, silent
from tests.support.desks import AGENT, SUPERVISOR, DeskShop, desk_of
from tests.support.shop import BILL, PAYER, STRANGER, Shop
from tests.support.waiting import until, waits_for

MOVE = "SELECT moved FROM khallas_archive(%s, '2000-01-01Z', '', 100)"


@pytest.fixture
async def at(shop: Shop) -> DeskShop:
    return await desk_of(shop)


async def captured(shop: Shop) -> Payment:
    payment = await shop.paid()
    await settled(shop)
    return payment


async def whole(database: Database, payment_id: str, *, live: bool) -> bool:
    """Whether all of it stands there, and nothing elsewhere."""
    there = await rows(database, payment_id, live=live)
    return "payments" in there and not await rows(database, payment_id, live=not live)


async def noted(at: DeskShop, payment: Payment) -> None:
    await at.desk.note(AGENT, payment.id, "called again")


async def sent_again(at: DeskShop, payment: Payment) -> None:
    assert await at.desk.resend(AGENT, payment.id, MessageKind.RECEIPT_SMS)
    await at.shop.work()


async def given_back(at: DeskShop, payment: Payment) -> None:
    request = await at.desk.propose_undo(AGENT, payment.id, Reason.PAID_TWICE, "")
    assert isinstance(request, RefundRequest)
    _, outcome = await at.desk.approve_undo(SUPERVISOR, request.id)
    assert isinstance(outcome, Payment), outcome
    await at.shop.work()
    assert await at.shop.state(payment) is PaymentState.VOIDED
    assert at.shop.bank.voided == {payment.id}
    assert await at.shop.active() == []


async def charged_back(at: DeskShop, payment: Payment) -> None:
    today = date(2026, 11, 24)
    claim = Claim("case-1", payment.id, "4837", BILL.amount_centimes, today, today + timedelta(days=20))
    assert isinstance(await PgChargebacks(at.shop.database).receive(claim, "sami", at.shop.clock.now()), Chargeback)


async def moved_on(at: DeskShop, payment: Payment) -> None:
    change = Change(PaymentEvent.VOID, due_at=at.shop.clock.now())
    assert (await at.shop.books.payments.move(payment.id, change, at.shop.clock.now())).state is PaymentState.VOIDING


WRITERS = [noted, sent_again, given_back, charged_back, moved_on]


@pytest.mark.parametrize("write", WRITERS)
async def test_whoever_writes_of_a_payment_has_it_live_from_then_on(
    at: DeskShop, write: Callable[[DeskShop, Payment], Awaitable[None]]
) -> None:
    payment = await captured(at.shop)
    assert await moved(at.shop) == 1
    assert await whole(at.shop.database, payment.id, live=False)
    await write(at, payment)
    assert await whole(at.shop.database, payment.id, live=True)
    assert (await at.shop.database.all("SELECT khallas_ledger_legs(%(id)s, NULL, NULL)", id=payment.id)) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payments SET due_at = now()",
        "UPDATE payments SET by_hand = 'wallet'",
        "UPDATE payment_lines SET posting_due_at = now()",
        "UPDATE payment_lines SET returned_centimes = 1",
        "UPDATE messages SET due_at = now() WHERE kind = 'receipt_sms'",
    ],
)
async def test_what_is_to_be_done_again_is_live_again(shop: Shop, change: str) -> None:
    shop.by_hand = True
    payment = await captured(shop)
    assert await moved(shop) == 1
    assert await shop.database.do(change) == 1
    assert await whole(shop.database, payment.id, live=True)


async def test_a_note_a_request_and_what_is_open_keep_a_payment_live(at: DeskShop) -> None:
    shop = at.shop
    payment = await captured(shop)
    await at.desk.note(AGENT, payment.id, "called")
    assert await moved(shop) == 0
    open_one = await shop.started(await shop.internet_order())
    assert await moved(shop) == 0
    assert await shop.state(open_one) is PaymentState.CREATED


async def test_what_the_bank_has_not_told_stays_live(shop: Shop) -> None:
    shop.bank.scripts.append(silent)
    payment = await shop.paid()
    assert await shop.state(payment) is PaymentState.UNKNOWN
    assert await moved(shop) == 0


async def test_a_bill_that_is_not_posted_and_a_message_that_waits_keep_a_payment_live(shop: Shop) -> None:
    payment = await shop.paid()
    archive = PgArchive(shop.database)
    assert [each.moved async for each in archive.batches(shop.clock.now() + LATER)] == [0]  # nothing was worked off
    await settled(shop)
    await shop.database.do("UPDATE messages SET due_at = now() WHERE payment_id = %(id)s", id=payment.id)
    assert [each.moved async for each in archive.batches(shop.clock.now() + LATER)] == [0]
    await shop.database.do("UPDATE messages SET due_at = NULL WHERE payment_id = %(id)s", id=payment.id)
    assert [each.moved async for each in archive.batches(shop.clock.now() + LATER)] == [1]


async def test_what_happened_lately_keeps_an_old_payment_live(shop: Shop) -> None:
    await captured(shop)
    assert await moved(shop, shop.clock.now()) == 0
    assert await moved(shop, shop.clock.now() + timedelta(days=2)) == 1


async def test_a_dry_run_counts_and_moves_nothing(shop: Shop) -> None:
    payment = await captured(shop)
    archive = PgArchive(shop.database, batch_max=1)
    counted = [(each.looked, each.moved) async for each in archive.batches(shop.clock.now() + LATER, dry_run=True)]
    assert counted == [(1, 1)]
    assert await whole(shop.database, payment.id, live=True)


async def test_a_repeated_key_finds_its_payment_of_a_month_and_charges_nobody(shop: Shop) -> None:
    payment = await captured(shop)
    assert await moved(shop) == 1
    again = await shop.started(shop.order())
    assert again.id == payment.id
    assert (await shop.database.all("SELECT id FROM ONLY payments")) == []


async def test_a_repeated_key_of_a_month_ends_no_basket(shop: Shop) -> None:
    """Its bill is in another basket by now: whoever asks again is answered, and nobody loses theirs."""
    payment = await shop.started(shop.order())
    await shop.till.cancel(payment.id)
    assert await moved(shop) == 1
    other = await shop.started(shop.order("ussd:9:9", STRANGER))
    again = await shop.started(shop.order())
    assert (again.id, again.state) == (payment.id, PaymentState.EXPIRED)
    assert await shop.state(other) is PaymentState.CREATED


async def test_a_bill_of_a_month_is_locked_as_ever(shop: Shop) -> None:
    await captured(shop)
    assert await moved(shop) == 1
    outcome = await shop.till.start(shop.order("ussd:9:9", STRANGER))
    assert not isinstance(outcome, Payment)
    assert (await shop.database.all("SELECT id FROM ONLY payments")) == []


async def test_a_key_and_a_bill_that_move_while_somebody_starts_are_seen(shop: Shop, database_url: str) -> None:
    payment = await captured(shop)
    await month_made(shop, payment.created_at)
    with psycopg.connect(database_url) as mover:
        assert mover.execute(MOVE, (shop.clock.now() + LATER,)).fetchone() == (1,)  # not committed
        same = replace(payment, id="SAME", reference="999991", invoices=(replace(BILL, number="another"),))
        other = NewPayment(replace(payment, id="OTHER", reference="999992"), "ussd:9:9", "f")
        with pytest.raises(BillsTaken):
            await shop.books.payments.add(other)
        repeat = asyncio.create_task(shop.books.payments.add(NewPayment(same, "ussd:1:7", "f")))
        await until(lambda: waits_for(database_url, 1))
        await asyncio.to_thread(mover.commit)
    with pytest.raises(KeyTaken):
        await repeat
    with pytest.raises(BillsTaken):
        await shop.books.payments.add(other)
    assert await whole(shop.database, payment.id, live=False)


async def test_whoever_writes_of_a_payment_that_moves_at_that_moment_waits_and_has_it_back(
    at: DeskShop, database_url: str
) -> None:
    payment = await captured(at.shop)
    await month_made(at.shop, payment.created_at)
    with psycopg.connect(database_url) as mover:
        mover.execute(MOVE, (at.shop.clock.now() + LATER,))
        note = asyncio.create_task(at.desk.note(AGENT, payment.id, "called"))
        resend = asyncio.create_task(at.desk.resend(AGENT, payment.id, MessageKind.RECEIPT_SMS))
        change = Change(PaymentEvent.VOID, due_at=at.shop.clock.now())
        void = asyncio.create_task(at.shop.books.payments.move(payment.id, change, at.shop.clock.now()))
        await until(lambda: waits_for(database_url, 3))
        await asyncio.to_thread(mover.commit)
        assert (await void).state is PaymentState.VOIDING
        await note
        assert await resend
    assert await whole(at.shop.database, payment.id, live=True)


async def test_before_there_is_a_month_no_trigger_asks_and_nothing_moves_while_one_does_not(
    shop: Shop, database_url: str
) -> None:
    asks = "SELECT of_table FROM khallas_asks_months() WHERE NOT off"
    payment = await captured(shop)
    assert [each.moved async for each in PgArchive(shop.database).batches(shop.clock.now() + LATER, dry_run=True)] == [
        1
    ]
    assert await shop.database.all(asks) == []
    await shop.database.do("SELECT khallas_make_month(%(at)s)", at=payment.created_at)
    with psycopg.connect(database_url) as mover, pytest.raises(errors.ObjectNotInPrerequisiteState):
        mover.execute(MOVE, (shop.clock.now() + LATER,))
    await PgArchive(shop.database).ask_months()
    listening = {row["of_table"] for row in await shop.database.all(asks)}
    assert {"payments", "payment_lines", "payment_events", "messages", "refunds"} <= listening
    assert await shop.database.all("SELECT khallas_deaf_tables()") == []
    assert await moved(shop) == 1


async def test_triggers_are_switched_on_beside_somebody_who_writes(shop: Shop, database_url: str) -> None:
    payment = await captured(shop)
    with psycopg.connect(database_url) as writer:
        writer.execute("UPDATE payments SET language = 'ar' WHERE id = %s", (payment.id,))
        asked = asyncio.create_task(PgArchive(shop.database).ask_months())
        await until(lambda: waits_for(database_url, 1))
        await asyncio.to_thread(writer.commit)
        await asked
    assert await moved(shop) == 1


async def test_two_that_bring_back_one_payment_at_once_bring_it_once(shop: Shop) -> None:
    payment = await captured(shop)
    assert await moved(shop) == 1
    before = await rows(shop.database, payment.id, live=False)
    archive = PgArchive(shop.database)
    assert await asyncio.gather(*(archive.bring_back(payment.id) for _ in range(6))) == [True] * 6
    assert await rows(shop.database, payment.id, live=True) == before
    assert await whole(shop.database, payment.id, live=True)
    assert not await archive.bring_back("NOBODY")


async def test_an_illegal_move_stays_illegal_in_a_month(shop: Shop) -> None:
    shop.bank.scripts.append(declines)
    payment = await shop.paid()
    await shop.sweep.money()
    shop.clock.forward(3 * 86_400)
    await shop.sweep.money()
    assert await moved(shop) == 1
    with pytest.raises(IllegalMove):
        await shop.books.payments.move(payment.id, Change(PaymentEvent.VOID), shop.clock.now())
    with pytest.raises(LookupError):
        await shop.books.payments.move("NOBODY", Change(PaymentEvent.VOID), shop.clock.now())


async def test_a_column_that_comes_later_moves_too(shop: Shop) -> None:
    payment = await captured(shop)
    assert await moved(shop) == 1
    await shop.database.do("ALTER TABLE payments ADD COLUMN of_tomorrow text DEFAULT 'x'")
    assert await PgArchive(shop.database).bring_back(payment.id)
    assert await moved(shop, shop.clock.now() + 2 * LATER) == 1
    assert await shop.database.all("SELECT of_tomorrow FROM payments") == [{"of_tomorrow": "x"}]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM payment_events_2026_11",
        "UPDATE payment_events_2026_11 SET event = 'x'",
        "TRUNCATE ledger_transfers_2026_11",
        "DELETE FROM ledger_transfers",
        "INSERT INTO payment_lines SELECT * FROM payment_lines",
    ],
)
async def test_a_month_is_changed_by_no_hand(shop: Shop, statement: str) -> None:
    await captured(shop)
    assert await moved(shop) == 1
    with pytest.raises((errors.RestrictViolation, errors.IntegrityError)):
        await shop.database.do(statement)


async def test_bills_are_free_again_once_the_whole_went_back(at: DeskShop) -> None:
    payment = await captured(at.shop)
    assert await moved(at.shop) == 1
    await given_back(at, payment)
    again = await at.shop.started(at.shop.order("ussd:9:9", PAYER))
    assert again.id != payment.id
