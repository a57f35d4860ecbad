"""What is held against a card, for every end of a charge; and whose wallet a call may ask."""

from dataclasses import replace

import msgspec
import pytest

from core.payments.service import Refusal
from core.payments.table import Payment, PaymentState
from core.ports import CardTold, DeclineKind
from lab.clocks import StillClock
from sessions.screens.menu import ScreenContext
from sessions.turn.effects import AskWallet, Start, WalletRefused, WalletStarted
from sessions.turn.perform import EffectPerformer, card_told
from sessions.vault import Seals
from tests.sessions.fakes import MASTER_KEYS
from tests.sessions.samples import LINE, USSD, VOICE, visit
from tests.sessions.turn.test_perform import PLACE, Wallets
from tests.support.paid import paid
from tests.support.till import NOW, FakeTill

OPEN = {PaymentState.SENDING, PaymentState.CHALLENGE}
OF_THE_CARD = {DeclineKind.OTHER_CARD, DeclineKind.LIMIT, DeclineKind.NEUTRAL, DeclineKind.PIN}


@pytest.mark.parametrize("state", PaymentState)
def test_what_an_end_says_of_the_card(state: PaymentState) -> None:
    for kind in (None, *DeclineKind):
        told = card_told(replace(paid(), state=state, decline_kind=kind))
        if state in OPEN:
            assert told is None
        elif state is PaymentState.UNKNOWN:
            assert told is CardTold.UNDECIDED
        else:
            declined = state is PaymentState.DECLINED and kind in OF_THE_CARD
            assert told is (CardTold.DECLINED if declined else CardTold.NOTHING)


def test_a_refusal_says_nothing_of_the_card() -> None:
    assert {card_told(refusal) for refusal in Refusal} == {CardTold.NOTHING}


RUNG = msgspec.structs.replace(visit(VOICE), placed=True)


class OtherEnd(Wallets):
    """A wallet whose question ends as the test wants."""

    ends: Payment | None = None

    async def start(
        self,
        payment_id: str,
        provider: str,
        payer_msisdn: str,
        *,
        in_call: bool = False,
        known: Payment | None = None,
    ) -> Payment | Refusal:
        assert in_call
        came = await super().start(payment_id, provider, payer_msisdn)
        return self.ends or came


async def asked(wallets: OtherEnd | None, till: FakeTill, on: ScreenContext, payment_id: str | None = None) -> object:
    performer = EffectPerformer(till, Seals(MASTER_KEYS), wallets=wallets)
    basket = (await performer.perform(Start(LINE, till.memory.bills[LINE.reference]), visit(USSD), PLACE)).result
    assert isinstance(basket, Payment)
    return (await performer.perform(AskWallet(payment_id or basket.id, "neqdi"), on, PLACE)).result


@pytest.fixture
def till() -> FakeTill:
    return FakeTill(StillClock(NOW))


async def test_a_call_of_ours_asks_the_wallet_of_the_number_it_rang(till: FakeTill) -> None:
    wallets = OtherEnd(till)
    assert await asked(wallets, till, RUNG) == WalletStarted(till.only_payment(), "Neqdi")
    assert wallets.asked == [("neqdi", RUNG.msisdn)]


@pytest.mark.parametrize(
    "on", [msgspec.structs.replace(RUNG, placed=False), msgspec.structs.replace(RUNG, msisdn="+212600000009")]
)
async def test_nobody_else_s_wallet_is_asked(till: FakeTill, on: ScreenContext) -> None:
    wallets = OtherEnd(till)
    assert await asked(wallets, till, on) == WalletRefused(Refusal.BANK_DOWN)
    assert wallets.asked == []


async def test_none_is_asked_without_wallets_or_for_a_basket_that_is_gone(till: FakeTill) -> None:
    assert await asked(None, till, RUNG) == WalletRefused(Refusal.BANK_DOWN)
    wallets = OtherEnd(till)
    assert await asked(wallets, till, RUNG, "p9") == WalletRefused(Refusal.BANK_DOWN)
    assert wallets.asked == []


async def test_why_a_wallet_does_not_ask_is_told_as_it_is(till: FakeTill) -> None:
    wallets = OtherEnd(till)
    wallets.refuses = Refusal.LOCKED
    assert await asked(wallets, till, RUNG) == WalletRefused(Refusal.LOCKED)


@pytest.mark.parametrize(("state", "wallet"), [(PaymentState.SENDING, "other"), (PaymentState.CAPTURED, "neqdi")])
async def test_what_else_became_of_the_payment_is_told_as_it_is(
    till: FakeTill, state: PaymentState, wallet: str
) -> None:
    wallets = OtherEnd(till)
    wallets.ends = replace(paid(), state=state, wallet=wallet)
    assert await asked(wallets, till, RUNG) == wallets.ends
