"""What a caller listens to, in seconds of sound as `khallas voice build` makes it; docs/speech.md tells the same."""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from channels.ivr.pace import PROMPT_MAX_S, seconds
from channels.ivr.prompts import PAUSE, UNKNOWN, Piece, Prompts
from channels.ivr.speaker import IvrSpeaker
from channels.ivr.synthesis import wave
from channels.ivr.synthesis.espeak import espeak
from channels.ivr.synthesis.speech import CALLS, LISTS, OTHERS, SpeechLengths, keys_of
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from khallas.cli.main import app
from khallas.cli.voice import PAUSE_S, build, voiced
from sessions.basket import Basket
from sessions.pages import PagePosition
from sessions.screens.ending import Paid
from sessions.screens.journey import Shown
from sessions.screens.menu import Menu
from sessions.screens.opening import Resume
from sessions.screens.paying import CardNumber
from tests.channels.ivr import test_wallet_by_call as by_call
from tests.channels.ivr.test_speaker import SCREENS, visit
from tests.sessions.paged import spoken_pages

TEXTS = load_texts()
PROMPTS = Prompts(TEXTS)
DOCS = Path("docs/speech.md")
BASKET = Basket("sample", "345678", 76920)  # nobody's telephone costs a hundred thousand
CALL_BACK, FIRST = CALLS
SECONDS_MAX = {
    (CALL_BACK, LanguageCode.FR): 75,
    (CALL_BACK, LanguageCode.AR): 95,
    (CALL_BACK, LanguageCode.EN): 80,
    (FIRST, LanguageCode.FR): 125,
    (FIRST, LanguageCode.AR): 160,
    (FIRST, LanguageCode.EN): 135,
}
SPEAKER = IvrSpeaker(PROMPTS.texts)
NUMBER = r"\d+\.\d"
TWICE_MAX_S = 14.0  # the authorisation number twice, for who gets no SMS
DIFFER_MAX_S = 0.6  # another release of the voice


@pytest.fixture(scope="module")
def length() -> Callable[[Piece], float]:
    """Each piece as the voice says it, without making files."""
    voice = espeak()

    @cache
    def length(piece: Piece) -> float:
        assert piece.name != UNKNOWN
        if piece.name == PAUSE:
            return PAUSE_S
        said = wave.trimmed(voice.say(voiced(piece), piece.language), voice.rate_hz)
        return len(said) / voice.rate_hz

    return length


@pytest.mark.parametrize("language", LanguageCode)
@pytest.mark.parametrize("call", CALLS)
def test_whole_calls_keep_their_time(call: str, language: LanguageCode, length: Callable[[Piece], float]) -> None:
    assert SpeechLengths(TEXTS, length).call_s(call, language) <= SECONDS_MAX[call, language]


def test_a_call_back_takes_28_keys_at_most() -> None:
    assert keys_of(CALL_BACK) <= 28


def ordinary(screen: Shown) -> Shown:
    """The same screen for a sum that people pay."""
    if isinstance(screen, Resume) and isinstance(screen.previous, CardNumber):
        return Resume(CardNumber(BASKET))
    return replace(screen, basket=BASKET) if hasattr(screen, "basket") else screen


def said_s(text: str, language: LanguageCode, length: Callable[[Piece], float]) -> float:
    return sum(length(piece) for phrase in PROMPTS.phrases(text, language) for piece in phrase.pieces)


@pytest.mark.parametrize("language", LanguageCode)
def test_every_page_of_every_screen_takes_ten_seconds(language: LanguageCode, length: Callable[[Piece], float]) -> None:
    longer: dict[str, float] = {}
    for screen in SCREENS:
        asked = ordinary(screen).ask(visit(language))
        for page in spoken_pages(SPEAKER, asked, None, language):
            took_s = said_s(page.text, language, length)
            if took_s > PROMPT_MAX_S:
                longer[page.text] = took_s
    assert longer == {}


@pytest.mark.parametrize("language", LanguageCode)
def test_a_call_that_offers_a_wallet_takes_ten_seconds_a_page(
    language: LanguageCode, length: Callable[[Piece], float]
) -> None:
    for screen in by_call.SCREENS:
        notice = "call-back" if isinstance(screen, CardNumber) else ""
        said = by_call.page(screen, by_call.rung(language), notice, "recorded").text
        pieces = [piece for phrase in by_call.PROMPTS.phrases(said, language) for piece in phrase.pieces]
        assert sum(map(length, pieces)) <= PROMPT_MAX_S, said


@pytest.mark.parametrize("language", LanguageCode)
def test_who_gets_no_sms_hears_the_number_twice(language: LanguageCode, length: Callable[[Piece], float]) -> None:
    asked = Paid(76920, "705914").ask(replace(visit(language), msisdn="anonymous:1"))
    page = SPEAKER.page(asked, None, language, PagePosition())
    assert said_s(page.text, language, length) <= TWICE_MAX_S


@pytest.mark.parametrize("language", LanguageCode)
def test_sentences_without_a_screen_take_ten_seconds(language: LanguageCode, length: Callable[[Piece], float]) -> None:
    for key in ("apology", "call-too-long", "go-on"):
        said = sum(length(piece) for phrase in PROMPTS.say(key, language) for piece in phrase.pieces)
        assert said <= PROMPT_MAX_S, key


@pytest.mark.parametrize("language", LanguageCode)
def test_pages_are_cut_by_a_guess_that_is_near_the_truth(
    language: LanguageCode, length: Callable[[Piece], float]
) -> None:
    guessed = took = 0.0
    for screen in SCREENS:
        asked = screen.ask(visit(language))
        if isinstance(asked, Menu):
            for page in spoken_pages(SPEAKER, asked, None, language)[:3]:
                guessed += seconds(page.text, language)
                took += said_s(page.text, language, length)
    assert 0.8 < took / guessed < 1.25


def test_the_docs_hold_what_the_command_prints(tmp_path: Path) -> None:
    speech = SpeechLengths(TEXTS, lambda _: 0.0)
    prompts = [*(step for steps in CALLS.values() for step in steps), *OTHERS, *LISTS]
    needed = {piece for prompt in prompts for each in LanguageCode for piece in speech.pieces(prompt, each)}
    build(tuple(needed), tmp_path, None)
    printed = CliRunner().invoke(app, ["voice", "lengths", "--out", str(tmp_path)])
    assert printed.exit_code == 0, printed.output
    now, told = printed.output.strip().split("\n"), DOCS.read_text(encoding="utf-8").split("\n")
    first = told.index(now[0])
    for line, there in zip(now, told[first : first + len(now)], strict=True):
        assert re.sub(NUMBER, "N", line) == re.sub(NUMBER, "N", there), "print it anew: khallas voice lengths"
        pairs = zip(re.findall(NUMBER, line), re.findall(NUMBER, there), strict=True)
        assert all(abs(float(a) - float(b)) <= DIFFER_MAX_S for a, b in pairs), (line, there)
    told_json = json.loads(CliRunner().invoke(app, ["voice", "lengths", "--out", str(tmp_path), "--json"]).output)
    assert set(told_json["calls"][CALL_BACK]) == {"fr", "ar", "en"}


def test_a_missing_sound_is_told_in_one_line(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["voice", "lengths", "--out", str(tmp_path)])
    assert ran.exit_code == 1
    assert re.fullmatch(r"khallas: \w\w/[\w-]+ is missing: run voice build first\n", ran.output)
