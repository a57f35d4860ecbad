"""What of a value somebody typed: words, runs along the alphabet or a keyboard, pieces twice, sentences. Pure."""

import hashlib
import itertools
import re
from collections.abc import Iterator
from functools import cache

from khallas.settings.strength.known import ALL_WORDS, BIGRAMS, KEYBOARDS, LEET

REPEAT_MIN, RUN_MIN = 4, 4  # characters
STEP_MAX = 2  # of a run along the alphabet: "acegik"; along keyboards it is 1
PAIRS = 6  # of letters that are looked at together
COMMON_PAIRS = {6: 4, 5: 4, 4: 3, 3: 3, 2: 2}  # of so many pairs that are a language's
SENTENCE_MIN = 0.5  # of a value that such letters make up: fewer come by chance
DIGESTS = ("md5", "sha1", "sha256", "sha512")
DIGEST_OF_CHARS = {hashlib.new(name).digest_size * 2: name for name in DIGESTS}
TOLD_BYTES = 8  # of a digest: enough to know it by
_HEX = re.compile(r"[0-9a-fA-F]+")
_LETTERS = re.compile(r"[A-Za-z](?:[-_. ]?[a-z])+|[A-Z](?:[-_. ]?[A-Z])+")


def by_chance(value: str) -> int:
    """Returns how many of its characters no word, run, repeat or sentence explains."""
    typed = bytearray(len(value))
    for start, end in (*_words(value), *_runs(value), *_repeats(value)):
        typed[start:end] = b"\1" * (end - start)
    sentence = bytearray(len(value))
    for start, end in _sentences(value):
        sentence[start:end] = b"\1" * (end - start)
    if sum(sentence) >= SENTENCE_MIN * len(value):
        typed = bytearray(one | other for one, other in zip(typed, sentence, strict=True))
    return len(value) - sum(typed)


def is_digest(value: str) -> bool:
    """Returns whether it is the digest, in hex, of what everybody tries first."""
    name = DIGEST_OF_CHARS.get(len(value))
    return (
        name is not None and _HEX.fullmatch(value) is not None and bytes.fromhex(value)[:TOLD_BYTES] in _digests(name)
    )


@cache
def _digests(name: str) -> frozenset[bytes]:
    """Their first bytes, for the whole of them would be two megabytes in every process."""
    words = ("", "0", "1", "123", *ALL_WORDS, *("1234567890"[:end] for end in range(4, 11)))
    texts = (each for word in words for each in (word, word.capitalize(), word.upper(), word + "\n"))
    return frozenset(hashlib.new(name, text.encode()).digest()[:TOLD_BYTES] for text in texts)


def _words(value: str) -> Iterator[tuple[int, int]]:
    for spelled in {value.lower(), value.lower().translate(LEET)}:
        for word in ALL_WORDS:
            at = spelled.find(word)
            while at >= 0:
                yield at, at + len(word)
                at = spelled.find(word, at + 1)


def _runs(value: str) -> Iterator[tuple[int, int]]:
    """aaa, 123, fedc, qwer, aceg: each character goes on by the same step from the one before."""
    text = value.lower()
    for line in (None, *KEYBOARDS):
        places = [ord(char) if line is None else line.find(char) for char in text]
        step_max, begin = STEP_MAX if line is None else 1, 0
        for step, group in itertools.groupby(_step(pair, step_max) for pair in itertools.pairwise(places)):
            length = len(list(group))
            if step is not None and length + 1 >= RUN_MIN:
                yield begin, begin + length + 1
            begin += length


def _step(pair: tuple[int, int], step_max: int) -> int | None:
    """How far it is from one to the other; None for what is no run."""
    before, after = pair
    return after - before if min(pair) >= 0 and abs(after - before) <= step_max else None


def _repeats(value: str) -> Iterator[tuple[int, int]]:
    """Pieces that stood there before; only the first of them counts."""
    text, seen = value.lower(), dict[str, int]()
    for at in range(len(text) - REPEAT_MIN + 1):
        piece = text[at : at + REPEAT_MIN]
        if piece in seen:
            yield at, at + REPEAT_MIN
        else:
            seen[piece] = at


def _sentences(value: str) -> Iterator[tuple[int, int]]:
    """Letters in the order in which languages have them."""
    for found in _LETTERS.finditer(value):
        at = [place for place in range(*found.span()) if value[place].isalpha()]
        pairs = [(value[one] + value[other]).lower() in BIGRAMS for one, other in itertools.pairwise(at)]
        together = min(PAIRS, len(pairs))
        for begin in range(len(pairs) - together + 1):
            if sum(pairs[begin : begin + together]) >= COMMON_PAIRS.get(together, PAIRS + 1):
                yield at[begin], at[begin + together] + 1
