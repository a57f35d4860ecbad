"""Reconciliation: a settlement file of the acquirer against our books (docs/protocols/failure-points.md 17).

A run is known by its file's hash and can be repeated. The file is read as it comes, its rows compared as sets with all
files before; all of a run is written, or nothing. What does not agree becomes findings (core/settlement/findings.py).
Days are the
operator's own: a file speaks of whole days, and of everything since the end of the file before it.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Self

from psycopg import OperationalError
from psycopg.rows import DictRow
from psycopg_pool import PoolTimeout

from core.acquirers.terms import FIRST
from core.database.pool import Connection, Database
from core.database.settlement import statements as sql
from core.database.settlement.findings import finding_of
from core.ports import Clock
from core.repositories import DatabaseUnavailable
from core.settlement.file import NO_TEXT, NoSettlementFile, open_text, rows_of
from core.settlement.findings import FindingQueue, SettlementFinding
from core.settlement.rows import Columns, RowKind, SettledRow, UnreadableRow, settled_row, total_of
from core.zone import ZONE

__all__ = [
    "FindingQueue",
    "NoSettlementFile",
    "Run",
    "SettlementFinding",
    "findings",
    "hash_of",
    "look_for_overdue",
    "reconcile",
]

CHUNK_BYTES = 1 << 20
SPOOL_MAX_BYTES = 1 << 20  # of unreadable rows in memory
PROGRESS_ROWS = 1_000
PAGE_ROWS = 500
OVERDUE_DAYS = 4  # a weekend and a holiday
LOOK_BACK_DAYS = 400
CREDITS_LOOK_BACK_DAYS = 60  # a daily look found what is older


@dataclass(frozen=True, slots=True)
class Run:
    """The counts that a run came to. They are orders, and rows for `unreadable`; without the `closed` ones, which two
    people closed at an earlier run. `runs`: how often this file was read. Sums are the file's own.
    """

    file_hash: str
    runs: int
    rows_read: int
    unreadable: int
    matched: int
    missing_here: int
    missing_there: int
    different: int
    closed: int = 0
    sales_centimes: int | None = None
    credits_centimes: int | None = None
    commission_centimes: int | None = None
    net_centimes: int | None = None

    @property
    def open(self) -> int:
        """Returns how many entries somebody must look at."""
        return self.unreadable + self.missing_here + self.missing_there + self.different


Progress = Callable[[int], None]


def hash_of(path: Path) -> str:
    """SHA-256 of the file, which a run is known by."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def run_key(acquirer: str, file_hash: str) -> str:
    """A run is of an acquirer and a file: the first one's are known by the file alone, as they always were."""
    return file_hash if acquirer == FIRST else hashlib.sha256(f"{acquirer}:{file_hash}".encode()).hexdigest()


async def reconcile(
    database: Database,
    path: Path,
    columns: Columns,
    now: datetime,
    progress: Progress = lambda rows: None,
    overdue_days: int = OVERDUE_DAYS,
    acquirer: str = FIRST,
) -> Run:
    """Read an acquirer's file, or the statement of the wallet of that name, and write the run. `progress` hears rows
    read. Raises NoSettlementFile, OSError, DatabaseUnavailable."""
    file_hash = run_key(acquirer, hash_of(path))
    try:
        with open_text(path) as file, _Rows(file, columns, progress) as rows:
            async with database.pool.connection() as connection, connection.transaction():
                await connection.execute("SET LOCAL statement_timeout = 0")  # a day of a whole country takes its time
                await connection.execute(sql.CLEAR, {"hash": file_hash})
                await _copy(connection, file_hash, acquirer, rows)
                await connection.execute(sql.NAMED_ATTEMPTS, {"hash": file_hash, "acquirer": acquirer})
                return await _Comparison(connection, file_hash, now, overdue_days, acquirer).run(path.name, rows)
    except (OperationalError, PoolTimeout) as error:
        raise DatabaseUnavailable("the database was lost; nothing was written") from error


class SettlementWatch:
    """The daily look of a worker. Raises DatabaseUnavailable."""

    def __init__(self, database: Database, clock: Clock, overdue_days: int = OVERDUE_DAYS) -> None:
        self._database = database
        self._clock = clock
        self._overdue_days = overdue_days

    async def look(self) -> None:
        await look_for_overdue(self._database, self._clock.now(), self._overdue_days)


