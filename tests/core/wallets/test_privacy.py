"""What a person may ask for, of wallets and of whoever takes our bills elsewhere."""

from dataclasses import replace

import pytest

from core.billers.outside import OutsideOrder, OutsideTaken
from core.database.billers.outside import PgOutsidePayments
from core.database.privacy.requests import PgPrivacy
from core.database.privacy.retention import PgRetention
from core.ids import Ids
from core.payments.table import Payment
from core.privacy.requests import StillOpen
from core.subscribers.lines import ServiceType
from core.wallets.attempts import AttemptState, WalletRecord
from core.wallets.port import ReversalRefused
from tests.core.wallets.conftest import NEQDI, WalletShop
from tests.support.bank import CARD, CVV
from tests.support.desks import BLIND
from tests.support.shop import BILL, PAYER

SISTER = "+212600000009"
DAY_S = 86_400


async def paid_by_sister(shop: WalletShop) -> WalletRecord:
    """A payment of PAYER's that another telephone's wallet pays."""
    payment = await shop.started()
    assert isinstance(await shop.wallets.start(payment.id, NEQDI, SISTER), Payment)
    return await shop.left(payment)


async def numbers(shop: WalletShop) -> str:
    """Every row that may hold a wallet's payer."""
    tables = "payments", "wallet_attempts", "outside_payments"
    return str([await shop.database.all(f"TABLE {table}") for table in tables])


async def test_whoever_was_asked_and_whoever_asked_are_told(shop: WalletShop) -> None:
    record = await paid_by_sister(shop)
    shop.neqdi.pays(record.attempt)
    await shop.round(5)
    books = PgPrivacy(shop.database, BLIND)
    (hers,) = (await books.held(SISTER))["wallet_requests"]
    assert (hers["provider"], hers["at_this_number"], hers["state"], hers["receipt"]) == (
        NEQDI,
        True,
        "paid",
        "W000001",
    )
    told = await books.held(PAYER)
    assert [each["at_this_number"] for each in told["wallet_requests"]] == [False]
    assert [each["wallet"] for each in told["payments"]] == [NEQDI]
    assert SISTER not in str(told), "another person's number"


async def test_either_is_forgotten_and_not_while_the_wallet_may_be_paid(shop: WalletShop) -> None:
    record, books = await paid_by_sister(shop), PgPrivacy(shop.database, BLIND)
    reference = record.attempt.payment_reference
    for number in (SISTER, PAYER):
        with pytest.raises(StillOpen) as refused:
            await books.erase(number, shop.clock.now())
        assert refused.value.references == (reference,)
    shop.neqdi.pays(record.attempt)
    await shop.round(5)
    await shop.work()
    await shop.round(2 * DAY_S)
    done = await books.erase(SISTER, shop.clock.now())
    assert (done["wallet_payers"], done["wallet_requests"], done["payments"]) == (1, 1, 0)
    assert SISTER not in await numbers(shop)
    assert (await books.held(SISTER))["wallet_requests"] == []
    assert (await books.erase(PAYER, shop.clock.now()))["payments"] == 1
    assert PAYER not in await numbers(shop)


async def test_a_payer_is_known_while_a_wallet_keeps_what_is_not_ours(shop: WalletShop) -> None:
    record = await shop.asked()
    shop.neqdi.declines(record.attempt)
    await shop.round(5)
    card = await shop.till.authorise(record.attempt.payment_id, CARD, CVV, wait_s=60)
    assert isinstance(card, Payment)
    shop.neqdi.declined.clear()
    shop.neqdi.reversals.append(ReversalRefused("never"))
    shop.neqdi.pays(record.attempt)
    await shop.wallets.called_back(NEQDI, record.attempt.reference, b"")
    await shop.round(1)
    await shop.round(1)
    assert (await shop.again(record)).state is AttemptState.SURPLUS
    await shop.work()
    retention, later = PgRetention(shop.database), 20 * 365 * DAY_S
    shop.neqdi.reversals.append(ReversalRefused("never"))
    await shop.round(later)
    assert (await shop.again(record)).state is AttemptState.SURPLUS
    assert await retention.forget_paid(shop.clock.now(), 100) == 0
    await shop.round(2 * DAY_S)
    assert (await shop.again(record)).state is AttemptState.RETURNED
    assert await retention.forget_paid(shop.clock.now(), 100) == 1
    assert PAYER not in await numbers(shop)


async def test_bills_that_were_paid_elsewhere_are_told_and_lose_the_customers_name_there(shop: WalletShop) -> None:
    order = OutsideOrder(
        "gsma", "k-1", ServiceType.MOBILE, "0600000001", BILL.number, BILL.amount_centimes, "MAD", "Salma's account"
    )
    door, now = PgOutsidePayments(shop.database, "MAD"), shop.clock.now()
    assert isinstance(await door.take(order, Ids().payment(now), now), OutsideTaken)
    lost = replace(order, key="k-2", their_reference="Salma's other", final=True)
    assert isinstance(await door.take(lost, Ids().payment(now), now), OutsideTaken)
    books = PgPrivacy(shop.database, BLIND)
    told = (await books.held(PAYER))["paid_elsewhere"]
    assert {each["their_reference"]: each["left_centimes"] > 0 for each in told} == {
        "Salma's account": False,
        "Salma's other": True,
    }
    assert (await books.erase(PAYER, now))["paid_elsewhere"] == 1, "what is to be given back is looked for by its name"
    assert {each["their_reference"] for each in (await books.held(PAYER))["paid_elsewhere"]} == {"", "Salma's other"}
