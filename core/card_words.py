"""A card's number that is spelled with words: letters between its groups, letters or words for its digits. Pure.

Each reading of a text is the text, or the one number that groups far apart make, as card_numbers.py can look at it.
"""

import itertools
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache

from core.card_issuers import ISSUER_DIGITS, lengths_of, luhn_sums
from core.cards import PAN_MIN

WORDS_MAX = 40  # characters between two groups of one number
GLUE_MAX = 3  # of them without a blank, where the groups may have any size
HALF = 8  # digits of the first of two groups
BEFORE_MAX, AFTER_MAX = 4, 4  # digits glued before and after it
KEPT_MAX = 1_024
DIGIT_WORDS_MIN = 4  # words for digits in one text, before they are read as such

_DIGIT_WORDS = (  # French, English, Arabic as written and as spoken in Morocco
    *(("zero", "0"), ("un", "1"), ("une", "1"), ("deux", "2"), ("trois", "3"), ("quatre", "4"), ("cinq", "5")),
    *(("six", "6"), ("sept", "7"), ("huit", "8"), ("neuf", "9"), ("oh", "0"), ("one", "1"), ("two", "2")),
    *(("three", "3"), ("four", "4"), ("five", "5"), ("seven", "7"), ("eight", "8"), ("nine", "9")),
    *(("صفر", "0"), ("واحد", "1"), ("اثنان", "2"), ("اثنين", "2"), ("جوج", "2"), ("ثلاثة", "3"), ("تلاتة", "3")),
    *(("اربعة", "4"), ("ربعة", "4"), ("خمسة", "5"), ("ستة", "6"), ("سبعة", "7"), ("ثمانية", "8"), ("تمنية", "8")),
    *(("تسعة", "9"), ("تسعود", "9")),
)
_WORDS = dict(_DIGIT_WORDS)
_WORD = re.compile(r"[^\W\d_]+")
# What a copy or a person makes of digits: O for 0, I and l for 1.
_LOOK = str.maketrans("OoIl", "0011")
_LOOKS = re.compile(r"(?<![^\W\dOoIl_])[\dOoIl]{3,}(?![^\W\dOoIl_])")
_APART = re.compile(r"(?<!\d)\d{1,19}(?P<gap>\D{1,12}?)\d{1,19}(?:(?P=gap)\d{1,19}){1,17}(?!\d)")
_GROUP = re.compile(r"\d+")
_EXPIRY = re.compile(r"(?:0[1-9]|1[0-2])(?:20)?[2-4]\d\d{0,4}|[2-4]\d(?:0[1-9]|1[0-2])\d{0,4}")
_YEAR = re.compile(r"20[2-4]\d")
_BILL = re.compile(r"0{4}[1-9]\d{11}")
_LINE = re.compile(r"0[5-8]\d{8}|(?:00)?212[5-8]\d{8}")
# How banks print a number, and how people cut one into two or three; authorisations have six digits as well.
_PRINTED = frozenset({(4, 6, 5), (4, 6, 4), (6, 10), (4, 12), (8, 4, 4), (4, 8, 4), (4, 3, 3, 3)})
_SIZES = frozenset({1, 2, 3, 4, 5, 8, 10, 12})  # of groups that are all alike but for the last


def readings(text: str) -> Iterator[str]:
    """Other ways to read a text; nothing for one that can be read in one way only."""
    plain = text if text.isascii() else "".join(map(_plain, text))
    read = _APART.sub(_spaced, _LOOKS.sub(_as_digits, _words_as_digits(plain)))
    if read != text:
        yield read
    yield from _across_words(read)


def digits_of(char: str) -> str:
    """The digits a character stands for in any script, circled, full-width or Chinese; empty for all others."""
    return (char if "0" <= char <= "9" else "") if char.isascii() else _digits_of(char)


@lru_cache(maxsize=KEPT_MAX)
def _digits_of(char: str) -> str:
    value = unicodedata.numeric(char, -1)
    return str(int(value)) if 0 <= value < 100 and value == int(value) else ""


