"""A wallet says that it was paid what it was not asked for: people end it, nothing is believed or denied."""

from math import inf

from core.database.payments.repository import PgPayments
from core.database.settlement.resolving import PgResolving
from core.payments.table import PaymentState
from core.refunds.resolving import Resolution
from core.wallets.attempts import WalletRecord
from core.wallets.port import WalletPaid
from tests.core.wallets.conftest import WalletShop


async def test_another_currency_or_reference_is_a_persons(shop: WalletShop) -> None:
    """It stands where two people can end it, and the wallet is asked on no more often than about any other."""
    record = await shop.asked()
    shop.neqdi.pays(record.attempt, currency="EUR")
    await shop.round(5)
    payment = await shop.seen_of(record)
    assert (payment.state, payment.by_hand) == (PaymentState.UNKNOWN, "wallet_mismatch")
    waiting = await PgResolving(shop.database, PgPayments(shop.database)).waiting(shop.clock.now(), 10)
    assert [(each.payment_id, Resolution.CHARGED in each.ends) for each in waiting] == [(payment.id, True)]
    shop.neqdi.debits[record.attempt.reference] = WalletPaid("W9", 76920, "MAD", "another")
    await shop.round(86_400)
    payment = await shop.seen_of(record)
    assert (payment.state, payment.by_hand) == (PaymentState.UNKNOWN, "wallet_mismatch")
    assert await next_look_s(shop, record) >= 3_600
    assert await told_people(shop, record) == 1, "once, however often it is looked at"


async def test_of_a_declined_one_that_is_said_to_be_paid_in_another_currency_people_are_told(shop: WalletShop) -> None:
    record = await shop.asked()
    shop.neqdi.declines(record.attempt)
    await shop.round(5)
    shop.neqdi.pays(record.attempt, currency="EUR")
    await shop.round(900)
    assert (await shop.seen_of(record)).state is PaymentState.DECLINED
    assert await told_people(shop, record) == 1
    assert await next_look_s(shop, record) >= 900
    await shop.round(86_400)
    assert await next_look_s(shop, record) == inf, "a day later it is asked no more"


async def told_people(shop: WalletShop, record: WalletRecord) -> int:
    """How often the payment's story says that people have to end its wallet's attempt."""
    row = await shop.database.one(
        "SELECT count(*) AS times FROM payment_events WHERE payment_id = %(it)s AND event = 'wallet_by_hand'",
        it=record.attempt.payment_id,
    )
    assert row is not None
    return int(row["times"])


async def next_look_s(shop: WalletShop, record: WalletRecord) -> float:
    """In how many seconds the wallet is asked about an attempt; endless where not again."""
    row = await shop.database.one(
        "SELECT due_at FROM wallet_attempts WHERE reference = %(it)s", it=record.attempt.reference
    )
    assert row is not None
    return inf if row["due_at"] is None else (row["due_at"] - shop.clock.now()).total_seconds()
