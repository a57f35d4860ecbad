"""Folding ends where it began, and never loses a letter that counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.sms.folding import fold, has_arabic, latin_lookalikes, without_signature

anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(anything)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(anything)
def test_only_single_spaces_part_words(text: str) -> None:
    folded = fold(text)
    assert folded.split() == (folded.split(" ") if folded else [])
    assert all(char.isalnum() or char == " " for char in folded)


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789 ", max_size=40))
def test_plain_latin_stays(text: str) -> None:
    assert fold(text) == fold(text.upper()) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("CÔDE", "code"),
        ("ＣＯＤＥ", "code"),
        ("code\u200f", "code"),
        ("c\u200bo\u200dd\ufeffe", "code"),
        ("Code.", "code"),
        ("«CODE»!", "code"),
        ("STRASSE straße", "strasse strasse"),
        ("كـــود", "كود"),
        ("كُودْ", "كود"),
        ("ﻛﻮﺩ", "كود"),
        ("أداء إداء آداء ٱداء", "اداء اداء اداء اداء"),
        ("فاتورة", "فاتوره"),
        ("٢٠٢٦ ۱۲", "2026 12"),
        ("a\u00a0b\u202fc\td\r\ne", "a b c d e"),
        ("", ""),
    ],
)
def test_examples(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("CODE\n-- \nSalma", "CODE"),
        ("CODE\n_____\nSalma", "CODE"),
        ("CODE\nEnvoyé de mon iPhone", "CODE"),
        ("CODE\r\nSent from my phone", "CODE"),
        ("Sent from my phone", "Sent from my phone"),
        ("CODE\nSVP", "CODE\nSVP"),
        ("\n--\nCODE", "\n--\nCODE"),
    ],
)
def test_signatures(text: str, kept: str) -> None:
    assert without_signature(text) == kept


def test_lookalikes_leave_numbers_alone() -> None:
    assert latin_lookalikes("0600000010") == "0600000010"
    assert latin_lookalikes("c0de") == latin_lookalikes("соdе") == "code"


@given(anything)
def test_arabic_is_told_by_its_letters(text: str) -> None:
    assert has_arabic(text + "ك")
    assert not has_arabic("CODE 0600000001 ٢؟،")


def test_digits_tell_where_there_is_no_letter() -> None:
    assert has_arabic("٢")
    assert has_arabic("۲.")
    assert not has_arabic("2")
    assert not has_arabic("")
