"""An unpaid bill, as the billing system tells it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Invoice:
    """A bill of a line. `number` is opaque text: leading zeros count, no check digit (docs/protocols/cmi.md)."""

    number: str
    period: date
    amount_centimes: int
    due_date: date

    @property
    def month(self) -> str:
        """The billed month as customers read it: "05/2019"."""
        return f"{self.period:%m/%Y}"


def total(invoices: Iterable[Invoice]) -> int:
    """The sum in centimes."""
    return sum(invoice.amount_centimes for invoice in invoices)
