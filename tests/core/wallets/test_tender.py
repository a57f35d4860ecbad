"""Whoever took the money is asked about it: a wallet's taking by the wallet, every other payment by the cards' own."""

from dataclasses import dataclass

import pytest

from core.acquirers.registry import only
from core.ids import Ids
from core.payments.table import Payment, PaymentState
from core.ports import (
    Acquirer,
    Approved,
    Attempt,
    ChallengeRequired,
    Decline,
    Order,
    Pending,
    TooLate,
    Undone,
    UnknownOutcome,
)
from core.wallets.attempts import AttemptState
from core.wallets.returns import PAUSE_S, WalletReturns
from core.wallets.tender import TenderAcquirers
from tests.core.ledger.ledgers import balances
from tests.core.wallets.conftest import NEQDI, WalletShop
from tests.support.bank import CARD, CVV, PIN, FakeBank, asks_pin

AMOUNT = 76920


def tenders(shop: WalletShop, *, bank: FakeBank | None = None, set_up: bool = True) -> TenderAcquirers:
    """As the shop's; `set_up` False: its wallets are configured no more."""
    named = {NEQDI: shop.neqdi} if set_up else {}
    return TenderAcquirers(
        only(bank or shop.bank), shop.attempts, WalletReturns(shop.attempts, named, shop.clock, Ids())
    )


def tender(shop: WalletShop, *, set_up: bool = True) -> Acquirer:
    return tenders(shop, set_up=set_up).of("cmi")


async def paid(shop: WalletShop) -> str:
    record = await shop.asked()
    shop.neqdi.pays(record.attempt)
    await shop.round(5)
    return record.attempt.payment_id


async def by_card(shop: WalletShop) -> str:
    return (await shop.paid()).id


async def test_a_wallets_taking_is_told_until_it_is_back_whole(shop: WalletShop) -> None:
    order, asked = await paid(shop), tender(shop)
    assert await asked.inquire(order) == Approved("W000001", "W000001", AMOUNT)
    assert await asked.credited_centimes(order) == 0
    assert await asked.refund(order, 20_000) == Undone()
    assert await asked.inquire(order) == Approved("W000001", "W000001", AMOUNT)
    assert await asked.credited_centimes(order) == 20_000
    assert await asked.refund(order, AMOUNT - 20_000) == Undone()
    assert await asked.inquire(order) == Undone()
    assert await asked.void(order) == Undone()  # nothing is left: nothing is asked for
    assert (shop.neqdi.took_centimes(), len(shop.neqdi.back)) == (0, 2)
    assert (shop.bank.asked, shop.bank.voided, shop.bank.refunds) == (0, set(), [])


async def test_a_void_gives_back_what_is_left(shop: WalletShop) -> None:
    order, asked = await paid(shop), tender(shop)
    await asked.refund(order, 20_000)
    assert await asked.void(order) == Undone()
    assert sorted(shop.neqdi.back.values()) == [20_000, AMOUNT - 20_000]


async def test_never_more_goes_back_than_was_taken(shop: WalletShop) -> None:
    order, asked = await paid(shop), tender(shop)
    assert isinstance(await asked.refund(order, AMOUNT + 1), UnknownOutcome)
    await asked.refund(order, 20_000)
    assert isinstance(await asked.refund(order, AMOUNT - 19_999), UnknownOutcome)
    assert shop.neqdi.took_centimes() == AMOUNT - 20_000


async def test_one_reversal_at_a_time_and_its_sum_is_told_when_it_is_known(shop: WalletShop) -> None:
    order, asked = await paid(shop), tender(shop)
    shop.neqdi.reversals.extend([Pending()] * 2)
    assert await asked.refund(order, 20_000) == UnknownOutcome("the reversal is under way")
    assert isinstance(await asked.refund(order, 10_000), UnknownOutcome)  # of another amount: not asked for
    assert await asked.credited_centimes(order) is None
    assert shop.neqdi.back == {}
    assert await asked.credited_centimes(order) == 20_000
    assert list(shop.neqdi.back.values()) == [20_000]


