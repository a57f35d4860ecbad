"""Looks at an attempt that was declined: a success may have come after all."""

from core.database.ledger.reading import LedgerReader
from core.ports import UnknownOutcome
from core.wallets.attempts import AttemptState
from tests.core.wallets.conftest import WalletShop


async def test_the_last_look_at_a_declined_attempt_is_made_again_until_it_is_answered(shop: WalletShop) -> None:
    """Three in ten thousand attempts were lost so: the wallet said no, took the money, and was silent at every look."""
    record = await shop.asked()
    shop.neqdi.declines(record.attempt)
    await shop.round(5)
    shop.neqdi.declined.clear()
    shop.neqdi.pays(record.attempt)
    for seconds in (900, 3_600, 86_400, 86_400):
        shop.neqdi.inquiries.append(UnknownOutcome("500"))
        await shop.round(seconds)
        assert (await shop.again(record)).state is AttemptState.DECLINED
    await shop.round(86_400)
    assert (await shop.again(record)).state is AttemptState.PAID
    assert (await LedgerReader(shop.database).sheet(shop.clock.now())).holds


async def test_whoever_is_silent_for_a_month_is_asked_no_more(shop: WalletShop) -> None:
    record = await shop.asked()
    shop.neqdi.declines(record.attempt)
    await shop.round(5)
    shop.neqdi.inquiries.append(UnknownOutcome("500"))
    await shop.round(31 * 86_400)
    (row,) = await shop.database.all("SELECT due_at FROM wallet_attempts")
    assert row["due_at"] is None
