"""What a wallet says long after its payment moved to its month: it is heard, and no money is left lying."""

from core.database.pool import Database
from core.payments.table import PaymentState
from core.wallets.attempts import AttemptState
from tests.core.archive.archives import moved, rows
from tests.core.wallets.conftest import NEQDI, WalletShop, shop
from tests.core.wallets.test_paying import balanced

__all__ = ["shop"]

DAY_S = 86_400


async def test_a_wallet_that_says_late_that_it_took_the_money_is_heard(shop: WalletShop) -> None:
    record = await shop.asked()
    shop.neqdi.declines(record.attempt)
    for seconds in (5, DAY_S, DAY_S, DAY_S):
        await shop.round(seconds)
    assert await moved(shop) == 1
    payment_id = record.attempt.payment_id
    assert "payments" in await rows(shop.database, payment_id, live=False)
    assert (await shop.again(record)).state is AttemptState.DECLINED
    shop.neqdi.pays(record.attempt)
    assert await shop.attempts.learn(NEQDI, record.attempt.reference, None, shop.clock.now())
    assert await rows(shop.database, payment_id, live=False) == {}
    for _ in range(3):
        await shop.round(5)
    landed, payment = await shop.again(record), await shop.seen_of(record)
    assert (landed.state, payment.state) == (AttemptState.PAID, PaymentState.CAPTURED)
    assert shop.neqdi.took_centimes() == payment.amount_centimes
    assert await balanced(shop)
    assert await _doubled(shop.database) == []


async def _doubled(database: Database) -> list[dict[str, object]]:
    return await database.all("SELECT id FROM payments GROUP BY id HAVING count(*) > 1")
