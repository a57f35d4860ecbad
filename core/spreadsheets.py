"""What a spreadsheet does to text that looks like a number, told apart from what people write; and a file's alphabet.

A cell that a spreadsheet kept as a number has lost what it was (171682062019 is shown as 1.71682E+11, 012345 as 12345):
such a cell is refused, never read as the digits that are left.
"""

import re
import unicodedata
from io import BufferedReader, TextIOWrapper
from typing import IO

_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]\d+|[+-]?\d+[.,]\d+[eE]\d+")
_DECIMAL_TAIL = re.compile(r"[+-]?\d[\d\s]*[.,]0+")
_ERROR = re.compile(r"#{2,}|#[A-Z]{1,9}[A-Z0-9/]{0,9}[!?/A]?")
_MONTH = r"(?:janv?|f[ée]vr?|feb|mars?|avr|apr|mai|may|juin|jun|juil|jul|ao[uû]t?|aug|sept?|oct|nov|d[ée]c)\.?"
_DATE = re.compile(rf"\d{{1,2}}-{_MONTH}(?:-\d{{2,4}})?|{_MONTH}-\d{{2,4}}", re.IGNORECASE)
_PHONE = re.compile(r"\+[\d\s().-]+")
_FORMULA = ("=", "@", "+", "-", "\uff1d", "\uff20", "\uff0b", "\uff0d")


# how a file is opened that is UTF-8 or, against its word, in a French or Arabic machine's own alphabet
ENCODING, UNDECODED = "utf-8-sig", "surrogateescape"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
QUOTED_LINES_MAX = 5  # of one cell
_BYTES = range(0x80, 0x100)
_LATIN = {0xDC00 + byte: bytes((byte,)).decode("cp1252", "replace") for byte in _BYTES}
_SURE = frozenset(  # written by the same byte on both machines: \u00e9, \u00e8, \u00e0, \u00e7, quotes, dashes
    char for byte, char in zip(_BYTES, _LATIN.values(), strict=True) if bytes((byte,)).decode("cp1256") == char
)
_ESCAPED = re.compile("[\udc80-\udcff]")
_LETTERS = re.compile("(?:[A-Za-z]|[\udc80-\udcff])+")


def text_of(raw: BufferedReader, *, lost: str = "strict") -> IO[str]:
    """UTF-8, with or without its mark, or UTF-16 with its own. Reads nothing that a pipe could not give again.

    Bytes that are no UTF-8 are kept, for the cell they stand in to be read (`read_bytes`). `lost`: what becomes of
    those that are no UTF-16, as codecs name it.
    """
    if raw.peek(2)[:2] in UTF_16:
        return TextIOWrapper(raw, encoding="utf-16", errors=lost, newline="")
    return TextIOWrapper(raw, encoding=ENCODING, errors=UNDECODED, newline="")


def read_bytes(text: str) -> str | None:
    """A cell whose bytes were no UTF-8, where they can be one thing alone; None where they could be another's letters.

    A letter of Windows-1252 is one if Windows-1256 has it in the same place, or if it stands among Latin letters.
    """
    if text.isascii() or not _ESCAPED.search(text):
        return text
    for run in _LETTERS.findall(text):
        escaped = [char for char in run if not char.isascii()]
        latin = len(escaped) < len(run)
        for char in escaped:
            read = _LATIN[ord(char)]
            if not (read in _SURE or (latin and read.isalpha())):
                return None
    return text.translate(_LATIN)


def tidy(text: str) -> str:
    """A cell as its letters are meant: every kind of space is one, marks of direction and other unseen ones go."""
    if text.isascii():
        return text.strip()
    letters = (" " if unicodedata.category(c) == "Zs" else c for c in text if unicodedata.category(c) != "Cf")
    return "".join(letters).strip()


def spoilt(text: str) -> str:
    """Returns why a cell is no longer the text that it was; empty when nothing shows."""
    if _SCIENTIFIC.fullmatch(text):
        return "a spreadsheet made a number of it (1.7E+11): format the column as text and export again"
    if _DECIMAL_TAIL.fullmatch(text):
        return "a spreadsheet made a number of it (.0): format the column as text and export again"
    if _DATE.fullmatch(text):
        return "a spreadsheet made a date of it: format the column as text and export again"
    if _ERROR.fullmatch(text):
        return "this is a spreadsheet's own error"
    if "??" in text or "\ufffd" in text:
        return "letters were lost on the way here: save the file as CSV UTF-8"
    if text.startswith(_FORMULA) and not _PHONE.fullmatch(text):
        return "this begins as a formula does"
    return ""
