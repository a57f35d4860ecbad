"""Amounts of files: every usual spelling is read right, and what could be two amounts is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.amounts import NoAmount, read_amount, read_minor_units

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
