"""Amounts of money as people and spreadsheets write them, in one reader for every file: read right, or refused. Pure.

An amount has at most two decimals. `1,165` may be a thousand or a little more than one: what can be read in two ways is
refused and never guessed.
"""

import re
import unicodedata

TEXT_MAX_CHARS = 40
CURRENCY_WORDS = {
    "MAD": ("MAD", "DIRHAMS", "DIRHAM", "DHS.", "DHS", "DH.", "D.H.", "DH", "د.م.", "د.م", "درهم", "دراهم")
}

_SPACES = frozenset(
    "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
)
_SPELLED = {
    **dict.fromkeys(_SPACES, " "),
    **dict.fromkeys("\u2019\u02bc\u066c", "'"),  # apostrophes, and the Arabic separator of thousands
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-"),
}
_BODY = re.compile(  # the Arabic decimal comma (U+066B) is never one of thousands
    r"(?:(?P<plain>[0-9]{1,10})|(?P<first>[1-9][0-9]{0,2})(?P<group>[ '.,])"
    r"(?P<groups>[0-9]{3}(?:(?P=group)[0-9]{3}){0,2}))"
    r"(?:(?P<point>[.,\u066b])(?P<decimals>[0-9]{1,2}))?"
)
_BARE = re.compile(r"(-?)([0-9]{1,10})(?:[.,]([0-9]{1,2}))?")  # nearly every amount of a file
_MINOR = re.compile(r"-?[0-9]{1,12}")


class NoAmount(ValueError):
    """The text's fault: it is no amount, or could be two. Never quotes what it holds."""


def read_amount(text: str, currency: str = "MAD") -> int:
    """Centimes, negative ones for `-50.00`, `50.00-` and `(50.00)`. Raises NoAmount."""
    if bare := _BARE.fullmatch(text):
        centimes = int(bare[2]) * 100 + int((bare[3] or "0").ljust(2, "0"))
        return -centimes if bare[1] else centimes
    body = _plain(text)
    if body.startswith("(") and body.endswith(")"):
        return -_unsigned(_worded(body[1:-1], currency))
    body = _worded(body, currency)
    if body.startswith("(") and body.endswith(")"):
        return -_unsigned(body[1:-1].strip())
    if body.startswith("-"):
        return -_unsigned(_worded(body[1:], currency))
    if body.endswith("-"):
        return -_unsigned(_worded(body[:-1], currency))
    return _unsigned(body)


def read_unsigned_amount(text: str, currency: str = "MAD") -> int:
    """Reads an amount where nothing is ever owed back. Raises NoAmount."""
    centimes = read_amount(text, currency)
    if centimes < 0:
        raise NoAmount("an amount is written like 769.20")
    return centimes


def read_minor_units(text: str) -> int:
    """`76920` and `-76920`, which are centimes already. Raises NoAmount."""
    body = _plain(text)
    if not _MINOR.fullmatch(body):
        raise NoAmount("an amount in centimes is written like 76920")
    return int(body)


def _plain(text: str) -> str:
    """Digits, spaces, dashes and apostrophes of any alphabet as ASCII ones; marks that nobody sees left out."""
    if len(text) > TEXT_MAX_CHARS:
        raise NoAmount("an amount is written like 769.20")
    return "".join(_plain_character(each) for each in text).strip()


def _plain_character(each: str) -> str:
    if each.isdecimal():
        return str(unicodedata.decimal(each))
    return "" if unicodedata.category(each) == "Cf" else _SPELLED.get(each, each)


def _worded(body: str, currency: str) -> str:
    """Without the currency's own word, before or after."""
    body = body.strip()
    for word in CURRENCY_WORDS.get(currency, (currency,)):
        if body[: len(word)].upper() == word:
            return body[len(word) :].strip()
        if body[-len(word) :].upper() == word:
            return body[: -len(word)].strip()
    return body


def _unsigned(body: str) -> int:
    match = _BODY.fullmatch(body)
    if match is None or (match["group"] is not None and match["group"] == match["point"]):
        raise NoAmount("an amount is written like 769.20")
    groups = match["groups"]
    if groups is not None and match["point"] is None and match["group"] in ".," and len(groups) == 3:
        raise NoAmount("an amount that can be read in two ways: write it like 1165.00")
    whole = match["plain"] or match["first"] + re.sub("[^0-9]", "", groups)
    return int(whole) * 100 + int((match["decimals"] or "0").ljust(2, "0"))
