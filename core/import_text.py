"""A file of rows as spreadsheets and billing systems write it: its separator, its header, its rows. Pure but for the
reading. A quote that nobody closes costs the row it stands in, and no other. The acquirer's files have a reader of
their own (core/settlement/file.py, docs/decisions/013).
"""

import csv
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from core.spreadsheets import QUOTED_LINES_MAX, read_bytes, tidy

LINE_MAX_CHARS = 4_096
SHOWN_MAX_CHARS = 500
_SEPARATORS = (",", ";", "\t")


class ImportFailed(ValueError):
    """The file's fault: it is none of ours, or no text. Nothing was imported."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a file: its line there, its values by column or why it has none, and itself as it was read."""

    line: int
    values: Mapping[str, str] | str
    shown: str


@dataclass(frozen=True, slots=True)
class Table:
    """A file's columns and what is left of it."""

    columns: Sequence[str]
    line: int  # of the header
    _file: IO[str]
    _separator: str

    def rows(self) -> Iterator[Row]:
        """Yields every row until the file ends; those without any content are none. Raises ImportFailed for no text."""
        lines = _ImportLines(self._file, self.line)
        reader = csv.reader(lines, delimiter=self._separator, strict=True)
        while True:
            line = lines.begin()
            try:
                cells = next(reader, None)
            except csv.Error as error:
                first = lines.give_back()
                reader = csv.reader(lines, delimiter=self._separator, strict=True)
                yield Row(line, f"its quotes or its length are wrong: {error}", shown([first]))
                continue
            if cells is None:
                return
            if any(map(str.strip, cells)):
                if lines.several and not self._fits(cells):  # a quote that found another row's
                    cells = [lines.give_back()]
                yield Row(line, self._by_column(cells, line), shown(cells))

    def _fits(self, cells: list[str]) -> bool:
        width = len(self.columns)
        return len(cells) >= width and not any(map(str.strip, cells[width:]))

    def _by_column(self, cells: list[str], line: int) -> Mapping[str, str] | str:
        read = [read_bytes(cell) for cell in cells]
        texts = [tidy(cell) for cell in read if cell is not None]
        if len(texts) < len(cells):
            raise ImportFailed(f"line {line} is not UTF-8 text: save the file as CSV UTF-8")
        if not self._fits(cells):
            return f"{len(self.columns)} columns are needed"
        return {name: text for name, text in zip(self.columns, texts, strict=False) if name}


class _ImportLines(Iterator[str]):
    """A file's lines; those that a wrong quote took along can be given back."""

    def __init__(self, file: IO[str], number: int) -> None:
        """`number`: of the last line that was read before."""
        self._file = file
        self._number = number
        self._waiting: deque[str] = deque()
        self._taken: list[str] = []

    def begin(self) -> int:
        """A row begins: its line's number."""
        self._taken.clear()
        return self._number + 1

    @property
    def several(self) -> bool:
        """Returns whether the row takes more than one line."""
        return len(self._taken) > 1

    def give_back(self) -> str:
        """Gives back all lines of this row but its first, which is returned."""
        first, *others = self._taken
        self._waiting.extendleft(reversed(others))
        self._number -= len(others)
        return first

    def __next__(self) -> str:
        if len(self._taken) >= QUOTED_LINES_MAX:
            raise csv.Error("a quote that nobody closes")
        line = self._waiting.popleft() if self._waiting else next(self._file)
        self._number += 1
        self._taken.append(line)
        return line


def open_table(file: IO[str]) -> Table:
    """The header, behind blank lines and a spreadsheet's `sep=;`. Raises ImportFailed for a name that stands twice."""
    separator, line, header = "", 1, file.readline(LINE_MAX_CHARS)
    while header.startswith(("sep=", "\r", "\n")):
        separator = header.rstrip("\r\n")[4:] or separator
        line, header = line + 1, file.readline(LINE_MAX_CHARS)
    if separator not in _SEPARATORS:
        separator = max(_SEPARATORS, key=header.count)
    columns = [tidy(name).lower() for name in next(csv.reader([header], delimiter=separator), [])]
    while columns and not columns[-1]:
        columns.pop()
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise ImportFailed(f"line {line}, the header, names {' and '.join(twice)} twice")
    return Table(columns, line, file, separator)


def shown(cells: Sequence[str]) -> str:
    """A row as people may look it up: one line, cut."""
    text = ",".join(cells)[:SHOWN_MAX_CHARS]
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
