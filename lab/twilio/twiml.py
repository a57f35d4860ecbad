"""TwiML read as data, as strictly as Twilio's documentation: a wrong attribute is the application's fault, said loudly.

Pure. Defaults and rules: docs/protocols/ivr.md and docs/protocols/sms.md.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

TWIML_MAX_BYTES = 64_000
VERBS_MAX = 200
GATHER_TIMEOUT_S = 5.0
PAUSE_S = 1.0
PAY_TIMEOUT_S = 5.0


class BadTwiml(Exception):
    """The application's fault: Twilio would end the call or drop the reply. Do not retry."""


@dataclass(frozen=True, slots=True)
class Say:
    """Words spoken. `language` as written ("fr-FR", "arb"), or empty."""

    text: str
    language: str
    voice: str


@dataclass(frozen=True, slots=True)
class Play:
    """A recording."""

    url: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence."""

    length_s: float


Prompt = Say | Play | Pause


@dataclass(frozen=True, slots=True)
class Gather:
    """Keys wanted. An empty `finish_on_key` means that no key ends the field."""

    action: str
    method: str
    digits_max: int | None
    finish_on_key: str
    timeout_s: float
    action_on_empty: bool
    inputs: tuple[str, ...]
    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go on with another document."""

    url: str
    method: str


@dataclass(frozen=True, slots=True)
class Dial:
    """Hand the caller to a number."""

    number: str


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the call."""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse the call without answering."""

    reason: str


@dataclass(frozen=True, slots=True)
class Pay:
    """Card entry on Twilio's side; what it would say is in `prompts`, and in `spoken` by step and error."""

    action: str
    attributes: Mapping[str, str]
    prompts: tuple[Prompt, ...]
    parameters: Mapping[str, str]
    spoken: Mapping[tuple[str, str], tuple[Prompt, ...]]


@dataclass(frozen=True, slots=True)
class Message:
    """An SMS in reply."""

    text: str
    action: str
    method: str


Verb = Say | Play | Pause | Gather | Redirect | Dial | Hangup | Reject | Pay | Message

_GATHER = "action method numDigits finishOnKey timeout actionOnEmptyResult input language hints bargeIn speechTimeout"
_DIAL = "action method timeout timeLimit callerId hangupOnStar answerOnBridge ringTone"
_ATTRIBUTES = {
    "Say": {"voice", "language", "loop"},
    "Play": {"loop", "digits"},
    "Pause": {"length"},
    "Gather": set(_GATHER.split()),
    "Redirect": {"method"},
    "Dial": set(_DIAL.split()),
    "Hangup": set[str](),
    "Reject": {"reason"},
    "Message": {"action", "method", "to", "from", "statusCallback"},
}


def parse(xml: bytes) -> tuple[Verb, ...]:
    """The verbs of a document, in order. Raises BadTwiml."""
    if len(xml) > TWIML_MAX_BYTES:
        raise BadTwiml(f"a document has at most {TWIML_MAX_BYTES} bytes")
    try:
        root = fromstring(xml)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise BadTwiml(f"not XML: {error}") from error
    if root.tag != "Response":
        raise BadTwiml(f"the root is {root.tag}, not Response")
    if len(root) > VERBS_MAX:
        raise BadTwiml(f"more than {VERBS_MAX} verbs")
    if (root.text or "").strip():
        raise BadTwiml("words outside a verb")
    return tuple(_verb(element) for element in root)


def messages(xml: bytes) -> tuple[Message, ...]:
    """The replies of an SMS webhook's answer. Raises BadTwiml."""
    found = parse(xml)
    for verb in found:
        if not isinstance(verb, Message):
            raise BadTwiml(f"{type(verb).__name__} is no verb of SMS")
    return tuple(verb for verb in found if isinstance(verb, Message))


def _verb(element: Element) -> Verb:
    reader = _READERS.get(element.tag)
    if reader is None:
        raise BadTwiml(f"unknown verb {element.tag}")
    allowed = _ATTRIBUTES.get(element.tag)
    if allowed is not None and (unknown := set(element.keys()) - allowed):
        raise BadTwiml(f"{element.tag} has no attribute {sorted(unknown)}")
    return reader(element)


