"""Subscribers and bills from CSV files, read as they come: each row checked, copied to a staging table, merged at once.

The header tells which kind of file it is. Importing the same file again changes nothing; a bill that was paid here
stays paid, whatever a later file says. A row that is wrong is reported with its line and left out.
"""

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import IO, LiteralString

from psycopg import OperationalError
from psycopg.rows import DictRow
from psycopg_pool import PoolTimeout

from core.books import BooksDown
from core.database.pool import Connection, Database
from core.import_rows import INVOICE_COLUMNS, SUBSCRIBER_COLUMNS, RowError, invoice, subscriber
from core.importing_sql import COPY, COUNT_CODES, COUNT_OPEN, COUNT_PAID, MERGE, ORPHANS, STAGING, WITHDRAW

PROBLEMS_KEPT_MAX = 1_000  # all are counted
PROGRESS_ROWS = 1_000
HEADER_MAX_CHARS = 4_096
WITHDRAWN_SHARE_MAX = 0.5  # of the open bills, by a file that nobody vouches for: it may have been cut off


class ImportFailed(ValueError):
    """The file's fault: it is none of ours, or no text. Nothing was imported."""


class FileKind(StrEnum):
    """What a file holds, by its header."""

    SUBSCRIBERS = "subscribers"
    INVOICES = "invoices"


class Whole(StrEnum):
    """Whether a file of bills names all that is owed, so that what it leaves out is withdrawn."""

    NO = "no"
    CAREFULLY = "carefully"  # not when more than WITHDRAWN_SHARE_MAX would go
    SURELY = "surely"


@dataclass(frozen=True, slots=True)
class Problem:
    """One row that was left out, by its line in the file (the header is line 1)."""

    line: int
    why: str


Refused = Callable[[Problem], None]


def _nobody(_: Problem) -> None:
    return


@dataclass(slots=True)
class Report:
    """What an import did, or would do."""

    kind: FileKind
    dry_run: bool
    rows: int = 0
    added: int = 0
    changed: int = 0
    kept_paid: int = 0
    withdrawn: int = 0  # open bills that a whole file no longer names
    codes_changed: int = 0  # of the changed lines: these get another payment code
    problems_count: int = 0
    problems: list[Problem] = field(default_factory=list)
    refused: Refused = field(default=_nobody, repr=False)

    @property
    def unchanged(self) -> int:
        """Good rows that said nothing new; the paid ones among them."""
        return self.rows - self.problems_count - self.added - self.changed

    def leave_out(self, line: int, why: str) -> None:
        """Count a row that cannot be used and tell `refused`; the first ones are kept word for word."""
        problem = Problem(line, why)
        self.problems_count += 1
        self.refused(problem)
        if len(self.problems) < PROBLEMS_KEPT_MAX:
            self.problems.append(problem)


Progress = Callable[[int], None]


async def import_csv(
    database: Database,
    file: IO[str],
    now: datetime,
    *,
    dry_run: bool = False,
    whole: Whole = Whole.NO,
    progress: Progress = lambda rows: None,
    refused: Refused = _nobody,
) -> Report:
    """Import one file opened with `encoding="utf-8-sig", newline=""`; all of its good rows or, on failure, none.

    `whole`: of bills, whether it names all that is owed; then it must be without a fault. `progress` hears how many
    rows were read, `refused` each row that was left out. Raises ImportFailed, BooksDown.
    """
    try:
        kind, rows = _open(file)
        report = Report(kind, dry_run, refused=refused)
        async with database.pool.connection() as connection, connection.transaction(force_rollback=dry_run):
            await connection.execute("SET LOCAL statement_timeout = 0")  # a merge of a million rows takes its time
            await connection.execute(STAGING[kind])
            await _stage(connection, rows, report, progress)
            await connection.execute("ANALYZE staged")
            await _merge(connection, report, now)
            if kind is FileKind.INVOICES and whole is not Whole.NO:
                await _withdraw(connection, report, now, whole)
    except UnicodeDecodeError as error:
        raise ImportFailed("the file is not UTF-8 text") from error
    except (OperationalError, PoolTimeout) as error:
        raise BooksDown("the database was lost; nothing was imported") from error
    report.problems.sort(key=lambda problem: problem.line)
    return report


