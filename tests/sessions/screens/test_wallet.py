"""A wallet beside the card: offered first where it can pay, its prompt after the dialog, no other way while it asks."""

from dataclasses import replace
from datetime import UTC, date, datetime

import msgspec
import pytest

from channels.ussd.speaker import PageLimits, UssdSpeaker
from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from core.payments.refusal import Refusal
from core.payments.table import Payment, PaymentState
from core.ports import Person
from core.subscribers.lines import ServiceType
from core.wallets.port import WalletTerms
from core.zone import load_zone
from sessions.basket import basket_of
from sessions.pages import PagePosition
from sessions.screens.choosing import ConfirmTotal, WalletPayer
from sessions.screens.ending import Goodbye, Unknown
from sessions.screens.menu import Again, Back, Chose, Done, Menu, ScreenContext, Typed, say
from sessions.screens.opening import Opening
from sessions.screens.wallet import WalletAsked, WalletOpen
from sessions.turn.effects import Recalled, StartWallet, WalletRefused, WalletSeen, WalletStarted
from tests.sessions.samples import DEAR, ONE, TINY, UNTIL, USSD, VOICE, visit
from tests.sessions.test_pages import page_of

NEQDI = ("neqdi", WalletTerms("Neqdi", "MAD", ceiling_centimes=100_000, prefixes=("+21260",)))
FLOUSSI = ("floussi", WalletTerms("Floussi", "MAD", whole_units=True))
CALLER = "+212600000001"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PAYMENT = Payment(
    "p1",
    "110001",
    PaymentState.SENDING,
    ServiceType.MOBILE,
    "0600000001",
    CALLER,
    None,
    LanguageCode.FR,
    "ussd",
    (Invoice("1", date(2026, 10, 1), 76920, date(2026, 11, 1)),),
    76920,
    "MAD",
    NOW,
    NOW,
    wallet="neqdi",
    wallet_payer=CALLER,
)


def at(*wallets: tuple[str, WalletTerms], caller: str = CALLER) -> ScreenContext:
    return msgspec.structs.replace(visit(USSD), wallets=wallets, msisdn=caller)


def offered(here: ScreenContext, screen: ConfirmTotal | None = None) -> list[str]:
    words = (screen or ConfirmTotal(ONE)).ask(here)
    return [option.id for option in words.options]


def test_the_callers_wallet_comes_first_and_the_card_second() -> None:
    assert offered(at(NEQDI)) == ["wallet:neqdi", "pay", "other:neqdi", "email"]


def test_without_a_wallet_nothing_changes() -> None:
    assert offered(at()) == ["pay", "email"]
    assert ConfirmTotal(ONE).ask(at()).options[0].label.key == "confirm-total.pay"


@pytest.mark.parametrize(
    ("here", "told"),
    [
        (at(NEQDI, caller="+212700000001"), ["pay", "other:neqdi", "email"]),  # another network's number
        (at(FLOUSSI), ["pay", "email"]),  # 769.20 in whole units
        (at(FLOUSSI, NEQDI), ["wallet:neqdi", "pay", "other:neqdi", "email"]),
        (at(("eur", replace(NEQDI[1], currency="EUR"))), ["pay", "email"]),
        (at(("low", replace(NEQDI[1], ceiling_centimes=20_000))), ["pay", "email"]),
    ],
    ids=["number", "centimes", "one-of-two", "currency", "ceiling"],
)
def test_only_what_can_pay_this_amount_is_offered(here: ScreenContext, told: list[str]) -> None:
    assert offered(here) == told


def test_up_to_three_wallets_on_one_number_are_asked_about_and_one_of_another_number() -> None:
    wallets = [(f"w{n}", replace(NEQDI[1], name=f"W{n}")) for n in range(4)]
    assert offered(at(*wallets[:2])) == ["wallet:w0", "wallet:w1", "pay", "other:w0", "email"]
    for several in (wallets[:3], wallets):
        assert offered(at(*several)) == ["wallet:w0", "wallet:w1", "wallet:w2", "pay", "other:w0", "email"]


def test_who_is_only_said_to_call_and_who_gives_a_card_is_offered_none() -> None:
    here = msgspec.structs.replace(visit(VOICE), wallets=(NEQDI,))
    assert offered(here) == ["pay"]


