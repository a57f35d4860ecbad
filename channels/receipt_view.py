"""A payment as its receipt shows it, worded in one language: the page, the PDF and the mail print the same. Pure.

The state is told as it is: a receipt of a payment that was given back says so, however old its link. Only the card's
last four digits exist here, and of a wallet its payer's masked number (docs/protocols/security.md 7).
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from core.languages import LANGUAGES, LanguageCode
from core.messaging.texts import Texts
from core.money import dh
from core.payments.table import Payment, PaymentState
from core.subscribers.lines import mask_email, mask_msisdn
from core.zone import ZONE

SECTION = "receipt"
NAME_CHARS_MAX = 60
_BRANDS = {"visa": "Visa", "mastercard": "Mastercard", "maestro": "Maestro", "amex": "American Express", "cmi": "CMI"}


class ReceiptStatus(StrEnum):
    """The states of a payment that a receipt tells apart; each has its words in locales/."""

    PAID = "paid"
    CHECKING = "checking"
    RETURNING = "returning"
    VOIDED = "voided"
    REFUNDED = "refunded"
    DECLINED = "declined"
    UNPAID = "unpaid"


STATUS: dict[PaymentState, ReceiptStatus] = {
    PaymentState.CREATED: ReceiptStatus.UNPAID,
    PaymentState.EXPIRED: ReceiptStatus.UNPAID,
    PaymentState.SENDING: ReceiptStatus.CHECKING,
    PaymentState.CHALLENGE: ReceiptStatus.CHECKING,
    PaymentState.UNKNOWN: ReceiptStatus.CHECKING,
    PaymentState.INTEGRITY_FAILURE: ReceiptStatus.CHECKING,
    PaymentState.CAPTURED: ReceiptStatus.PAID,
    PaymentState.VOIDING: ReceiptStatus.RETURNING,
    PaymentState.REFUNDING: ReceiptStatus.RETURNING,
    PaymentState.VOIDED: ReceiptStatus.VOIDED,
    PaymentState.REFUNDED: ReceiptStatus.REFUNDED,
    PaymentState.DECLINED: ReceiptStatus.DECLINED,
}


@dataclass(frozen=True, slots=True)
class Operator:
    """The operator whose receipts these are. `logo` is an SVG or PNG file; without one a neutral mark is drawn.
    `wallets`: what payers know each wallet by; one that is set up no more is told by its id. `acquirers`: what receipts
    call each; the first one is CMI unless told, as on every receipt there is. `logos`: of acquirers, as `logo`."""

    name: str
    help_number: str
    logo: Path | None = None
    wallets: Mapping[str, str] = field(default_factory=dict, hash=False)
    acquirers: tuple[tuple[str, str], ...] = ()
    logos: tuple[tuple[str, Path], ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= NAME_CHARS_MAX or any(unicodedata.category(c) == "Cc" for c in self.name):
            raise ValueError(f"an operator's name is one line of 1 to {NAME_CHARS_MAX} characters")

    def acquirer(self, acquirer_id: str) -> str:
        """Returns what receipts call an acquirer."""
        return dict(self.acquirers).get(acquirer_id) or acquirer_id.upper()

    def logo_of(self, acquirer_id: str) -> Path | None:
        """Returns the picture that receipts bear of an acquirer."""
        return dict(self.logos).get(acquirer_id)


@dataclass(frozen=True, slots=True)
class ReceiptFact:
    """A labelled value. `latin`: numbers and addresses, read left to right in every language."""

    name: str
    label: str
    value: str
    latin: bool = True


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """A bill as a receipt prints it."""

    number: str
    period: str
    amount: str


@dataclass(frozen=True, slots=True)
class ReceiptView:
    """Everything a receipt prints, in words."""

    language: LanguageCode
    title: str
    status: ReceiptStatus
    state: str
    note: str
    number_label: str
    number: str
    facts: tuple[ReceiptFact, ...]
    bills: str
    columns: tuple[str, str, str]
    rows: tuple[ReceiptRow, ...]
    total_label: str
    total: str
    back_label: str
    back: str  # empty where nothing went back in parts
    help: str
    paid_at: datetime | None
    acquirer: str = ""  # who took the card: its logo is printed

    @property
    def rtl(self) -> bool:
        return LANGUAGES[self.language].rtl


def receipt_view(
    payment: Payment,
    texts: Texts,
    operator: Operator,
    language: LanguageCode | None = None,
    *,
    back_centimes: int = 0,
) -> ReceiptView:
    """The receipt's words, in the payer's language unless told. `back_centimes` went back in parts. Raises
    MissingText.
    """
    language = language or payment.language
    status = STATUS[payment.state]

    def t(key: str, **values: str) -> str:
        return texts.fill(language, SECTION, key, **values)

    return ReceiptView(
        language=language,
        title=t("title"),
        status=status,
        state=t(f"{status}.state"),
        note=t(_of_tender(payment, f"{status}.note", texts, language)),
        number_label=t("receipt-number"),
        number=payment.receipt_number or t("none"),
        facts=_facts(payment, texts, language, operator),
        bills=t("bills"),
        columns=(t("bill.number"), t("bill.period"), t("bill.amount")),
        rows=tuple(ReceiptRow(bill.number, bill.month, dh(bill.amount_centimes)) for bill in payment.invoices),
        total_label=t("total"),
        total=dh(payment.amount_centimes),
        back_label=t(_of_tender(payment, "given-back", texts, language)),
        back=dh(back_centimes) if back_centimes else "",
        help=t("help", help_number=operator.help_number),
        paid_at=payment.paid_at,
        acquirer=payment.acquirer if payment.wallet is None else "",
    )


def _of_tender(payment: Payment, key: str, texts: Texts, language: LanguageCode) -> str:
    """The text that speaks of a wallet where a wallet paid and there is one: elsewhere it speaks of card and bank."""
    wallets = f"{key}.wallet"
    return wallets if payment.wallet is not None and texts.has(language, SECTION, wallets) else key


def _facts(payment: Payment, texts: Texts, language: LanguageCode, operator: Operator) -> tuple[ReceiptFact, ...]:
    def fact(name: str, value: str | None, label: str = "", *, latin: bool = True) -> ReceiptFact:
        shown = value or texts.get(language, SECTION, "none")
        return ReceiptFact(name, texts.get(language, SECTION, label or name), shown, latin)

    email = payment.email
    return (
        fact("date", when(payment.paid_at)),
        fact("line", payment.line_reference, f"line.{payment.service}"),
        fact("email", email if payment.email_typed or not email else mask_email(email)),
        fact("auth-code", payment.auth_code),
        fact("transaction-number", payment.transaction_number),
        fact("method", _method(payment, texts, language, operator), latin=False),
        fact("wallet-payer", mask_msisdn(payment.wallet_payer or ""))
        if payment.wallet is not None
        else fact("card", payment.card_last4 and f"**** **** **** {payment.card_last4[-4:]}"),
    )


def when(moment: datetime | None) -> str | None:
    """ "23/11/2026 14:05" on Moroccan clocks."""
    return None if moment is None else f"{moment.astimezone(ZONE):%d/%m/%Y %H:%M}"


def _method(payment: Payment, texts: Texts, language: LanguageCode, operator: Operator) -> str:
    """A brand nobody knows passes through in its own letters; neither "card" nor the acquirer's own name is one."""
    if payment.wallet is not None:
        name = operator.wallets.get(payment.wallet, payment.wallet)
        return texts.fill(language, SECTION, "method.wallet", wallet=name)
    brand, acquirer = payment.card_brand, operator.acquirer(payment.acquirer)
    if not brand or brand in {"card", "cmi"}:
        return texts.fill(language, SECTION, "method.card", acquirer=acquirer)
    name = _BRANDS.get(brand, brand.title())
    return texts.fill(language, SECTION, "method.brand", brand=name, acquirer=acquirer)
