"""What a spreadsheet did to a cell is told apart from what people write, and a file's alphabet is found."""

import io

import pytest

from core.spreadsheets import spoilt, text_of, tidy

A_NUMBER = "a spreadsheet made a number of it (1.7E+11): format the column as text and export again"
A_TAIL = "a spreadsheet made a number of it (.0): format the column as text and export again"
A_DATE = "a spreadsheet made a date of it: format the column as text and export again"
AN_ERROR = "this is a spreadsheet's own error"
LOST = "letters were lost on the way here: save the file as CSV UTF-8"
A_FORMULA = "this begins as a formula does"

MONTHS = (
    *("jan", "janv", "janv.", "fév", "févr", "fevr.", "feb", "mar", "mars", "avr", "apr", "mai", "may", "juin", "jun"),
    *("juil", "jul", "aou", "août", "aout", "aug", "sep", "sept", "sept.", "oct", "nov", "déc", "dec", "DEC."),
)


@pytest.mark.parametrize(
    ("why", "cells"),
    [
        (A_NUMBER, ("1.71682E+11", "1,7e+11", "4E+11", "4e-3", "+1.5E+4", "-1.5E+4", "1.5E11", "15,25e3", "-1.5e3")),
        (A_TAIL, ("12345.0", "12345,00", "1 234.0", "+5.0", "-5,000", "5.0")),
        (A_DATE, [f"1-{month}" for month in MONTHS] + [f"{month}-26" for month in MONTHS]),
        (A_DATE, ("01-janv-26", "31-dec-2026", "dec-2026", "1-oct.-26", "oct.-026")),
        (AN_ERROR, ("##", "########", "#N/A", "#NAME?", "#REF!", "#DIV/0!", "#VALUE!", "#NULL!", "#NV")),
        (LOST, ("Fatima ??", "????", "Fat\ufffdma", "#??")),
        (A_FORMULA, [f"{sign}a" for sign in "=@+-\uff1d\uff20\uff0b\uff0d"]),
        (A_FORMULA, ("=1", "@1", "-1", "+", "-", "=", "+1a", "\uff0b212600000001")),
    ],
)
def test_a_cell_that_a_spreadsheet_changed_says_how(why: str, cells: tuple[str, ...]) -> None:
    assert {cell: spoilt(cell) for cell in cells} == dict.fromkeys(cells, why)


@pytest.mark.parametrize(
    "cell",
    [
        *(
            "",
            "Salma",
            "0600000001",
            "0000171682062019",
            "769.20",
            "769,20",
            "12.05",
            "1.5",
            "4E11",
            "E+11",
            "1E+",
            "2+3",
        ),
        *("1.5E", "5.", ".0", "2026-09-01", "1-2-2026", "01-13", "001-dec", "1-dec-1", "1-dec-20261", "dec", "dec-1"),
        *("1-decembre", "janvier-26", "#", "#12", "#a", "#Appt 4", "Qui ?", "? ?", "a=b", "a@b", "5+5", "5-5"),
        *("+212600000001", "+212 (0)6-00.00 00-03", "+1"),
    ],
)
def test_what_people_write_is_left_alone(cell: str) -> None:
    assert spoilt(cell) == ""


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        *((" Salma ", "Salma"), ("\tSalma  Demo\r\n", "Salma  Demo"), ("", "")),
        *(("\u00a0Salma\u202fDemo\u3000", "Salma Demo"), ("\u200e0600\u200b\u202c000001\u200f", "0600000001")),
        ("H\u00e9l\u00e8ne", "H\u00e9l\u00e8ne"),
    ],
)
def test_a_cell_as_its_letters_are_meant(cell: str, meant: str) -> None:
    assert tidy(cell) == meant


def as_read(octets: bytes, **how: str) -> str:
    return text_of(io.BufferedReader(io.BytesIO(octets)), **how).read()


TEXT = "H\u00e9l\u00e8ne,769\r\n\u0633\u0644\u0645\u0649,1\n"


@pytest.mark.parametrize("alphabet", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_s_mark_tells_its_alphabet(alphabet: str) -> None:
    assert as_read(TEXT.encode(alphabet)) == TEXT
    assert as_read(b"\xfe\xff" + TEXT.encode("utf-16-be")) == TEXT


def test_a_byte_that_is_no_utf_8_is_kept_for_its_cell() -> None:
    assert as_read(b"H\xe9l,\xff\xfe") == "H\udce9l,\udcff\udcfe"


def test_half_a_letter_of_utf_16_is_refused_unless_it_may_be_lost() -> None:
    half = TEXT.encode("utf-16")[:-1]
    with pytest.raises(UnicodeDecodeError):
        as_read(half)
    assert as_read(half, lost="replace").startswith(TEXT[:-1])
