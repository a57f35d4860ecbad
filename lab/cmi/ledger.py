"""The emulator's ledger: every transaction it ever carried out, and nothing of a card but its last four digits.

Rule of this file: written to the journal before anyone is answered, so that a killed and restarted emulator tells the
same truth. The journal is JSON lines, one whole transaction each; the last line about a number wins.
"""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from core.money import decimal_text

TRANSACTIONS_MAX = 1_000_000
FIRST_NUMBER = 100_001_000_000
SUCCESS_STATES = frozenset({"A", "C", "S", "V"})
SETTLEMENT_COLUMNS = ("order_id", "transaction_number", "auth_code", "amount", "date", "type")


class LedgerFull(Exception):
    """The tester's fault: reset the emulator."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A one-time PIN that is asked; the PIN itself is no data."""

    id: str
    attempts_left: int
    expires_at: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """One row. `charge_type` S sale or C money back; `state` A C S D PN V (protocols/cmi.md); `at` ISO 8601 UTC."""

    number: str
    order_id: str
    charge_type: str
    state: str
    code: str
    amount_centimes: int
    at: str
    captured_centimes: int = 0
    auth_code: str = ""
    card: str = ""
    brand: str = ""
    batch: int | None = None
    challenge: Challenge | None = None
    only_authorise: bool = False


class Ledger:
    """Transactions in order, kept in a JSON-lines file when a path is given."""

    def __init__(self, path: Path | None = None) -> None:
        self._rows: dict[str, Transaction] = {}
        self._orders: dict[str, list[str]] = {}
        self._last_number = FIRST_NUMBER
        self._journal: TextIO | None = None
        if path is not None:
            self._replay(path)
            self._journal = path.open("a", encoding="utf-8")

    def _replay(self, path: Path) -> None:
        if not path.exists():
            return
        text = path.read_text(encoding="utf-8")
        whole, _, torn = text.rpartition("\n")
        if torn:
            # killed while writing: that transaction was never answered
            path.write_text(whole + "\n" if whole else "", encoding="utf-8")
        for line in whole.splitlines():
            data = json.loads(line)
            if data.get("reset"):
                self._forget()
                continue
            challenge = data.pop("challenge")
            self._keep(Transaction(**data, challenge=Challenge(**challenge) if challenge else None))

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def put(self, row: Transaction) -> Transaction:
        """Add or change a transaction. Raises LedgerFull."""
        if len(self._rows) >= TRANSACTIONS_MAX and row.number not in self._rows:
            raise LedgerFull(f"more than {TRANSACTIONS_MAX} transactions")
        self._write(asdict(row))
        self._keep(row)
        return row

    def reset(self) -> None:
        """Forget everything; numbers go on, so that none is given twice."""
        self._write({"reset": True})
        self._forget()

    def _write(self, data: dict[str, object]) -> None:
        if self._journal is not None:
            self._journal.write(json.dumps(data, separators=(",", ":")) + "\n")
            self._journal.flush()

    def _keep(self, row: Transaction) -> None:
        if row.number not in self._rows:
            self._orders.setdefault(row.order_id, []).append(row.number)
        self._rows[row.number] = row
        self._last_number = max(self._last_number, int(row.number))

    def _forget(self) -> None:
        self._rows.clear()
        self._orders.clear()

    def next_number(self) -> str:
        """Twelve digits, as transaction numbers look on CMI's tickets."""
        self._last_number += 1
        return str(self._last_number)

    def of_order(self, order_id: str) -> tuple[Transaction, ...]:
        return tuple(self._rows[number] for number in self._orders.get(order_id, ()))

    def orders(self) -> Iterator[tuple[str, tuple[Transaction, ...]]]:
        for order_id in self._orders:
            yield order_id, self.of_order(order_id)

    def success(self, order_id: str) -> Transaction | None:
        """The one sale that went through, voided since or not."""
        return next((r for r in self.of_order(order_id) if r.charge_type == "S" and r.state in SUCCESS_STATES), None)

    def credited_centimes(self, order_id: str) -> int:
        return sum(r.captured_centimes for r in self.of_order(order_id) if r.charge_type == "C")

    def settle(self, now: datetime) -> int:
        """Close the day: everything captured is settled. The batch's number."""
        batch = 1 + max((row.batch or 0 for row in self._rows.values()), default=0)
        for row in list(self._rows.values()):
            if row.state == "C":
                self.put(replace(row, state="S", batch=batch))
        return batch

    def settlement_csv(self, batch: int | None = None) -> str:
        """Settled transactions (of one batch, or all) as CMI's file for reconciliation; amounts "769.20"."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(SETTLEMENT_COLUMNS)
        for row in self._rows.values():
            if row.batch is not None and batch in {None, row.batch}:
                kind = "Credit" if row.charge_type == "C" else "Auth"
                amount = decimal_text(row.captured_centimes)
                writer.writerow((row.order_id, row.number, row.auth_code, amount, row.at, kind))
        return out.getvalue()


def utc_text(moment: datetime) -> str:
    """ISO 8601, seconds, UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")
