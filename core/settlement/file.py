"""A settlement file as it is read: rows by their line, in bounded memory; what is wrong with one costs that one.

A quote that nobody closes swallows no further rows, and bytes that are no UTF-8 spoil only the cells they stand in.
"""

import csv
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import IO

from core.settlement.rows import Columns

LINE_MAX_CHARS = 16_384
QUOTED_LINES_MAX = 5  # lines of one cell
DELIMITERS = ",;\t|"
ENCODING, UNDECODED = "utf-8-sig", "surrogateescape"  # how the file is to be opened


class NoSettlementFile(ValueError):
    """The file's fault: it lacks a column, or is no text. Nothing was written."""


Cells = Mapping[str, str]


def rows_of(file: IO[str], columns: Columns) -> Iterator[tuple[int, Cells | str]]:
    """Each row's line with its cells, or with what is wrong with it. Raises NoSettlementFile for a wrong header."""
    header = file.readline(LINE_MAX_CHARS)
    delimiter = max(DELIMITERS, key=header.count)
    names = [name.strip() for name in _parsed([header], delimiter) or []]
    lacking = sorted(columns.needed - set(names))
    if lacking:
        raise NoSettlementFile(f"the header lacks {', '.join(lacking)}: see the settings KHALLAS_SETTLEMENT__…")
    twice = sorted(name for name, times in Counter(names).items() if times > 1 and name in columns.mapped)
    if twice:
        raise NoSettlementFile(f"the header names {', '.join(twice)} twice: which column is meant?")
    return _rows(_Lines(file), delimiter, names)


def undecoded(cells: Cells) -> bool:
    """Whether bytes of this row are no UTF-8."""
    return any("\udc80" <= each <= "\udcff" for cell in cells.values() if not cell.isascii() for each in cell)


class _Lines:
    """Lines with their numbers; those that were looked at and not taken come again."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._waiting: deque[str] = deque()
        self.number = 1  # the header was the first

    def ahead(self, count: int) -> list[str]:
        """Up to so many lines, none of which is taken yet."""
        while len(self._waiting) < count and (line := self._line()):
            self._waiting.append(line)
        return list(self._waiting)[:count]

    def take(self, count: int) -> None:
        for _ in range(count):
            self._waiting.popleft()
        self.number += count

    def _line(self) -> str:
        """The next one; of an endless one the beginning, which is no row."""
        line = self._file.readline(LINE_MAX_CHARS)
        rest = line
        while len(rest) == LINE_MAX_CHARS and not rest.endswith("\n"):
            rest = self._file.readline(LINE_MAX_CHARS)
        return line


def _rows(lines: _Lines, delimiter: str, names: list[str]) -> Iterator[tuple[int, Cells | str]]:
    while ahead := lines.ahead(1):
        number = lines.number + 1
        row, taken = _parsed(ahead, delimiter), 1
        if row is None and '"' in ahead[0]:  # a cell of several lines, or a quote that nobody closes
            row, taken = _several(lines, delimiter, len(names))
        lines.take(taken)
        if row is None:
            yield number, "the row cannot be taken apart: look at its quotes and its length"
        elif any(cell.strip() for cell in row):
            yield number, _named(names, row)


def _several(lines: _Lines, delimiter: str, width: int) -> tuple[list[str] | None, int]:
    ahead = lines.ahead(QUOTED_LINES_MAX)
    for count in range(2, len(ahead) + 1):
        row = _parsed(ahead[:count], delimiter)
        if row is not None and len(row) == width:
            return row, count
    return None, 1


def _parsed(lines: list[str], delimiter: str) -> list[str] | None:
    if any(len(line) >= LINE_MAX_CHARS for line in lines):
        return None
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else [] if not rows else None


def _named(names: list[str], row: list[str]) -> Cells | str:
    while len(row) > len(names) and not row[-1].strip():  # a spreadsheet's empty columns
        row.pop()
    if len(row) != len(names):
        return f"{len(names)} columns are needed"
    return dict(zip(names, row, strict=True))
