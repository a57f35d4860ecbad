"""A file of rows: its separator, its header, its rows with their lines, and how each is shown to people."""

import io

import pytest

from core.import_text import LINE_MAX_CHARS, SHOWN_MAX_CHARS, ImportFailed, Row, open_table, shown


def rows(text: str) -> list[Row]:
    return list(open_table(io.StringIO(text)).rows())


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_the_one_that_parts_the_header(separator: str) -> None:
    table = open_table(io.StringIO(separator.join(("a", "b", "c")) + "\n" + separator.join(("1", "2,;", "3"))))
    assert table.columns == ["a", "b", "c"]
    if separator == "\t":
        assert next(iter(table.rows())).values == {"a": "1", "b": "2,;", "c": "3"}


def test_a_spreadsheet_s_own_line_names_the_separator_behind_blank_lines() -> None:
    text = "\r\n\nsep=;\r\na,b;c,d\n1,2;3\n"
    table = open_table(io.StringIO(text, newline=""))
    assert (table.columns, table.line) == (["a,b", "c,d"], 4)
    assert list(table.rows()) == [Row(5, {"a,b": "1,2", "c,d": "3"}, "1,2,3")]


@pytest.mark.parametrize("named", ["", "|", ";;"])
def test_a_separator_that_is_none_of_ours_is_found_by_the_header(named: str) -> None:
    assert open_table(io.StringIO(f"sep={named}\na;b\n")).columns == ["a", "b"]


def test_a_later_line_may_name_the_separator_and_one_without_it_leaves_it() -> None:
    assert open_table(io.StringIO("sep=;\nsep=\n\na,b;c\n")).columns == ["a,b", "c"]


def test_a_column_s_name_may_begin_as_that_line_does() -> None:
    assert open_table(io.StringIO("septembre,b\n")).columns == ["septembre", "b"]


def test_names_are_read_in_any_letters_and_those_behind_the_last_are_none() -> None:
    table = open_table(io.StringIO("\u00a0Name ,,AMOUNT\u200f,, \n"))
    assert table.columns == ["name", "", "amount"]


def test_a_column_without_a_name_is_left_out() -> None:
    assert [row.values for row in rows("a,,b\n1,2,3\n")] == [{"a": "1", "b": "3"}]


def test_no_header_is_no_column_and_no_row() -> None:
    for text in ("", "\n", "sep=;"):
        assert (open_table(io.StringIO(text)).columns, rows(text)) == ([], [])


@pytest.mark.parametrize(
    ("header", "says"),
    [("a,b,A\n", "line 1, the header, names a twice"), ("\nb,a,b,a,c\n", "line 2, .* a and b twice")],
)
def test_a_name_that_stands_twice_is_refused(header: str, says: str) -> None:
    with pytest.raises(ImportFailed, match=f"^{says}"):
        open_table(io.StringIO(header))


def test_a_header_is_looked_at_to_its_bound() -> None:
    header = "a" * (LINE_MAX_CHARS - 2)
    assert open_table(io.StringIO(f"{header},bc\n")).columns == [header, "b"]


def test_rows_without_content_are_none_and_each_has_its_line() -> None:
    text = "a,b\n1,2\n\n , \n\t\n3,4\n"
    assert rows(text) == [Row(2, {"a": "1", "b": "2"}, "1,2"), Row(6, {"a": "3", "b": "4"}, "3,4")]


@pytest.mark.parametrize(
    ("row", "values"),
    [
        ("1,2,,", {"a": "1", "b": "2"}),
        (" 1 ,\u00a02\u200f", {"a": "1", "b": "2"}),
        ("1,", {"a": "1", "b": ""}),
        ("1", "2 columns are needed"),
        ("1,2,3", "2 columns are needed"),
        ("1,2,,3", "2 columns are needed"),
        ('"1"x,2', "its quotes or its length are wrong: ',' expected after '\"'"),
    ],
)
def test_a_row_has_a_cell_for_each_column_or_says_what_is_wrong(row: str, values: object) -> None:
    assert [each.values for each in rows(f"a,b\n{row}\n5,6\n")] == [values, {"a": "5", "b": "6"}]


def test_a_cell_of_another_alphabet_refuses_the_file_and_names_its_line() -> None:
    with pytest.raises(ImportFailed, match=r"^line 3 is not UTF-8 text: save the file as CSV UTF-8$"):
        rows("a,b\n1,2\n3,\udcc3\udce1\n")
    assert rows("a,b\nH\udce9l\udce8ne,2\n")[0].values == {"a": "H\u00e9l\u00e8ne", "b": "2"}


@pytest.mark.parametrize("lines", [1, 2, 5])
def test_a_cell_may_have_five_lines(lines: int) -> None:
    cell = "\n".join("x" for _ in range(lines))
    assert rows(f'a,b\n"{cell}",2\n5,6\n') == [
        Row(2, {"a": cell, "b": "2"}, f"{cell},2".replace("\n", "\ufffd")),
        Row(2 + lines, {"a": "5", "b": "6"}, "5,6"),
    ]


def test_a_cell_of_more_lines_costs_its_first_line_alone() -> None:
    closed = rows('a,b\n"1\n2\n3\n4\n5\n6",2\n')
    assert closed[0] == Row(2, "its quotes or its length are wrong: a quote that nobody closes", '"1\ufffd')
    text = 'a,b\n"1,2\n' + "".join(f"{number},6\n" for number in range(7))
    first, *others = rows(text)
    assert first == Row(2, "its quotes or its length are wrong: a quote that nobody closes", '"1,2\ufffd')
    assert others == [Row(3 + number, {"a": str(number), "b": "6"}, f"{number},6") for number in range(7)]


def test_a_quote_that_found_another_row_s_costs_its_own_alone() -> None:
    assert rows('a,b\n1,"2\n3,"4",5\n5,6\n') == [
        Row(2, "its quotes or its length are wrong: ',' expected after '\"'", '1,"2\ufffd'),
        Row(3, "2 columns are needed", "3,4,5"),
        Row(4, {"a": "5", "b": "6"}, "5,6"),
    ]
    assert rows('a,b\n"1,2\n3",4,5\n5,6\n') == [
        Row(2, "2 columns are needed", '"1,2\ufffd'),
        Row(3, "2 columns are needed", '3",4,5'),
        Row(4, {"a": "5", "b": "6"}, "5,6"),
    ]


def test_each_row_with_a_wrong_quote_is_told() -> None:
    told = [isinstance(row.values, str) for row in rows('a,b\n"1"x,2\n"3"x,4\n5,6\n"7"x,8\n')]
    assert told == [True, True, False, True]


def test_a_quote_at_the_file_s_end_costs_its_row() -> None:
    assert [(row.line, isinstance(row.values, str)) for row in rows('a,b\n1,2\n3,"4')] == [(2, False), (3, True)]


def test_a_row_is_shown_in_one_line_of_five_hundred_characters() -> None:
    assert shown(["a\nb", "c\x07", "\u00e9"]) == "a\ufffdb,c\ufffd,\u00e9"
    assert shown(["a" * 499, "bc"]) == "a" * 499 + ","
    assert len(shown(["a" * 501])) == SHOWN_MAX_CHARS
