"""What a text asks for. Pure.

First the folded text as it is, then with lookalike letters, then within one edit of exactly one keyword: "CÔDE",
full-width CODE, "co de", Cyrillic "сode" and "coed" are all CODE (docs/protocols/sms.md, The code service).
A number in the text is never looked up: whoever texts asks about the lines of the sending mobile only.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from channels.sms.folding import fold, has_arabic, latin_lookalikes, without_signature
from channels.sms.reactions import is_reaction
from core import card_numbers
from core.languages import LANGUAGES, LanguageCode

WORDS_MAX = 12  # a longer text is prose: only its first word is looked at
SENTENCE_WORDS_MIN = 3
ONE_WORD_CHARS_MAX, ONE_WORDS_KEPT_MAX = 12, 256
FUZZY_CHARS_MIN = 4  # three letters are one edit from too much
CHOICE = re.compile(r"\d{1,2}")


class Keyword(StrEnum):
    """Names what can be asked by one word."""

    CODE = "code"
    BILLS = "bills"
    PAY = "pay"
    HELP = "help"
    STOP = "stop"
    START = "start"
    LANGUAGE = "language"


@dataclass(frozen=True, slots=True)
class KeywordAsked:
    """A keyword. `language` only with LANGUAGE, None when the text named none that is spoken here."""

    keyword: Keyword
    language: LanguageCode | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A bare number: the answer to a numbered list."""

    number: int


@dataclass(frozen=True, slots=True)
class NoKeyword:
    """A text without any keyword."""


Request = KeywordAsked | Chosen | NoKeyword

# As people write them; folded below. All three languages answer in every language.
SPELLINGS: dict[Keyword, tuple[str, ...]] = {
    Keyword.CODE: ("code", "codes", "الرمز", "رمز", "كود", "الكود"),
    Keyword.BILLS: (
        *("facture", "factures", "solde", "bill", "bills", "balance"),
        *("فاتورة", "الفاتورة", "فواتير", "الفواتير", "فاتورتي", "رصيد", "الرصيد"),
        *("fatoura", "lfatoura", "fatura", "lfatura", "فاكتورة", "الفاكتورة"),
    ),
    Keyword.PAY: (
        *("payer", "paiement", "regler", "pay", "payment", "أداء", "الأداء", "دفع", "الدفع", "خلص"),
        *("khalles", "khlles", "nkhlss", "nkhlas", "nkhls"),
        *("nkhelles", "nkhalles", "nkhlles", "nkhles", "nkhelss", "nkhallas", "nkheles"),
        *("نخلص", "نخلصو", "نأدي", "نودي", "أدفع", "أؤدي", "ندفع"),
    ),
    Keyword.HELP: ("aide", "help", "info", "infos", "مساعدة", "المساعدة"),
    Keyword.STOP: ("stop", "arret", "arreter", "unsubscribe", "توقف", "إيقاف", "قف"),
    Keyword.START: ("start", "reprendre", "استئناف"),
    Keyword.LANGUAGE: ("lang", "langue", "language", "لغة", "اللغة"),
}
# What is asked by a few words, none of which would say it alone. A phrase is looked for among whole words.
PHRASES: dict[Keyword, tuple[str, ...]] = {
    Keyword.BILLS: (
        *("combien je dois", "combien dois je", "je dois combien", "combien a payer", "combien je doit"),
        *("how much do i owe", "what do i owe", "how much must i pay", "how much to pay"),
        *("chhal 3liya", "chhal aliya", "chhal 3lia", "ch7al 3liya", "ch7al 3lia", "chhal khassni nkhelles"),
        *("كم علي", "شحال علي", "شحال عليا", "شحال خاصني نخلص", "كم يجب أن أؤدي", "كم أدفع"),
    ),
    Keyword.CODE: ("code de paiement", "payment code", "رمز الأداء", "كود الأداء"),
}

_EXACT = {fold(spelling): keyword for keyword, spellings in SPELLINGS.items() for spelling in spellings}
_PHRASES = tuple((f" {fold(phrase)} ", keyword) for keyword, phrases in PHRASES.items() for phrase in phrases)
_LANGUAGES = {fold(spelling): language for language, row in LANGUAGES.items() for spelling in row.spellings}
_TOGETHER = {
    word + named: language
    for word, keyword in _EXACT.items()
    if keyword is Keyword.LANGUAGE
    for named, language in _LANGUAGES.items()
}


