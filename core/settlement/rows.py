"""One row of a settlement file, by columns that the contract names. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache

from core.amounts import NoAmount, read_amount, read_minor_units
from core.settlement.dates import NoMoment, moment_of
from core.settlement.file import folded
from core.spreadsheets import spoilt
from core.zone import ZONE

TEXT_MAX = 64
SALES = ("sale", "auth", "preauth", "postauth", "capture", "purchase", "payment", "vente", "v", "achat", "paiement")
CREDITS = ("credit", "refund")
_SIGNS = tuple("=@+-＝＠＋－")  # what a spreadsheet takes for a formula: another matter
_TOTAL = re.compile(
    r"(?:grand |sous[- ]?|sub[- ]?)?tota(?:l|ux)(?: (?:general|du|de|des|of) ?.{0,30}| general)?\s?:?|المجموع"
)


class RowKind(StrEnum):
    """Tells which way the money of a row went."""

    SALE = "sale"
    CREDIT = "credit"


class UnreadableRow(ValueError):
    """The file's fault: this row is left out, and told with its line. Never quotes what it holds."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The names of the file's columns (settings). `date_format` empty: ISO 8601; `minor_units`: 76920 and not 769.20.

    `commission` may be several columns (the fee and its VAT), which are added up.
    """

    order_id: str = "order_id"
    transaction_number: str = "transaction_number"
    auth_code: str = "auth_code"
    amount: str = "amount"
    date: str = "date"
    kind: str = "type"
    credits: tuple[str, ...] = CREDITS
    date_format: str = ""
    minor_units: bool = False
    sales: tuple[str, ...] = SALES
    commission: tuple[str, ...] = ("commission",)
    net: str = "net"
    value_date: str = "value_date"
    batch: str = "batch"
    merchant: str = "merchant"
    currency: str = "MAD"
    merchants: tuple[str, ...] = ()  # ours; none: the column is kept and not compared

    @property
    def needed(self) -> frozenset[str]:
        """Columns a file must have."""
        return frozenset({self.order_id, self.amount, self.date})

    @property
    def mapped(self) -> frozenset[str]:
        """Columns that are read where a file has them."""
        named = {self.transaction_number, self.auth_code, self.kind, *self.commission, self.net, self.value_date}
        return self.needed | (named | {self.batch, self.merchant}) - {""}

    @property
    def names(self) -> frozenset[str]:
        """Columns that name something, in plain letters and digits."""
        named = {self.order_id, self.transaction_number, self.auth_code, self.batch, self.merchant}
        return frozenset(named - {""})

    @property
    def told(self) -> str:
        return ": see the settings KHALLAS_SETTLEMENT__…"


@dataclass(frozen=True, slots=True)
class SettledRow:
    """A settled order of the file. Empty text and None where the file does not say."""

    order_id: str
    transaction_number: str
    auth_code: str
    amount_centimes: int
    at: datetime
    kind: RowKind
    commission_centimes: int | None = None
    net_centimes: int | None = None
    value_date: date | None = None
    batch: str = ""
    merchant: str = ""


def settled_row(columns: Columns, row: Mapping[str, str]) -> SettledRow:
    """Reads one row of a settlement file. Raises UnreadableRow."""

    def text(column: str, what: str) -> str:
        found = row.get(column, "").strip()
        if len(found) > TEXT_MAX or not found.isprintable():
            raise UnreadableRow(f"the {what} is too long, or holds characters that are no text")
        return found

    def named(column: str, what: str) -> str:
        name = text(column, what)
        why = "" if name.isalnum() or name[:1] in _SIGNS else spoilt(name)
        if why:
            raise UnreadableRow(f"the {what}: {why}")
        return name

    def amount(column: str, what: str) -> int | None:
        digits = row.get(column, "").strip()
        return _amount(columns, digits, what) if digits else None

    order_id = named(columns.order_id, "order's id")
    if not order_id:
        raise UnreadableRow("the order's id is missing")
    signed = _amount(columns, row[columns.amount].strip(), "amount")
    fees = [fee for name in columns.commission if (fee := amount(name, "commission")) is not None]
    value_date = row.get(columns.value_date, "").strip()
    merchant = text(columns.merchant, "merchant number")
    if merchant and columns.merchants and _bare(merchant) not in map(_bare, columns.merchants):
        raise UnreadableRow("the merchant number is none of ours: see KHALLAS_SETTLEMENT__MERCHANTS")
    return SettledRow(
        order_id,
        named(columns.transaction_number, "transaction number"),
        text(columns.auth_code, "authorisation"),
        abs(signed),
        _moment(columns, row[columns.date].strip(), "date"),
        _kind(columns, folded(text(columns.kind, "type")), signed),
        abs(sum(fees)) if fees else None,
        amount(columns.net, "net amount"),
        _moment(columns, value_date, "value date").astimezone(ZONE).date() if value_date else None,
        text(columns.batch, "batch"),
        merchant,
    )


def total_of(columns: Columns, row: Mapping[str, str]) -> int | None:
    """The amount of a row that adds up those above it, None for any other row. Raises UnreadableRow."""
    order_id, amount = row.get(columns.order_id, ""), row[columns.amount].strip()
    if order_id.isascii() and order_id and "tot" not in order_id.casefold():
        return None
    cells = [order_id] if order_id else row.values()
    if not any(_TOTAL.fullmatch(folded(each)) for each in cells if len(each) <= TEXT_MAX):
        return None
    return _amount(columns, amount, "total") if amount else 0


def _bare(merchant: str) -> str:
    """Spreadsheets drop leading zeros, and people write spaces."""
    return merchant.replace(" ", "").lstrip("0").casefold()


def _kind(columns: Columns, word: str, signed: int) -> RowKind:
    """By the type where there is one, else by the sign; the two never contradict each other."""
    if not word:
        return RowKind.CREDIT if signed < 0 else RowKind.SALE
    if word in _folded(columns.credits):
        return RowKind.CREDIT
    if word not in _folded(columns.sales):
        raise UnreadableRow("the type is neither a sale nor a credit: see KHALLAS_SETTLEMENT__SALES and __CREDITS")
    if signed < 0:
        raise UnreadableRow("the type says sale and the sign says credit")
    return RowKind.SALE


@lru_cache
def _folded(kinds: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(folded, kinds))


def _amount(columns: Columns, text: str, what: str) -> int:
    read: Callable[[str], int] = read_minor_units if columns.minor_units else _decimal(columns.currency)
    try:
        return read(text)
    except NoAmount as error:
        raise UnreadableRow(f"the {what} cannot be read: {error}") from None


def _decimal(currency: str) -> Callable[[str], int]:
    return lambda text: read_amount(text, currency)


def _moment(columns: Columns, text: str, what: str) -> datetime:
    try:
        return moment_of(text, columns.date_format)
    except NoMoment as error:
        raise UnreadableRow(f"the {what} {error}") from None