async def look_for_overdue(database: Database, now: datetime, overdue_days: int = OVERDUE_DAYS) -> None:
    """Once a day: what was sold or given back so long ago and is in no file, and whether files still come.

    Raises DatabaseUnavailable.
    """
    try:
        async with database.pool.connection() as connection, connection.transaction():
            await connection.execute("SET LOCAL statement_timeout = 0")
            await _Comparison(connection, None, now, overdue_days).overdue()
    except (OperationalError, PoolTimeout) as error:
        raise DatabaseUnavailable("the database was lost; nothing was written") from error


@asynccontextmanager
async def findings(database: Database, file_hash: str) -> AsyncIterator[AsyncIterator[SettlementFinding]]:
    """Yields every open finding of a run, read as they are asked for, however many there are."""
    async with (
        database.pool.connection() as connection,
        connection.transaction(),
        connection.cursor("findings") as cursor,
    ):
        cursor.itersize = PAGE_ROWS
        await cursor.execute(sql.FINDINGS, {"hash": file_hash})
        yield (finding_of(row) async for row in cursor)


class _Rows:
    """The file's rows as they are copied, counted; what cannot be read waits on disk."""

    def __init__(self, file: IO[str], columns: Columns, progress: Progress) -> None:
        self._rows = rows_of(file, columns)
        self._columns = columns
        self._progress = progress
        self._left_out: IO[str] = SpooledTemporaryFile(SPOOL_MAX_BYTES, mode="w+", encoding="ascii")  # noqa: SIM115 - closed by __exit__
        self.read = self.unreadable = self._undecoded = 0
        self._sums = [0] * 4  # sales, and what is left of them: of the file, and since the last total

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._left_out.close()

    def good(self) -> Iterator[tuple[object, ...]]:
        """The values that settlement_rows keeps of each readable row. Raises NoSettlementFile where no row is text."""
        for line, cells in self._rows:
            self.read += 1
            if self.read % PROGRESS_ROWS == 0:
                self._progress(self.read)
            try:
                row = self._row(cells)
                if row is None:
                    self.read -= 1
                else:
                    yield line, *row
            except UnreadableRow as error:
                self.unreadable += 1
                self._left_out.write(json.dumps((line, str(error))) + "\n")
        self._progress(self.read)
        if self.read and self._undecoded == self.read:
            raise NoSettlementFile("the file is not UTF-8 text")

    def left_out(self) -> Iterator[tuple[int, str]]:
        """Each unreadable row: its line, and why."""
        self._left_out.seek(0)
        for text in self._left_out:
            line, why = json.loads(text)
            yield line, why

    def _row(self, cells: Mapping[str, str] | str) -> tuple[object, ...] | None:
        """None of a total that is right."""
        if isinstance(cells, str):
            self._undecoded += cells == NO_TEXT
            raise UnreadableRow(cells)
        total = total_of(self._columns, cells)
        if total is not None:
            if total and abs(total) not in map(abs, self._sums):
                raise UnreadableRow("the total is not the sum of the rows above it: rows are missing, or unreadable")
            self._sums[2:] = 0, 0
            return None
        row = settled_row(self._columns, cells)
        self._add(row)
        about = (row.order_id, row.transaction_number, row.auth_code, row.amount_centimes, row.at, row.kind)
        return *about, row.commission_centimes, row.net_centimes, row.value_date, row.batch, row.merchant

    def _add(self, row: SettledRow) -> None:
        sale = row.amount_centimes if row.kind is RowKind.SALE else 0
        net_centimes = sale or -row.amount_centimes
        self._sums = [
            known + more for known, more in zip(self._sums, (sale, net_centimes, sale, net_centimes), strict=True)
        ]


async def _copy(connection: Connection, file_hash: str, acquirer: str, rows: _Rows) -> None:
    async with connection.cursor().copy(sql.COPY) as copy:
        for row in rows.good():
            await copy.write_row((file_hash, acquirer, *row))
    await connection.execute(sql.STAGE_UNREADABLE)
    async with connection.cursor().copy(sql.COPY_UNREADABLE) as copy:
        for left_out in rows.left_out():
            await copy.write_row(left_out)


