"""A bill that a wallet, a bank or a counter is paid for, and tells us of: what is asked, and what it may be answered.

Rule of this file: a payment of a door and a key is taken once, however often it is told. One that can still be refused
takes no bill that a payment of ours may be taking; one that is final is money that was taken already: it always counts,
and whatever of ours is paying the same bill goes back when billing refuses it (docs/protocols/failure-points.md 10).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.billing.invoices import Invoice
from core.subscribers.lines import ServiceType, reference_of

BILLS_MAX = 1_000  # of one line


class OutsideRefusal(StrEnum):
    """Tells why a payment taken elsewhere was not written down. Whoever asked has to give its customer
    the money back.
    """

    NO_LINE = "no_line"
    NO_BILL = "no_bill"
    PAID = "paid"  # it was, and nothing of it is owed
    IN_PROGRESS = "in_progress"  # another payment of it may be taking place
    TOO_LITTLE = "too_little"
    TOO_MUCH = "too_much"
    CURRENCY = "currency"
    KEY_REUSED = "key_reused"  # this key paid something else


@dataclass(frozen=True, slots=True)
class OutsideOrder:
    """A payment that another biller's channel took, as it was told to us. `number` None: it pays the line's bills, the
    oldest first. `final`: the money was taken, nobody can refuse it. `their_reference` is for people who look for it
    there.
    """

    door: str
    key: str
    service: ServiceType
    line_reference: str
    number: str | None
    amount_centimes: int
    currency: str
    their_reference: str
    final: bool = False

    @property
    def fingerprint(self) -> str:
        """Returns what a repeat of the order must agree with."""
        parts = (str(self.service), self.line_reference, self.number, self.amount_centimes, self.currency)
        return hashlib.sha256(repr(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class OutsideTaken:
    """The receipt of a payment that counts. `id` is ours, and the same for every repeat. `left_centimes` found no bill:
    a person gives it back.
    """

    id: str
    at: datetime
    left_centimes: int
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class BillShare:
    """The share of a payment that goes to one bill."""

    number: str
    amount_centimes: int


class OutsidePayments(Protocol):
    """The payments that other billers' channels took. One commit each. Raises DatabaseUnavailable."""

    async def take(self, order: OutsideOrder, fresh_id: str, now: datetime) -> OutsideTaken | OutsideRefusal: ...

    async def would_take(self, order: OutsideOrder) -> OutsideRefusal | None:
        """Returns what `take` would say now, were it not final; nothing is written."""


def lines_meant(identifier: str) -> tuple[tuple[ServiceType, str], ...]:
    """The lines that a number, as people type it, can be the reference of; none where it is none."""
    lines: list[tuple[ServiceType, str]] = []
    for service in ServiceType:
        try:
            lines.append((service, reference_of(service, identifier)))
        except ValueError:
            continue
    return tuple(lines)


def shares(amount_centimes: int, owed: tuple[Invoice, ...]) -> tuple[tuple[BillShare, ...], int]:
    """The oldest bills first, the last one perhaps in part; and what is left when nothing more is owed."""
    given: list[BillShare] = []
    for bill in owed:
        part = min(amount_centimes, bill.amount_centimes)
        if part <= 0:
            break
        given.append(BillShare(bill.number, part))
        amount_centimes -= part
    return tuple(given), amount_centimes


def amount_fault(amount_centimes: int, owed: tuple[Invoice, ...], *, one_bill: bool) -> OutsideRefusal | None:
    """Whole bills only: one, or the oldest ones up to some bill. What may be refused is refused as too little or too
    much, by what is nearest."""
    total = 0
    for bill in owed:
        total += bill.amount_centimes
        if total == amount_centimes:
            return None
        if total > amount_centimes or one_bill:
            break
    return OutsideRefusal.TOO_LITTLE if amount_centimes < total else OutsideRefusal.TOO_MUCH
