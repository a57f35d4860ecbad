"""Bills that were paid elsewhere, over a real PostgreSQL: once a key, by the same lock as a card's."""

import asyncio
from dataclasses import replace

import pytest

from core.billers.outside import OutsideOrder, OutsideRefusal, OutsideTaken
from core.database.billers.outside import PgOutsidePayments
from core.ids import Ids
from core.payments.table import Payment, PaymentState
from core.subscribers.lines import ServiceType
from tests.support.bank import CARD, CVV, silent_after_charging
from tests.support.shop import BILL, Shop, shop

__all__ = ["shop"]  # the fixture, shared

IDS = Ids()
ORDER = OutsideOrder(
    "gsma", "k-1", ServiceType.MOBILE, "0600000001", BILL.number, BILL.amount_centimes, "MAD", "their-1"
)
INTERNET = replace(ORDER, service=ServiceType.INTERNET, line_reference="7710345", number=None)
ROUNDS = 12


async def take(shop: Shop, order: OutsideOrder = ORDER) -> OutsideTaken | OutsideRefusal:
    now = shop.clock.now()
    return await PgOutsidePayments(shop.database, "MAD").take(order, IDS.payment(now), now)


async def owed(shop: Shop, order: OutsideOrder = ORDER) -> list[int]:
    return [bill.amount_centimes for bill in await shop.billing.unpaid(order.service, order.line_reference)]


async def test_it_counts_once_however_often_it_is_told(shop: Shop) -> None:
    first = await take(shop)
    assert isinstance(first, OutsideTaken)
    assert (first.repeated, first.left_centimes, await owed(shop)) == (False, 0, [])
    again = await take(shop)
    assert again == replace(first, repeated=True)
    assert await take(shop, replace(ORDER, amount_centimes=100)) is OutsideRefusal.KEY_REUSED
    assert await take(shop, replace(ORDER, key="k-2")) is OutsideRefusal.PAID
    together = await asyncio.gather(*(take(shop, replace(ORDER, door="other")) for _ in range(5)))
    assert set(together) == {OutsideRefusal.PAID}


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"amount_centimes": BILL.amount_centimes - 1}, OutsideRefusal.TOO_LITTLE),
        ({"amount_centimes": BILL.amount_centimes + 1}, OutsideRefusal.TOO_MUCH),
        ({"number": "nobody's"}, OutsideRefusal.NO_BILL),
        ({"line_reference": "0600000099", "number": None}, OutsideRefusal.NO_LINE),
        ({"currency": "EUR"}, OutsideRefusal.CURRENCY),
    ],
)
async def test_what_cannot_be_paid_is_refused_and_nothing_is_written(
    shop: Shop, change: dict[str, object], refusal: OutsideRefusal
) -> None:
    wrong = replace(ORDER, **change)  # type: ignore[arg-type]
    assert await PgOutsidePayments(shop.database, "MAD").would_take(wrong) is refusal
    assert await take(shop, wrong) is refusal
    assert await shop.database.all("SELECT 1 FROM outside_payments") == []
    assert isinstance(await take(shop), OutsideTaken), "the key is free"


async def test_a_basket_that_was_never_sent_ends_and_one_that_was_keeps_its_bill(shop: Shop) -> None:
    waiting = await shop.started()
    assert isinstance(await take(shop, replace(ORDER, amount_centimes=BILL.amount_centimes)), OutsideTaken)
    assert await shop.state(waiting) is PaymentState.EXPIRED


async def test_a_bill_that_a_card_is_paying_answers_in_progress(shop: Shop) -> None:
    shop.bank.scripts.append(silent_after_charging)
    payment = await shop.paid()
    assert await shop.state(payment) is PaymentState.UNKNOWN
    assert await take(shop) is OutsideRefusal.IN_PROGRESS
    assert await PgOutsidePayments(shop.database, "MAD").would_take(ORDER) is OutsideRefusal.IN_PROGRESS
    await shop.till.inquire(payment.id)
    assert await take(shop) is OutsideRefusal.PAID, "captured, and not posted yet"
    await shop.work()
    assert (await owed(shop), len(shop.bank.kept)) == ([], 1)


async def test_money_that_was_taken_elsewhere_sends_the_cards_back(shop: Shop) -> None:
    shop.bank.scripts.append(silent_after_charging)
    payment = await shop.paid()
    final = replace(ORDER, final=True)
    assert isinstance(await take(shop, final), OutsideTaken)
    await shop.till.inquire(payment.id)
    await shop.work()
    assert (await shop.state(payment), shop.bank.kept, await owed(shop)) == (PaymentState.VOIDED, set(), [])


async def test_what_is_final_and_finds_no_bill_is_an_operators(shop: Shop) -> None:
    final = replace(ORDER, final=True, number=None)
    for order in (
        replace(final, key="a", line_reference="0600000099"),
        replace(final, key="b", currency="EUR"),
    ):
        taken = await take(shop, order)
        assert isinstance(taken, OutsideTaken)
        assert taken.left_centimes == BILL.amount_centimes
    more = await take(shop, replace(final, key="c", amount_centimes=BILL.amount_centimes + 1_000))
    assert isinstance(more, OutsideTaken)
    assert (more.left_centimes, await owed(shop)) == (1_000, [])


async def test_a_line_is_paid_from_its_oldest_bill_on(shop: Shop) -> None:
    assert await take(shop, replace(INTERNET, amount_centimes=29_900 + 29_900)) != OutsideRefusal.TOO_MUCH
    assert await owed(shop, INTERNET) == [31_040]
    part = replace(INTERNET, key="k-2", amount_centimes=10_000)
    assert await take(shop, part) is OutsideRefusal.TOO_LITTLE
    assert isinstance(await take(shop, replace(part, final=True)), OutsideTaken)
    assert await owed(shop, INTERNET) == [21_040]


async def test_a_thousand_bills_of_a_line_are_paid_at_once_at_most(shop: Shop) -> None:
    await shop.database.do(
        "INSERT INTO invoices (service, line_reference, number, period, amount_centimes, due_date, updated_at) "
        "SELECT 'mobile', '0600000003', 'many-' || n, '2026-10-01', 1, '2026-11-25', now() "
        "FROM generate_series(1, 1001) AS n"
    )
    door = PgOutsidePayments(shop.database, "MAD")
    many = replace(ORDER, line_reference="0600000003", number=None, amount_centimes=1_000)
    assert await door.would_take(many) is None
    assert await door.would_take(replace(many, amount_centimes=1_001)) is OutsideRefusal.TOO_MUCH


async def test_of_a_card_and_a_biller_at_once_one_is_kept(shop: Shop) -> None:
    for number in range(ROUNDS):
        await shop.database.do(
            "UPDATE invoices SET paid_at = NULL, paid_by = NULL, owed_centimes = NULL; "
            "UPDATE payment_lines SET active = false"
        )
        kept_before = len(shop.bank.kept)

        async def by_card(number: int = number) -> object:
            started = await shop.till.start(shop.order(f"ussd:race:{number}"))
            if not isinstance(started, Payment):
                return started
            return await shop.till.authorise(started.id, CARD, CVV, wait_s=60)

        card, outside = await asyncio.gather(by_card(), take(shop, replace(ORDER, key=f"race-{number}")))
        await shop.work()
        kept = len(shop.bank.kept) - kept_before
        assert kept + isinstance(outside, OutsideTaken) == 1, (card, outside)
        assert await owed(shop) == []
    shop.by_hand = True  # the bills were opened again by no event
