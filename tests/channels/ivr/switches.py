"""Voice wires from the telephone company's side: how each tells who calls and what was typed.

A wire that is added has to be added here: tests/channels/ivr/test_hostile.py plays tests/support/hostile.py
over every wire of WIRES.
"""

from collections.abc import Mapping
from typing import Protocol
from urllib.parse import quote_from_bytes

from channels.carriers.asterisk.call_tokens import CallTokens
from channels.ivr.agi import protocol
from channels.ivr.prompts import Prompts
from channels.ivr.wires.fastagi import FastAgi
from channels.ivr.wires.twilio import TwilioVoice
from channels.wire import Incoming
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from sessions.pages import Page
from sessions.turn.turns import Inbound, TurnAnswer

FORM = {"content-type": "application/x-www-form-urlencoded"}


class VoiceGateway(Protocol):
    """`caller` and `more` are octets: a name that comes along is in whatever encoding its switch has."""

    def arrives(self, caller: bytes, more: bytes = b"") -> Inbound: ...

    def types(self, keys: str, page: Page) -> Inbound:
        """What a telephone's keys make of a question that was spoken as `page`."""


class TwilioSide:
    """Webhooks as forms; a field's `#` is not among its digits."""

    wire = TwilioVoice("https://pay.example.ma", "777")

    def arrives(self, caller: bytes, more: bytes = b"") -> Inbound:
        return self.wire.arrival(self._posted("", {b"From": caller, b"CallerName": more}))

    def types(self, keys: str, page: Page) -> Inbound:
        told = {b"From": b"+212600000001", b"Digits": keys.removesuffix("#").encode()}
        told |= {b"FinishedOnKey": b"#"} if keys.endswith("#") else {}
        return self.wire.turn(self._posted("/turn?v=7&l=fr", told))

    @staticmethod
    def _posted(target: str, told: Mapping[bytes, bytes]) -> Incoming:
        fields = {b"CallSid": b"CA1", b"Direction": b"inbound", **told}
        body = b"&".join(name + b"=" + quote_from_bytes(value, safe="").encode() for name, value in fields.items())
        path, _, query = f"/ivr/twilio{target}".partition("?")
        return Incoming("POST", f"https://pay.example.ma{path}", path, query, FORM, body)


class FastAgiSide:
    """A greeting's lines, then keys one by one; a field ends with `#`, which is not among its digits."""

    wire = FastAgi(Prompts(load_texts()), CallTokens(["a-key-that-signs-links"]))

    def arrives(self, caller: bytes, more: bytes = b"") -> Inbound:
        told = {b"network_script": b"khallas", b"uniqueid": b"1.1", b"callerid": caller, b"calleridname": more}
        lines = [(b"agi_" + name + b": " + value).decode("utf-8", "replace") for name, value in told.items()]
        return self.wire.arrival(protocol.greeting(lines))

    def types(self, keys: str, page: Page) -> Inbound:
        before = Inbound("1.1", "+212600000001", order=0, begins=True)
        answer = TurnAnswer(page, "Any", LanguageCode.FR, 7, ends=False)
        return self.wire.turn(before, answer, keys.removesuffix("#") or self.more_time(keys))

    @staticmethod
    def more_time(keys: str) -> str | None:
        return "*" if keys else None


SIDES: dict[str, type[VoiceGateway]] = {"twilio": TwilioSide, "fastagi": FastAgiSide}
