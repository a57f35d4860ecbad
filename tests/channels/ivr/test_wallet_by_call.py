"""Which calls are ours by the wire's own word, and how the wallet of such a call is said."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.ivr.prompts import UNKNOWN, Prompts
from channels.ivr.speaker import CAN, IvrSpeaker
from channels.ivr.wires.fastagi import FastAgi
from channels.ivr.wires.twilio import TwilioVoice
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from core.ports import DeclineKind
from core.wallets.port import WalletTerms
from sessions.basket import Basket
from sessions.pages import Page, PagePosition
from sessions.screens.journey import Shown
from sessions.screens.menu import Chose, ScreenContext, Unclear, say
from sessions.screens.paying import CardNumber, Declined
from sessions.screens.wallet import WalletAsked
from sessions.turn.turns import TurnAnswer
from tests.channels.ivr.agi.agi_line import TOKENS
from tests.channels.ivr.test_speaker import visit
from tests.channels.ivr.test_twilio_wire import FORM, incoming

NEQDI = ("neqdi", WalletTerms("Neqdi", "MAD"))
BASKET = Basket("sample", "345678", 76920)
TEXTS = load_texts()
PROMPTS = Prompts(TEXTS, {"neqdi": "Neqdi"})
SPEAKERS = {"spoken": IvrSpeaker(TEXTS), "recorded": IvrSpeaker(PROMPTS.texts)}
WIRE, AGI = TwilioVoice("https://pay.example.ma", "0537000777"), FastAgi(PROMPTS, TOKENS)
SCREENS: tuple[Shown, ...] = (
    CardNumber(BASKET),
    *(Declined(BASKET, kind, may_retry=True) for kind in DeclineKind),
    WalletAsked(BASKET, "Neqdi", "+212600000001"),
)
each_language = pytest.mark.parametrize("language", LanguageCode)


def rung(language: LanguageCode) -> ScreenContext:
    return msgspec.structs.replace(visit(language), wallets=(NEQDI,), placed=True)


def page(screen: Shown, here: ScreenContext, notice: str = "", how: str = "spoken") -> Page:
    told = say(notice) if notice else None
    return SPEAKERS[how].page(screen.ask(here), told, here.language, PagePosition())


@each_language
@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: type(screen).__name__)
def test_it_is_said_with_its_name_and_has_its_recordings(screen: Shown, language: LanguageCode) -> None:
    notice = "call-back" if isinstance(screen, CardNumber) else ""
    said = page(screen, rung(language), notice)
    assert "Neqdi" in said.text
    assert "{" not in said.text
    phrases = PROMPTS.phrases(page(screen, rung(language), notice, "recorded").text, language)
    names = [piece.name for phrase in phrases for piece in phrase.pieces]
    assert "name-neqdi" in names
    assert UNKNOWN not in names


@each_language
@pytest.mark.parametrize("notice", ["wallet-too-often", "wallet-not-now"])
def test_why_it_asks_nobody_is_said_too(notice: str, language: LanguageCode) -> None:
    said = page(CardNumber(BASKET), rung(language), notice, "recorded").text
    names = [piece.name for phrase in PROMPTS.phrases(said, language) for piece in phrase.pieces]
    assert names[0] == notice
    assert UNKNOWN not in names


def test_a_name_is_recorded_once_and_without_it_the_switch_would_be_silent() -> None:
    def names(named: dict[str, str]) -> list[str]:
        pieces = Prompts(TEXTS, named).pieces
        return [piece.name for piece in pieces if piece.name.startswith("name-") and piece.language is LanguageCode.FR]

    assert names({"neqdi": "Neqdi", "two": " Neqdi ", "none": " ", "Floussi_2": "Floussi"}) == [
        "name-neqdi",
        "name-floussi_2",
    ]
    text = page(SCREENS[0], rung(LanguageCode.FR), how="recorded").text
    pieces = [piece.name for phrase in Prompts(TEXTS).phrases(text, LanguageCode.FR) for piece in phrase.pieces]
    assert UNKNOWN in pieces


def test_its_key_alone_means_it_and_a_card_is_typed_as_ever() -> None:
    said = page(CardNumber(BASKET), rung(LanguageCode.FR))
    assert said.read("1") == said.read(" 1#") == Chose("wallet:neqdi")
    assert said.read("11") == said.read("2") == Unclear()
    theirs = page(CardNumber(BASKET), msgspec.structs.replace(rung(LanguageCode.FR), placed=False))
    assert theirs.read("1") == Unclear()
    assert "Neqdi" not in theirs.text
    assert type(said.read("4000000000000010")) is type(theirs.read("4000000000000010"))


# --- whose call it is ------------------------------------------------------------------------------------------------


def test_twilio_says_at_each_webhook_that_a_call_was_placed_by_us() -> None:
    ours = {**FORM, "Direction": "outbound-api", "To": "+212600000001"}
    assert WIRE.arrival(incoming("/ivr/twilio?payment=01J", ours)).placed
    assert WIRE.turn(incoming("/ivr/twilio/turn?v=1", {**ours, "Digits": "1"})).placed
    assert WIRE.turn(incoming("/ivr/twilio/turn?v=1", {**ours, "Result": "success"})).placed


@given(direction=st.sampled_from(["inbound", "outbound-dial", "outbound", "", "OUTBOUND-API"]) | st.text(max_size=20))
def test_any_other_call_is_not_ours_whatever_its_url_says(direction: str) -> None:
    form = {**FORM, "Direction": direction, "From": "+212600000001", "To": "+212600000001"}
    for decode, query in ((WIRE.arrival, "payment=01J"), (WIRE.turn, "v=1&payment=01J&placed=1")):
        assert decode(incoming(f"/ivr/twilio?{query}", form)).placed is (direction == "outbound-api")


@given(caller=st.sampled_from(["+212600000001", "0600000001", "unknown", ""]) | st.text(max_size=20))
def test_asterisks_call_is_ours_by_its_signed_token_alone(caller: str) -> None:
    greeting = {"network_script": "khallas", "uniqueid": "1.1", "callerid": caller}
    theirs, ours = AGI.arrival(greeting), AGI.arrival({**greeting, "arg_2": TOKENS.make("01J", "+212600000001")})
    answer = TurnAnswer(page(SCREENS[0], rung(LanguageCode.FR)), "CardNumber", LanguageCode.FR, 1, ends=False)
    assert (theirs.placed, AGI.turn(theirs, answer, "1").placed) == (False, False)
    assert (ours.placed, AGI.turn(ours, answer, "1").placed) == (True, True)
    assert ours.msisdn == "+212600000001"


def test_the_voice_still_proves_no_caller() -> None:
    assert not CAN.caller_proven
