"""The books over a real database: sheets, equations, days that close, and a verifier that names what was changed."""

from datetime import date, datetime, timedelta

import psycopg
import pytest

from core.database import migrate
from core.database.ledger.days import LedgerDays
from core.database.ledger.reading import LedgerReader
from core.database.ledger.verifying import LedgerVerifier
from core.database.pool import Database
from core.ledger.accounts import CREDITS, POSTED, TO_POST, bank, fees, receivable
from core.ledger.balances import BalanceSheet
from core.ledger.transfers import LedgerOccasion
from core.ports import Decline, DeclineKind, UnknownOutcome
from core.refunds.model import RefundPart
from core.refunds.requests import Reason
from core.zone import ZONE
from lab.clocks import NOON
from tests.core.billing.test_posting import paid_three
from tests.core.ledger.ledgers import story_of
from tests.core.ledger.settled import post, settled_sale
from tests.support.bank import declines, takes
from tests.support.desks import SUPERVISOR, desk_of
from tests.support.shop import BILL, Shop

DAY_S = 86_400
DUE = BILL.amount_centimes
FIRST = date(2026, 11, 23)


async def sheet(shop: Shop, on: date | None = None) -> BalanceSheet:
    return await LedgerReader(shop.database).sheet(shop.clock.now(), on)


async def verified(shop: Shop) -> list[str]:
    return await LedgerVerifier(shop.database).verify()


def closings(of: BalanceSheet) -> dict[str, int]:
    return {each.account: each.closing_centimes for each in of.accounts if each.closing_centimes}


def failing(of: BalanceSheet) -> list[str]:
    return sorted({each.name for each in of.equations if not each.holds})


async def by_hand(database: Database, statement: str) -> None:
    """As somebody with the keys of the database would."""
    await database.do(f"SET session_replication_role = replica; {statement}; SET session_replication_role = DEFAULT")


async def mixed(shop: Shop) -> str:
    """A day: paid and posted, declined, another amount, a part given back. The id of the payment that is in parts."""
    shop.bank.scripts.extend((declines, takes(1)))
    for key in ("ussd:a", "ussd:b", "ussd:c"):
        payment = await shop.paid(shop.order(key))
        await shop.till.attendant.attend(payment.id)
    paid, numbers = await paid_three(shop)
    await shop.work()
    desk = await desk_of(shop)
    await desk.desk.propose_undo(SUPERVISOR, paid.id, Reason.WRONG_AMOUNT, "", (RefundPart(numbers[0], 5_000),))
    await shop.work()
    return paid.id


async def test_an_empty_ledger_balances(shop: Shop) -> None:
    found = await sheet(shop)
    assert (found.holds, closings(found)) == (True, {})
    assert [each.name for each in found.equations] == ["E1", "E2", "E2", "E2", "E3", "E3", "E4", "E6"]


async def test_a_mixed_day_balances(shop: Shop) -> None:
    await mixed(shop)
    found = await sheet(shop)
    assert (failing(found), found.differences, await verified(shop)) == ([], (), [])
    assert closings(found) == {
        receivable(): DUE + 90_840 - 5_000,
        POSTED: DUE + 90_840 - 5_000,
    }


async def test_a_day_opens_with_what_the_one_before_closed_with(shop: Shop) -> None:
    await shop.paid()
    await shop.work()
    shop.clock.forward(DAY_S)
    paid = await shop.paid(await shop.internet_order())
    before, today = await sheet(shop, FIRST), await sheet(shop)
    assert closings(before) == {receivable(): DUE, POSTED: DUE}
    opened = {each.account: each.opening_centimes for each in today.accounts if each.opening_centimes}
    assert opened == closings(before)
    assert closings(today)[TO_POST] == paid.amount_centimes
    assert await LedgerDays(shop.database).close_due(shop.clock.now()) == [FIRST]
    assert (await sheet(shop, FIRST)).accounts == before.accounts
    assert (await sheet(shop, FIRST)).closed
    assert (await sheet(shop)).accounts == today.accounts


