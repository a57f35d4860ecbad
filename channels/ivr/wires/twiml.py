"""TwiML as text: the verbs of a voice turn, written without building a tree (docs/protocols/ivr.md). Pure.

A test holds every answer equal to what twilio's own classes make of it, over every screen and language.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from xml.sax.saxutils import escape, quoteattr

from channels.ivr.speaker import Spoken
from core.languages import LANGUAGES, LanguageCode

HEAD = "<?xml version='1.0' encoding='utf-8'?>\n<Response>"
TAIL = "</Response>"
HANGUP = "<Hangup />"


def document(*verbs: str) -> bytes:
    """A whole answer; what UTF-8 cannot hold becomes a character reference."""
    return (HEAD + "".join(verbs) + TAIL).encode("utf-8", "xmlcharrefreplace")


def say(parts: Iterable[Spoken]) -> str:
    """Words each utterance in the voice of its language."""
    return "".join([f"{_voice(each.language)}{escape(each.text)}</Say>" for each in parts])


@cache  # one a language
def _voice(language: LanguageCode) -> str:
    locale, voice = LANGUAGES[language].twilio
    return f"<Say language={quoteattr(locale)} voice={quoteattr(voice)}>"


def verb(name: str, text: str = "", /, inside: str = "", **attributes: str) -> str:
    """A verb with its attributes, its text, and the verbs inside of it, which are TwiML already."""
    return f"<{name}{_written(attributes)}>{escape(text)}{inside}</{name}>"


def gathering(**attributes: str) -> str:
    """The beginning of a <Gather> that sends keys, and silence too, to an action that is told when it is used."""
    return (
        f"<Gather{_written({'input': 'dtmf', 'method': 'POST', 'actionOnEmptyResult': 'true', **attributes})} action="
    )


def gather(action: str, verbs: str, beginning: str) -> str:
    """The whole <Gather> of that beginning, around what is said."""
    return f"{beginning}{quoteattr(action)}>{verbs}</Gather>"


def _written(attributes: Mapping[str, str]) -> str:
    return "".join([f" {name}={quoteattr(value)}" for name, value in attributes.items()])