class _Comparison:
    """The statements of one run, in one transaction."""

    def __init__(
        self,
        connection: Connection,
        file_hash: str | None,
        now: datetime,
        overdue_days: int,
        acquirer: str | None = None,
    ) -> None:
        """`acquirer`: whose file it is; None looks at all of them."""
        self._connection = connection
        self._acquirer = acquirer
        self._now = now
        self._values: dict[str, object] = {
            "hash": file_hash,
            "acquirer": acquirer,
            "now": now,
            "from_at": None,
            "to_at": None,
            "overdue": now - timedelta(days=overdue_days),
            "since": now - timedelta(days=LOOK_BACK_DAYS),
            "recently": now - timedelta(days=CREDITS_LOOK_BACK_DAYS),
        }

    async def run(self, name: str, rows: _Rows) -> Run:
        sums = await self._one(sql.TOLD)
        span = await self._span(sums.pop("first"), sums.pop("last"))
        self._values |= span
        await self._do(sql.RUN, name=name, rows=rows.read, unreadable=rows.unreadable, **sums)
        matched = (await self._one(sql.COMPARE))["matched"]
        await self._do(sql.UNREADABLE)
        await self._do(sql.SALES_MISSING)
        await self._do(sql.CREDITS_MISSING)
        await self._do(sql.GONE)
        await self._do(sql.CAME)
        await self._file_came()
        await self._do(sql.ASK_AGAIN)
        await self._do(sql.ASK_WALLET_AGAIN)
        await self._do(sql.BOOK)
        counts = await self._one(sql.OPEN)
        closed = await self._one(sql.CLOSED)
        unreadable = rows.unreadable - closed["unreadable_closed"]
        runs = (await self._one(sql.COUNTS, matched=matched, unreadable=unreadable, **counts))["runs"]
        file_hash = str(self._values["hash"])
        all_closed = closed["closed"] + closed["unreadable_closed"]
        return Run(file_hash, runs, rows.read, unreadable, matched, **counts, closed=all_closed, **sums)

    async def overdue(self) -> None:
        await self._do(sql.SALES_MISSING)
        await self._do(sql.CREDITS_MISSING)
        await self._do(sql.CAME)
        await self._file_came()

    async def _span(self, first: datetime | None, last: datetime | None) -> dict[str, datetime]:
        """Whole days of the file's rows, from where the file before ended; of a file without rows all until now."""
        begins = self._now if first is None else _day(first)
        ended = (await self._one(sql.BEFORE, first=begins))["ended"]
        ends = self._now if last is None else min(_day(last) + timedelta(days=1), self._now)
        if ended is None and first is None:
            ended = self._now - timedelta(days=LOOK_BACK_DAYS)
        begins = ended or begins
        return {"from_at": begins, "to_at": max(ends, begins)}

    async def _file_came(self) -> None:
        whose = [self._acquirer] if self._acquirer else [row["acquirer"] for row in await self._all(sql.WHOSE)]
        for acquirer in whose or [FIRST]:
            about = "no settlement file " + ("" if acquirer == FIRST else f"of {acquirer} ")
            ended = (await self._one(sql.LAST_COVERED, whose=acquirer))["ended"]
            since = f"since {ended.astimezone(ZONE):%Y-%m-%d}" if ended else "yet"
            values = {"why": about + since, "about": about, "ended": ended, "whose": acquirer}
            await self._do(sql.FILE_CAME, **values)
            await self._do(sql.NO_FILE, **values)

    async def _all(self, statement: str) -> list[DictRow]:
        return await (await self._connection.execute(statement, self._values)).fetchall()

    async def _one(self, statement: str, **values: object) -> DictRow:
        row = await (await self._connection.execute(statement, {**self._values, **values})).fetchone()
        assert row is not None, "an aggregate has one row"
        return row

    async def _do(self, statement: str, **values: object) -> None:
        await self._connection.execute(statement, {**self._values, **values})


def _day(moment: datetime) -> datetime:
    """The beginning of its day, here."""
    return datetime.combine(moment.astimezone(ZONE).date(), time.min, ZONE)
