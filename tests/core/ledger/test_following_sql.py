"""The database's ledger follows the payments in their own commits, by the rules of core/ledger."""

import itertools
import re

import psycopg
import pytest

from core.database.ledger.transfers import TransferConflict
from core.ledger.accounts import CAPTURES, CREDITS, POSTED, TO_POST, TO_REFUND, bank, fees, receivable
from core.ledger.following import INSIDE
from core.ledger.places import EXCESS, place
from core.ledger.transfers import LedgerOccasion
from core.payments.table import Payment, PaymentState
from core.ports import Decline, DeclineKind, NotSettled, TooLate
from core.refunds.model import RefundPart, RefundState
from core.refunds.requests import Reason
from core.repositories import PostingState
from lab.clocks import NOON
from tests.core.billing.test_posting import paid_three
from tests.core.ledger.ledgers import balances, story_of, unfollowed
from tests.core.ledger.settled import post, settled_sale
from tests.support.bank import declines, silent_after_charging, takes
from tests.support.desks import SUPERVISOR, desk_of
from tests.support.shop import BILL, Shop

OWED = receivable()
DUE = BILL.amount_centimes


async def test_a_place_is_the_same_in_sql(shop: Shop) -> None:
    items = [*PostingState, RefundState.ASKED, RefundState.CREDITING, RefundState.STUCK, EXCESS, "unheard-of"]
    for state, item in itertools.product([*PaymentState, "new"], items):
        row = await shop.database.one("SELECT khallas_place(%(state)s, %(item)s) AS place", state=state, item=item)
        assert row is not None
        assert row["place"] == place(str(state), str(item)), (state, item)


async def test_the_same_events_only_move_money_in_sql(shop: Shop) -> None:
    row = await shop.database.one("SELECT prosrc FROM pg_proc WHERE proname = 'khallas_ledger_follow'")
    assert row is not None
    listed = re.search(r"NEW\.event NOT IN \(([^)]*)\)", row["prosrc"])
    assert listed is not None
    assert set(re.findall(r"'(\w+)'", listed[1])) == INSIDE


async def test_a_payment_that_is_posted(shop: Shop) -> None:
    paid = await shop.paid()
    assert await balances(shop.database) == {OWED: DUE, TO_POST: DUE}
    await shop.work()
    assert await story_of(shop.database, paid.id) == [
        ("approved", OWED, TO_POST, DUE),
        ("bill_posted", TO_POST, POSTED, DUE),
    ]
    assert await unfollowed(shop.database) == []


async def test_nothing_is_written_of_what_took_nothing(shop: Shop) -> None:
    shop.bank.scripts.append(declines)
    await shop.paid()
    assert await balances(shop.database) == {}


async def test_an_approval_found_by_inquiry_counts_once(shop: Shop) -> None:
    shop.bank.scripts.append(silent_after_charging)
    paid = await shop.paid()
    await shop.till.attendant.inquire(paid.id)
    await shop.till.attendant.inquire(paid.id)
    assert await balances(shop.database) == {OWED: DUE, TO_POST: DUE}


@pytest.mark.parametrize("took", [DUE + 100, DUE - 100])
async def test_another_amount_is_in_doubt_until_it_is_voided(shop: Shop, took: int) -> None:
    shop.bank.scripts.append(takes(took))
    paid = await shop.paid()
    assert await balances(shop.database) == {OWED: took, CAPTURES: took}
    await shop.till.attendant.attend(paid.id)
    assert await shop.state(paid) is PaymentState.VOIDED
    assert await balances(shop.database) == {}
    assert await unfollowed(shop.database) == []


async def test_bills_that_billing_refuses_are_owed_to_the_payer_and_given_back(shop: Shop) -> None:
    paid = await shop.paid()
    await shop.database.do("UPDATE invoices SET paid_at = now(), paid_by = 'elsewhere'")
    await shop.poster.post(paid.id)
    assert await balances(shop.database) == {OWED: DUE, TO_REFUND: DUE}
    shop.clock.forward(1)
    await shop.till.attendant.attend(paid.id)
    assert await balances(shop.database) == {}
    assert await unfollowed(shop.database) == []


