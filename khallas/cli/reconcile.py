"""`khallas reconcile FILE`: a settlement file against our books, with a progress bar on a terminal."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from channels.csv_cells import csv_file
from core.acquirers.terms import FIRST
from core.clock import SystemClock
from core.database.pool import open_database
from core.database.settlement.reconciliation import FindingQueue, Run, SettlementFinding, findings, reconcile
from core.money import decimal_text
from core.settlement.rows import Columns
from khallas.bootstrap.acquirers import joined, settlement_of
from khallas.bootstrap.wallets import currency_of, statement_of
from khallas.cli.terminal.progress import rows_read
from khallas.settings.model import BadSettings, Settings
from khallas.settings.parts import SettlementSettings

SHOWN_MAX = 20  # entries of each queue on the terminal
JSON_MAX = 10_000  # entries in the JSON report; the CSV has all
SIDES = ("transaction_number", "ours", "theirs")
CSV_COLUMNS = ("queue", "order_id", "kind", *SIDES, "why", "line", "finding", "found_at", "owner")


def columns_of(names: SettlementSettings, currency: str) -> Columns:
    """The column names of a settlement file."""
    return Columns(
        names.order_id,
        names.transaction_number,
        names.auth_code,
        names.amount,
        names.date,
        names.type,
        tuple(name.casefold() for name in names.credits),
        names.date_format,
        names.minor_units,
        tuple(name.casefold() for name in names.sales),
        names.commission,
        names.net,
        names.value_date,
        names.batch,
        names.merchant,
        currency,
        names.merchants,
    )


async def reconcile_file(
    settings: Settings, file: Path, out: Path | None, acquirer: str = FIRST, wallet: str = ""
) -> tuple[Run, list[SettlementFinding]]:
    """Reconciles a file. Returns the run and its first JSON_MAX entries; `out` gets all, as CSV. `wallet`: whose
    statement it is, where it is no acquirer's file. Raises NoSettlementFile, DatabaseUnavailable, BadSettings, OSError.
    """
    url = settings.require_database_url()
    names, currency = _names_of(settings, acquirer, wallet)
    first: list[SettlementFinding] = []
    async with open_database(url) as database:
        with rows_read(file) as progress:
            columns, now = columns_of(names, currency), SystemClock().now()
            run = await reconcile(database, file, columns, now, progress, names.overdue_days, wallet or acquirer)
        with _writer(out) as write:
            async with findings(database, run.file_hash) as stream:
                async for finding in stream:
                    write(finding)
                    if len(first) < JSON_MAX:
                        first.append(finding)
    return run, first


def _names_of(settings: Settings, acquirer: str, wallet: str) -> tuple[SettlementSettings, str]:
    """Returns what whoever sent the file calls things, and its currency. Raises BadSettings."""
    if wallet:
        if wallet not in settings.wallets:
            raise BadSettings(
                f"{wallet} is no wallet of the settings; known are {', '.join(settings.wallets) or 'none'}"
            )
        return statement_of(settings, wallet), currency_of(settings, wallet)
    if acquirer not in (ids := [each.id for each in joined(settings)]):
        raise BadSettings(f"{acquirer} is no acquirer of the settings; known are {', '.join(ids)}")
    return settlement_of(settings, acquirer), settings.currency


def report_lines(run: Run, findings: list[SettlementFinding]) -> Iterator[str]:
    """The report's lines for people."""
    again = f", again (run {run.runs})" if run.runs > 1 else ""
    yield f"{run.rows_read} rows read{again}, {run.unreadable} unreadable; run {run.file_hash[:16]}"
    yield from _sums(run)
    yield f"{run.matched:>8}  matched"
    for queue in (
        FindingQueue.MISSING_HERE,
        FindingQueue.MISSING_THERE,
        FindingQueue.DIFFERENT,
        FindingQueue.UNREADABLE,
    ):
        yield f"{getattr(run, queue):>8}  {queue.replace('_', ' ')}"
        for finding in [each for each in findings if each.queue is queue][:SHOWN_MAX]:
            yield f"            {_about(finding)}{f'  [{finding.owner}]' if finding.owner else ''}"
    if run.closed:
        yield f"{run.closed:>8}  closed by two people at an earlier run"


def _about(finding: SettlementFinding) -> str:
    if finding.line is not None:
        return f"line {finding.line}: {finding.why}"
    ours, theirs = _amount(finding.ours_centimes) or "-", _amount(finding.theirs_centimes) or "-"
    return f"{finding.order_id}  {finding.kind}  ours {ours}  theirs {theirs}  {finding.why}"


def _sums(run: Run) -> Iterator[str]:
    """What the file adds up to, as far as its columns tell."""
    sums = {"sales": run.sales_centimes, "credits": run.credits_centimes}
    sums |= {"commission": run.commission_centimes, "net": run.net_centimes}
    parts = [f"{name} {_signed(centimes)}" for name, centimes in sums.items() if centimes is not None]
    if parts:
        yield "the file's " + ", ".join(parts)


def told(run: Run, findings: list[SettlementFinding]) -> dict[str, object]:
    """The report for programs."""
    return {
        **asdict(run),
        "findings": [asdict(finding) for finding in findings],
        "findings_cut": run.open > len(findings),
    }


def _signed(centimes: int) -> str:
    return f"{'-' if centimes < 0 else ''}{decimal_text(abs(centimes))}"


def _amount(centimes: int | None) -> str:
    return "" if centimes is None else decimal_text(centimes)


@contextlib.contextmanager
def _writer(out: Path | None) -> Iterator[Callable[[SettlementFinding], None]]:
    if out is None:
        yield lambda finding: None
        return
    with csv_file(out, CSV_COLUMNS) as write:

        def finding_row(each: SettlementFinding) -> None:
            sides = each.transaction_number, _amount(each.ours_centimes), _amount(each.theirs_centimes)
            found_at = each.found_at.isoformat() if each.found_at else None
            write(each.queue, each.order_id, each.kind, *sides, each.why, each.line, each.id, found_at, each.owner)

        yield finding_row
