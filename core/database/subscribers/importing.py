"""Subscribers and bills from CSV files, read as they come: each row checked, copied to a staging table, merged at once.

The header tells which kind of file it is. Importing the same file again changes nothing; a bill that was paid here
stays paid, whatever a later file says. A row that is wrong is reported with its line and left out.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import IO, LiteralString

from psycopg import OperationalError
from psycopg.rows import DictRow
from psycopg_pool import PoolTimeout

from core.database.pool import Connection, Database
from core.database.subscribers.importing_statements import (
    COPY,
    COUNT_CODES,
    COUNT_OPEN,
    COUNT_PAID,
    JUDGE,
    LEAVE_OUT,
    MERGE,
    PROBLEMS,
    STAGING,
    WITHDRAW,
)
from core.import_text import ImportFailed, Row, Table, open_table
from core.repositories import DatabaseUnavailable
from core.subscribers.import_rows import INVOICE_COLUMNS, SUBSCRIBER_COLUMNS, RowError, invoice, lost_zero, subscriber

__all__ = ["Completeness", "FileKind", "ImportFailed", "ImportReport", "Problem", "import_csv", "rehearsal"]

PROBLEMS_KEPT_MAX = 1_000  # all are counted
PROGRESS_ROWS = 1_000
WITHDRAWN_SHARE_MAX = 0.5  # of the open bills, by a file that nobody vouches for: it may have been cut off


class FileKind(StrEnum):
    """The kinds of files, told by their header."""

    SUBSCRIBERS = "subscribers"
    INVOICES = "invoices"


class Completeness(StrEnum):
    """Tells whether a file of bills names all that is owed, so that what it leaves out is withdrawn."""

    NO = "no"
    CAREFULLY = "carefully"  # not when more than WITHDRAWN_SHARE_MAX would go
    SURELY = "surely"


@dataclass(frozen=True, slots=True)
class Problem:
    """A row that was left out, by its line in the file (a header alone is line 1), with the row itself."""

    line: int
    why: str
    row: str = field(default="", compare=False, repr=False)


Refused = Callable[[Problem], None]


def _nobody(_: Problem) -> None:
    return


@dataclass(slots=True)
class ImportReport:
    """The counts of what an import did, or would do."""

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
    warnings_count: int = 0
    warnings: list[Problem] = field(default_factory=list)  # of rows that were taken: the first ones
    refused: Refused = field(default=_nobody, repr=False)
    mail_utf8: bool = field(default=False, repr=False)

    @property
    def unchanged(self) -> int:
        """Good rows that said nothing new; the paid ones among them."""
        return self.rows - self.problems_count - self.added - self.changed

    def leave_out(self, problem: Problem) -> None:
        """Count a row that cannot be used and tell `refused`; the first ones are kept word for word."""
        self.problems_count += 1
        self.refused(problem)
        if len(self.problems) < PROBLEMS_KEPT_MAX:
            self.problems.append(problem)

    def warn(self, problem: Problem) -> None:
        """Count a row that was taken and should be looked at."""
        self.warnings_count += 1
        if len(self.warnings) < PROBLEMS_KEPT_MAX:
            self.warnings.append(problem)


Progress = Callable[[int], None]
COLUMNS = {FileKind.SUBSCRIBERS: 7, FileKind.INVOICES: 5}


@asynccontextmanager
async def rehearsal(database: Database) -> AsyncIterator[Connection]:
    """A connection on which files are imported one after the other, each seeing the ones before; then all is undone."""
    try:
        async with database.pool.connection() as connection, connection.transaction(force_rollback=True):
            yield connection
    except (OperationalError, PoolTimeout) as error:
        raise DatabaseUnavailable("the database was lost; nothing was imported") from error


async def import_csv(
    database: Database,
    file: IO[str],
    now: datetime,
    *,
    dry_run: bool = False,
    whole: Completeness = Completeness.NO,
    progress: Progress = lambda rows: None,
    refused: Refused = _nobody,
    within: Connection | None = None,
    mail_utf8: bool = False,
) -> ImportReport:
    """Import one file (core/import_text.py opens it); all of its good rows or, on failure, none.

    `whole`: of bills, whether it names all that is owed; then it must be without a fault. `progress` hears how many
    rows were read, `refused` each row that was left out, in line order. `within` a rehearsal it sees what that brought.
    `mail_utf8`: the mail server takes letters beyond ASCII in an address. Raises ImportFailed, DatabaseUnavailable.
    """
    try:
        kind, table = _open(file)
        report = ImportReport(kind, dry_run, refused=refused, mail_utf8=mail_utf8)
        if within is not None:
            async with within.transaction():
                await _import(within, table, report, now, whole, progress)
            return report
        async with database.pool.connection() as connection, connection.transaction(force_rollback=dry_run):
            await _import(connection, table, report, now, whole, progress)
    except UnicodeDecodeError as error:
        raise ImportFailed("the file is not UTF-8 text: save it as CSV UTF-8") from error
    except (OperationalError, PoolTimeout) as error:
        raise DatabaseUnavailable("the database was lost; nothing was imported") from error
    return report


async def _import(
    connection: Connection, table: Table, report: ImportReport, now: datetime, whole: Completeness, progress: Progress
) -> None:
    kind = report.kind
    await connection.execute("SET LOCAL statement_timeout = 0")  # a merge of a million rows takes its time
    await connection.execute("DROP TABLE IF EXISTS pg_temp.staged")  # of the file before, in a rehearsal
    await connection.execute(STAGING[kind])
    await _stage(connection, table.rows(), report, progress)
    await connection.execute("ANALYZE staged")
    withdraws = kind is FileKind.INVOICES and whole is not Completeness.NO
    for judge in JUDGE[kind]:
        await connection.execute(judge, {"whole": withdraws})
    async with connection.cursor(name="problems") as problems:  # as they come: a whole file may be of them
        await problems.execute(PROBLEMS[kind])
        async for problem in problems:
            report.leave_out(Problem(problem["line_no"], problem["why"], problem["shown"] or ""))
    await connection.execute(LEAVE_OUT)
    await _merge(connection, report, now)
    if withdraws:
        await _withdraw(connection, report, now, whole)


def _open(file: IO[str]) -> tuple[FileKind, Table]:
    """The file's kind, and its rows."""
    table = open_table(file)
    for kind, needed in ((FileKind.SUBSCRIBERS, SUBSCRIBER_COLUMNS), (FileKind.INVOICES, INVOICE_COLUMNS)):
        if set(needed) <= set(table.columns):
            return kind, table
    raise ImportFailed(
        f"line {table.line} is no header of ours: it names neither {','.join(SUBSCRIBER_COLUMNS)} "
        f"nor {','.join(INVOICE_COLUMNS)}"
    )


