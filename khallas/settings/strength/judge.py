"""One secret weighed: whether it is long enough for what it protects, made by chance, and nobody's but ours. Pure.

The estimate is kind to chance and hard on patterns: a value from `openssl rand` always passes (a test draws a hundred
thousand), a typed one seldom does. It cannot know a book's sentence; the pages show commands that make secrets.
"""

import base64
import binascii
import itertools
import math
import string
from dataclasses import dataclass
from enum import Enum

from khallas.settings.strength.known import SHOWN
from khallas.settings.strength.typed import by_chance, is_digest

MADE_BY_CHANCE_MIN = 0.7  # of a value's characters, after words, runs and repeats are taken out
SPELLED_BYTES_MIN = 12  # of what a value is the hex or base64 of: fewer drawn ones may be letters all the same
CLASSES = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
COUNTED_STEP_MAX = 17  # of bytes that count up or down: 00 11 22 33
DIFFERENT_PART = 3  # a drawn value shows more than a third of the characters that it could
SYMBOLS = 2  # what base64 adds to letters and digits; a sentence's blanks are not counted as thirty-two


@dataclass(frozen=True, slots=True)
class Need:
    """The guessing that a secret has to withstand. `how` tells the operator how to make one."""

    bits: int
    characters: int
    why: str
    how: str = "openssl rand -base64 32"


class Guessing(Enum):
    """Tells how somebody who wants a secret would try values."""

    OFFLINE = Need(128, 22, "who holds what it signed tries values at home")
    OURS = Need(64, 16, "our door answers as fast as it is asked")
    FAST = Need(56, 12, "its server answers as fast as it is asked")
    PEERS = Need(40, 8, "its peer made it, and counts the tries")
    SMPP = Need(28, 6, "the standard's eight characters, behind an address", "openssl rand -base64 6")


def weak(value: str, guessing: Guessing, kin: tuple[str, ...] = ()) -> str | None:
    """Returns why a value is refused, in words that hold nothing of it; None for a good one.

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
    left, different = by_chance(value), len(set(value))
    typed = left < MADE_BY_CHANCE_MIN * len(value) and bits(value) * left / len(value) < need.bits
    typed = typed or value[::2] == value[1::2]  # 001122
    if typed or different * DIFFERENT_PART < min(len(value), _alphabet(set(value))):
        return f"is a demo's or an example's, or typed by a pattern; take `{need.how}`"
    if is_digest(value) or any(_typed_bytes(raw) for raw in _spelled(value)):
        return f"is another spelling of what everybody tries, or of what was counted; take `{need.how}`"
    if bits(value) < need.bits:
        return f"can be guessed: about {bits(value):.0f} bits of {need.bits}; {need.why}"
    return None


def random_bytes(key: bytes) -> bool:
    """Returns whether a key of raw bytes can have been drawn: not typed, not counted, not repeated."""
    if _typed_bytes(key) or is_digest(key.hex()):
        return False
    return len(set(key)) * 2 > len(key) and by_chance(key.decode("latin-1")) >= MADE_BY_CHANCE_MIN * len(key)


def _typed_bytes(raw: bytes) -> bool:
    """Letters alone, or bytes that go on by one step: drawn ones are that once in a hundred thousand at most."""
    if all(32 <= byte < 127 for byte in raw):
        return True
    steps = {(after - before + 128) % 256 - 128 for before, after in itertools.pairwise(raw)}
    return len(steps) == 1 and abs(min(steps)) <= COUNTED_STEP_MAX


def _spelled(value: str) -> list[bytes]:
    """The bytes that a value is the hex or base64 of, where they are many."""
    spellings: list[bytes] = []
    bare = value.replace("-", "+").replace("_", "/").rstrip("=")
    for decode in (bytes.fromhex, lambda text: base64.b64decode(text + "=" * (-len(text) % 4), validate=True)):
        try:
            spellings.append(decode(bare))
        except (ValueError, binascii.Error):
            continue
    return [raw for raw in spellings if len(raw) >= SPELLED_BYTES_MIN]


def bits(value: str) -> float:
    """The most bits that a secret of this length and these kinds of characters can hold."""
    return len(value) * math.log2(_alphabet(set(value)))


def _alphabet(text: set[str]) -> int:
    """How many characters whoever drew it can have drawn from."""
    if text <= set(string.hexdigits.lower()) or text <= set(string.hexdigits.upper()):
        return 16 if text - set(string.digits) else 10
    lower, upper = (bool(text & set(each)) for each in (string.ascii_lowercase, string.ascii_uppercase))
    classes = (
        CLASSES if lower and upper else [each for each in CLASSES if text & set(each)]
    )  # a digit may not have come up
    size = sum(len(each) for each in classes)
    return size + (SYMBOLS if text - set("".join(CLASSES)) else 0)


def _same(value: str, word: str) -> bool:
    left, right = value.lower(), word.lower()
    return left == right or left == right[::-1] or left.strip(string.digits + string.punctuation) == right