def _plain(char: str) -> str:
    return digits_of(char) or char


def _words_as_digits(text: str) -> str:
    """Digits for their words; a text with few of them is about something else."""
    words = [(word, _WORDS.get(_bare(word[0]))) for word in _WORD.finditer(text)]
    meant = [(word, digit) for word, digit in words if digit is not None]
    if len(meant) < DIGIT_WORDS_MIN:
        return text
    parts, done = [], 0
    for word, digit in meant:
        parts += [text[done : word.start()], digit]
        done = word.end()
    return "".join((*parts, text[done:]))


def _bare(word: str) -> str:
    """Without accents and vowels' signs, in small letters; an Arabic alif is one."""
    signs = unicodedata.normalize("NFD", word.lower())
    return "".join(sign for sign in signs if unicodedata.category(sign) != "Mn")


def _as_digits(group: re.Match[str]) -> str:
    return group[0].translate(_LOOK)


def _spaced(groups: re.Match[str]) -> str:
    """One number whose groups are parted by one word or letter; what was wide stays wide."""
    return groups[0].replace(groups["gap"], " " * min(2, len(groups["gap"])))


def _across_words(text: str) -> Iterator[str]:
    """Groups as a card bears them, whatever words stand between; each number is weighed before its groups are."""
    groups = list(_GROUP.finditer(text))
    digits = "".join(group[0] for group in groups)
    if len(digits) < PAN_MIN or not any(map(str.isalpha, text)):
        return
    begins = [0, *itertools.accumulate(len(group[0]) for group in groups)]
    sums = luhn_sums(digits)
    for at in range(len(groups)):
        for begin in range(begins[at], min(begins[at] + BEFORE_MAX, begins[at + 1] - 1) + 1):
            for length in lengths_of(int(digits[begin : begin + ISSUER_DIGITS])):
                end, sum_ = begin + length, sums[(begin + length - 1) % 2]
                if end > len(digits) or (sum_[end] - sum_[begin]) % 10 or end <= begins[at + 1]:
                    continue
                used = groups[at : bisect_left(begins, end)]
                kept = end - begins[at + len(used) - 1]
                if _parted(text, used) and _cut(text, used, begin - begins[at], kept):
                    yield digits[begin:end]


def _parted(text: str, used: list[re.Match[str]]) -> bool:
    """Whether words stand between these groups, few of them, and none of the groups is a number of ours."""
    gaps = [text[one.end() : other.start()] for one, other in itertools.pairwise(used)]
    words = any(char.isalpha() for gap in gaps for char in gap)
    return words and max(map(len, gaps)) <= WORDS_MAX and not any(_ours(group[0]) for group in used)


def _cut(text: str, used: list[re.Match[str]], before: int, kept: int) -> bool:
    """Whether groups are cut as people cut a number, after `before` digits glued to it and with `kept` of the last."""
    sizes, rest = tuple(len(group[0]) for group in used), used[-1][0][kept:]
    if not before and not rest and (_printed(sizes) or _glued(text, used)):
        return True
    size, short = (sizes[1], AFTER_MAX) if len(used) > 2 else (HALF, 1)
    alike = size in _SIZES and sizes[0] - before == size and kept <= size and set(sizes[1:-1]) <= {size}
    return alike and (len(rest) <= short or _EXPIRY.fullmatch(rest) is not None)


def _glued(text: str, used: list[re.Match[str]]) -> bool:
    gaps = (text[one.end() : other.start()] for one, other in itertools.pairwise(used))
    return all(len(gap) <= GLUE_MAX and not any(map(str.isspace, gap)) for gap in gaps)


def _ours(group: str) -> bool:
    return any(number.fullmatch(group) for number in (_LINE, _BILL, _YEAR))


def _printed(sizes: tuple[int, ...]) -> bool:
    return sizes in _PRINTED or (sizes[0] in _SIZES and len(set(sizes[:-1])) == 1 and sizes[-1] <= sizes[0])
