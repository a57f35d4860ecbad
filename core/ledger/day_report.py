"""A day's report for finance: payments, refunds, settlement, fees and the balance by acquirer and tender. Pure.

All of it is the ledger's, so that its balances are those of `khallas balance` and of the day that is closed. A tender
is the brand of the card that paid; what no payment made (a deposit's commission) has none.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

NO_TENDER = ""


class MovementKind(StrEnum):
    """The kinds of movements."""

    PAYMENT = "payment"
    REFUND = "refund"
    SETTLED = "settled"  # the acquirer paid a sale in, its commission included
    SETTLED_CREDIT = "settled_credit"  # it took a refund off its deposit
    FEE = "fee"
    CHARGEBACK = "chargeback"
    CHARGEBACK_WON = "chargeback_won"
    CHARGEBACK_LOST = "chargeback_lost"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A day of one tender at one acquirer, in centimes; `balance` is what the acquirer owes at the day's end."""

    acquirer: str
    tender: str
    payments: int = 0
    taken_centimes: int = 0
    refunds: int = 0
    back_centimes: int = 0
    settled_centimes: int = 0
    fees_centimes: int = 0
    paid_in_centimes: int = 0
    chargebacks_centimes: int = 0
    balance_centimes: int = 0

    @property
    def net_centimes(self) -> int:
        """The centimes that were taken less those that went back."""
        return self.taken_centimes - self.back_centimes


@dataclass(frozen=True, slots=True)
class DayReport:
    """`over`: the day is; before that it is what the day came to so far."""

    day: date
    made_at: datetime
    over: bool
    rows: tuple[ReportRow, ...]

    @property
    def total(self) -> ReportRow:
        """Sums all rows into one."""
        return summed(self.rows)


@dataclass(frozen=True, slots=True)
class Movement:
    """The money of one event. `fee_centimes`: what the acquirer kept of it."""

    at: datetime
    kind: MovementKind
    acquirer: str
    tender: str
    channel: str
    payment_id: str
    auth_code: str
    transaction_number: str
    amount_centimes: int
    fee_centimes: int
    note: str


class DayReports(Protocol):
    """Reads one snapshot. Raises DatabaseUnavailable."""

    async def of(self, day: date, now: datetime) -> DayReport: ...

    def movements(self, day: date) -> AsyncIterator[Movement]:
        """The movements in their order, read as they are asked for."""


def summed(rows: Iterable[ReportRow]) -> ReportRow:
    """Sums many rows into one, which is no acquirer's and no tender's."""
    names = [each.name for each in fields(ReportRow) if each.name not in {"acquirer", "tender"}]
    kept = tuple(rows)
    return ReportRow("", NO_TENDER, **{name: sum(getattr(row, name) for row in kept) for name in names})
