"""A day's dialog records as files: rotated by rows, each whole under its name, a manifest last (docs/operations.md).

A day that is written again replaces what was there: its manifest goes first, so that nobody takes half of it for whole.
"""

import hashlib
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import IO

from channels.csv_cells import csv_row
from core.help_desk.dialog_records import DialogRecord

COLUMNS = tuple(each.name for each in fields(DialogRecord))


class Form(StrEnum):
    """How a line is written."""

    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True)
class DialogFile:
    """A file that is closed, and what a reader compares it with."""

    name: str
    rows: int
    bytes: int
    sha256: str


async def write_day(
    records: AsyncIterator[DialogRecord], day: date, folder: Path, *, form: Form, rows_max: int, over: bool
) -> list[DialogFile]:
    """The files of a day, in `folder`, which must be there. Raises OSError, and what `records` raises."""
    stem = f"dialogs-{day.isoformat()}"
    manifest = folder / f"{stem}.manifest.json"
    _clear(manifest, stem)
    files: list[DialogFile] = []
    waiting = await anext(records, None)
    while waiting is not None:
        path = folder / f"{stem}-{len(files) + 1:04}.{form.value}"
        rows = 0
        with _whole(path) as out:
            out.write(csv_row(*COLUMNS) if form is Form.CSV else "")
            while waiting is not None and rows < rows_max:
                out.write(_line(waiting, form))
                rows += 1
                waiting = await anext(records, None)
        files.append(DialogFile(path.name, rows, path.stat().st_size, _sha256(path)))
    with _whole(manifest) as out:
        json.dump(_manifest(day, files, over=over), out, indent=1)
        out.write("\n")
    return files


def _clear(manifest: Path, stem: str) -> None:
    manifest.unlink(missing_ok=True)
    for old in manifest.parent.glob(f"{stem}-[0-9]*"):
        old.unlink()


def _manifest(day: date, files: list[DialogFile], *, over: bool) -> dict[str, object]:
    named = [asdict(each) for each in files]
    rows = sum(each.rows for each in files)
    return {"day": day.isoformat(), "over": over, "rows": rows, "columns": COLUMNS, "files": named}


def _line(record: DialogRecord, form: Form) -> str:
    cells = {name: getattr(record, name) for name in COLUMNS}
    for name in ("began_at", "ended_at"):
        cells[name] = cells[name].isoformat(timespec="milliseconds")
    return csv_row(*cells.values()) if form is Form.CSV else json.dumps(cells, ensure_ascii=False) + "\n"


@contextmanager
def _whole(path: Path) -> Iterator[IO[str]]:
    """A file that bears its name only when all of it is on the disk."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8", newline="") as out:
        yield out
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
