"""One row a language: every rule that follows from it. Its texts stand in locales/. Pure.

A language is its code (what messages and databases carry), its row here, and its texts; `checked()` holds the three
together at start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from types import MappingProxyType


class LanguageCode(StrEnum):
    """The languages Khallas speaks."""

    FR = "fr"
    AR = "ar"
    EN = "en"


class Letters(Enum):
    """The letters of a language, which decide direction, order of digits and coding."""

    LATIN = auto()  # left to right; fits GSM-7 where its texts keep to that alphabet
    ARABIC = auto()  # right to left; UCS-2, so half the room


class PluralRule(Enum):
    """The rule by which a form of a noun follows a number (CLDR's plural rules)."""

    ONE_BELOW_TWO = auto()  # French: 0 and 1
    ONE_ALONE = auto()  # English, Spanish, German
    ARABIC = auto()  # one, two, few, many, other


class NumberGrammar(Enum):
    """Tells how an amount's words are joined; the words stand in `numbers.toml`."""

    THOUSAND = auto()  # "mille", "mil": no "one" before it
    ONE_THOUSAND = auto()  # "one thousand"
    ARABIC = auto()  # waw before each group, duals, the noun's number


@dataclass(frozen=True, slots=True)
class LanguageRules:
    """The rules that Khallas knows of a language beside its texts."""

    code: LanguageCode
    letters: Letters
    plural: PluralRule
    numbers: NumberGrammar
    sms_segments_max: int
    """Of a text that is no receipt and no list."""
    spellings: tuple[str, ...]
    """What customers call it in an SMS, folded before it is compared."""
    twilio: tuple[str, str]
    """Twilio's language and voice of <Say>."""
    twilio_pay: str
    """The language of <Pay>, whose own words are never heard: the nearest it knows."""
    espeak: str
    """espeak-ng's voice."""
    words_per_minute: int = 145
    """Its pace, as espeak-ng counts words."""
    letters_a_second: float = 13.0
    """What that comes to, for a menu's page is cut before it bores (channels/ivr/pace.py)."""
    vowelled: bool = False
    """Whether the synthetic voice is given vowels that are not shown: locales/CODE/voice/vowelled.toml."""

    @property
    def rtl(self) -> bool:
        return self.letters is Letters.ARABIC


LANGUAGES: Mapping[LanguageCode, LanguageRules] = MappingProxyType(
    {
        row.code: row
        for row in (
            LanguageRules(
                LanguageCode.FR,
                Letters.LATIN,
                PluralRule.ONE_BELOW_TWO,
                NumberGrammar.THOUSAND,
                sms_segments_max=1,
                spellings=("fr", "francais", "french", "فرنسية", "الفرنسية", "فرنسي"),
                twilio=("fr-FR", "Polly.Lea-Neural"),
                twilio_pay="fr-FR",
                espeak="fr",
                letters_a_second=16.0,
            ),
            LanguageRules(
                LanguageCode.AR,
                Letters.ARABIC,
                PluralRule.ARABIC,
                NumberGrammar.ARABIC,
                sms_segments_max=2,
                spellings=("ar", "arabe", "arabic", "عربية", "العربية", "عربي"),
                twilio=("arb", "Polly.Zeina"),  # no Moroccan voice is offered (docs/protocols/ivr.md)
                twilio_pay="fr-FR",
                espeak="ar",
                words_per_minute=180,  # its words are long
                letters_a_second=9.8,
                vowelled=True,
            ),
            LanguageRules(
                LanguageCode.EN,
                Letters.LATIN,
                PluralRule.ONE_ALONE,
                NumberGrammar.ONE_THOUSAND,
                sms_segments_max=1,
                spellings=("en", "anglais", "english", "انجليزية", "الانجليزية", "إنجليزي"),
                twilio=("en-GB", "Polly.Amy-Neural"),
                twilio_pay="en-GB",
                espeak="en",
                letters_a_second=13.3,
            ),
        )
    }
)


class IncompleteLanguage(Exception):
    """The developer's to mend: a language lacks its row, or says a word that is another's."""


def checked(languages: Mapping[LanguageCode, LanguageRules] = LANGUAGES) -> None:
    """Checks that every language is whole. Raises IncompleteLanguage. Texts are held against each other by
    core.messaging.texts.load_texts.
    """
    if missing := sorted(code for code in LanguageCode if code not in languages):
        raise IncompleteLanguage(f"core/languages.py has no row for {', '.join(missing)}")
    codes: dict[str, LanguageCode] = {}
    for code, row in languages.items():
        if code not in row.spellings:
            raise IncompleteLanguage(f"the spellings of {code} lack {str(code)!r} itself")
        for spelling in row.spellings:
            if codes.setdefault(spelling, code) is not code:
                raise IncompleteLanguage(f"{spelling!r} names both {codes[spelling]} and {code}")


def plural(language: LanguageCode, number: int) -> str:
    """CLDR's category of a number of things, which ends the key of the text."""
    match LANGUAGES[language].plural:
        case PluralRule.ONE_BELOW_TWO:
            return "one" if number < 2 else "other"
        case PluralRule.ONE_ALONE:
            return "one" if number == 1 else "other"
        case PluralRule.ARABIC:
            return _arabic(number)


def _arabic(number: int) -> str:
    if number in (1, 2):
        return ("one", "two")[number - 1]
    rest = number % 100
    if 3 <= rest <= 10:
        return "few"
    return "many" if rest >= 11 else "other"
