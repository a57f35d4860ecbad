"""A shop with a wallet and two acquirers: one tender at a time, and what one may have taken no other is asked for."""

from dataclasses import dataclass

import pytest

from core.acquirers.registry import AcquirerMember, AcquirerRegistry
from core.acquirers.terms import AcquirerState, AcquirerTerms
from core.billing.posting import Poster
from core.ids import Ids
from core.payments.refusal import Refusal
from core.payments.service import PaymentService, Ports
from core.payments.sweeps import Sweep
from core.payments.table import Payment, PaymentState
from core.ports import NotSent
from core.wallets.returns import WalletReturns
from core.wallets.service import WalletPayments
from core.wallets.tender import TenderAcquirers
from tests.core.wallets.conftest import NEQDI, WalletShop
from tests.support.bank import CARD, CVV, FakeBank, Script, declines, says, silent_after_charging
from tests.support.billing import MemoryLimits

FIRST, SECOND = "cmi", "naps"
DOWN = says(NotSent("no connection"))


@dataclass
class Both:
    """The shop, its two banks and what an operator says of them; new payments go to the first."""

    shop: WalletShop
    first: FakeBank
    second: FakeBank
    registry: AcquirerRegistry

    async def card(self, payment: Payment, first: Script | None = None, second: Script | None = None) -> object:
        """A card; the scripts are what the banks do if they are asked."""
        self.first.scripts.extend([first] if first else [])
        self.second.scripts.extend([second] if second else [])
        return await self.shop.till.authorise(payment.id, CARD, CVV, wait_s=60)

    async def wallet_says_no(self, payment: Payment) -> Payment:
        record = await self.shop.asked(payment)
        self.shop.neqdi.declines(record.attempt)
        await self.shop.round(5)
        return await self.shop.seen(payment)

    def asked(self) -> tuple[int, int, int]:
        """How often a card was sent to each bank, and the wallet was asked."""
        return len(self.first.orders), len(self.second.orders), len(self.shop.neqdi.asked)


@pytest.fixture
def both(shop: WalletShop) -> Both:
    second = FakeBank(shop.clock)
    terms = AcquirerTerms(FIRST), AcquirerTerms(SECOND, weight=0)
    members = {FIRST: AcquirerMember(terms[0], shop.bank), SECOND: AcquirerMember(terms[1], second)}
    registry, named = AcquirerRegistry(members), {NEQDI: shop.neqdi}
    tender = TenderAcquirers(registry, shop.attempts, WalletReturns(shop.attempts, named, shop.clock, Ids()))
    world = Ports(shop.books, shop.billing, tender, MemoryLimits(), shop.clock)
    shop.till = PaymentService(world, times=shop.times)
    shop.wallets = WalletPayments(shop.till, shop.attempts, named, shop.clock, shop.times)
    shop.poster = Poster(shop.books, shop.billing, tender, shop.clock, shop.times)
    parts = shop.till.attendant, shop.poster, shop.sender, shop.clock, shop.times, shop.wallets
    shop.sweep = Sweep(shop.books, *parts)
    return Both(shop, shop.bank, second, registry)


async def test_sent_nowhere_then_a_wallet_that_says_no_then_the_other_acquirer(both: Both) -> None:
    payment = await both.shop.started()
    assert await both.card(payment, DOWN, DOWN) is Refusal.BANK_DOWN
    assert (await both.wallet_says_no(payment)).state is PaymentState.DECLINED
    both.registry.say({FIRST: AcquirerState.DRAINING})
    paid = await both.card(payment)
    assert isinstance(paid, Payment)
    assert (paid.state, paid.acquirer, paid.wallet) == (PaymentState.CAPTURED, SECOND, None)
    assert both.asked() == (1, 2, 1)
    assert (both.first.charges, list(both.second.charges), both.shop.neqdi.debits) == ({}, [payment.id], {})
    rows = await both.shop.database.all("SELECT DISTINCT debit FROM ledger_transfers")
    assert [row["debit"] for row in rows] == [f"acquirer:{SECOND}:receivable"]


async def test_a_card_that_its_bank_refused_stays_there_whatever_a_wallet_says(both: Both) -> None:
    payment = await both.shop.started()
    await both.card(payment, declines)
    assert (await both.wallet_says_no(payment)).state is PaymentState.DECLINED
    both.registry.say({FIRST: AcquirerState.DRAINING})
    paid = await both.card(payment)
    assert isinstance(paid, Payment)
    assert (paid.state, paid.acquirer) == (PaymentState.CAPTURED, FIRST)
    assert both.asked() == (2, 0, 1)


async def test_after_a_lost_reply_neither_a_wallet_nor_the_other_acquirer_is_asked(both: Both) -> None:
    payment = await both.shop.started()
    lost = await both.card(payment, silent_after_charging)
    assert isinstance(lost, Payment)
    assert lost.state is PaymentState.UNKNOWN
    both.registry.say({FIRST: AcquirerState.DRAINING})
    await both.shop.wallets.start(payment.id, NEQDI, payment.payer_msisdn)
    await both.shop.round(3)
    await both.card(payment)
    assert both.asked() == (1, 0, 0)
    found = await both.shop.till.inquire(payment.id)
    assert (found.state, found.acquirer, found.wallet) == (PaymentState.CAPTURED, FIRST, None)


async def test_while_a_wallet_is_asked_no_acquirer_is_and_its_money_goes_back_to_it(both: Both) -> None:
    payment = await both.shop.started()
    assert await both.card(payment, DOWN, DOWN) is Refusal.BANK_DOWN
    record = await both.shop.asked(payment)
    waiting = await both.card(payment)
    assert isinstance(waiting, Payment)
    assert waiting.state is PaymentState.SENDING
    both.shop.neqdi.pays(record.attempt)
    await both.shop.round(5)
    paid = await both.shop.seen(payment)
    assert (paid.state, paid.wallet) == (PaymentState.CAPTURED, NEQDI)
    rows = await both.shop.database.all("SELECT DISTINCT debit FROM ledger_transfers")
    assert [row["debit"] for row in rows] == [f"acquirer:{NEQDI}:receivable"]
    both.registry.say({FIRST: AcquirerState.OFF, SECOND: AcquirerState.OFF})
    await both.shop.till.undo(payment.id, "at the desk")
    for _ in range(3):
        await both.shop.round(60)
    assert (await both.shop.seen(payment)).state in {PaymentState.VOIDED, PaymentState.REFUNDED}
    assert both.shop.neqdi.took_centimes() == 0
    assert both.asked() == (1, 1, 1)
    for bank in (both.first, both.second):
        assert (bank.charges, bank.voided, bank.refunds, bank.asked) == ({}, set(), [], 0)
