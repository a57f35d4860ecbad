"""Every page of every screen is said by recordings that `khallas voice build` makes, value for value."""

import re
from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.ivr.formats import SECTION, VoiceFormats
from channels.ivr.prompts import PAUSE, UNKNOWN, Phrase, Piece, Prompts
from channels.ivr.speaker import IvrSpeaker
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from sessions.screens.menu import Amount, Month, Say, ScreenContext, Spelled, say
from tests.channels.ivr.test_speaker import NOTICES, SCREENS
from tests.sessions.paged import spoken_pages
from tests.sessions.samples import SHELF

TEXTS = load_texts()
PROMPTS = Prompts(TEXTS)
SPEAKER = IvrSpeaker(PROMPTS.texts)
FORMATS = VoiceFormats(PROMPTS.texts)


def words(said: tuple[Phrase, ...]) -> str:
    return " ".join(piece.text or "," for phrase in said for piece in phrase.pieces)


@pytest.mark.parametrize("language", LanguageCode)
def test_nothing_that_is_said_lacks_a_recording(language: LanguageCode) -> None:
    known = set(PROMPTS.pieces)
    notices: list[Say | None] = [None, *(say(key, code_number="1 1 1 7") for key in NOTICES)]
    for screen in SCREENS:
        numbers = ("777", "0537000777", "1117")
        visit = ScreenContext("+212600000001", SPEAKER.can, language, True, date(2026, 11, 23), *numbers, shelf=SHELF)
        asked = screen.ask(visit)
        for page in (page for notice in notices for page in spoken_pages(SPEAKER, asked, notice, language)):
            said = PROMPTS.phrases(page.text, language)
            assert said
            assert all(piece in known for phrase in said for piece in phrase.pieces), screen


@pytest.mark.parametrize("language", [*LanguageCode, None])
def test_the_apology_is_recorded(language: LanguageCode | None) -> None:
    for each in SPEAKER.apology(language):
        assert {p.name for phrase in PROMPTS.phrases(each.text, each.language) for p in phrase.pieces} == {"apology"}


def test_every_piece_has_a_name_of_its_own() -> None:
    names = Counter((piece.language, piece.name) for piece in PROMPTS.pieces)
    assert [name for name, count in names.items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z0-9_-]+", name) for _, name in names)


@pytest.mark.parametrize("language", LanguageCode)
@given(centimes=st.integers(0, 99_999_999))
def test_money_is_never_silent(language: LanguageCode, centimes: int) -> None:
    said = PROMPTS.phrases(FORMATS.amount(Amount(centimes), language), language)
    pieces = [piece for phrase in said for piece in phrase.pieces]
    assert pieces
    assert UNKNOWN not in {piece.name for piece in pieces}
    numbers = [int(phrase.spare) for phrase in said if phrase.spare]
    dirhams, rest = divmod(centimes, 100)
    counted = [n for n in (dirhams, rest) if n] or [0]
    # Arabic says one and two by their nouns alone
    assert numbers == [n for n in counted if language is not LanguageCode.AR or n not in {1, 2}]


@given(text=st.text("0123456789ABCXYZ", min_size=1, max_size=12))
def test_spelled_is_symbol_by_symbol(text: str) -> None:
    said = PROMPTS.phrases(FORMATS.spelled(Spelled(text), LanguageCode.FR), LanguageCode.FR)
    assert "".join(phrase.spare for phrase in said) == text
    assert all(piece.name == PAUSE or piece.name.startswith(("n-", "letter-")) for p in said for piece in p.pieces)


def test_money_months_and_numbers_in_words() -> None:
    cases = {
        (LanguageCode.FR, 76920): "sept cents soixante-neuf dirhams et vingt centimes",
        (LanguageCode.EN, 76920): "seven hundred and sixty-nine dirhams and twenty centimes",
        (LanguageCode.AR, 76920): "سبعمئة وتسعة وستين درهمًا وعشرين سنتيمًا",
        (LanguageCode.AR, 20000): "مئتي درهم",
        (LanguageCode.AR, 30200): "ثلاثمئة واثنين درهم",
        (LanguageCode.AR, 100): "درهم واحد",
        (LanguageCode.FR, 999_999_999): f"{'neuf ' * 7}dirhams et quatre-vingt-dix-neuf centimes",
    }
    for (language, centimes), expected in cases.items():
        assert words(PROMPTS.phrases(FORMATS.amount(Amount(centimes), language), language)) == expected
    month = FORMATS.month(Month(date(2019, 4, 1)), LanguageCode.FR)
    assert words(PROMPTS.phrases(month, LanguageCode.FR)) == "avril deux mille dix-neuf"


def test_words_without_a_recording_are_told() -> None:
    assert PROMPTS.phrases("nobody recorded this", LanguageCode.FR) == (Phrase((Piece(LanguageCode.FR, UNKNOWN, ""),)),)


def test_the_marks_are_in_no_text() -> None:
    assert not any(
        "\ue000" in TEXTS.get(each, SECTION, key) for each in LanguageCode for key in TEXTS.keys(each, SECTION)
    )
