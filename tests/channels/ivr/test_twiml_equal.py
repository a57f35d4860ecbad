"""Our TwiML is what Twilio's own classes would write, over every page of every screen in every language."""

import re
from xml.etree.ElementTree import Element, canonicalize

from defusedxml.ElementTree import fromstring
from twilio.twiml.messaging_response import MessagingResponse
from twilio.twiml.voice_response import VoiceResponse

from channels.ivr.wires.twilio import TwilioVoice
from channels.ivr.wires.twilio_pay import pay_of
from channels.sms.wires import WIRES as SMS_WIRES
from core.languages import LanguageCode
from sessions.screens.journey import Shown
from sessions.screens.menu import Tell
from sessions.turn.turns import TurnAnswer
from tests.channels.ivr.test_speaker import SCREENS, SPEAKER, TEXTS, each_language, each_screen, visit
from tests.sessions.paged import spoken_pages

PUBLIC = "https://pay.example.ma"
WIRE = TwilioVoice(PUBLIC, "777", pay=pay_of("khallas", TEXTS))
WITH_TEXT = frozenset({"Say", "Dial", "Redirect"})


def theirs(verb: VoiceResponse, element: Element) -> None:
    """The children of an element, made again by the methods that Twilio's classes have for them."""
    for child in element:
        make = getattr(verb, child.tag.lower())  # what has no method there is no TwiML
        named = {_snake(name): value for name, value in child.attrib.items()}
        made = make(child.text or "", **named) if child.tag in WITH_TEXT else make(**named)
        theirs(made, child)


def _snake(name: str) -> str:
    """numDigits is their num_digits; a word of Python's own gets an underscore behind it."""
    spelled = re.sub(r"([A-Z])", lambda letter: "_" + letter[1].lower(), name)
    return spelled + "_" if spelled in {"for", "from"} else spelled


def same(ours: bytes, made: object) -> bool:
    return canonicalize(ours.decode()) == canonicalize(str(made))


@each_screen
@each_language
def test_a_screen_is_the_document_that_twilios_classes_write(screen: Shown, language: LanguageCode) -> None:
    words = screen.ask(visit(language))
    for page in spoken_pages(SPEAKER, words, None, language):
        answer = TurnAnswer(page, "Any", language, 7, ends=isinstance(words, Tell) and words.ends)
        ours = WIRE.encode(answer, "CA" + "0" * 32).body
        made = VoiceResponse()
        theirs(made, fromstring(ours))
        assert same(ours, made)


def test_an_apology_is_too() -> None:
    for language in LanguageCode:
        ours = WIRE.apologise(SPEAKER.apology(language)).body
        made = VoiceResponse()
        theirs(made, fromstring(ours))
        assert same(ours, made)


def test_every_screen_was_there() -> None:
    assert len(SCREENS) > 40


def test_an_sms_is_what_twilios_classes_write() -> None:
    wire = SMS_WIRES["twilio"]
    for text in ("Votre code : 482913", "a < b & c > d", "الرمز 482913", 'un "mot"'):
        made = MessagingResponse()
        made.message(text, action=f"{PUBLIC}/sms/twilio/status?ref=r1&x=2", method="POST")
        ours = wire.encode(text, f"{PUBLIC}/sms/twilio/status?ref=r1&x=2").body
        assert same(ours, made)