def _open(file: IO[str]) -> tuple[FileKind, Iterator[tuple[int, Mapping[str, str] | str]]]:
    """The file's kind, and its rows by line: a mapping, or why there is none."""
    header = file.readline(HEADER_MAX_CHARS)
    delimiter = ";" if header.count(";") > header.count(",") else ","
    columns = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
    for kind, needed in ((FileKind.SUBSCRIBERS, SUBSCRIBER_COLUMNS), (FileKind.INVOICES, INVOICE_COLUMNS)):
        if set(needed) <= set(columns):
            return kind, _rows(file, delimiter, columns)
    raise ImportFailed(f"the header names neither {','.join(SUBSCRIBER_COLUMNS)} nor {','.join(INVOICE_COLUMNS)}")


def _rows(file: IO[str], delimiter: str, columns: list[str]) -> Iterator[tuple[int, Mapping[str, str] | str]]:
    """Every row until the file ends; the header was line 1."""
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 2
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield line, str(error)
            continue
        if row is None:
            return
        if row:
            whole = len(row) == len(columns)
            yield line, dict(zip(columns, row, strict=True)) if whole else f"{len(columns)} columns are needed"


def _values(kind: FileKind, row: Mapping[str, str]) -> tuple[object, ...]:
    if kind is FileKind.INVOICES:
        reference, bill = invoice(row)
        return reference, bill.number, bill.period, bill.amount_centimes, bill.due_date
    line, code = subscriber(row)
    return (line.service, line.reference, line.holder, line.contact_msisdn, line.email, code, line.language)


async def _stage(
    connection: Connection, rows: Iterator[tuple[int, Mapping[str, str] | str]], report: Report, progress: Progress
) -> None:
    async with connection.cursor().copy(COPY[report.kind]) as copy:
        for line, row in rows:
            report.rows += 1
            if report.rows % PROGRESS_ROWS == 0:
                progress(report.rows)
            if isinstance(row, str):
                report.leave_out(line, row)
                continue
            try:
                await copy.write_row((line, *_values(report.kind, row)))
            except RowError as error:
                report.leave_out(line, str(error))
    progress(report.rows)


async def _merge(connection: Connection, report: Report, now: datetime) -> None:
    if report.kind is FileKind.INVOICES:
        async with connection.cursor(name="orphans") as orphans:  # as they come: a whole file may be of them
            await orphans.execute(ORPHANS)
            async for orphan in orphans:
                lines = "no line" if orphan["lines"] == 0 else "several lines"
                report.leave_out(orphan["line_no"], f"reference: {lines} of this reference")
        report.kept_paid = (await _all(connection, COUNT_PAID))[0]["paid"]
    else:
        report.codes_changed = (await _all(connection, COUNT_CODES))[0]["codes"]
    for merged in await _all(connection, MERGE[report.kind], now):
        report.added, report.changed = merged["added"], merged["changed"]


async def _withdraw(connection: Connection, report: Report, now: datetime, whole: Whole) -> None:
    """What the file no longer names is not offered any more. Raises ImportFailed."""
    if report.problems_count:
        raise ImportFailed(f"{report.problems_count} rows cannot be used: bills are withdrawn by a faultless file only")
    still_open = (await _all(connection, COUNT_OPEN))[0]["open"]
    report.withdrawn = (await _all(connection, WITHDRAW, now))[0]["withdrawn"]
    if whole is Whole.CAREFULLY and report.withdrawn > WITHDRAWN_SHARE_MAX * still_open:
        raise ImportFailed(f"{report.withdrawn} of {still_open} open bills would be withdrawn: is this the whole file?")


async def _all(connection: Connection, statement: LiteralString, now: datetime | None = None) -> list[DictRow]:
    return await (await connection.execute(statement, {"now": now} if now else None)).fetchall()