async def test_days_close_after_half_past_midnight_one_by_one_and_once(shop: Shop) -> None:
    days = LedgerDays(shop.database)
    assert await days.close_due(shop.clock.now()) == []
    await shop.paid()
    shop.clock.time = datetime(2026, 11, 24, 0, 29, tzinfo=ZONE)
    assert await days.close_due(shop.clock.now()) == []
    shop.clock.forward(60)
    assert await days.close_due(shop.clock.now()) == [FIRST]
    assert await days.close_due(shop.clock.now()) == []
    shop.clock.forward(3 * DAY_S)
    assert await days.close_due(shop.clock.now()) == [FIRST + timedelta(days=n) for n in (1, 2, 3)]
    assert await verified(shop) == []


async def test_a_closing_that_was_cut_off_is_done_again(shop: Shop) -> None:
    await shop.paid()
    shop.clock.forward(DAY_S)
    days = LedgerDays(shop.database)
    await days._shut(1, FIRST)
    assert await days.close_due(shop.clock.now()) == [FIRST]
    assert await verified(shop) == []


async def test_a_row_of_a_closed_day_is_dated_today_and_says_so(shop: Shop) -> None:
    paid = await shop.paid()
    shop.clock.forward(DAY_S)
    await LedgerDays(shop.database).close_due(shop.clock.now())
    await post(shop.database, settled_sale(LedgerOccasion("settlement:late", NOON, paid.id, note="batch 1"), DUE))
    row = await shop.database.one("SELECT at, note FROM ledger_transfers WHERE id = 'settlement:late.1'")
    assert row is not None
    assert row["note"] == "batch 1; of 2026-11-23T12:00:00Z, a day that is closed"
    assert row["at"].date() > FIRST
    assert await verified(shop) == []


async def test_settlement_takes_the_gross_off_the_receivable(shop: Shop) -> None:
    paid = await shop.paid()
    await shop.work()
    await post(shop.database, settled_sale(LedgerOccasion("settlement:1", NOON, paid.id), DUE, 1_154))
    found = await sheet(shop)
    assert closings(found) == {bank(): DUE - 1_154, fees(): 1_154, POSTED: DUE}
    assert failing(found) == []


async def test_money_in_doubt_for_a_day_is_listed_with_its_payment(shop: Shop) -> None:
    desk = await desk_of(shop)
    paid, numbers = await paid_three(shop)
    await shop.work()
    shop.bank.refund_answers.append(UnknownOutcome("time-out"))
    await desk.desk.propose_undo(SUPERVISOR, paid.id, Reason.WRONG_AMOUNT, "", (RefundPart(numbers[0], 5_000),))
    await shop.work()
    assert (await sheet(shop)).doubts == ()
    shop.clock.forward(DAY_S)
    (doubt,) = (await sheet(shop)).doubts
    assert (doubt.payment_id, doubt.account, doubt.centimes) == (paid.id, CREDITS, 5_000)


async def test_a_transfer_left_out_is_found(shop: Shop) -> None:
    paid = await shop.paid()
    await shop.work()
    shop.by_hand = True
    await by_hand(shop.database, "DELETE FROM ledger_transfers WHERE event = 'bill_posted'")
    found = await sheet(shop)
    assert failing(found) == ["E2"]
    assert [(each.payment_id, each.debit, each.credit, each.centimes) for each in found.differences] == [
        (paid.id, TO_POST, POSTED, DUE)
    ]


