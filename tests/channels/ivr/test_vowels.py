"""Every Arabic word of the voice line has its vowels for the synthetic voice, and they change no letter of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.ivr.prompts import Prompts
from channels.ivr.synthesis.vowels import MARKS, plain, vowels
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from khallas.cli import voice

ARABIC = [piece for piece in Prompts(load_texts()).pieces if piece.language is LanguageCode.AR and piece.text]


def test_every_word_has_its_vowels() -> None:
    missing = {word for piece in ARABIC for word in vowels().unknown(piece.text)}
    assert not missing, "add them to locales/ar/voice/vowelled.toml"


@pytest.mark.parametrize("piece", ARABIC, ids=lambda piece: piece.name)
def test_no_letter_is_another_one(piece: object) -> None:
    text = getattr(piece, "text", "")
    said = vowels().of(text)
    assert plain(said) == plain(text)
    assert MARKS.search(said) or not any("\u0621" <= char <= "\u064a" for char in text)


@pytest.mark.parametrize(
    ("shown", "said"),
    [("خلّص", "خَلَّصْ"), ("للتأكيد", "لِلتَّأْكِيدْ"), ("و", "وَ"), ("وعشرين", "وَعِشْرِينْ"), ("درهمًا", "دِرْهَمًا"), ("card", "card")],
)
def test_words(shown: str, said: str) -> None:
    assert vowels().of(shown) == said


@given(st.text(max_size=60))
def test_whatever_is_said_stays_what_is_shown(text: str) -> None:
    assert plain(vowels().of(text)) == plain(text)


def test_the_synthetic_voice_is_given_them_and_a_recording_is_not_made_stale() -> None:
    piece = next(piece for piece in ARABIC if piece.text == "عشرين")
    assert voice.voiced(piece) == "عِشْرِينْ"
    french = next(piece for piece in Prompts(load_texts()).pieces if piece.language is LanguageCode.FR and piece.text)
    assert voice.voiced(french) == french.text