@dataclass(frozen=True, slots=True)
class TextMeaning:
    """All there is to know of a text: its script's language, whether it holds a card number, what it asks for."""

    language: LanguageCode | None
    holds_card_number: bool
    asks: Request
    is_reaction: bool = False  # a telephone wrote it and not its user


def hear(text: str) -> TextMeaning:
    """The commonest texts are one word; what was heard of those is kept. Without digits they are no secret."""
    word = text.strip()
    return _hear_word(word) if word.isalpha() and len(word) <= ONE_WORD_CHARS_MAX else _hear(text)


def _hear(text: str) -> TextMeaning:
    return TextMeaning(script_language(text), card_numbers.holds(text), read(text), is_reaction(text))


@lru_cache(maxsize=ONE_WORDS_KEPT_MAX)
def _hear_word(word: str) -> TextMeaning:
    return _hear(word)


def read(text: str) -> Request:
    """Returns what a text asks for."""
    words = fold(without_signature(text)).split()
    if len(words) == 1 and CHOICE.fullmatch(words[0]):
        return Chosen(int(words[0]))
    latin = [latin_lookalikes(word) for word in words]
    return _exactly(words) or _exactly(latin) or _nearly(words) or _nearly(latin) or NoKeyword()


def may_be_a_machine(text: str) -> bool:
    """Returns whether an autoresponder may have written this: it is not understood, or a sentence and no
    bare keyword.
    """
    return isinstance(hear(text).asks, NoKeyword) or len(text.split()) > SENTENCE_WORDS_MIN


def script_language(text: str) -> LanguageCode | None:
    """Arabic letters tell; Latin ones may be any language."""
    return LanguageCode.AR if has_arabic(text) else None


def _exactly(words: Sequence[str]) -> Request | None:
    """The whole text with its spaces out, its first word, or the one keyword among few words; never STOP in prose."""
    joined = "".join(words)
    if joined in _TOGETHER:
        return KeywordAsked(Keyword.LANGUAGE, _TOGETHER[joined])
    keyword = _EXACT.get(joined) or _EXACT.get(words[0] if words else "")
    if keyword is None and len(words) <= WORDS_MAX:
        keyword = _in_sentence(words)
    return _asked(keyword, words) if keyword else None


def _in_sentence(words: Sequence[str]) -> Keyword | None:
    """What few words ask for: a known phrase, or the one keyword among them. Whoever wants to pay a bill pays."""
    sentence = f" {' '.join(words)} "
    for phrase, keyword in _PHRASES:
        if phrase in sentence:
            return keyword
    keywords = {_EXACT[word] for word in words if word in _EXACT} - {Keyword.STOP}
    if keywords == {Keyword.PAY, Keyword.BILLS}:
        return Keyword.PAY
    return keywords.pop() if len(keywords) == 1 else None


def _asked(keyword: Keyword, words: Sequence[str]) -> KeywordAsked:
    named = {_LANGUAGES[word] for word in words if word in _LANGUAGES}
    return KeywordAsked(keyword, named.pop() if keyword is Keyword.LANGUAGE and len(named) == 1 else None)


def _nearly(words: Sequence[str]) -> Request | None:
    """The whole text, then its first word, within one edit of exactly one keyword."""
    for typed in ("".join(words), words[0] if words else ""):
        if len(typed) < FUZZY_CHARS_MIN:
            continue
        near = {keyword for spelling, keyword in _EXACT.items() if one_edit(typed, spelling)}
        if len(near) == 1:
            return _asked(near.pop(), words)
    return None


def one_edit(typed: str, meant: str) -> bool:
    """Returns whether one letter was changed, added, left out or swapped with its neighbour. Short keywords are never
    near.
    """
    if abs(len(typed) - len(meant)) > 1 or typed == meant or len(meant) < FUZZY_CHARS_MIN:
        return False
    start = 0
    while start < min(len(typed), len(meant)) and typed[start] == meant[start]:  # bounded by the shorter word
        start += 1
    here, there = typed[start:], meant[start:]
    swapped = here[:2] == there[:2][::-1] and here[2:] == there[2:] and len(here) == len(there) >= 2
    return here[1:] == there[1:] or here[1:] == there or here == there[1:] or swapped
