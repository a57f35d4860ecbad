"""A day's report in one language, as its page and its PDF print it. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from channels.receipt_view import when
from core.languages import LanguageCode
from core.ledger.day_report import DayReport, ReportRow
from core.money import signed_dh

Words = Callable[..., str]


@dataclass(frozen=True, slots=True)
class DayReportSheet:
    """The report as it is printed and as the desk's page shows it: sections of labelled values, the total first."""

    title: str
    notes: tuple[str, ...]
    sections: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    language: LanguageCode


def day_sheet(report: DayReport, language: LanguageCode, t: Words) -> DayReportSheet:
    """The report in one language."""
    day = f"\u2066{report.day:%d/%m/%Y}\u2069"
    notes = (t("report.over") if report.over else t("report.so-far", at=f"\u2066{when(report.made_at)}\u2069"),)
    rows = ((t("report.total"), report.total), *((_named(row, t), row) for row in report.rows))
    return DayReportSheet(
        t("report.of", day=day), notes, tuple((name, tuple(_values(row, t))) for name, row in rows), language
    )


def _named(row: ReportRow, t: Words) -> str:
    tender = row.tender.capitalize() if row.tender else t("report.no-tender")
    return f"{row.acquirer.upper()} \u00b7 {tender}"


def _values(row: ReportRow, t: Words) -> Iterator[tuple[str, str]]:
    counted = {"payments": row.payments, "refunds": row.refunds}
    summed = {
        "payments": row.taken_centimes,
        "refunds": row.back_centimes,
        "net": row.net_centimes,
        "settled": row.settled_centimes,
        "fees": row.fees_centimes,
        "paid-in": row.paid_in_centimes,
        "chargebacks": row.chargebacks_centimes,
        "balance": row.balance_centimes,
    }
    for name, centimes in summed.items():
        count = f" ({counted[name]})" if name in counted else ""
        yield f"{t(f'report.{name}')}{count}", signed_dh(centimes)
