"""Twilio's dialect: recorded webhooks in, the TwiML we mean out."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from channels.ivr.speaker import KEYS, IvrSpeaker
from channels.ivr.wires.twilio import MORE_TIME, CallOver, TwilioVoice
from channels.wire import Incoming, Malformed
from core.languages import LANGUAGES, LanguageCode
from core.messaging.texts import load_texts
from lab.twilio import twiml
from sessions.screens.menu import Digits, Menu, Option, Tell, Words, say
from sessions.turn.turns import Inbound, TurnAnswer
from tests.sessions.paged import spoken_pages

RECORDED = json.loads((Path(__file__).parents[2] / "wires" / "ivr-twilio.json").read_text(encoding="utf-8"))
PUBLIC = "https://pay.example.ma"
WIRE = TwilioVoice(PUBLIC + "/", "777")
SPEAKER = IvrSpeaker(load_texts())
SID = "CA" + "0" * 32
FORM = {"CallSid": SID, "From": "+212600000001", "To": "+212537000777", "Direction": "inbound"}


def incoming(target: str, body: bytes | Mapping[str, str]) -> Incoming:
    path, _, query = target.partition("?")
    encoded = body if isinstance(body, bytes) else urlencode(body).encode()
    return Incoming("POST", PUBLIC + target, path, query, {}, encoded)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded["name"])
def test_recorded_webhooks(recorded: dict[str, object]) -> None:
    target, body = str(recorded["target"]), str(recorded["body"]).encode()
    arrived = incoming(target, body)
    if "hung_up" in recorded:
        told = recorded["hung_up"]
        assert WIRE.hang_up(arrived) == (CallOver(**told) if isinstance(told, dict) else None)
        return
    heard = WIRE.turn(arrived) if "/turn" in target else WIRE.arrival(arrived)
    assert isinstance(recorded["heard"], dict)
    assert heard == Inbound(**recorded["heard"])


@pytest.mark.parametrize(
    ("target", "form"),
    [
        ("/ivr/twilio/turn?v=1", {**FORM, "CallSid": ""}),
        ("/ivr/twilio/turn?v=1", {**FORM, "CallSid": "CA}:{x"}),
        ("/ivr/twilio/turn?v=1", {**FORM, "Digits": "1" * 201}),
        ("/ivr/twilio/turn?v=", FORM),
        ("/ivr/twilio/turn?v=-1", FORM),
        ("/ivr/twilio/turn?v=٣", FORM),
        ("/ivr/twilio/turn?v=1234567", FORM),
        ("/ivr/twilio/turn", FORM),
        ("/ivr/twilio/turn?v=1", b"\xff\xfe"),
    ],
)
def test_malformed_turns(target: str, form: bytes | Mapping[str, str]) -> None:
    with pytest.raises(Malformed):
        WIRE.turn(incoming(target, form))


def test_a_malformed_call_back() -> None:
    form = {**FORM, "Direction": "outbound-api", "To": "+212600000001"}
    with pytest.raises(Malformed):
        WIRE.arrival(incoming("/ivr/twilio?payment=%2e%2e/x", form))


@given(st.text(max_size=60), st.binary(max_size=200))
def test_whatever_comes_is_read_or_malformed(query: str, body: bytes) -> None:
    arrived = incoming("/ivr/twilio/turn?" + query, body)
    for decode in (WIRE.arrival, WIRE.turn, WIRE.hang_up, WIRE.language):
        with contextlib.suppress(Malformed):
            decode(arrived)


def test_the_spoken_language_is_known_from_the_url() -> None:
    assert WIRE.language(incoming("/ivr/twilio/turn?v=1&l=ar", b"")) is LanguageCode.AR
    assert WIRE.language(incoming("/ivr/twilio/turn?v=1&l=xx", b"")) is None
    assert WIRE.language(incoming("/ivr/twilio", b"")) is None


def answered(words: Words, language: LanguageCode = LanguageCode.FR) -> Element:
    """The document for a screen's words, read by two parsers."""
    page = spoken_pages(SPEAKER, words, None, language)[0]
    reply = WIRE.encode(TurnAnswer(page, "Any", language, 7, ends=isinstance(words, Tell) and words.ends))
    assert (reply.media_type, reply.headers) == ("text/xml; charset=utf-8", {})  # no-store is the door's
    assert twiml.parse(reply.body)
    root: Element = fromstring(reply.body)
    return root


def test_a_menu_is_one_key_long_and_silence_comes_back() -> None:
    (gather,) = answered(Menu(say("service"), (Option("help", say("service.help")),)))
    assert gather.tag == "Gather"
    assert gather.attrib == {
        "input": "dtmf",
        "action": f"{PUBLIC}/ivr/twilio/turn?v=7&l=fr",
        "method": "POST",
        "timeout": "8",
        "actionOnEmptyResult": "true",
        "numDigits": "1",
        "finishOnKey": "",
    }
    (said,) = gather
    assert said.attrib == {"language": "fr-FR", "voice": "Polly.Lea-Neural"}
    assert said.text == "Que voulez-vous payer ? Pour parler à un conseiller, tapez 1."


def test_a_field_ends_with_hash_whatever_its_length() -> None:
    (gather,) = answered(Digits(say("card-cvv"), say("card-cvv.wrong"), 4, 4, secret=True), LanguageCode.AR)
    assert gather.get("finishOnKey") == "#"
    assert gather.get("numDigits") is None
    assert gather[0].get("language") == "arb"


def test_the_language_is_asked_by_each_languages_own_voice() -> None:
    options = tuple(Option(each.value, say(f"language.{each.value}")) for each in LanguageCode)
    (gather,) = answered(Menu(say("language"), options), LanguageCode.AR)
    assert [(said.get("language"), said.text) for said in gather] == [
        ("fr-FR", "Bienvenue chez Khallas."),
        ("arb", "مرحبا بكم."),
        ("fr-FR", "Pour continuer en français, tapez 1."),
        ("arb", "للمتابعة بالعربية، اضغطوا 2."),
        ("en-GB", "To continue in English, press 3."),
    ]


def test_a_wait_is_words_a_pause_and_a_redirect() -> None:
    said, pause, redirect = answered(Tell(say("paying"), wait_s=1.5))
    assert (said.tag, pause.attrib, redirect.attrib) == ("Say", {"length": "2"}, {"method": "POST"})
    assert redirect.text == f"{PUBLIC}/ivr/twilio/turn?v=7&l=fr"


def test_the_ends_of_a_call() -> None:
    said, hangup = answered(Tell(say("goodbye")))
    assert (said.text, hangup.tag) == ("Merci, au revoir.", "Hangup")
    _, dial = answered(Tell(say("help", help="777"), transfer=True))
    assert (dial.tag, dial.text) == ("Dial", "777")


def test_an_apology_in_the_callers_language_or_in_all() -> None:
    one = fromstring(WIRE.apologise(SPEAKER.apology(LanguageCode.EN)).body)
    assert [verb.tag for verb in one] == ["Say", "Hangup"]
    all_of_them = fromstring(WIRE.apologise(SPEAKER.apology(None)).body)
    assert [verb.get("voice") for verb in all_of_them] == [*(LANGUAGES[each].twilio[1] for each in LanguageCode), None]


def test_more_time_is_the_speakers_restart_key() -> None:
    assert KEYS.restart == MORE_TIME
