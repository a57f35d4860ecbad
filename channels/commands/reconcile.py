"""`khallas reconcile FILE`: a settlement file against our books, with a progress bar on a terminal."""

import contextlib
import csv
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from channels.clock import SystemClock
from channels.settings import BadSettings, Settings
from core.database.pool import open_database
from core.money import decimal_text
from core.reconciling import Finding, Queue, Run, findings, reconcile
from core.settlement_rows import Columns

SHOWN_MAX = 20  # entries of each queue on the terminal
JSON_MAX = 10_000  # entries in the JSON report; the CSV has all
CSV_COLUMNS = ("queue", "order_id", "kind", "transaction_number", "ours", "theirs", "why")


def columns_of(settings: Settings) -> Columns:
    """What the contract's file calls things."""
    own = settings.settlement
    return Columns(
        own.order_id,
        own.transaction_number,
        own.auth_code,
        own.amount,
        own.date,
        own.type,
        tuple(name.lower() for name in own.credits),
        own.date_format,
        own.minor_units,
    )


async def reconcile_file(settings: Settings, file: Path, csv_file: Path | None) -> tuple[Run, list[Finding]]:
    """The run and its first JSON_MAX entries; `csv_file` gets all. Raises NoSettlementFile, BooksDown, OSError."""
    url = settings.database_url.get_secret_value()
    if not url:
        raise BadSettings("KHALLAS_DATABASE_URL is missing")
    kept: list[Finding] = []
    async with open_database(url) as database:
        with _bar(file) as progress:
            run = await reconcile(database, file, columns_of(settings), SystemClock().now(), progress)
        with _writer(csv_file) as write:
            async with findings(database, run.file_hash) as found:
                async for finding in found:
                    write(finding)
                    if len(kept) < JSON_MAX:
                        kept.append(finding)
    return run, kept


def report_lines(run: Run, kept: list[Finding]) -> Iterator[str]:
    """For people."""
    again = f", again (run {run.runs})" if run.runs > 1 else ""
    yield f"{run.rows_read} rows read{again}, {run.unreadable} unreadable; run {run.file_hash[:16]}"
    yield f"{run.matched:>8}  matched"
    for queue in Queue:
        yield f"{getattr(run, queue):>8}  {queue.replace('_', ' ')}"
        for finding in [each for each in kept if each.queue is queue][:SHOWN_MAX]:
            ours, theirs = _amount(finding.ours_centimes) or "-", _amount(finding.theirs_centimes) or "-"
            yield f"            {finding.order_id}  {finding.kind}  ours {ours}  theirs {theirs}  {finding.why}"


def told(run: Run, kept: list[Finding]) -> dict[str, object]:
    """For programs."""
    total = run.missing_here + run.missing_there + run.different
    return {**asdict(run), "findings": [asdict(finding) for finding in kept], "findings_cut": total > len(kept)}


def _amount(centimes: int | None) -> str:
    return "" if centimes is None else decimal_text(centimes)


@contextlib.contextmanager
def _writer(csv_file: Path | None) -> Iterator[Callable[[Finding], None]]:
    if csv_file is None:
        yield lambda finding: None
        return
    with csv_file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)

        def write(finding: Finding) -> None:
            amounts = _amount(finding.ours_centimes), _amount(finding.theirs_centimes)
            number = finding.transaction_number or ""
            writer.writerow((finding.queue, finding.order_id, finding.kind, number, *amounts, finding.why))

        yield write


@contextlib.contextmanager
def _bar(file: Path) -> Iterator[Callable[[int], None]]:
    if not sys.stderr.isatty():
        yield lambda rows: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed} rows"), TimeElapsedColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(file.name, total=None)
        yield lambda rows: bar.update(task, completed=rows)
