"""A call that we placed offers the wallet of the number that was rung; who calls us is offered none."""

from dataclasses import replace

import msgspec
import pytest

from core.payments.refusal import Refusal
from core.payments.table import Challenge, Payment, PaymentState
from core.wallets.port import WalletTerms
from sessions.basket import Basket
from sessions.screens.ending import Goodbye, Paid, Unknown
from sessions.screens.journey import Shown, advance
from sessions.screens.menu import Again, Capabilities, Chose, Digits, Done, Menu, ScreenContext, say
from sessions.screens.paying import CardNumber, Declined, PayByConnector
from sessions.screens.wallet import WalletAsked
from sessions.turn.effects import AskWallet, WalletRefused, WalletStarted
from tests.sessions.samples import CONNECTOR, FIVE_HUNDRED, ON_USSD_ALONE, SAMPLES, UNTIL, VOICE, visit
from tests.sessions.screens.test_wallet import CALLER, FLOUSSI, NEQDI, PAYMENT
from tests.sessions.test_pages import page_of

BASKET = Basket("p1", "110001", 76920)
CARD = CardNumber(BASKET)
NO = Declined(BASKET, "other_card", may_retry=True)
ASKED = Done(WalletStarted(PAYMENT, "Neqdi"))


def rung(can: Capabilities = VOICE, *wallets: tuple[str, WalletTerms], number: str = CALLER) -> ScreenContext:
    return msgspec.structs.replace(visit(can), wallets=wallets or (NEQDI,), msisdn=number, placed=True)


def calls(can: Capabilities = VOICE, number: str = CALLER) -> ScreenContext:
    return msgspec.structs.replace(rung(can, number=number), placed=False)


def offers(screen: CardNumber | Declined, here: ScreenContext) -> list[str]:
    words = screen.ask(here)
    return [option for _, option in words.keys] if isinstance(words, Digits) else [one.id for one in words.options]


def test_one_key_in_the_cards_field_asks_the_wallet_of_the_number_that_was_rung() -> None:
    words = CARD.ask(rung())
    assert page_of(words).read("1") == Chose("wallet:neqdi")
    assert words.text == say("card-number.or-wallet", wallet="Neqdi", digit="1")
    for asked in (words, None):
        assert advance(CARD, Chose("wallet:neqdi"), rung(), asked) == AskWallet("p1", "neqdi")
    assert isinstance(advance(CARD, Chose("wallet:floussi"), rung()), Again)
    assert advance(CARD, ASKED, rung()) == WalletAsked(
        Basket("p1", "110001", 76920, PAYMENT.attempts, PAYMENT.expires_at), "Neqdi", CALLER
    )


def test_a_number_is_rung_only_where_that_is_said() -> None:
    assert offers(CARD, msgspec.structs.replace(visit(VOICE), wallets=(NEQDI,), msisdn=CALLER)) == []


def test_after_a_declined_card_it_stands_beside_another_card() -> None:
    assert offers(NO, rung()) == ["card", "wallet:neqdi"]
    assert advance(NO, Chose("wallet:neqdi"), rung()) == AskWallet("p1", "neqdi")
    assert isinstance(advance(NO, ASKED, rung()), WalletAsked)
    assert offers(msgspec.structs.replace(NO, may_retry=False), rung()) == ["stop"], (
        "nothing more is sent for this basket"
    )


@pytest.mark.parametrize(
    ("here", "amount"),
    [
        (rung(number="+212661000001"), 76920),
        (rung(), 100_001),
        (rung(VOICE, FLOUSSI), 76920),
        (rung(number="anonymous:CA1"), 76920),
    ],
    ids=["another network's number", "over its ceiling", "it knows no centimes", "no number"],
)
def test_a_wallet_that_cannot_take_it_is_not_named(here: ScreenContext, amount: int) -> None:
    basket = Basket("p1", "110001", amount)
    assert offers(CardNumber(basket), here) == []
    assert offers(Declined(basket, "other_card", may_retry=True), here) == ["card", "stop"]


def test_of_several_wallets_the_first_that_can_is_named() -> None:
    whole = Basket("p1", "110001", 76900)
    assert offers(CardNumber(whole), rung(VOICE, NEQDI, FLOUSSI)) == ["wallet:neqdi"]
    assert offers(CardNumber(whole), rung(VOICE, FLOUSSI, NEQDI)) == ["wallet:floussi"]


def test_where_the_telephone_company_takes_the_card_it_is_offered_after_a_decline_alone() -> None:
    assert PayByConnector(BASKET).ask(rung(CONNECTOR)) == PayByConnector(BASKET).ask(calls(CONNECTOR))
    assert offers(NO, rung(CONNECTOR)) == ["card", "wallet:neqdi"]


@pytest.mark.parametrize("screen", [CARD, NO], ids=["card", "declined"])
@pytest.mark.parametrize(
    ("came", "following"),
    [
        (WalletRefused(Refusal.LOCKED), "wallet-too-often"),
        (WalletRefused(Refusal.BANK_DOWN), "wallet-not-now"),
        (WalletRefused(Refusal.IN_PROGRESS), Goodbye("refused.in-progress")),
        (WalletRefused(Refusal.EXPIRED), Goodbye("refused.expired")),
        (replace(PAYMENT, wallet=None), Unknown(76920)),
        (replace(PAYMENT, state=PaymentState.CHALLENGE, challenge=Challenge("c", 3, 3, UNTIL)), Unknown(76920)),
        (replace(PAYMENT, state=PaymentState.CAPTURED, auth_code="1234"), Paid(76920, "1234")),
        (replace(PAYMENT, state=PaymentState.EXPIRED), Goodbye("basket-expired")),
    ],
    ids=["too often", "away", "in progress", "over", "a card is charged", "the bank's question", "paid", "expired"],
)
def test_what_else_became_of_it_is_told_and_no_tender_is_begun(
    screen: Shown, came: WalletRefused | Payment, following: object
) -> None:
    answer = advance(screen, Done(came), rung())
    if isinstance(following, str):
        assert isinstance(answer, Again)
        assert (answer.notice.key, answer.counts) == (following, False)
    else:
        assert answer == following


@pytest.mark.parametrize("can", [VOICE, CONNECTOR], ids=["voice", "connector"])
@pytest.mark.parametrize("number", [CALLER, "+212661000001", "anonymous:CA1"])
def test_who_calls_is_offered_no_wallet_on_any_screen(can: Capabilities, number: str) -> None:
    """A caller's number can be forged, and the prompt would come to whoever has it."""
    here, without = calls(can, number), msgspec.structs.replace(calls(can, number), wallets=())
    for screen in (each for each in SAMPLES if not isinstance(each, ON_USSD_ALONE) and each != FIVE_HUNDRED):
        assert screen.ask(here) == screen.ask(without)
        words = screen.ask(here)
        options = words.options if isinstance(words, Menu) and isinstance(words.options, tuple) else ()
        assert not any(option.id.startswith(("wallet:", "other:")) for option in options)
    for screen in (CARD, NO):
        assert isinstance(advance(screen, Chose("wallet:neqdi"), here), Again)
