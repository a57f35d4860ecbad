"""The ledger in memory, fed by the same pure rules as the database's, for lab/chaos/memory.py.

Rule of this file: what was written is all it knows; where money lies by the ledger is the sum of its transfers.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from core.acquirers.terms import FIRST
from core.ledger.accounts import receivable
from core.ledger.following import Happened, applied, legs
from core.ledger.places import Line, Positions, positions
from core.ledger.transfers import Transfer
from lab.chaos.memory_refunds import RefundRows

if TYPE_CHECKING:
    from lab.chaos.memory import Row


@dataclass
class LedgerRows:
    """What outlives every process: append-only, an id once."""

    rows: "Mapping[str, Row]"
    refunds: RefundRows
    transfers: dict[str, list[Transfer]] = field(default_factory=lambda: defaultdict(list))
    ids: set[str] = field(default_factory=set)
    events: int = 0

    def follow(self, payment_id: str, event: str, now: datetime) -> None:
        """In the commit of the event, after what it changed."""
        self.events += 1
        acquirer = self.rows[payment_id].payment.acquirer
        happened = Happened(f"e{self.events}", now, event, payment_id, acquirer=acquirer)
        for transfer in legs(happened, self.lies(payment_id), self.stands(payment_id)):
            self.write(payment_id, transfer)

    def write(self, payment_id: str, transfer: Transfer) -> None:
        if transfer.id not in self.ids:
            self.ids.add(transfer.id)
            self.transfers[payment_id].append(transfer)

    def lies(self, payment_id: str) -> Positions:
        """Where a payment's money lies by its transfers."""
        whose = self.rows[payment_id].payment.acquirer if payment_id in self.rows else FIRST
        return applied({}, tuple(self.transfers[payment_id]), receivable(whose))

    def stands(self, payment_id: str) -> Positions:
        """The same by its rows."""
        row = self.rows[payment_id]
        bills = row.payment.invoices
        lines = [
            Line(bill.number, of.posting, bill.amount_centimes - of.returned_centimes)
            for bill, of in ((bill, row.bills[bill.number]) for bill in bills)
        ]
        return positions(row.payment, lines, self.refunds.of(payment_id))

    def owed_centimes(self, payment_id: str) -> int:
        """What the acquirer owes us of it."""
        return sum(self.lies(payment_id).values())

    def faults(self, kept: Mapping[str, int]) -> list[str]:
        """Against our rows, account by account, and against what the bank keeps of each order."""
        found = []
        for payment_id in sorted({*self.rows, *kept}):
            owed, there = self.owed_centimes(payment_id), kept.get(payment_id, 0)
            if owed != there:
                found.append(f"{payment_id}: our ledger has {owed} at the acquirer, the acquirer {there}")
            if payment_id in self.rows and self.lies(payment_id) != self.stands(payment_id):
                lies, stands = self.lies(payment_id), self.stands(payment_id)
                found.append(f"{payment_id}: the ledger says {lies}, the rows {stands}")
        return found
