"""A file of rows as spreadsheets and billing systems write it: its alphabet, its separator, its header. Pure but for
the reading.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from typing import IO

from core.spreadsheets import tidy

LINE_MAX_CHARS = 4_096
SHOWN_MAX_CHARS = 500
_SEPARATORS = (",", ";", "\t")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class ImportFailed(ValueError):
    """The file's fault: it is none of ours, or no text. Nothing was imported."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its line in the file, its values by column or why it has none, and itself as it was read."""

    line: int
    values: Mapping[str, str] | str
    shown: str


def text_of(raw: BufferedReader) -> IO[str]:
    """UTF-8, with or without its mark, or UTF-16 with its own. Reads nothing that a pipe could not give again."""
    encoding = "utf-16" if raw.peek(2)[:2] in _UTF_16 else "utf-8-sig"
    return TextIOWrapper(raw, encoding=encoding, newline="")


@dataclass(frozen=True, slots=True)
class Table:
    """A file's columns and what is left of it."""

    columns: Sequence[str]
    line: int  # of the header
    _file: IO[str]
    _separator: str

    def rows(self) -> Iterator[Row]:
        """Every row until the file ends; those without any content are none."""
        reader = csv.reader(self._file, delimiter=self._separator, strict=True)
        while True:
            line = reader.line_num + self.line + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield Row(line, str(error), "")
                continue
            if cells is None:
                return
            if any(map(str.strip, cells)):
                yield Row(line, self._by_column(cells), shown(cells))

    def _by_column(self, cells: list[str]) -> Mapping[str, str] | str:
        width = len(self.columns)
        if len(cells) < width or any(map(str.strip, cells[width:])):
            return f"{width} columns are needed"
        return {name: tidy(cell) for name, cell in zip(self.columns, cells, strict=False) if name}


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
