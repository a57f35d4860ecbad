"""One secret weighed: whether it is long enough for what it protects, made by chance, and nobody's but ours. Pure.

The estimate is kind to chance and hard on patterns: a value from `openssl rand` always passes (a test draws a hundred
thousand), a typed one seldom does. It cannot know a book's sentence; the pages show commands that make secrets.
"""

import itertools
import math
import string
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from khallas.settings.strength.known import KEYBOARDS, LEET, SHOWN, WORDS

MADE_BY_CHANCE_MIN = 0.7  # of a value's characters, after words, runs and repeats are taken out
REPEAT_MIN, RUN_MIN = 4, 4  # characters
CLASSES = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
DIFFERENT_PART = 3  # a drawn value shows more than a third of the characters that it could
COUNTED_STEP_MAX = 16  # of a key whose bytes count up or down
SYMBOLS = 2  # what base64 adds to letters and digits; a sentence's blanks are not counted as thirty-two


@dataclass(frozen=True, slots=True)
class Need:
    """What a secret has to withstand. `how` makes one, for the operator."""

    bits: int
    characters: int
    why: str
    how: str = "openssl rand -base64 32"


class Guessing(Enum):
    """How somebody who wants it would try values."""

    OFFLINE = Need(128, 22, "who holds what it signed tries values at home")
    OURS = Need(64, 16, "our door answers as fast as it is asked")
    FAST = Need(56, 12, "its server answers as fast as it is asked")
    PEERS = Need(40, 8, "its peer made it, and counts the tries")
    SMPP = Need(28, 6, "the standard's eight characters, behind an address", "openssl rand -base64 6")


def weak(value: str, guessing: Guessing, kin: tuple[str, ...] = ()) -> str | None:
    """Why a value is refused, in words that hold nothing of it; None for a good one.

    `kin` is what stands beside it and is no secret: its user, its host, its database.
    """
    need = guessing.value
    if not value:
        return "is missing"
    if value.lower() in SHOWN:
        return "is a demo's or an example's: it stands in pages that everybody can read"
    if any(word and _same(value, word) for word in kin):
        return "is the name beside it"
    if len(value) < need.characters:
        return f"has fewer than {need.characters} characters: {need.why}"
    left, different = _by_chance(value), len(set(value))
    typed = left < MADE_BY_CHANCE_MIN * len(value) and bits(value) * left / len(value) < need.bits
    if typed or different * DIFFERENT_PART < min(len(value), _alphabet(set(value))):
        return f"is a demo's or an example's, or typed by a pattern; take `{need.how}`"
    if bits(value) < need.bits:
        return f"can be guessed: about {bits(value):.0f} bits of {need.bits}; {need.why}"
    return None


def random_bytes(key: bytes) -> bool:
    """Whether a key of raw bytes can have been drawn: not typed, not counted, not repeated."""
    if all(32 <= byte < 127 for byte in key):  # 32 drawn bytes are that once in ten thousand billion
        return False
    steps = {(after - before + 128) % 256 - 128 for before, after in itertools.pairwise(key)}
    if len(steps) == 1 and abs(min(steps)) <= COUNTED_STEP_MAX:
        return False
    return len(set(key)) * 2 > len(key) and _by_chance(key.decode("latin-1")) >= MADE_BY_CHANCE_MIN * len(key)


def bits(value: str) -> float:
    """What its length and its kinds of characters can hold at most."""
    return len(value) * math.log2(_alphabet(set(value)))


def _alphabet(text: set[str]) -> int:
    """How many characters whoever drew it can have drawn from."""
    if text <= set(string.hexdigits.lower()) or text <= set(string.hexdigits.upper()):
        return 16 if text - set(string.digits) else 10
    lower, upper = (bool(text & set(each)) for each in (string.ascii_lowercase, string.ascii_uppercase))
    seen = (
        CLASSES if lower and upper else [each for each in CLASSES if text & set(each)]
    )  # a digit may not have come up
    known = sum(len(each) for each in seen)
    return known + (SYMBOLS if text - set("".join(CLASSES)) else 0)


def _same(value: str, word: str) -> bool:
    left, right = value.lower(), word.lower()
    return left == right or left == right[::-1] or left.strip(string.digits + string.punctuation) == right


def _by_chance(value: str) -> int:
    """How many of its characters no word, run or repeat explains."""
    typed = bytearray(len(value))
    for start, end in (*_words(value), *_runs(value), *_repeats(value)):
        typed[start:end] = b"\1" * (end - start)
    return len(value) - sum(typed)


def _words(value: str) -> Iterator[tuple[int, int]]:
    for spelled in {value.lower(), value.lower().translate(LEET)}:
        for word in WORDS:
            at = spelled.find(word)
            while at >= 0:
                yield at, at + len(word)
                at = spelled.find(word, at + 1)


def _runs(value: str) -> Iterator[tuple[int, int]]:
    """aaa, 123, fedc, qwer: each character one step from the one before, always the same step."""
    text = value.lower()
    for line in (None, *KEYBOARDS):
        places = [ord(char) if line is None else line.find(char) for char in text]
        at = 0
        for step, group in itertools.groupby(itertools.pairwise(places), _step):
            length = len(list(group))
            if step is not None and length + 1 >= RUN_MIN:
                yield at, at + length + 1
            at += length


def _step(pair: tuple[int, int]) -> int | None:
    """-1, 0 or 1; None for what is no run."""
    before, after = pair
    return after - before if min(pair) >= 0 and abs(after - before) <= 1 else None


def _repeats(value: str) -> Iterator[tuple[int, int]]:
    """Pieces that stood there before; only the first of them counts."""
    text, seen = value.lower(), dict[str, int]()
    for at in range(len(text) - REPEAT_MIN + 1):
        piece = text[at : at + REPEAT_MIN]
        if piece in seen:
            yield at, at + REPEAT_MIN
        else:
            seen[piece] = at
