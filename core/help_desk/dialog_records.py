"""Dialog records: one line for each dialog, call or text, for the operator's own statistics and billing. Pure.

They come from the transcripts, so that they know as much of a customer: a keyed digest of the number, no card, nothing
that was typed.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

LASTS_MAX = timedelta(hours=2)  # from a dialog's first screen to its last
PAID_AFTER = timedelta(minutes=1)  # a bank's word may come when the call is over


@dataclass(frozen=True, slots=True)
class DialogPayment:
    """What ties a payment to a dialog: its payer's digests and when it began and ended."""

    payers: frozenset[str]
    reference: str
    state: str
    created_at: datetime
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class DialogRecord:
    """`number` and `dialog` are digests under the operator's key; `outcome` is the last turn's."""

    dialog: str
    number: str
    channel: str
    wire: str
    language: str
    began_at: datetime
    ended_at: datetime
    turns: int
    last_screen: str
    outcome: str
    payment_reference: str = ""
    payment_state: str = ""

    def paid_with(self, payments: Iterable[DialogPayment]) -> DialogPayment | None:
        """The payment that was begun or paid in this dialog; the latest of several."""
        until = self.ended_at + PAID_AFTER
        mine = [
            each
            for each in payments
            if self.number in each.payers
            and any(at is not None and self.began_at <= at <= until for at in (each.created_at, each.paid_at))
        ]
        return max(mine, key=lambda each: each.created_at, default=None)


class DialogRecords(Protocol):
    """Reads dialog records. Raises DatabaseUnavailable."""

    def of(self, day: date) -> AsyncIterator[DialogRecord]:
        """The dialogs that began on a day in Morocco, the first first; the same each time it is asked."""