async def test_code_that_breaks_in_a_reversal_is_unknown_and_goes_back_once(
    shop: WalletShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, asked, reverse = await paid(shop), tender(shop), shop.neqdi.reverse

    async def breaks(*args: object) -> None:
        await reverse(*args)  # type: ignore[arg-type]
        raise KeyError("an answer that nobody foresaw")

    with monkeypatch.context() as patched:
        patched.setattr(shop.neqdi, "reverse", breaks)
        assert await asked.refund(order, 20_000) == UnknownOutcome("broken: KeyError")
    assert await asked.credited_centimes(order) == 20_000
    assert list(shop.neqdi.back.values()) == [20_000]


async def test_a_wallet_that_is_set_up_no_more_gives_nothing_back(shop: WalletShop) -> None:
    order, asked = await paid(shop), tender(shop, set_up=False)
    assert isinstance(await asked.refund(order, 20_000), Decline)
    assert await asked.void(order) == TooLate()
    assert await asked.credited_centimes(order) == 0
    assert await tender(shop).void(order) == Undone()  # a refusal is no reversal: the whole is still there


async def test_a_wallet_holds_nothing_that_could_be_captured(shop: WalletShop) -> None:
    order = await paid(shop)
    assert isinstance(await tender(shop).capture(order, AMOUNT), UnknownOutcome)
    card = await shop.paid(await shop.internet_order())
    assert await tender(shop).capture(card.id, card.amount_centimes) == shop.bank.charges[card.id]


async def test_a_cards_payment_is_the_acquirers_in_everything(shop: WalletShop) -> None:
    order, asked = await by_card(shop), tender(shop)
    assert await asked.inquire(order) == shop.bank.charges[order]
    assert await asked.refund(order, 20_000) == Undone()
    assert shop.bank.refunds == [(order, 20_000)]
    assert await asked.credited_centimes(order) == 20_000
    assert await asked.void(order) == Undone()
    assert shop.bank.voided == {order}
    assert shop.neqdi.back == {}


async def test_the_banks_question_is_answered_through_the_tender(shop: WalletShop) -> None:
    shop.bank.scripts.append(asks_pin)
    payment = await shop.paid()
    assert payment.state is PaymentState.CHALLENGE
    order = Order(payment.id, payment.amount_centimes, payment.currency, None, "")
    wrong = await tender(shop).answer_challenge(order, f"pin-{payment.id}", CVV)
    assert isinstance(wrong, ChallengeRequired)
    assert wrong.challenge.attempts_left == 2
    outcome = await shop.till.answer_challenge(payment.id, PIN, wait_s=60)
    assert isinstance(outcome, Payment)
    assert outcome.state is PaymentState.CAPTURED


@dataclass
class Closing(FakeBank):
    """Hears that it is closed."""

    closed: int = 0

    async def aclose(self) -> None:
        self.closed += 1


async def test_who_may_be_asked_is_the_cards_matter_and_all_of_them_are_closed(shop: WalletShop) -> None:
    bank = Closing(shop.clock)
    every, cards = tenders(shop, bank=bank), only(bank)
    attempt = Attempt("p1", AMOUNT, "MAD")
    (name,) = every.candidates(attempt, shop.clock.now())
    assert (name,) == cards.candidates(attempt, shop.clock.now())
    assert every.shut(name) is cards.shut(name) is False
    assert every.shut("nobody's") is cards.shut("nobody's")
    await every.of(name).aclose()
    assert bank.closed == 1
    await every.aclose()
    assert bank.closed == 2


async def test_a_surplus_whose_reversal_is_under_way_is_asked_about_again(shop: WalletShop) -> None:
    record = await shop.asked()
    shop.neqdi.declines(record.attempt)
    await shop.round(5)
    await shop.till.authorise(record.attempt.payment_id, CARD, CVV, wait_s=60)
    shop.neqdi.pays(record.attempt)
    shop.neqdi.reversals.extend([Pending(), Pending()])
    await shop.round(900)
    for _ in range(2):
        await shop.round(PAUSE_S)
        left = await shop.again(record)
        assert (left.state, left.by_hand) == (AttemptState.SURPLUS, None)
    (row,) = await shop.database.all("SELECT due_at FROM wallet_attempts")
    assert (row["due_at"] - shop.clock.now()).total_seconds() == PAUSE_S
    await shop.round(PAUSE_S)
    assert (await shop.again(record)).state is AttemptState.RETURNED
    assert (len(shop.neqdi.back), shop.neqdi.took_centimes()) == (1, 0)
    assert "doubt:captures" not in await balances(shop.database)
