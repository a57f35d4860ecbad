"""What a password must be: long, of letters and digits, and none that everybody tries first (ASVS 6.2.4,
PCI DSS 8.3.6). Pure but for its list.

A list of what everybody tries is endless; what it is made of is not. A password counts as common when little is left of
it once well-known words, names of the account, runs of the keyboard and repeated characters are taken out.
"""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache
from importlib import resources
from types import MappingProxyType

PASSWORD_CHARS_MIN = 12
PASSWORD_CHARS_MAX = 128
OWN_CHARS_MIN = 6  # that are left once the well-known is gone
DISTINCT_MIN = 6
RUN_MIN = 3
FORMER_KEPT = 4  # the present one and three before it

_LEET = str.maketrans("013457@$!|", "oieastasil")
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "azertyuiop", "qsdfghjklm")
_YEAR = re.compile(r"(?:19|20)\d\d")


class PasswordFault(StrEnum):
    """Tells why a password cannot be one."""

    LENGTH = "length"
    KINDS = "kinds"
    COMMON = "common"
    USED = "used"  # one of the account's last


WORDS = MappingProxyType(
    {
        PasswordFault.LENGTH: f"a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters",
        PasswordFault.KINDS: "a password has letters and digits",
        PasswordFault.COMMON: "this password, or one like it, is among the first that are tried",
        PasswordFault.USED: f"another password than the last {FORMER_KEPT}",
    }
)


def fault(password: str, name: str = "") -> PasswordFault | None:
    """Returns why this cannot be the password of that account; None where it can."""
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        return PasswordFault.LENGTH
    if not any(char.isalpha() for char in password) or not any(char.isdecimal() for char in password):
        return PasswordFault.KINDS
    if len(set(password)) < DISTINCT_MIN or _repeats(password) or _own(password, name) < OWN_CHARS_MIN:
        return PasswordFault.COMMON
    return None


def _own(password: str, name: str) -> int:
    """How many letters and digits of a password are not what everybody would try."""
    folded = unicodedata.normalize("NFKD", password).casefold()
    plain = "".join(char for char in folded if not unicodedata.combining(char))
    words = sorted({*_words(), *re.split(r"\W", name.casefold())}, key=len, reverse=True)
    return min(_left(_YEAR.sub(" ", plain), words), _left(plain.translate(_LEET), words))


def _repeats(password: str) -> bool:
    """One piece over and over, whether the last is whole or not."""
    folded = password.casefold()
    return any(folded == (folded[:size] * len(folded))[: len(folded)] for size in range(1, len(folded) // 2 + 1))


def _left(text: str, words: list[str]) -> int:
    for word in words:
        if len(word) >= RUN_MIN:
            text = text.replace(word, " ")
    return len(re.findall(r"[^\W_]", _without_runs(text)))


def _without_runs(text: str) -> str:
    """The text without three or more neighbours of an alphabet, a keyboard's row, or one character repeated."""
    chars: list[str] = []
    at = 0
    while at < len(text):  # each step goes on by a character at least
        end = at + 1
        while end < len(text) and _follows(text[at : end + 1]):
            end += 1
        chars.append(" " if end - at >= RUN_MIN else text[at:end])
        at = end
    return "".join(chars)


def _follows(piece: str) -> bool:
    return len(set(piece)) == 1 or any(piece in run or piece in run[::-1] for run in _RUNS)


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    """The words passwords are made of, one a line."""
    return frozenset(resources.files("core").joinpath("common_words.txt").read_text("utf-8").split())
