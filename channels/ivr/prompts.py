"""What a page says -> recorded pieces, one after the other, and the list of all pieces there are. Pure.

The texts are those of every voice (locales/*/ivr.toml), but with a mark around each sentence and each value, so that a
page falls apart into exactly what was recorded: whole phrases, and the digits, letters and numbers between them. A
value also carries what the switch can say by itself should a piece be missing: money is never silent.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import ascii_uppercase
from types import MappingProxyType

from channels.ivr.formats import SECTION
from channels.ivr.numbers import NUMBER_MAX, WORD_KEYS, Word, number_words
from channels.ivr.numbers import SECTION as NUMBERS
from channels.ivr.speaker import spoken
from core.languages import LanguageCode
from core.messaging.texts import Texts

PAUSE = "pause"  # the piece between groups of digits
NO_NAMES: Mapping[str, str] = MappingProxyType({})
UNKNOWN = "no-recording"  # counted when a page holds words that no recording has
_MARK = "\ue000"  # of the private use area: no text of locales/ has it
_PLACE = re.compile(r"(\{[a-z_0-9]+\})")
_TAG = re.compile(r"(\[[a-z]{2}\] )?(.*)")
_SPELLED = re.compile(r"[0-9A-Za-z](?: [0-9A-Za-z])*")
_NUMBER = re.compile(rf"[0-9]{{1,{len(str(NUMBER_MAX))}}}")
_DIGITS = re.compile(r"[0-9]+")
_EDGES = " .,:;،؛"
_COMMAS = ",،"


@dataclass(frozen=True, slots=True)
class Piece:
    """A recording: its file's name within its language's folder, and the words in it."""

    language: LanguageCode
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Pieces that belong together.

    `spare`: digits and letters that are said one by one when a piece is missing: each by its own piece of `digits`, or
    by the switch itself where that is missing too.
    """

    pieces: tuple[Piece, ...]
    spare: str = ""
    digits: tuple[Piece, ...] = ()

    def one_by_one(self) -> "Phrase":
        """The pieces that are said instead of a missing one, sign by sign; none for words."""
        return Phrase(self.digits, self.spare, self.digits)


class Prompts:
    """Knows all recordings, and which of them say a page."""

    def __init__(self, texts: Texts, names: Mapping[str, str] = NO_NAMES) -> None:
        """`names`: of wallets, by their ids: a recording each, as locales/ knows no name of an operator's."""
        self._plain = texts
        self._pieces = {(piece.language, piece.text): piece for piece in _catalogue(texts, names)}
        self._joins = {each: texts.get(each, NUMBERS, "joined").partition("{")[0].strip() for each in LanguageCode}
        self.texts = _marked(texts)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """Returns every piece of every language."""
        return tuple(self._pieces.values())

    def say(self, key: str, language: LanguageCode) -> tuple[Phrase, ...]:
        """A text of voice without values, by its key."""
        return self.phrases(self.texts.get(language, SECTION, key), language)

    def phrases(self, page: str, language: LanguageCode) -> tuple[Phrase, ...]:
        """A page of a speaker that was built with `self.texts`."""
        phrases: list[Phrase] = []
        for line in page.splitlines():
            for utterance in spoken(line, language):
                phrases += self._line(utterance.text, utterance.language)
        return tuple(phrases)

    def _line(self, text: str, language: LanguageCode) -> Iterator[Phrase]:
        fragments = [part.strip(" ") for part in text.split(_MARK) if part.strip(" ")]
        joined = False
        for at, fragment in enumerate(fragments):
            following = fragments[at + 1] if at + 1 < len(fragments) else ""
            words = bool(following.strip(_EDGES)) and _SPELLED.fullmatch(following) is None
            if fragment == self._joins[language] and _NUMBER.fullmatch(following):
                joined = True  # "and" and the number after it are one recording
                continue
            yield from self._fragment(fragment, language, joined=joined, counts=words)
            joined = False

    def _fragment(self, fragment: str, language: LanguageCode, *, joined: bool, counts: bool) -> Iterator[Phrase]:
        if _NUMBER.fullmatch(fragment) and (fragment == "0" or fragment[0] != "0"):
            words = number_words(int(fragment), language, joined=joined, counts=counts)
            pieces = tuple(self._piece(language, _words(self._plain, language, word)) for word in words)
            yield Phrase(pieces, fragment, self._one_by_one(fragment, language))
        elif _SPELLED.fullmatch(fragment) or _DIGITS.fullmatch(fragment):
            symbols = fragment.replace(" ", "")
            digits = self._one_by_one(symbols, language)
            yield Phrase(digits, symbols, digits)
        elif clean := fragment.lstrip(_EDGES):
            yield Phrase((self._piece(language, clean),))
        elif any(c in _COMMAS for c in fragment):
            yield Phrase((Piece(language, PAUSE, ""),))

    def _one_by_one(self, symbols: str, language: LanguageCode) -> tuple[Piece, ...]:
        return tuple(self._piece(language, self._symbol(language, symbol)) for symbol in symbols)

    def _symbol(self, language: LanguageCode, symbol: str) -> str:
        return self._plain.get(language, NUMBERS, f"n.{symbol}") if symbol.isdecimal() else symbol.upper()

    def _piece(self, language: LanguageCode, text: str) -> Piece:
        return self._pieces.get((language, text), Piece(language, UNKNOWN, ""))


