"""Customers' phones, spoken through the same wires as the real gateways: USSD, SMS and voice.

For journeys in tests, the khallas command and the demo. Each phone is used in `async with`; requests carry what
Africa's Talking and Twilio send (protocols/ussd.md, protocols/sms.md, protocols/ivr.md). A phone raises WebhookFailed
when the application does not answer 2xx.
"""

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

from lab.twilio import twiml
from lab.twilio.call import TURN_MAX_S, Call
from lab.twilio.dialled import API_VERSION, SCRIPTED, Dialled, Direction, Pace
from lab.twilio.webhooks import Answer, Line
from lab.ussd_wires import DIALECTS, Ask, Dialog
from sessions.turn.inbound import REPEAT_MS

SAME_KEY_S = (REPEAT_MS + 50) / 1000
TURNS_MAX = 200
# The demo's account at the stand-in.
DEMO_ACCOUNT = "ACdemo"
DEMO_TOKEN = "demo-token"


def new_sid(prefix: str) -> str:
    """An id as Twilio writes it: "SM" and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


class _Phone:
    """What all phones share: one Line, open while the phone is."""

    def __init__(self, base_url: str, msisdn: str, line: Line) -> None:
        self.base_url, self.msisdn = base_url.rstrip("/"), msisdn
        self.line = line

    async def __aenter__(self) -> Self:
        await self.line.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.line.__aexit__(kind, error, trace)


@dataclass(frozen=True, slots=True)
class Shown:
    """A USSD screen as the handset shows it. `screen` is the application's X-Screen header, if it tells."""

    text: str
    ended: bool
    screen: str | None
    elapsed_ms: float


