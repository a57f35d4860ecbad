"""An order's history: every transaction it ever had, one row each.

Rule of this file: success wins over declines, and money back counts only when it says 00. Pure.
"""

from dataclasses import dataclass

from core.acquirers.cmi_codes import APPROVED_CODE, clean_code, kind_of
from core.acquirers.cmi_outcomes import CAPTURED_STATES, HISTORY_ROWS_MAX, UNDONE_STATES
from core.acquirers.cmi_xml import Cc5Answer, amount_of, identifier
from core.ports import Approved, Decline, Inquiry, Pending, Undone

# Extra/TRX1 … TRXn, tab-joined: type, state, first amount, captured amount, times (3), host reference, auth code,
# ProcReturnCode, transaction number
ROW_FIELDS = 11


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A transaction of the history. `charge_type` is S (a sale) or C (money back)."""

    charge_type: str
    state: str
    amount_centimes: int | None
    auth_code: str
    code: str
    transaction_number: str


def rows_of(answer: Cc5Answer) -> tuple[HistoryRow, ...] | None:
    """The rows of a history; None when there are too many, or one cannot be read: half a history is none."""
    rows: list[HistoryRow] = []
    if answer.code != APPROVED_CODE:
        return None
    for index in range(1, HISTORY_ROWS_MAX + 2):
        text = answer.extra.get(f"TRX{index}")
        if not text:
            break
        fields = text.split("\t")
        if len(fields) < ROW_FIELDS or index > HISTORY_ROWS_MAX:
            return None
        amount = amount_of(fields[3] or fields[2])
        number, auth_code = identifier(fields[10].strip()), identifier(fields[8])
        rows.append(HistoryRow(fields[0], fields[1].upper(), amount, auth_code, clean_code(fields[9]), number))
    return tuple(rows)


def captured_row(rows: tuple[HistoryRow, ...]) -> HistoryRow | None:
    """The one success that still stands."""
    for row in rows:
        if row.charge_type == "S" and row.state in CAPTURED_STATES and row.code == APPROVED_CODE:
            return row
    return None


def credited_centimes_of(rows: tuple[HistoryRow, ...]) -> int | None:
    """Money given back so far, in centimes; None when an amount cannot be read."""
    credited = 0
    for row in rows:
        if row.charge_type == "C" and row.code == APPROVED_CODE and row.state in CAPTURED_STATES:
            if row.amount_centimes is None:
                return None
            credited += row.amount_centimes
    return credited


def standing_of_rows(rows: tuple[HistoryRow, ...]) -> Inquiry | None:
    """Returns what a history says of the payment; None when it says nothing that can be believed."""
    paid = captured_row(rows)
    if paid is not None:
        credited = credited_centimes_of(rows)
        if paid.amount_centimes is None or credited is None:
            return None
        if credited >= paid.amount_centimes:
            return Undone()
        return Approved(paid.auth_code, paid.transaction_number, paid.amount_centimes)
    if any(row.state in UNDONE_STATES for row in rows):
        return Undone()
    if any(row.state in {"PN", "A"} for row in rows):
        return Pending()
    if rows and all(row.state == "D" and row.code != APPROVED_CODE for row in rows):
        return Decline(rows[-1].code, kind_of(rows[-1].code))
    return None