def _words(element: Element) -> str:
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def _number(element: Element, name: str, default: float) -> float:
    text = element.get(name, str(default))
    if not re.fullmatch(r"\d{1,6}(\.\d+)?", text):
        _refuse(element, name, text)
    return float(text)


def _refuse(element: Element, name: str, text: str) -> NoReturn:
    raise BadTwiml(f"{element.tag} {name}={text!r}")


def _method(element: Element) -> str:
    method = element.get("method", "POST").upper()
    return method if method in {"GET", "POST"} else _refuse(element, "method", method)


def _say(element: Element) -> Say:
    return Say(_words(element), element.get("language", ""), element.get("voice", ""))


def _play(element: Element) -> Play:
    return Play(_words(element))


def _pause(element: Element) -> Pause:
    return Pause(_number(element, "length", PAUSE_S))


def _gather(element: Element) -> Gather:
    inputs = tuple(element.get("input", "dtmf").split())
    finish = element.get("finishOnKey", "#")
    digits = element.get("numDigits")
    if not set(inputs) <= {"dtmf", "speech"} or not inputs:
        _refuse(element, "input", " ".join(inputs))
    if finish not in {"", *"0123456789*#"}:
        _refuse(element, "finishOnKey", finish)
    if digits is not None and not re.fullmatch(r"[1-9]\d{0,2}", digits):
        _refuse(element, "numDigits", digits)
    return Gather(
        action=element.get("action", ""),
        method=_method(element),
        digits_max=None if digits is None else int(digits),
        finish_on_key=finish,
        timeout_s=_number(element, "timeout", GATHER_TIMEOUT_S),
        action_on_empty=element.get("actionOnEmptyResult", "false") == "true",
        inputs=inputs,
        prompts=_prompts(element, element),
    )


def _prompts(parent: Element, children: Iterable[Element]) -> tuple[Prompt, ...]:
    found = tuple(_verb(child) for child in children)
    prompts = tuple(verb for verb in found if isinstance(verb, Say | Play | Pause))
    if len(prompts) != len(found):
        raise BadTwiml(f"{parent.tag} nests Say, Play and Pause only")
    return prompts


def _pay(element: Element) -> Pay:
    prompts = [child for child in element if child.tag == "Prompt"]
    if len(prompts) != len([child for child in element if child.tag != "Parameter"]):
        raise BadTwiml("Pay nests Prompt and Parameter only")
    if not re.fullmatch(r"[1-3]", element.get("maxAttempts", "1")):
        _refuse(element, "maxAttempts", element.get("maxAttempts", ""))
    _number(element, "timeout", PAY_TIMEOUT_S)
    spoken = {
        (step, error): _prompts(element, child)
        for child in prompts
        for step in child.get("for", "").split()
        for error in child.get("errorType", "").split() or [""]
    }
    said = tuple(prompt for child in prompts for prompt in _prompts(element, child))
    parameters = {child.get("name", ""): child.get("value", "") for child in element if child.tag == "Parameter"}
    return Pay(element.get("action", ""), dict(element.items()), said, parameters, spoken)


def _redirect(element: Element) -> Redirect:
    return Redirect(_words(element), _method(element))


def _dial(element: Element) -> Dial:
    number = _words(element)
    return Dial(number) if number else _refuse(element, "number", number)


def _reject(element: Element) -> Reject:
    reason = element.get("reason", "rejected")
    return Reject(reason) if reason in {"rejected", "busy"} else _refuse(element, "reason", reason)


def _message(element: Element) -> Message:
    body = element.find("Body")
    text = (element if body is None else body).text or ""
    return Message(text, element.get("action", ""), _method(element))


_READERS: Mapping[str, Callable[[Element], Verb]] = {
    "Say": _say,
    "Play": _play,
    "Pause": _pause,
    "Gather": _gather,
    "Redirect": _redirect,
    "Dial": _dial,
    "Hangup": lambda _: Hangup(),
    "Reject": _reject,
    "Pay": _pay,
    "Message": _message,
}