def _values(report: ImportReport, row: Mapping[str, str]) -> tuple[object, ...]:
    if report.kind is FileKind.INVOICES:
        reference, bill = invoice(row)
        return reference, bill.number, bill.period, bill.amount_centimes, bill.due_date
    line, code = subscriber(row, mail_utf8=report.mail_utf8)
    return (line.service, line.reference, line.holder, line.contact_msisdn, line.email, code, line.language)


async def _stage(connection: Connection, rows: Iterator[Row], report: ImportReport, progress: Progress) -> None:
    nothing = (None,) * COLUMNS[report.kind]
    async with connection.cursor().copy(COPY[report.kind]) as copy:
        for row in rows:
            report.rows += 1
            if report.rows % PROGRESS_ROWS == 0:
                progress(report.rows)
            if isinstance(row.values, str):
                await copy.write_row((row.line, row.values, row.shown, *nothing))
                continue
            try:
                values = _values(report, row.values)
            except RowError as error:
                await copy.write_row((row.line, str(error), row.shown, *nothing))
                continue
            await copy.write_row((row.line, None, None, *values))
            if report.kind is FileKind.SUBSCRIBERS and (warning := lost_zero(row.values)):
                report.warn(Problem(row.line, warning, row.shown))
    progress(report.rows)


async def _merge(connection: Connection, report: ImportReport, now: datetime) -> None:
    if report.kind is FileKind.INVOICES:
        report.kept_paid = (await _all(connection, COUNT_PAID))[0]["paid"]
    else:
        report.codes_changed = (await _all(connection, COUNT_CODES))[0]["codes"]
    for merged in await _all(connection, MERGE[report.kind], now):
        report.added, report.changed = merged["added"], merged["changed"]


async def _withdraw(connection: Connection, report: ImportReport, now: datetime, whole: Completeness) -> None:
    """What the file no longer names is not offered any more. Raises ImportFailed."""
    if report.problems_count:
        raise ImportFailed(f"{report.problems_count} rows cannot be used: bills are withdrawn by a faultless file only")
    still_open = (await _all(connection, COUNT_OPEN))[0]["open"]
    report.withdrawn = (await _all(connection, WITHDRAW, now))[0]["withdrawn"]
    if whole is Completeness.CAREFULLY and report.withdrawn > WITHDRAWN_SHARE_MAX * still_open:
        raise ImportFailed(f"{report.withdrawn} of {still_open} open bills would be withdrawn: is this the whole file?")


async def _all(connection: Connection, statement: LiteralString, now: datetime | None = None) -> list[DictRow]:
    return await (await connection.execute(statement, {"now": now} if now else None)).fetchall()
