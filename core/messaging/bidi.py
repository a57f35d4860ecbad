"""Values within Arabic text kept in their order (Unicode Standard Annex 9). Pure.

Behind an Arabic letter digits run from left to right only as long as nothing but one comma, point, colon, slash or
no-break space stands between them: "5 672,60" is shown as "672,60 5" and "2026-00000042" as "00000042-2026". No-break
spaces join the groups of an amount; a left-to-right mark before the others keeps them whole. Each is one UCS-2 unit and
as old as Unicode itself: the oldest handsets know them, which is not so of isolates. Where another number follows such
a value (or DH) with no Arabic letter between, the text of locales/ has a right-to-left mark: else they change places.
"""

import re

from core.languages import LANGUAGES, LanguageCode, Letters

NO_BREAK_SPACE, LEFT_TO_RIGHT_MARK = "\u00a0", "\u200e"
SPOKEN = frozenset({"ivr", "pay", "numbers"})  # sections that are heard, not seen

_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?!\d)")
_SPACED = re.compile(r"\+?\d+(?: \d+)+")  # a telephone number in groups
_MOMENT = re.compile(r"\d{2}/\d{2}/\d{4} \d{2}:\d{2}")
_TURNED = re.compile(
    r"(?<![\w\u200e\u2066*#+])(?:"
    r"[*#+]+\d[\d*#\u00a0]*"  # *1118#, +212600000001
    r"|\d+[*#][\d*#]*"  # 400000******0010, 1118#
    r"|\d+(?:(?:-|\.{2,}|…)\d+)+"  # 2026-00000042, 06...003, 2026-11-29
    r"|[*•]{2,}(?: [*•]{2,})* \d+"  # **** **** **** 0010
    r")"
)


def in_order(language: LanguageCode, value: str) -> str:
    """A value as it may stand within a text of that language; in other alphabets it is left as it is."""
    if LANGUAGES[language].letters is not Letters.ARABIC or not any(map(str.isdigit, value)):
        return value
    return _TURNED.sub(lambda match: LEFT_TO_RIGHT_MARK + match[0], joined(value))


def joined(value: str) -> str:
    """The groups of a number, and a day with its time, held together by no-break spaces."""
    grouped = _GROUPED if _SPACED.fullmatch(value) is None else _SPACED
    return _MOMENT.sub(_bound, grouped.sub(_bound, value))


def _bound(match: re.Match[str]) -> str:
    return match[0].replace(" ", NO_BREAK_SPACE)