async def test_a_part_of_a_bill_goes_back(shop: Shop) -> None:
    desk = await desk_of(shop)
    paid, numbers = await paid_three(shop)
    await shop.work()
    whole = paid.amount_centimes
    assert isinstance(
        await desk.desk.propose_undo(SUPERVISOR, paid.id, Reason.WRONG_AMOUNT, "", (RefundPart(numbers[0], 5_000),)),
        Payment,
    )
    assert await balances(shop.database) == {OWED: whole, POSTED: whole - 5_000, TO_REFUND: 5_000}
    shop.bank.refund_answers.append(NotSettled())
    await shop.work()
    assert await balances(shop.database) == {OWED: whole, POSTED: whole - 5_000, TO_REFUND: 5_000}
    shop.clock.forward(3_601)
    await shop.sweep.run()
    assert await balances(shop.database) == {OWED: whole - 5_000, POSTED: whole - 5_000}
    events = [(event, debit, credit) for event, debit, credit, _ in await story_of(shop.database, paid.id)]
    assert ("part_crediting", TO_REFUND, CREDITS) in events
    assert events[-1] == ("part_credited", CREDITS, OWED)
    assert await unfollowed(shop.database) == []


async def test_a_whole_that_is_credited_and_one_that_is_refused(shop: Shop) -> None:
    shop.bank.voids.append(TooLate())
    shop.bank.refund_answers.append(Decline("99", DeclineKind.OUR_FAULT))
    paid = await shop.paid()
    await shop.work()
    await shop.till.undo(paid.id, "test")
    assert await balances(shop.database) == {OWED: DUE, TO_REFUND: DUE}
    await shop.till.attendant.attend_claimed(paid.id)
    assert await unfollowed(shop.database) == []
    assert (await balances(shop.database))[OWED] == DUE


async def test_what_was_moved_by_no_event_is_not_followed(shop: Shop) -> None:
    """A state set by hand: the equations must find it, not the ledger follow it."""
    paid = await shop.paid()
    await shop.work()
    shop.by_hand = True
    await shop.database.do("UPDATE payments SET state = 'voided' WHERE id = %(id)s", id=paid.id)
    assert await balances(shop.database) == {OWED: DUE, POSTED: DUE}
    assert len(await unfollowed(shop.database)) == 1


async def test_a_changed_amount_is_not_followed_by_what_only_moves(shop: Shop) -> None:
    paid = await shop.paid()
    shop.by_hand = True
    await shop.database.do("UPDATE payment_lines SET amount_centimes = amount_centimes + 1")
    before, after = PostingState.PENDING, PostingState.POSTED
    assert await shop.books.postings.turn(paid.id, BILL.number, before, after, shop.clock.now(), None)
    assert await story_of(shop.database, paid.id) == [
        ("approved", OWED, TO_POST, DUE),
        ("bill_posted", TO_POST, POSTED, DUE),
    ]
    assert len(await unfollowed(shop.database)) == 1


async def test_rows_are_never_changed_or_taken_away(shop: Shop) -> None:
    await shop.paid()
    for statement in ("UPDATE ledger_transfers SET amount_centimes = 1", "DELETE FROM ledger_transfers"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            await shop.database.do(statement)
    for debit, amount in ((OWED, 0), (TO_POST, 1)):
        with pytest.raises(psycopg.errors.CheckViolation):
            await shop.database.do(
                "INSERT INTO ledger_transfers (id, at, debit, credit, amount_centimes, currency, event) "
                "VALUES ('x', now(), %(debit)s, 'bills:to_post', %(amount)s, 'MAD', 'test')",
                debit=debit,
                amount=amount,
            )


async def test_what_is_posted_again_is_posted_once(shop: Shop) -> None:
    paid = await shop.paid()
    sale = settled_sale(LedgerOccasion("settlement:abc:2", NOON, paid.id), DUE, 1_000)
    assert await post(shop.database, sale) == 2
    assert await post(shop.database, sale) == 0
    assert await balances(shop.database) == {bank(): DUE - 1_000, fees(): 1_000, TO_POST: DUE}
    with pytest.raises(TransferConflict):
        await post(shop.database, settled_sale(LedgerOccasion("settlement:abc:2", NOON, paid.id), DUE, 999))
    await shop.work()  # what settlement moved is nothing to the bills
    assert await balances(shop.database) == {bank(): DUE - 1_000, fees(): 1_000, POSTED: DUE}


async def test_books_are_opened_once_for_what_was_there_before(shop: Shop) -> None:
    paid = await shop.paid()
    await shop.work()
    await shop.database.do("SET LOCAL session_replication_role = replica; DELETE FROM ledger_transfers")
    for _ in range(2):
        await shop.database.all("SELECT khallas_ledger_open(%(id)s, now())", id=paid.id)
    assert await story_of(shop.database, paid.id) == [("opening", OWED, POSTED, DUE)]
