"""What a search at the help desk was for, as the access log may keep it: no name, no number, no address. Pure.

The log can be neither changed nor erased, so that what is personal must not reach it. Words become a sign each;
telephone and customer numbers lose their middle; what names a payment or a bill stays, for an auditor asks about it.
"""

import re

from core.subscribers.lines import mask_msisdn, msisdn

SUBJECTS_MAX = 8  # numbers of one search
WORD = "*"
_NUMBER = re.compile(r"(?<![\w+])\+?\d(?:[ .\-/]?\d){8,14}(?!\w)")
_TOKEN = re.compile(r"\S+")
_CUSTOMER = re.compile(r"\d{5,12}")
_NAMED = re.compile(r"(?=\S*\d)[\w*./#-]{1,40},?", re.ASCII)


def numbers_in(text: str) -> tuple[str, ...]:
    """The telephone numbers of a search, as E.164."""
    numbers = (_msisdn(match[0]) for match in _NUMBER.finditer(text))
    return tuple(dict.fromkeys(number for number in numbers if number))[:SUBJECTS_MAX]


def logged(text: str) -> str:
    """The search as the log keeps it."""
    parts, done = [], 0
    for match in _NUMBER.finditer(text):
        if number := _msisdn(match[0]):
            parts += [_words(text[done : match.start()]), mask_msisdn(number)]
            done = match.end()
    return "".join((*parts, _words(text[done:])))


def _words(text: str) -> str:
    return _TOKEN.sub(lambda token: _word(token[0]), text)


def _word(word: str) -> str:
    if _CUSTOMER.fullmatch(word) and len(word) != 6:  # six digits name an authorisation or a hand-over
        return f"{word[:2]}...{word[-3:]}"
    if _NAMED.fullmatch(word) or set(word) == {"*"}:
        return word
    return WORD


def _msisdn(text: str) -> str | None:
    """Only what is a telephone number beyond doubt: authorisations and bills are numbers too."""
    digits = re.sub(r"\D", "", text)
    if re.fullmatch(r"0[5-8]\d{8}|(?:00)?212[5-8]\d{8}", digits) is None and not text.startswith("+"):
        return None
    try:
        return msisdn(text)
    except ValueError:
        return None
