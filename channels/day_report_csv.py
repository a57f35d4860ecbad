"""A day's report as two files that a spreadsheet opens: its sums by acquirer and tender, and every movement. Pure.

Amounts have a point and two decimals, moments their zone (ISO 8601); columns never change their order.
"""

from collections.abc import Iterator

from core.ledger.day_report import DayReport, Movement, ReportRow
from core.money import decimal_text
from core.zone import ZONE

SUM_COLUMNS = (
    *("day", "acquirer", "tender", "payments", "taken", "refunds", "given_back", "net", "settled", "fees", "paid_in"),
    *("chargebacks", "balance", "over"),
)
MOVEMENT_COLUMNS = (
    *("at", "kind", "acquirer", "tender", "channel", "payment", "authorisation", "transaction", "amount", "fee"),
    "note",
)
TOTAL = "total"


def amount(centimes: int) -> str:
    """An amount of centimes as the file writes it."""
    return f"-{decimal_text(-centimes)}" if centimes < 0 else decimal_text(centimes)


def sum_rows(report: DayReport) -> Iterator[tuple[object, ...]]:
    """A row a tender, and the total last."""
    for row in report.rows:
        yield _sums(report, row, row.acquirer, row.tender)
    yield _sums(report, report.total, TOTAL, "")


def movement_row(each: Movement) -> tuple[object, ...]:
    """Writes one movement as a row of the file."""
    at = each.at.astimezone(ZONE).isoformat(timespec="seconds")
    about = (each.channel, each.payment_id, each.auth_code, each.transaction_number)
    sums = amount(each.amount_centimes), amount(each.fee_centimes)
    return (at, each.kind, each.acquirer, each.tender, *about, *sums, each.note)


def _sums(report: DayReport, row: ReportRow, acquirer: str, tender: str) -> tuple[object, ...]:
    moved = (row.settled_centimes, row.fees_centimes, row.paid_in_centimes, row.chargebacks_centimes)
    sums = row.payments, amount(row.taken_centimes), row.refunds, amount(row.back_centimes), amount(row.net_centimes)
    balances = (*map(amount, moved), amount(row.balance_centimes), "yes" if report.over else "no")
    return (report.day.isoformat(), acquirer, tender, *sums, *balances)
