"""Numbers in recorded words: every one is said as itself alone, in three languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.ivr.numbers import NUMBER_MAX, SECTION, WORD_KEYS, Word, number_words
from core.languages import LanguageCode
from core.messaging.texts import load_texts

TEXTS = load_texts()
NUMBERS = st.integers(0, NUMBER_MAX)
THOUSANDS = {"t.one": 1, "t.two": 2, "t.two.of": 2, "t.few": 1, "t.many": 1}


def said(number: int, language: LanguageCode, *, joined: bool = False, counts: bool = False) -> str:
    words = number_words(number, language, joined=joined, counts=counts)
    texts = (TEXTS.get(language, SECTION, word.key) for word in words)
    forms = (
        TEXTS.fill(language, SECTION, "joined", number=text) if word.joined else text
        for word, text in zip(words, texts, strict=True)
    )
    return " ".join(forms)


def understood(words: tuple[Word, ...], language: LanguageCode) -> int:
    """What a listener adds up: words before a thousand multiply it, unless a joined thousand begins its own group."""
    whole, held = 0, 0
    for word in words:
        kind, _, rest = word.key.partition(".")
        if kind == "t":
            fresh = word.key.startswith("t.two") or held == 0 or (language is LanguageCode.AR and word.joined)
            whole, held = (whole + held + THOUSANDS[word.key] * 1000, 0) if fresh else (whole + held * 1000, 0)
        else:
            held += int(rest.removesuffix(".of")) * (100 if kind == "h" else 1)
    return whole + held


@pytest.mark.parametrize("language", LanguageCode)
@given(number=NUMBERS, joined=st.booleans(), counts=st.booleans())
def test_a_number_is_understood_as_itself(language: LanguageCode, number: int, joined: bool, counts: bool) -> None:
    words = number_words(number, language, joined=joined, counts=counts)
    assert understood(words, language) == number
    assert all(word.key in WORD_KEYS for word in words)
    assert words[0].joined is joined


@pytest.mark.parametrize("language", LanguageCode)
@given(one=NUMBERS, other=NUMBERS)
def test_no_two_numbers_sound_the_same(language: LanguageCode, one: int, other: int) -> None:
    assert (said(one, language) == said(other, language)) is (one == other)


@pytest.mark.parametrize("language", LanguageCode)
def test_below_a_thousand_all_differ(language: LanguageCode) -> None:
    assert len({said(number, language) for number in range(1000)}) == 1000


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zéro"),
        (1, "un"),
        (16, "seize"),
        (21, "vingt et un"),
        (70, "soixante-dix"),
        (71, "soixante et onze"),
        (77, "soixante-dix-sept"),
        (80, "quatre-vingts"),
        (81, "quatre-vingt-un"),
        (91, "quatre-vingt-onze"),
        (99, "quatre-vingt-dix-neuf"),
        (769, "sept cents soixante-neuf"),
        (1000, "mille"),
        (2019, "deux mille dix-neuf"),
        (200_171, "deux cents mille cent soixante et onze"),
    ],
)
def test_in_french(number: int, words: str) -> None:
    assert said(number, LanguageCode.FR) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (13, "thirteen"),
        (769, "seven hundred and sixty-nine"),
        (1007, "one thousand and seven"),
        (2019, "two thousand and nineteen"),
        (101_100, "one hundred and one thousand one hundred"),
    ],
)
def test_in_english(number: int, words: str) -> None:
    assert said(number, LanguageCode.EN) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (3, "ثلاثة"),
        (12, "اثني عشر"),
        (21, "واحد وعشرين"),
        (200, "مئتي"),
        (769, "سبعمئة وتسعة وستين"),
        (1000, "ألف"),
        (2000, "ألفي"),
        (2019, "ألفين وتسعة عشر"),
        (3100, "ثلاثة آلاف ومئة"),
        (11_000, "أحد عشر ألف"),
        (11_001, "أحد عشر ألفا وواحد"),
        (101_000, "مئة ألف وألف"),
        (103_000, "مئة وثلاثة آلاف"),
        (200_000, "مئتي ألف"),
    ],
)
def test_in_arabic_before_what_is_counted(number: int, words: str) -> None:
    assert said(number, LanguageCode.AR, counts=True) == words


def test_the_dual_keeps_its_noon_where_nothing_follows() -> None:
    assert [said(n, LanguageCode.AR) for n in (200, 2000, 20_000)] == ["مئتين", "ألفين", "عشرين ألفا"]
    assert said(20, LanguageCode.AR, joined=True, counts=True) == "وعشرين"


@pytest.mark.parametrize("number", [-1, NUMBER_MAX + 1])
def test_larger_ones_are_no_numbers_to_say(number: int) -> None:
    with pytest.raises(ValueError, match="digit by digit"):
        number_words(number, LanguageCode.FR)