def _marked(texts: Texts) -> Texts:
    """The texts of voice with a mark around each line and each place of a value."""
    tables: dict[tuple[LanguageCode, str], Mapping[str, str]] = {}
    for language in LanguageCode:
        keys = texts.keys(language, SECTION)
        tables[language, SECTION] = {key: _mark(texts.get(language, SECTION, key)) for key in keys}
    return Texts(tables)


def _mark(template: str) -> str:
    lines = []
    for line in template.split("\n"):
        tag, words = _tag(line)
        marked = _PLACE.sub(lambda place: f"{_MARK}{place[1]}{_MARK}", words)
        lines.append(f"{tag}{_MARK}{marked}{_MARK}")
    return "\n".join(lines)


def _catalogue(texts: Texts, names: Mapping[str, str]) -> Iterator[Piece]:
    """Each text once a language; the first key in the alphabet names it."""
    for language in LanguageCode:
        yield Piece(language, PAUSE, "")
        yield from (Piece(language, f"name-{each.lower()}", said) for each, said in _distinct(names).items())
        yield from (Piece(language, f"letter-{letter.lower()}", letter) for letter in ascii_uppercase)
        for joined in (True, False):  # a form that joining leaves as it is keeps the plain name
            for key in WORD_KEYS:
                name = key.replace(".", "-") + ("-and" if joined else "")
                yield Piece(language, name, _words(texts, language, Word(key, joined)))
    seen: set[tuple[LanguageCode, str]] = set()
    for language in LanguageCode:
        for key in sorted(texts.keys(language, SECTION)):
            for piece in _literals(texts, language, key):
                if (piece.language, piece.text) not in seen:
                    seen.add((piece.language, piece.text))
                    yield piece


def _distinct(names: Mapping[str, str]) -> dict[str, str]:
    """The names as they stand between two marks; of wallets that are called alike the first one's."""
    first: dict[str, str] = {}
    for each, name in names.items():
        if said := name.strip().lstrip(_EDGES):
            first.setdefault(said, each)
    return {each: said for said, each in first.items()}


def _literals(texts: Texts, language: LanguageCode, key: str) -> Iterator[Piece]:
    found: list[tuple[LanguageCode, str]] = []
    for line in texts.get(language, SECTION, key).split("\n"):
        tag, words = _tag(line)
        tongue = LanguageCode(tag[1:3]) if tag else language
        literals = (part.strip(" ").lstrip(_EDGES) for part in _PLACE.split(words) if not _PLACE.fullmatch(part))
        found += [(tongue, literal) for literal in literals if literal]
    for number, (tongue, literal) in enumerate(found, 1):
        yield Piece(tongue, key.replace(".", "-") + (f"-{number}" if len(found) > 1 else ""), literal)


def _words(texts: Texts, language: LanguageCode, word: Word) -> str:
    text = texts.get(language, NUMBERS, word.key)
    return texts.fill(language, NUMBERS, "joined", number=text) if word.joined else text


def _tag(line: str) -> tuple[str, str]:
    match = _TAG.fullmatch(line)
    return (match[1] or "", match[2]) if match else ("", line)