def test_the_choice_starts_the_callers_wallet_and_ends_the_dialog() -> None:
    here, screen = at(NEQDI), ConfirmTotal(ONE)
    effect = screen.on(Chose("wallet:neqdi"), here)
    assert isinstance(effect, StartWallet)
    assert (effect.provider, effect.payer_msisdn) == ("neqdi", CALLER)
    ended = screen.on(Done(WalletStarted(PAYMENT, "Neqdi")), here)
    assert isinstance(ended, WalletAsked)
    assert ended.ask(here).ends


def test_another_payers_number_is_typed_and_read_as_a_number() -> None:
    here = at(NEQDI)
    screen = ConfirmTotal(ONE).on(Chose("other:neqdi"), here)
    assert isinstance(screen, WalletPayer)
    effect = screen.on(Typed("0600000009"), here)
    assert isinstance(effect, StartWallet)
    assert effect.payer_msisdn == "+212600000009"
    assert isinstance(screen.on(Typed("0700000009"), here), Again)  # a number this wallet never hangs on
    assert isinstance(screen.on(Typed("000000000"), here), Again)
    assert screen.on(Back(), here) == ConfirmTotal(ONE)


def test_a_payer_s_number_has_nine_to_fifteen_digits_and_the_wallet_is_named_where_it_is_still_set_up() -> None:
    words = WalletPayer(ONE, "neqdi").ask(at(NEQDI))
    taken = [
        len(digits) for n in range(7, 18) if isinstance(page_of(words).read(digits := "12345678901234567"[:n]), Typed)
    ]
    assert taken == list(range(9, 16))
    assert words.text == say("wallet-payer", wallet="Neqdi")
    assert WalletPayer(ONE, "gone").ask(at(NEQDI)).text == say("wallet-payer", wallet="-")


@pytest.mark.parametrize(("payer", "told"), [("+212600000009", "+212600000009"), (None, CALLER)])
def test_who_is_asked_is_told_by_number(payer: str | None, told: str) -> None:
    """A payment kept by an older version names no payer: its caller was asked."""
    asked, here = replace(PAYMENT, wallet_payer=payer), at(NEQDI)
    for screen in (ConfirmTotal(ONE), WalletPayer(ONE, "neqdi")):
        ended = screen.on(Done(WalletStarted(asked, "Neqdi")), here)
        assert ended == WalletAsked(basket_of(asked), "Neqdi", told)


def test_a_wallet_that_cannot_be_asked_leaves_the_other_ways() -> None:
    here, screen = at(NEQDI), ConfirmTotal(ONE)
    for why, key in ((Refusal.LOCKED, "wallet-too-often"), (Refusal.BANK_DOWN, "wallet-not-now")):
        again = screen.on(Done(WalletRefused(why)), here)
        assert again == Again(say(key), counts=False)
    assert screen.on(Done(WalletRefused(Refusal.IN_PROGRESS)), here) == Goodbye("refused.in-progress")


def test_dialled_again_while_it_asks_tells_the_truth_and_offers_no_other_way() -> None:
    here = msgspec.structs.replace(at(NEQDI), zone=load_zone("Europe/Paris"))
    seen = WalletSeen("Neqdi", CALLER, UNTIL)
    recalled = Recalled(Person(CALLER, LanguageCode.FR, None, ()), PAYMENT, seen)
    screen = Opening().on(Done(recalled), here)
    assert isinstance(screen, WalletOpen)
    words = screen.ask(here)
    assert isinstance(words, Menu)
    assert [option.id for option in words.options] == ["other"]
    assert dict(words.text.values)["until"] == "14:15", "13:15 in UTC"
    lost = replace(PAYMENT, state=PaymentState.UNKNOWN)
    assert isinstance(Opening().on(Done(replace(recalled, open_payment=lost)), here), Unknown)


@pytest.mark.parametrize("language", list(LanguageCode))
def test_every_page_fits_in_every_language(language: LanguageCode) -> None:
    speaker = UssdSpeaker(load_texts(), PageLimits())
    dear = msgspec.structs.replace(at(NEQDI, ("o", replace(NEQDI[1], name="Orange Money"))), language=language)
    screens = (
        ConfirmTotal(ONE),
        ConfirmTotal(TINY, only_bill=True),
        WalletPayer(ONE, "o"),
        WalletAsked(DEAR, "Orange Money", CALLER),
        WalletOpen(DEAR, "Orange Money", CALLER, UNTIL),
    )
    for screen in screens:
        page = speaker.page(screen.ask(dear), None, language, PagePosition())
        assert PageLimits().fits(page.text)
