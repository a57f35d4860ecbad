"""A settlement file's lines: what is one row, what is told of one that is none, and which row comes next."""

from io import StringIO
from pathlib import Path

import pytest

from core.settlement.file import LINE_MAX_CHARS, _parsed, _undecoded, open_text, rows_of
from core.settlement.rows import Columns

HEADER = "order_id;amount;date;type;note\n"
GOOD = "a;1,00;2026-11-29;Auth;\n"


def lines_told(rows: str) -> list[tuple[int, bool]]:
    """Each row's line, and whether it was read."""
    return [(number, not isinstance(row, str)) for number, row in rows_of(StringIO(HEADER + rows), Columns())]


def test_a_note_of_two_lines_is_one_row() -> None:
    assert lines_told('a;1,00;2026-11-29;Auth;"two\nlines"\n' + GOOD) == [(2, True), (4, True)]


def test_a_column_that_is_read_is_never_of_two_lines() -> None:
    """The first is told, and the second is looked at by itself."""
    assert lines_told('"a\nb";1,00;2026-11-29;Auth;\n' + GOOD) == [(2, False), (3, True), (4, True)]


def test_a_line_without_end_is_one_row_that_is_none() -> None:
    assert lines_told("x" * (3 * LINE_MAX_CHARS) + "\n" + GOOD) == [(2, False), (3, True)]


@pytest.mark.parametrize(
    ("lines", "row"),
    [
        ([], []),
        (["a;b\n"], ["a", "b"]),
        (["a\n", "b\n"], None),
        (["x" * (LINE_MAX_CHARS - 1)], ["x" * (LINE_MAX_CHARS - 1)]),
        (["x" * LINE_MAX_CHARS], None),
        (['"' + "x" * (LINE_MAX_CHARS - 1), 'b"\n'], None),
        (['"a\n', 'b"\n'], ["a\nb"]),
        (['"a'], None),
    ],
)
def test_lines_are_one_row_or_none(lines: list[str], row: list[str] | None) -> None:
    assert _parsed(lines, ";") == row


@pytest.mark.parametrize(
    ("cell", "lost"),
    [("a", False), ("é", False), ("\udc80", True), ("é\udcff", True), ("\udc7f", False), ("\ue000", False)],
)
def test_bytes_that_are_no_utf8_are_known(cell: str, lost: bool) -> None:
    assert _undecoded(cell) is lost


def test_a_byte_that_utf16_lacks_costs_a_letter_and_not_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes((HEADER + GOOD).encode("utf-16") + b"a")
    with open_text(path) as file:
        rows = list(rows_of(file, Columns()))
    assert [number for number, _ in rows] == [2, 3]
    assert not isinstance(rows[0][1], str)
