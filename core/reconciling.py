"""Reconciliation: a settlement file of the acquirer against our books, in three queues (facts/failure-points.md 17).

A run is known by its file's hash and can be repeated: it replaces what it found before. The file is read as it comes,
its rows compared as sets; all of a run is written, or nothing.
"""

import csv
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import IO

from psycopg import OperationalError
from psycopg.rows import DictRow
from psycopg_pool import PoolTimeout

from core import reconciling_sql as sql
from core.books import BooksDown
from core.database.pool import Connection, Database
from core.settlement_rows import Columns, RowKind, UnreadableRow, settled_row

CHUNK_BYTES = 1 << 20
HEADER_MAX_CHARS = 4_096
PROGRESS_ROWS = 1_000
PAGE_ROWS = 500


class NoSettlementFile(ValueError):
    """The file's fault: it lacks a column, or is no text. Nothing was written."""


class Queue(StrEnum):
    """What somebody must look at."""

    MISSING_HERE = "missing_here"  # the acquirer took money for what is not paid here
    MISSING_THERE = "missing_there"  # paid here, and the acquirer does not settle it
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry of a queue; None where a side knows nothing."""

    queue: Queue
    order_id: str
    kind: RowKind
    transaction_number: str | None
    ours_centimes: int | None
    theirs_centimes: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Run:
    """What a run came to; counts are orders. `runs`: how often this file was read."""

    file_hash: str
    runs: int
    rows_read: int
    unreadable: int
    matched: int
    missing_here: int
    missing_there: int
    different: int


@dataclass(slots=True)
class _Count:
    rows: int = 0
    unreadable: int = 0


Progress = Callable[[int], None]


def hash_of(path: Path) -> str:
    """SHA-256 of the file, which a run is known by."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


async def reconcile(
    database: Database, path: Path, columns: Columns, now: datetime, progress: Progress = lambda rows: None
) -> Run:
    """Read the file and write the run. `progress` hears rows read. Raises NoSettlementFile, OSError, BooksDown."""
    file_hash, count = hash_of(path), _Count()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _open(file, columns)
            async with database.pool.connection() as connection, connection.transaction():
                await connection.execute("SET LOCAL statement_timeout = 0")  # a day of a whole country takes its time
                await connection.execute(sql.CLEAR, {"hash": file_hash})
                await _copy(connection, file_hash, columns, rows, count, progress)
                return await _compare(connection, file_hash, path.name, count, now)
    except UnicodeDecodeError as error:
        raise NoSettlementFile("the file is not UTF-8 text") from error
    except (OperationalError, PoolTimeout) as error:
        raise BooksDown("the database was lost; nothing was written") from error


@asynccontextmanager
async def findings(database: Database, file_hash: str) -> AsyncIterator[AsyncIterator[Finding]]:
    """Every entry of a run's queues, read as they are asked for, however many there are."""
    async with (
        database.pool.connection() as connection,
        connection.transaction(),
        connection.cursor("findings") as cursor,
    ):
        cursor.itersize = PAGE_ROWS
        await cursor.execute(sql.FINDINGS, {"hash": file_hash})
        yield (_finding_of(row) async for row in cursor)


def _finding_of(row: DictRow) -> Finding:
    return Finding(
        Queue(row["queue"]),
        row["order_id"],
        RowKind(row["kind"]),
        row["transaction_number"] or None,
        row["ours_centimes"],
        row["theirs_centimes"],
        row["why"],
    )


def _open(file: IO[str], columns: Columns) -> Iterator[tuple[int, Mapping[str, str] | None]]:
    """Rows by line; None for one of another width."""
    header = file.readline(HEADER_MAX_CHARS)
    delimiter = ";" if header.count(";") > header.count(",") else ","
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
    lacking = sorted(columns.needed - set(names))
    if lacking:
        raise NoSettlementFile(f"the header lacks {', '.join(lacking)}: see the settings KHALLAS_SETTLEMENT__…")
    return _rows(file, delimiter, names)


def _rows(file: IO[str], delimiter: str, names: list[str]) -> Iterator[tuple[int, Mapping[str, str] | None]]:
    reader = csv.reader(file, delimiter=delimiter)
    while True:  # until the file ends
        line = reader.line_num + 2
        try:
            row = next(reader, None)
        except csv.Error:
            yield line, None
            continue
        if row is None:
            return
        if row:
            yield line, dict(zip(names, row, strict=True)) if len(row) == len(names) else None


async def _copy(
    connection: Connection,
    file_hash: str,
    columns: Columns,
    rows: Iterator[tuple[int, Mapping[str, str] | None]],
    count: _Count,
    progress: Progress,
) -> None:
    async with connection.cursor().copy(sql.COPY) as copy:
        for line, fields in rows:
            count.rows += 1
            if count.rows % PROGRESS_ROWS == 0:
                progress(count.rows)
            try:
                row = settled_row(columns, fields) if fields is not None else None
            except UnreadableRow:
                row = None
            if row is None:
                count.unreadable += 1
                continue
            about = (row.order_id, row.transaction_number, row.auth_code, row.amount_centimes, row.at, row.kind)
            await copy.write_row((file_hash, line, *about))
    progress(count.rows)


async def _compare(connection: Connection, file_hash: str, name: str, count: _Count, now: datetime) -> Run:
    async def one(statement: str, **values: object) -> DictRow:
        row = await (await connection.execute(statement, {"hash": file_hash, **values})).fetchone()
        assert row is not None, "an aggregate has one row"
        return row

    span = await one(sql.SPAN)
    values = {"hash": file_hash, "name": name, "now": now, "rows": count.rows, "unreadable": count.unreadable, **span}
    await connection.execute(sql.RUN, values)
    counts = await one(sql.COMPARE) | await one(sql.MISSING_THERE, **span)
    await connection.execute(sql.ASK_AGAIN, {"hash": file_hash, "now": now})
    runs = (await one(sql.COUNTS, **counts))["runs"]
    return Run(file_hash, runs, count.rows, count.unreadable, **counts)
