"""What a spreadsheet does to text that looks like a number, told apart from what people write. Pure.

A cell that a spreadsheet kept as a number has lost what it was (171682062019 is shown as 1.71682E+11, 012345 as 12345):
such a cell is refused, never read as the digits that are left.
"""

import re
import unicodedata

_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]\d+|[+-]?\d+[.,]\d+[eE]\d+")
_DECIMAL_TAIL = re.compile(r"[+-]?\d[\d\s]*[.,]0+")
_ERROR = re.compile(r"#{2,}|#[A-Z]{1,9}[A-Z0-9/]{0,9}[!?/A]?")
_MONTH = r"(?:janv?|f[ée]vr?|feb|mars?|avr|apr|mai|may|juin|jun|juil|jul|ao[uû]t?|aug|sept?|oct|nov|d[ée]c)\.?"
_DATE = re.compile(rf"\d{{1,2}}-{_MONTH}(?:-\d{{2,4}})?|{_MONTH}-\d{{2,4}}", re.IGNORECASE)
_PHONE = re.compile(r"\+[\d\s().-]+")
_FORMULA = ("=", "@", "+", "-", "\uff1d", "\uff20", "\uff0b", "\uff0d")


def tidy(text: str) -> str:
    """A cell as its letters are meant: every kind of space is one, marks of direction and other unseen ones go."""
    if text.isascii():
        return text.strip()
    letters = (" " if unicodedata.category(c) == "Zs" else c for c in text if unicodedata.category(c) != "Cf")
    return "".join(letters).strip()


def spoilt(text: str) -> str:
    """Why a cell is no longer the text that it was; empty when nothing shows."""
    if _SCIENTIFIC.fullmatch(text):
        return "a spreadsheet made a number of it (1.7E+11): format the column as text and export again"
    if _DECIMAL_TAIL.fullmatch(text):
        return "a spreadsheet made a number of it (.0): format the column as text and export again"
    if _DATE.fullmatch(text):
        return "a spreadsheet made a date of it: format the column as text and export again"
    if _ERROR.fullmatch(text):
        return "this is a spreadsheet's own error"
    if text.startswith(_FORMULA) and not _PHONE.fullmatch(text):
        return "this begins as a formula does"
    return ""
