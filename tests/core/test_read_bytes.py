"""Cells of a file that was no UTF-8: read where each letter is certain, refused where it is not."""

import pytest

from core.spreadsheets import read_bytes


def as_read(octets: bytes) -> str:
    """As a reader of UTF-8 keeps what it cannot read."""
    return octets.decode("utf-8", "surrogateescape")


@pytest.mark.parametrize("text", ["", "Fatima", "769,20", "Réf é"])
def test_what_was_read_is_left_alone(text: str) -> None:
    assert read_bytes(text) == text


@pytest.mark.parametrize("text", ["Référence", "Société Générale", "Zoé", "Muñoz", "DÉCÈS", "1 234,50 €"])
def test_latin_letters_among_their_like(text: str) -> None:
    assert read_bytes(as_read(text.encode("cp1252"))) == text


@pytest.mark.parametrize("octets", ["فاطمة".encode("cp1256"), b"\x81", b"a\x81b", b"a\xbfb", b"\xf1", b"\xd1\xd3 12"])
def test_what_could_be_another_alphabet_is_refused(octets: bytes) -> None:
    assert read_bytes(as_read(octets)) is None
