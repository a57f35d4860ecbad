"""What must not be read in a log, replaced: card numbers, whatever an exception quotes, and telephone numbers. Pure.

The first net is that card data never reaches a log call (core.cards.Secret); this is the second, for what nobody
thought of (docs/protocols/security.md 6).
"""

import re

from core import card_numbers

CARD = "[card masked]"
DEPTH_MAX = 6  # of what is logged: deeper things are named by their type
ITEMS_MAX = 64
PLAIN_INT_MAX = 10**7  # counts and times; a longer number may be a telephone's or a card's

_MOROCCAN = re.compile(r"(?<!\w)(\+?212|00212|0)([5-8]\d)\d{4}(\d{3})(?!\w)")
_E164 = re.compile(r"(?<!\w)(\+\d{4})\d{3,8}(\d{3})(?!\w)")
_FILE_LINE = re.compile(r'^\s*File ".*", line \d+')
_DIGITS = re.compile(r"\d{3,}")


def cards(text: str) -> str:
    """The text without numbers that could be a card's, whoever issues it (core/card_numbers.py)."""
    return card_numbers.masked(text, CARD, any_issuer=True)


def telephones(text: str) -> str:
    """MSISDNs, international or as Moroccans write them, without their middle."""
    return _E164.sub(r"\1****\2", _MOROCCAN.sub(r"\1\2****\3", text))


def traceback(text: str) -> str:
    """A formatted traceback whose messages lost their digits: a library may quote the very input that broke it."""
    lines = (line if _FILE_LINE.match(line) else _DIGITS.sub("***", cards(line)) for line in text.splitlines())
    return "\n".join(lines)


def plain(logged: object, *, numbers: bool, depth: int = 0) -> object:
    """Writes whatever is logged beside the words, masked within; `numbers` lets telephone numbers be seen."""
    if logged is None or isinstance(logged, bool | float) or (isinstance(logged, int) and abs(logged) < PLAIN_INT_MAX):
        return logged
    if isinstance(logged, dict | list | tuple | set | frozenset):
        if depth >= DEPTH_MAX:
            return type(logged).__name__
        if isinstance(logged, dict):
            pairs = list(logged.items())[:ITEMS_MAX]
            return {str(plain(k, numbers=numbers)): plain(v, numbers=numbers, depth=depth + 1) for k, v in pairs}
        return [plain(item, numbers=numbers, depth=depth + 1) for item in list(logged)[:ITEMS_MAX]]
    text = cards(logged if isinstance(logged, str) else str(logged))
    return text if numbers else telephones(text)
