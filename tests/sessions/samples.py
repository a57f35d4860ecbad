"""At least one sample of every screen, the longest values that a bill may bring among them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import get_args

from core.billing.invoices import Invoice
from core.languages import LanguageCode as Lang
from core.subscribers.lines import ServiceType as Kind
from sessions.basket import Basket
from sessions.bill_cache import NONE_LEFT, BillCache
from sessions.screens.choosing import ConfirmTotal, Email, HandOver, NothingToPay, PickInvoices, WalletPayer
from sessions.screens.ending import Goodbye, Help, Paid, Unknown
from sessions.screens.journey import Shown
from sessions.screens.menu import Capabilities, ScreenContext, Shows
from sessions.screens.opening import Language, PaymentCode, Reference, Resume, Service, Terms
from sessions.screens.paying import (
    BankPin,
    CardCvv,
    CardExpiry,
    CardNumber,
    ConfirmCharge,
    Declined,
    PayByConnector,
    Paying,
)
from sessions.screens.wallet import WalletAsked, WalletOpen
from sessions.turn.effects import CardHint, LineRef

LONGEST_CENTIMES = 9_999_999
LONGEST_REFERENCE = "123456789012"
LONGEST_WALLET = "Orange Money"
LONGEST_EMAIL = "m" * 64 + "@" + "mail." * 10 + "example.com"


def bills(count: int, centimes: int = LONGEST_CENTIMES) -> tuple[Invoice, ...]:
    return tuple(
        Invoice(f"{n:016d}", date(2010 + n // 12 % 17, 1 + n % 12, 1), centimes, date(2026, 1, 25))
        for n in range(count)
    )


LINE = LineRef(Kind.MOBILE, "0600000001", "salma@example.com")
LONG_LINE = LineRef(Kind.INTERNET, LONGEST_REFERENCE, LONGEST_EMAIL)
BARE_LINE = LineRef(Kind.FIXED, "0537000103")
ODD_LINE = LineRef(Kind.MOBILE, "0600000001", "êé😀@example.com")
SHELF = BillCache()


def pick(line: LineRef, unpaid: tuple[Invoice, ...], left_out: int = 0) -> PickInvoices:
    """The choice among bills, the first so many unticked."""
    left = NONE_LEFT
    for place, bill in enumerate(unpaid[:left_out]):
        left = left.toggled(place, bill)
    return PickInvoices(line, SHELF.keep(unpaid), left)


ONE = pick(LINE, bills(1, 76920))
TINY = pick(BARE_LINE, bills(1, 1))
LONG_ONE = pick(LONG_LINE, bills(1))
NONE_PICKED = pick(LINE, bills(5), 5)
SOME_PICKED = pick(LINE, bills(40, 8000), 7)
FORTY = pick(LONG_LINE, bills(40))
FIVE_HUNDRED = pick(LONG_LINE, bills(500))
UNTIL = datetime(2026, 11, 23, 13, 15, tzinfo=UTC)
BASKET = Basket("p1", "110001", 76920, until=UNTIL)
DEAR = Basket("p2", "999999", 500 * LONGEST_CENTIMES, 2, UNTIL)
VISA = CardHint("visa", "0010")
OTHER = CardHint("card", "9999")
REASONS = (
    "goodbye",
    "basket-expired",
    "undone",
    "terms-refused",
    "too-many-tries",
    "refused.locked",
    "refused.in-progress",
    "refused.billing-down",
    "refused.bank-down",
    "refused.expired",
    "refused.too-many-declines",
    "refused.wrong-code",
)

# What a customer may be shown on every channel.
EVERYWHERE: tuple[Shown, ...] = (
    Language(),
    Service(),
    Service((LINE,)),
    Service((LONG_LINE, LONG_LINE, BARE_LINE, LINE, LONG_LINE)),
    *(Reference(kind) for kind in Kind),
    PaymentCode(Kind.MOBILE, "0600000001"),
    PaymentCode(Kind.FIXED, "0537000103"),
    PaymentCode(Kind.INTERNET, LONGEST_REFERENCE),
    Terms(LINE),
    ONE,
    TINY,
    NONE_PICKED,
    SOME_PICKED,
    FORTY,
    FIVE_HUNDRED,
    ConfirmTotal(ONE),
    ConfirmTotal(TINY),
    ConfirmTotal(LONG_ONE, only_bill=True),
    ConfirmTotal(TINY, only_bill=True),
    ConfirmTotal(FIVE_HUNDRED),
    ConfirmTotal(pick(ODD_LINE, bills(40))),
    Email(ONE),
    Email(TINY, only_bill=True),
    Email(FIVE_HUNDRED),
    HandOver(BASKET),
    HandOver(DEAR),
    HandOver(DEAR, rings=False),
    WalletPayer(ONE, "neqdi"),
    WalletPayer(TINY, "neqdi", only_bill=True),
    WalletAsked(BASKET, "Neqdi", "+212600000001"),
    WalletAsked(DEAR, LONGEST_WALLET, "+212600000001"),
    WalletOpen(BASKET, "Neqdi", "+212600000001", UNTIL),
    WalletOpen(DEAR, LONGEST_WALLET, "+212600000001", UNTIL),
    Resume(HandOver(BASKET)),
    Resume(HandOver(DEAR)),
    Resume(PaymentCode(Kind.INTERNET, LONGEST_REFERENCE)),
    Resume(Terms(LONG_LINE)),
    Resume(FORTY),
    Resume(ConfirmTotal(FORTY)),
    Resume(ConfirmTotal(TINY, only_bill=True)),
    Resume(Email(FORTY)),
    Unknown(76920),
    Unknown(500 * LONGEST_CENTIMES),
    NothingToPay("0600000004"),
    NothingToPay(LONGEST_REFERENCE),
    Help(),
    *(Goodbye(reason) for reason in REASONS),
)

# What only a channel that takes cards shows.
WITH_CARD: tuple[Shown, ...] = (
    Reference(None),
    Reference(None, "345678"),
    Resume(CardNumber(BASKET)),
    Resume(CardNumber(DEAR)),
    CardNumber(BASKET),
    CardNumber(BASKET, only_bill=True),
    PayByConnector(BASKET),
    PayByConnector(DEAR),
    CardExpiry(BASKET, VISA),
    CardExpiry(DEAR, OTHER),
    ConfirmCharge(BASKET, VISA),
    CardCvv(BASKET, VISA),
    BankPin(BASKET, 3),
    Paying(BASKET),
    Paying(BASKET, 3),
    Paying(DEAR, 39, 2),
    Paid(76920, "A12345"),
    Paid(500 * LONGEST_CENTIMES, "999999"),
    *(
        Declined(BASKET, kind, may_retry)
        for kind in ("other_card", "limit", "neutral", "pin", "bank_busy", "bank_down", "no_card", "our_fault")
        for may_retry in (True, False)
    ),
)

SAMPLES: tuple[Shown, ...] = EVERYWHERE + WITH_CARD
KINDS: frozenset[type] = frozenset(get_args(Shown))

USSD = Capabilities("ussd", takes_card=False, types_text=True, caller_proven=True)
VOICE = Capabilities("ivr", True, False, False, frozenset({Shows.OTP_NUMERIC}))


CONNECTOR = Capabilities("ivr", True, False, False, frozenset({Shows.OTP_NUMERIC}), pays_by_connector=True)


ON_USSD_ALONE = ConfirmTotal | Email | HandOver | WalletPayer | WalletOpen


@dataclass(frozen=True, slots=True)
class Case:
    """A screen on a channel."""

    screen: Shown
    can: Capabilities

    @property
    def visit(self) -> ScreenContext:
        return visit(self.can)

    def __str__(self) -> str:
        return f"{type(self.screen).__name__}-{self.can.channel}"


def visit(can: Capabilities = USSD, language: Lang = Lang.FR, *, terms: bool = False) -> ScreenContext:
    return ScreenContext(
        msisdn="+212600000001",
        can=can,
        language=language,
        terms_accepted=terms,
        today=date(2026, 11, 23),
        help_number="777",
        voice_number="+212522000000",
        short_code="1117",
        shelf=SHELF,
    )


LEADS_TO_THE_CARD = PayByConnector | Resume | Reference | Declined | Paying

# Five hundred bills are for the pages; events meet forty.
CASES: tuple[Case, ...] = (
    *(Case(screen, USSD) for screen in EVERYWHERE if screen != FIVE_HUNDRED),
    *(Case(screen, CONNECTOR) for screen in WITH_CARD if isinstance(screen, LEADS_TO_THE_CARD)),
    *(Case(screen, VOICE) for screen in SAMPLES if not isinstance(screen, ON_USSD_ALONE) and screen != FIVE_HUNDRED),
)