RESEALED = """
UPDATE ledger_transfers SET amount_centimes = amount_centimes + 1 WHERE event = 'approved';
UPDATE ledger_transfers t SET seal = khallas_ledger_seal(t)
"""
CHANGED = {
    "a transfer": (
        "UPDATE ledger_transfers SET amount_centimes = amount_centimes + 1 WHERE event = 'approved'",
        "transfer e",
    ),
    "a sealed one, sealed again": (
        RESEALED,
        "day 2026-11-23: its 13 rows are not what was closed",
    ),
    "a day's total": (
        "UPDATE ledger_day_totals SET debits_centimes = debits_centimes + 1 WHERE account = 'bills:to_post'",
        "day 2026-11-23: its totals were changed",
    ),
    "a day's hash": ("UPDATE ledger_days SET hash = sha256('forged')", "day 2026-11-23: its row was changed"),
    "a payment's amount": ("UPDATE payments SET amount_centimes = amount_centimes + 1", "its amount is not its bills'"),
    "what the acquirer took": (
        "UPDATE payments SET approved_centimes = approved_centimes + 1 WHERE state = 'captured'",
        "what the acquirer took is not what the ledger took in",
    ),
    "a bill's amount": (
        "UPDATE payment_lines SET amount_centimes = amount_centimes + 1 WHERE invoice_number = '0000404418102026'",
        "bill 0000404418102026 is not the amount that was confirmed",
    ),
    "what went back of a bill": (
        "UPDATE payment_lines SET returned_centimes = 5001 WHERE returned_centimes = 5000",
        "what went back is not the sum of its parts",
    ),
    "a refund's amount": (
        "UPDATE refunds SET amount_centimes = amount_centimes + 1 WHERE request_id IS NOT NULL",
        "what went back is not the sum of its parts",
    ),
    "a payment's state": (
        "UPDATE payments SET state = 'voided' WHERE state = 'captured'",
        "it is voided, its last event left it captured",
    ),
    "a posting's state": ("UPDATE payment_lines SET posting = 'refused'", "the tables and the transfers differ"),
}


@pytest.mark.parametrize(("statement", "named"), CHANGED.values(), ids=CHANGED.keys())
async def test_what_is_changed_by_hand_is_named(shop: Shop, statement: str, named: str) -> None:
    """One centime, or one state, of a closed day."""
    payment_id = await mixed(shop)
    shop.clock.forward(DAY_S)
    await LedgerDays(shop.database).close_due(shop.clock.now())
    assert await verified(shop) == []
    shop.by_hand = True
    await by_hand(shop.database, statement)
    found = await verified(shop)
    assert [wrong for wrong in found if named in wrong], found
    if "payment" in named or statement.startswith("UPDATE p"):
        assert any(payment_id in wrong for wrong in found), found


async def test_a_closed_day_is_never_changed(shop: Shop) -> None:
    await shop.paid()
    shop.clock.forward(DAY_S)
    await LedgerDays(shop.database).close_due(shop.clock.now())
    for statement in (
        "UPDATE ledger_days SET rows_count = 0",
        "DELETE FROM ledger_days",
        "UPDATE ledger_day_totals SET debits_centimes = 0",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            await shop.database.do(statement)


async def test_a_refused_credit_keeps_the_books_whole(shop: Shop) -> None:
    desk = await desk_of(shop)
    paid, numbers = await paid_three(shop)
    await shop.work()
    shop.bank.refund_answers.append(Decline("99", DeclineKind.OUR_FAULT))
    await desk.desk.propose_undo(SUPERVISOR, paid.id, Reason.WRONG_AMOUNT, "", (RefundPart(numbers[0], 5_000),))
    await shop.work()
    assert failing(await sheet(shop)) == []


async def test_migrating_opens_the_books_once(shop: Shop, database_url: str) -> None:
    payment_id = await mixed(shop)
    before = closings(await sheet(shop))
    await by_hand(
        shop.database, "DELETE FROM ledger_transfers; UPDATE ledger_opening SET since = '2100-01-01', opened_at = NULL"
    )
    migrate.upgrade(database_url, opened_at_once=1)
    assert closings(await sheet(shop)) == before
    assert {event for event, *_ in await story_of(shop.database, payment_id)} == {"opening"}
    assert (await sheet(shop)).holds
    shop.by_hand = True
    await by_hand(shop.database, "DELETE FROM ledger_transfers")
    migrate.upgrade(database_url)  # what is left out now is no payment from before
    assert not (await sheet(shop)).holds
