"""A wallet's sending and its attempt, its success and the capture: one statement each, and neither half without the
other."""

import pytest

from core.payments.table import PaymentState
from core.wallets.attempts import AttemptState
from core.wallets.port import WalletPaid
from tests.core.archive.archives import month_made
from tests.core.wallets.conftest import WalletShop
from tests.core.wallets.test_paying import balanced


async def test_it_is_paid_in_the_very_same_way_once_the_months_are_asked(shop: WalletShop) -> None:
    """Each attempt's row asks where its payment is, which is sent by the same statement."""
    await month_made(shop, shop.clock.now())
    record = await shop.asked()
    shop.neqdi.pays(record.attempt)
    await shop.round(5)
    assert (await shop.seen_of(record)).state is PaymentState.CAPTURED
    assert (await shop.again(record)).state is AttemptState.PAID
    assert await balanced(shop)


@pytest.mark.parametrize("state", ["surplus", "paid"])
async def test_of_a_success_and_its_capture_there_is_neither_without_the_other(shop: WalletShop, state: str) -> None:
    """Whatever the code believes: the attempt was changed behind its back."""
    record = await shop.asked()
    shop.by_hand = True
    await shop.database.do("UPDATE wallet_attempts SET state = %(state)s, taken_centimes = 76920", state=state)
    landed = await shop.attempts.land(record, WalletPaid("W1", 76920, "MAD"), shop.clock.now(), "token")
    assert landed is None
    payment = await shop.till.payment(record.attempt.payment_id)
    assert payment is not None
    assert (payment.state, payment.receipt_number) == (PaymentState.SENDING, None)