class UssdPhone(_Phone):
    """A handset behind a gateway. A person presses no key twice within a second, and neither does it: a gateway that
    counts nothing leaves the application only that to tell a repeat by (sessions/turn/inbound.py).
    """

    def __init__(
        self,
        base_url: str,
        msisdn: str,
        service_code: str = "*1117#",
        *,
        wire: str = "africastalking",
        headers: Mapping[str, str] | None = None,
        wait: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(base_url, msisdn, Line())
        self.service_code, self._headers, self._wait = service_code, headers or {}, wait
        self._dialect = DIALECTS[wire]
        self._dialog = Dialog(msisdn, service_code)
        self._last: Ask | None = None
        self._answered_at = 0.0

    @property
    def session_id(self) -> str:
        """The dialog, as the gateway calls it."""
        return self._dialog.id

    async def dial(self, code: str = "") -> Shown:
        """A new session. `code` may go further at once: "*1117*2#" or just "2"."""
        further = code.strip("*#").removeprefix(self.service_code.strip("*#")).strip("*")
        self._dialog = Dialog(self.msisdn, self.service_code, further.split("*") if further else [])
        return await self._first(self._dialect.dial(self._dialog))

    async def send(self, keys: str) -> Shown:
        """Type and send."""
        self._dialog.keys.append(keys)
        ask = self._dialect.answer(self._dialog)
        if not self._dialect.counts and ask == self._last:
            await self._wait(max(0.0, SAME_KEY_S - (time.monotonic() - self._answered_at)))
        return await self._first(ask)

    async def repeat(self) -> Shown:
        """The same request again, as a gateway does that missed the answer. Raises ValueError before the first."""
        if self._last is None:
            raise ValueError("nothing was dialled yet")
        return await self._sent(self._last)

    async def drop(self) -> None:
        """The dialog ends without the application's doing: what the gateway tells it afterwards."""
        await self._asked(self._dialect.drop(self._dialog))

    async def _first(self, ask: Ask) -> Shown:
        self._last = ask
        self._dialog.sent += 1
        return await self._sent(ask)

    async def _sent(self, ask: Ask) -> Shown:
        answer = await self._asked(ask)
        self._answered_at = time.monotonic()
        text, ended = self._dialect.read(self._dialog, answer)
        return Shown(text, ended, answer.screen, answer.elapsed_ms)

    async def _asked(self, ask: Ask) -> Answer:
        headers = dict(self._headers) | ({"Content-Type": ask.media_type} if ask.media_type else {})
        return await self.line.send(self.base_url + ask.path, ask.fields, ask.method, headers, body=ask.body)


def sms_fields(account_sid: str, sid: str, sender: str, to: str, text: str) -> dict[str, str]:
    """An incoming message as Twilio posts it (docs/protocols/sms.md)."""
    return {
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "AccountSid": account_sid,
        "From": sender,
        "To": to,
        "Body": text,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "FromCountry": "MA",
        "ToCountry": "MA",
        "ApiVersion": API_VERSION,
    }


class SmsPhone(_Phone):
    """A phone that texts the short code; replies come as TwiML."""

    def __init__(
        self,
        base_url: str,
        msisdn: str,
        *,
        short_code: str = "1117",
        account_sid: str = DEMO_ACCOUNT,
        auth_token: str = DEMO_TOKEN,
        public_url: str = "",
    ) -> None:
        super().__init__(base_url, msisdn, Line(auth_token, public_url or base_url, base_url))
        self._url = urljoin((public_url or base_url).rstrip("/") + "/", "sms/twilio")
        self._short_code, self._account_sid = short_code, account_sid
        self._last: dict[str, str] = {}

    async def send(self, text: str) -> list[str]:
        """Text it; the replies."""
        self._last = sms_fields(self._account_sid, new_sid("SM"), self.msisdn, self._short_code, text)
        return await self.repeat()

    async def repeat(self) -> list[str]:
        """The same message again, with its id, as a gateway does that missed the answer."""
        answer = await self.line.signed(self._url, self._last)
        return [message.text for message in twiml.messages(answer.body)]


class VoicePhone(_Phone):
    """A phone that calls the IVR's number. Calls that still go on when the phone closes are hung up."""

    def __init__(
        self,
        base_url: str,
        msisdn: str,
        *,
        number: str = "+212537000777",
        account_sid: str = DEMO_ACCOUNT,
        auth_token: str = DEMO_TOKEN,
        public_url: str = "",
        pace: Pace = SCRIPTED,
    ) -> None:
        super().__init__(base_url, msisdn, Line(auth_token, public_url or base_url, base_url))
        self._public_url = (public_url or base_url).rstrip("/") + "/"
        self._number, self._account_sid, self._pace = number, account_sid, pace
        self._calls: list[Call] = []

    async def dial(self) -> Call:
        """Call; returns when it is the caller's turn or the call has ended."""
        dialled = Dialled(
            sid=new_sid("CA"),
            account_sid=self._account_sid,
            from_number=self.msisdn,
            to_number=self._number,
            direction=Direction.INBOUND,
            url=urljoin(self._public_url, "ivr/twilio"),
            status_url=urljoin(self._public_url, "ivr/twilio/status"),
        )
        call = self.keep(Call(dialled, self.line, self._pace))
        call.start()
        await call.settled()
        return call

    def keep(self, call: Call) -> Call:
        """A call over this phone's line: it ends before the line is closed."""
        self._calls = [*(other for other in self._calls if not other.over), call]
        return call

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await asyncio.gather(*(call.close() for call in self._calls))
        finally:
            await super().__aexit__(kind, error, trace)


class Do(Enum):
    """What a caller can do instead of pressing keys."""

    SILENCE = "silence"
    HANG_UP = "hang up"


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of a script: what must be heard (a regular expression, any case), and what is done then."""

    expect: str
    keys: str | Do


@dataclass(frozen=True, slots=True)
class Heard:
    """One turn of a transcript: what was said since the last one, and what the caller did about it."""

    text: str
    screen: str | None
    keys: str | Do | None
    answer_ms: float


class ScriptBroken(AssertionError):
    """The application said something else; the message holds the transcript so far."""


async def follow(
    call: Call, script: Sequence[Turn | tuple[str, str | Do]], timeout_s: float = TURN_MAX_S
) -> list[Heard]:
    """Play a script to its end; the transcript, whose last entry is what was heard after the last turn.

    Raises ScriptBroken, or TimeoutError when the application leaves the caller waiting.
    """
    heard: list[Heard] = []
    listened = 0
    for number, step in enumerate((*script[:TURNS_MAX], None)):
        await call.settled(timeout_s)
        text = " ".join(caption.text for caption in call.captions[listened:])
        listened = len(call.captions)
        turn = Turn(*step) if isinstance(step, tuple) else step
        heard.append(Heard(text, call.screen, turn.keys if turn else None, call.answer_ms))
        if turn is None:
            break
        if call.ended or not re.search(turn.expect, text, re.IGNORECASE):
            told = "\n".join(f"  {entry.screen}: {entry.text!r} <- {entry.keys}" for entry in heard)
            raise ScriptBroken(f"turn {number} expects {turn.expect!r}; ended={call.ended}, error={call.error}\n{told}")
        match turn.keys:
            case Do.SILENCE:
                call.silence()
            case Do.HANG_UP:
                call.hang_up()
                await call.finished(timeout_s)
            case str(keys):
                call.press(keys)
    return heard
