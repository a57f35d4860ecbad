"""Amounts of files: every usual spelling is read right, and what could be two amounts is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.amounts import NoAmount, read_amount, read_minor_units, read_unsigned_amount

SPACES = (" ", "\u00a0", "\u202f", "\u2009")


def grouped(dirhams: int, separator: str) -> str:
    return f"{dirhams:,}".replace(",", separator)


@pytest.mark.parametrize(
    ("text", "centimes"),
    [
        ("1165.80", 116580),
        ("1165,8", 116580),
        ("1 165,80", 116580),
        ("1\u00a0165,80", 116580),
        ("1\u202f165,80", 116580),
        ("1.165,80", 116580),
        ("1,165.80", 116580),
        ("1'165,80", 116580),
        ("1\u2019165.80", 116580),
        ("769.20 MAD", 76920),
        ("769,20 DH", 76920),
        ("DH 769,20", 76920),
        ("769,20\u00a0dhs", 76920),
        ("769,20 Dhs.", 76920),
        ("Dh. 769,20", 76920),
        ("769,20 D.H.", 76920),
        ("769.20 د.م", 76920),
        ("٧٦٩٫٢٠ درهم", 76920),
        ("\u200e1 165,80\u200f", 116580),
        ("(50.00)", -5000),
        ("(50,00 MAD)", -5000),
        ("50.00-", -5000),
        ("-50.00", -5000),
        ("\u221250,00", -5000),
        ("- 50,00 DH", -5000),
        ("1.165.800", 116580000),
        ("1 165", 116500),
        ("0", 0),
    ],
)
def test_amounts_as_people_and_spreadsheets_write_them(text: str, centimes: int) -> None:
    assert read_amount(text) == centimes


@pytest.mark.parametrize(
    "text",
    [
        "1,165", "1.165", "1.1658E+3", "1_165", "--5", "-(5)", "((5))", "+5", "5-5", "", " ", "-", "DH", "1 16,80",
        "1.165.80", "1,165,80", "1 165.800,00", "12,34,567.00", "0,165.80", "769.200", ".50", "50.", "769.20 EUR",
        "=1+1", "\x0050", "5\ud800", "9" * 30, "9" * 11, "nan", "inf", "1e3", "½", "²", "0x10",
    ],
)  # fmt: skip
def test_what_is_no_amount_or_could_be_two_is_refused(text: str) -> None:
    with pytest.raises(NoAmount):
        read_amount(text)


@given(
    st.integers(0, 10**9),
    st.sampled_from([*((space, ",") for space in SPACES), (".", ","), (",", "."), ("'", "."), ("'", ","), ("", ",")]),
    st.sampled_from(["{}", "-{}", "{}-", "({})", "{} DH", "MAD {}", "-{} MAD", "({}) DH"]),
)
def test_any_spelling_of_any_amount_is_read_right(centimes: int, marks: tuple[str, str], frame: str) -> None:
    group, point = marks
    text = frame.format(f"{grouped(centimes // 100, group)}{point}{centimes % 100:02d}")
    assert read_amount(text) == (-centimes if "-" in frame or "(" in frame else centimes)


@given(st.text(max_size=50))
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    for read in (read_amount, read_minor_units):
        with suppress(NoAmount):
            assert abs(read(text)) < 10**12


@pytest.mark.parametrize(("text", "centimes"), [("76920", 76920), ("-76920", -76920), (" 0 ", 0)])
def test_centimes_of_files_that_count_in_them(text: str, centimes: int) -> None:
    assert read_minor_units(text) == centimes


@pytest.mark.parametrize("text", ["--5", "9" * 30, "1_000", "+76920", "769.20", "1 000", "", "5-"])
def test_what_is_no_number_of_centimes_is_refused(text: str) -> None:
    with pytest.raises(NoAmount):
        read_minor_units(text)


WORDS = ["MAD", "DIRHAMS", "DIRHAM", "DHS.", "DHS", "DH.", "D.H.", "DH", "د.م.", "د.م", "درهم", "دراهم", "Dirhams"]


@pytest.mark.parametrize("word", WORDS)
def test_the_currencys_words_stand_before_or_after(word: str) -> None:
    assert [read_amount(text) for text in (f"769,20 {word}", f"{word} 769,20", f"({word} 5)")] == [76920, 76920, -500]
    assert read_amount(f"(5) {word}") == -500


def test_another_currency_has_its_own_word_alone() -> None:
    assert [read_amount(text, "EUR") for text in ("5 EUR", "EUR 5", "5")] == [500, 500, 500]
    with pytest.raises(NoAmount):
        read_amount("5 DH", "EUR")


MARKS = [(space, ",") for space in "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"]
MARKS += [(space, ",") for space in "\u202f\u205f\u3000"] + [(mark, ".") for mark in "\u2019\u02bc\u066c"]


@pytest.mark.parametrize(("group", "point"), MARKS)
def test_every_space_and_apostrophe_separates_thousands(group: str, point: str) -> None:
    assert read_amount(f"1{group}165{point}80") == 116580


@pytest.mark.parametrize("dash", "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d")
def test_every_dash_is_a_minus(dash: str) -> None:
    assert read_amount(f"{dash}50,00") == read_amount(f"50,00{dash}") == -5000


def test_a_text_has_forty_characters_at_most() -> None:
    assert (read_amount("5".rjust(40)), read_minor_units("5".rjust(40))) == (500, 5)
    for read in (read_amount, read_minor_units):
        with pytest.raises(NoAmount):
            read("5".rjust(41))


def test_an_amount_that_nobody_owes_back_may_be_nothing_and_never_less() -> None:
    assert (read_unsigned_amount("0"), read_unsigned_amount("0,01"), read_unsigned_amount("5 MAD")) == (0, 1, 500)
    with pytest.raises(NoAmount):
        read_unsigned_amount("-0,01")


def test_the_longest_numbers_are_read() -> None:
    assert read_amount("9" * 10) == int("9" * 10) * 100
    assert read_amount("999 999 999,99") == 99_999_999_999
    assert read_minor_units("9" * 12) == int("9" * 12)
    with pytest.raises(NoAmount):
        read_minor_units("9" * 13)


@pytest.mark.parametrize("text", ["(55", "55)", "(55,00", "55,00)", "MAD (55", "55) MAD", "(55 MAD"])
def test_half_a_bracket_is_no_minus(text: str) -> None:
    with pytest.raises(NoAmount):
        read_amount(text)
