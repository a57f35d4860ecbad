"""`khallas report`: a day's payments, refunds, fees and balance by acquirer and tender, told and written to files."""

import asyncio
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from core.languages import LanguageCode
from core.ledger.day_report import DayReport, ReportRow
from khallas.cli.told import fail, show
from khallas.settings.model import Settings

SUMS = ("taken", "back", "net", "settled", "fees", "paid_in", "chargebacks", "balance")

Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Day = Annotated[
    datetime | None, typer.Option("--day", formats=["%Y-%m-%d"], help="like 2026-11-29; today when left out")
]
Out = Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="write the sums there")]
Movements = Annotated[Path | None, typer.Option("--movements", dir_okay=False, help="write every movement there, CSV")]
Pdf = Annotated[Path | None, typer.Option("--pdf", dir_okay=False, help="write the same to print")]


def report(
    day: Day = None,
    csv_file: Out = None,
    movements: Movements = None,
    pdf: Pdf = None,
    language: Annotated[LanguageCode, typer.Option(help="of the PDF")] = LanguageCode.FR,
    as_json: Json = False,
) -> None:
    """A day's payments, refunds, settlement, fees and balance by acquirer and tender, from the ledger."""
    from channels.web.receipts import extras
    from khallas.cli import at_hand
    from khallas.settings.model import load

    settings = load(at_hand.environ())
    if pdf is not None and not extras.pdf():
        fail("this installation makes no PDFs: install khallas[pdf]", as_json=as_json)
    try:
        sums = asyncio.run(_made(settings, day.date() if day else None, csv_file, movements))
        if pdf is not None:
            pdf.write_bytes(_printed(sums, settings, language))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", as_json=as_json)
    show(told(sums), lines(sums), as_json=as_json)


def told(report: DayReport) -> dict[str, object]:
    """The day's report for programs, in centimes."""
    rows = [{**asdict(row), "net_centimes": row.net_centimes} for row in report.rows]
    total = {**asdict(report.total), "net_centimes": report.total.net_centimes}
    return {"day": report.day.isoformat(), "over": report.over, "rows": rows, "total": total}


def lines(report: DayReport) -> Iterator[str]:
    """The day's report for people, in dirhams."""
    yield f"{report.day}{'' if report.over else ' (not over)'}"
    yield f"{'acquirer, tender':<24}{'payments':>10}{'refunds':>9}" + "".join(f"{name:>15}" for name in SUMS)
    for row in report.rows:
        yield _line(f"{row.acquirer} {row.tender or '-'}", row)
    yield _line("total", report.total)


def add_commands(app: typer.Typer) -> None:
    """Adds the verb of the day's report."""
    app.command()(report)


def _line(name: str, row: ReportRow) -> str:
    from channels.day_report_csv import amount

    sums = "".join(f"{amount(getattr(row, f'{each}_centimes')):>15}" for each in SUMS)
    return f"{name:<24}{row.payments:>10}{row.refunds:>9}{sums}"


async def _made(settings: Settings, day: date | None, sums: Path | None, movements: Path | None) -> DayReport:
    """Raises DatabaseUnavailable, OSError."""
    from channels.csv_cells import csv_file
    from channels.day_report_csv import MOVEMENT_COLUMNS, SUM_COLUMNS, movement_row, sum_rows
    from core.clock import SystemClock
    from core.database.late import open_late
    from core.database.ledger.day_report import PgDayReports
    from core.database.pool import open_database
    from core.ledger.days import day_of

    url = settings.require_database_url()
    now = SystemClock().now()
    late_url = settings.database_late_url.get_secret_value()
    async with open_database(url) as primary, open_late(late_url, primary) as database:
        reports = PgDayReports(database)
        report = await reports.of(day or day_of(now), now)
        if sums is not None:
            with csv_file(sums, SUM_COLUMNS) as write:
                for row in sum_rows(report):
                    write(*row)
        if movements is not None:
            with csv_file(movements, MOVEMENT_COLUMNS) as write:
                async for each in reports.movements(report.day):
                    write(*movement_row(each))
    return report


def _printed(report: DayReport, settings: Settings, language: LanguageCode) -> bytes:
    from channels.web.receipts.day_report_pdf import render
    from channels.web.receipts.day_report_sheet import day_sheet
    from core.messaging.texts import load_texts

    texts = load_texts()
    sheet = day_sheet(report, language, lambda key, **values: texts.fill(language, "desk", key, **values))
    return render(sheet, settings.operator_name)
