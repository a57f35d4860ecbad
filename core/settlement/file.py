"""The acquirer's files as they are read: rows by their line, in bounded memory; what is wrong with one costs that one.

A quote that nobody closes swallows no further rows. A line that is no UTF-8 is read as Windows-1252, which French
spreadsheets save; a name or number of such a line that is not plain is told and never guessed. Why bills have another
reader: docs/decisions/013.
"""

import csv
import re
import unicodedata
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from functools import lru_cache
from io import BufferedReader
from pathlib import Path
from typing import IO, Protocol

from core.spreadsheets import QUOTED_LINES_MAX, UNDECODED, text_of, tidy

LINE_MAX_CHARS = 16_384
TITLES_MAX = 20  # lines before the header
DELIMITERS = ",;\t|"
OLD_ENCODING = "cp1252"
FOLDED_MAX = 1_024  # names and types, which repeat
NO_TEXT = "the row is not UTF-8 text"
_KEPT_AS_TEXT = re.compile(r'="([^"]*)"')


class NoSettlementFile(ValueError):
    """The file's fault: it lacks a column, or is no text. Nothing was written."""


class FileColumns(Protocol):
    """Names the columns of a settlement file by their meaning."""

    @property
    def needed(self) -> frozenset[str]:
        """Returns the names of the columns that a file must have."""

    @property
    def mapped(self) -> frozenset[str]:
        """Returns the names of the columns that are read where a file has them."""

    @property
    def names(self) -> frozenset[str]:
        """Returns the names that are given, in plain letters and digits."""

    @property
    def told(self) -> str:
        """The advice where a column is lacking."""


Cells = Mapping[str, str]


def open_text(path: Path) -> IO[str]:
    """UTF-8 or UTF-16, with their marks. Raises OSError."""
    raw = path.open("rb")
    assert isinstance(raw, BufferedReader)
    return text_of(raw, lost="replace")


def rows_of(file: IO[str], columns: FileColumns) -> Iterator[tuple[int, Cells | str]]:
    """Yields each row's line with its cells, or with what is wrong with it. Raises NoSettlementFile for a wrong header.

    Names of columns are the same however they are spaced, accented and capitalised. Lines before the header are titles.
    """
    lines = _Lines(file)
    delimiter, header = _header(lines, columns)
    ours = {_bare(name): name for name in sorted(columns.mapped)}
    names = [name if name in columns.mapped else ours.get(_bare(name), name) for name in map(_cell, header)]
    lacking = sorted(columns.needed - set(names))
    if lacking:
        raise NoSettlementFile(f"the header lacks {', '.join(lacking)}{columns.told}")
    twice = sorted(name for name, times in Counter(names).items() if times > 1 and name in columns.mapped)
    if twice:
        raise NoSettlementFile(f"the header names {', '.join(twice)} twice: which column is meant?")
    return _Table(lines, delimiter, header, names, columns).rows()


@lru_cache(FOLDED_MAX)
def folded(text: str) -> str:
    """Capitals, accents and kinds of space left out."""
    letters = unicodedata.normalize("NFKD", tidy(text))
    return " ".join("".join(each for each in letters if not unicodedata.combining(each)).casefold().split())


def _bare(name: str) -> str:
    return folded(_cell(name))


def _header(lines: "_Lines", columns: FileColumns) -> tuple[str, list[str]]:
    """The first line that has every column needed; else the first that says anything."""
    needed = {_bare(name) for name in columns.needed}
    first: tuple[str, list[str]] | None = None
    separator = ""
    for _ in range(TITLES_MAX):
        (line,) = lines.ahead(1) or [""]
        if not line:
            break
        lines.take(1)
        if line.startswith("sep=") and (named := line.strip(" \r\n")[4:]) in tuple(DELIMITERS):  # a spreadsheet's own
            separator = named
            continue
        delimiter = separator or max(DELIMITERS, key=line.count)
        names = _parsed([line], delimiter) or []
        if needed <= {_bare(name) for name in names}:
            return delimiter, names
        first = first or ((delimiter, names) if any(map(str.strip, names)) else None)
    return first or (",", [])


class _Lines:
    """Lines with their numbers; those that were looked at and not taken come again."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._waiting: deque[str] = deque()
        self.number = 0

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


class _Table:
    """The rows below a header."""

    def __init__(
        self, lines: _Lines, delimiter: str, header: list[str], names: list[str], columns: FileColumns
    ) -> None:
        self._lines = lines
        self._delimiter = delimiter
        self._header = header
        self._names = names
        self._columns = columns

    def rows(self) -> Iterator[tuple[int, Cells | str]]:
        while ahead := self._lines.ahead(1):
            number = self._lines.number + 1
            row, taken = _parsed(ahead, self._delimiter), 1
            if row is None and '"' in ahead[0]:  # a cell of several lines, or a quote that nobody closes
                row, taken = self._several()
            self._lines.take(taken)
            if row is None:
                yield number, "the row cannot be taken apart: look at its quotes and its length"
            elif any(map(str.strip, row)) and not self._repeats_header(row):
                yield number, self._named(row)

    def _repeats_header(self, row: list[str]) -> bool:
        """As files do that were put together of several."""
        return row[-1] == self._header[-1] and [row[0].removeprefix("\ufeff"), *row[1:]] == self._header

    def _several(self) -> tuple[list[str] | None, int]:
        """A cell of several lines is a note: a column that is read has none."""
        ahead = self._lines.ahead(QUOTED_LINES_MAX)
        for count in range(2, len(ahead) + 1):
            row = _parsed(ahead[:count], self._delimiter)
            if row is not None and len(row) == len(self._names):
                read = (cell for name, cell in zip(self._names, row, strict=True) if name in self._columns.mapped)
                return (None, 1) if any("\n" in cell or "\r" in cell for cell in read) else (row, count)
        return None, 1

    def _named(self, row: list[str]) -> Cells | str:
        while len(row) > len(self._names) and not row[-1].strip():  # a spreadsheet's empty columns
            row.pop()
        if len(row) != len(self._names):
            return f"{len(self._names)} columns are needed"
        letters = "".join(row)
        if letters.isascii() and "=" not in letters:  # nearly every row
            return {name: cell.strip() for name, cell in zip(self._names, row, strict=True)}
        cells = dict(zip(self._names, row, strict=True))
        if any(map(_undecoded, row)):
            cells = {name: _old(cell) for name, cell in cells.items()}
            if any(map(_undecoded, cells.values())) or any(
                not cells.get(name, "").isascii() for name in self._columns.names
            ):
                return NO_TEXT
        return {name: _cell(cell) for name, cell in cells.items()}


def _parsed(lines: list[str], delimiter: str) -> list[str] | None:
    if any(len(line) >= LINE_MAX_CHARS for line in lines):
        return None
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else [] if not rows else None


def _cell(cell: str) -> str:
    """As it is meant: what a spreadsheet was made to keep as text (="…") without the formula."""
    cell = tidy(_old(cell))
    match = _KEPT_AS_TEXT.fullmatch(cell) if cell.startswith("=") else None
    return match[1].strip() if match else cell


def _undecoded(cell: str) -> bool:
    """Whether bytes of it are no UTF-8."""
    return not cell.isascii() and any("\udc80" <= each <= "\udcff" for each in cell)


def _old(cell: str) -> str:
    """As Windows-1252 has it, where it is no UTF-8."""
    if not _undecoded(cell):
        return cell
    try:
        return cell.encode("utf-8", UNDECODED).decode(OLD_ENCODING)
    except UnicodeError:
        return cell
