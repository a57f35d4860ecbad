"""Room on the air, against the gsm0338 library's tables."""

import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.messaging.gsm7 import (
    BASIC,
    EXTENDED,
    SEPTETS_ONE,
    SEPTETS_PART,
    UNITS_ONE,
    UNITS_PART,
    Coding,
    coding_of,
    parts,
    segments,
    size,
)

ORACLE = gsm0338.Codec()
GSM = st.text(st.sampled_from(sorted(BASIC | EXTENDED)), max_size=500)
ANY = st.text(st.characters(codec="utf-16"), max_size=300)


def septets(text: str) -> int | None:
    """How many septets the oracle writes; None when it cannot."""
    try:
        return len(ORACLE.encode(text)[0])
    except UnicodeError:
        return None


@given(GSM)
def test_septets_are_the_oracles(text: str) -> None:
    assert coding_of(text) is Coding.GSM7
    assert size(text) == septets(text)


@pytest.mark.parametrize("plane", range(0x30))
def test_the_alphabet_is_the_oracles(plane: int) -> None:
    for point in range(plane * 0x100, (plane + 1) * 0x100):
        char = chr(point)
        if char == "\x1b":  # the escape itself is no character
            continue
        known = septets(char)
        assert (coding_of(char) is Coding.GSM7) is (known is not None), hex(point)
        if known is not None:
            assert size(char) == known


@given(ANY)
def test_parts_lose_nothing_and_fit(text: str) -> None:
    cut = parts(text)
    coding = coding_of(text)
    one, part = (SEPTETS_ONE, SEPTETS_PART) if coding is Coding.GSM7 else (UNITS_ONE, UNITS_PART)
    assert "".join(cut) == text
    assert segments(text) == len(cut)
    if size(text) <= one:
        assert cut == (text,)
    else:
        assert len(cut) > 1
        assert all(0 < size(each, coding) <= part for each in cut)
        # no shorter way: each part but the last is full up to one pair
        assert all(size(each, coding) >= part - 1 for each in cut[:-1])


@given(GSM)
def test_gsm_parts_fit_too(text: str) -> None:
    cut = parts(text)
    assert "".join(cut) == text
    assert all(size(each, Coding.GSM7) <= (SEPTETS_ONE if len(cut) == 1 else SEPTETS_PART) for each in cut)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 8, 2),
        ("ا" * 70, 1),
        ("ا" * 71, 2),
        ("ا" * 66 + "😀" + "ا" * 66, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_segments(text: str, count: int) -> None:
    assert segments(text) == count


def test_pairs_stay_whole() -> None:
    assert parts("a" * 152 + "€" + "a" * 8) == ("a" * 152, "€" + "a" * 8)
    assert parts("ا" * 66 + "😀" + "ا" * 10) == ("ا" * 66, "😀" + "ا" * 10)


def test_one_letter_outside_turns_all() -> None:
    assert coding_of("Recu") is Coding.GSM7
    assert coding_of("Reçu") is Coding.UCS2
    assert size("€", Coding.GSM7) == 2
    assert size("€", Coding.UCS2) == 1
