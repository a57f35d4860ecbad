"""CSV files that a spreadsheet opens as they are meant: told as UTF-8 by a mark, and no cell of theirs is a formula."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"-[0-9]{1,15}(?:\.[0-9]{1,2})?")

WriteRow = Callable[..., None]


def csv_cell(value: object) -> str:
    """A cell that stays text: what would begin a formula gets an apostrophe before it. None is empty."""
    text = "" if value is None else str(value)
    if text.lstrip(" \n\u00a0\ufeff").startswith(_FORMULA) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


@contextmanager
def csv_file(path: Path, columns: tuple[str, ...], *, marked: bool = True) -> Iterator[WriteRow]:
    """A new file with this header; what is yielded writes a row of cells. `marked`: as UTF-8, for Excel.

    Raises OSError.
    """
    with path.open("w", encoding="utf-8-sig" if marked else "utf-8", newline="", errors="replace") as out:
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(columns)
        yield lambda *cells: rows.writerow([csv_cell(cell) for cell in cells])


def csv_row(*cells: object) -> str:
    """Writes a row as text, its line end included."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow([csv_cell(cell) for cell in cells])
    return out.getvalue()


BOM = "\ufeff"  # before a file that a spreadsheet opens
