"""One row of a settlement file, by columns that the contract names. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from core.money import parse_centimes

TEXT_MAX = 64


class RowKind(StrEnum):
    """Which way the money went."""

    SALE = "sale"
    CREDIT = "credit"


class UnreadableRow(ValueError):
    """The file's fault: this row is counted and left out. Never quotes what it holds."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What the file calls things (settings). `date_format` empty: ISO 8601; `minor_units`: 76920 and not 769.20."""

    order_id: str = "order_id"
    transaction_number: str = "transaction_number"
    auth_code: str = "auth_code"
    amount: str = "amount"
    date: str = "date"
    kind: str = "type"
    credits: tuple[str, ...] = ("credit", "refund")
    date_format: str = ""
    minor_units: bool = False

    @property
    def needed(self) -> frozenset[str]:
        """Columns a file must have."""
        return frozenset({self.order_id, self.amount, self.date})


@dataclass(frozen=True, slots=True)
class SettledRow:
    """What was settled. Empty text where the file does not say."""

    order_id: str
    transaction_number: str
    auth_code: str
    amount_centimes: int
    at: datetime
    kind: RowKind


def settled_row(columns: Columns, row: Mapping[str, str]) -> SettledRow:
    """Raises UnreadableRow."""
    order_id = row[columns.order_id].strip()
    if not 1 <= len(order_id) <= TEXT_MAX:
        raise UnreadableRow("an order's id has 1 to 64 characters")
    kind = RowKind.CREDIT if row.get(columns.kind, "").strip().lower() in columns.credits else RowKind.SALE
    return SettledRow(
        order_id,
        row.get(columns.transaction_number, "").strip()[:TEXT_MAX],
        row.get(columns.auth_code, "").strip()[:TEXT_MAX],
        _centimes(columns, row[columns.amount].strip()),
        _moment(columns, row[columns.date].strip()),
        kind,
    )


def _centimes(columns: Columns, text: str) -> int:
    unsigned = text.removeprefix("-")  # some files write credits so; the type tells them
    try:
        return int(unsigned) if columns.minor_units else parse_centimes(unsigned)
    except ValueError:
        raise UnreadableRow("no amount") from None


def _moment(columns: Columns, text: str) -> datetime:
    try:
        moment = datetime.strptime(text, columns.date_format) if columns.date_format else datetime.fromisoformat(text)  # noqa: DTZ007 - the zone is set below
    except ValueError:
        raise UnreadableRow("no date") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
