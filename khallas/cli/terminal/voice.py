"""A telephone call as the terminal sees it: one played here, or one that rings at the demo's Twilio stand-in."""

import asyncio
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from khallas.cli.terminal.faults import Failed

if TYPE_CHECKING:
    import aiohttp

    from lab.twilio.call import Call

ANSWER_BYTES_MAX = 1_000_000
DESK_MAX_S = 10.0
RING_MAX_S = 60.0
RING_POLL_S = 0.5


M = TypeVar("M", bound=BaseModel)


class Caption(BaseModel):
    """A thing that is heard, with its language where the server tells it."""

    text: str
    language: str = ""


class Waiting(BaseModel):
    """The field whose keys are wanted, and how many it has."""

    digits_max: int | None
    finish_on_key: str
    pressed: int


class Moment(BaseModel):
    """A call at one moment, in the words of the stand-in's desk (lab/twilio/desk.py)."""

    sid: str
    direction: str
    status: str
    rings: bool
    ended: bool
    captions: list[Caption]
    waiting: Waiting | None
    paying: bool
    transferred_to: str | None
    screen: str | None
    error: str | None


class _Calls(BaseModel):
    calls: list[Moment]


class TerminalCall(Protocol):
    """A call that can be heard and pressed. Raises Failed when it cannot be reached, ValueError for what is no key."""

    poll_s: float

    async def look(self) -> Moment: ...
    async def press(self, keys: str) -> Moment: ...
    async def silence(self) -> None: ...
    async def hang_up(self) -> None: ...


class OwnCall:
    """A call that this process plays."""

    poll_s = 0.02

    def __init__(self, call: "Call") -> None:
        self._call = call

    async def look(self) -> Moment:
        from lab.twilio.desk import call_told

        return Moment.model_validate(call_told(self._call))

    async def press(self, keys: str) -> Moment:
        self._call.press(keys)
        return await self.look()

    async def silence(self) -> None:
        self._call.silence()

    async def hang_up(self) -> None:
        self._call.hang_up()


class StandInDesk:
    """The stand-in's desk over HTTP; `session` stays open as long as it is used."""

    def __init__(self, url: str, session: "aiohttp.ClientSession") -> None:
        self._url, self._session = url.rstrip("/"), session

    async def ringing(self, msisdn: str) -> "DeskCall":
        """Answer the call that rings at a customer's phone, as soon as one does. Raises Failed."""
        try:
            async with asyncio.timeout(RING_MAX_S):
                while True:  # bounded by RING_MAX_S
                    body = await self.ask("GET", f"/phones/{quote(msisdn)}/calls")
                    calls = _read(_Calls, b'{"calls":' + body + b"}").calls
                    ringing = [call for call in calls if call.rings and call.direction == "outbound-api"]
                    if ringing:
                        break
                    await asyncio.sleep(RING_POLL_S)
        except TimeoutError:
            raise Failed(f"nobody called {msisdn} within {RING_MAX_S:.0f} s") from None
        call = DeskCall(self, ringing[0].sid)
        await call.act("answer")
        return call

    async def ask(self, method: str, path: str, order: dict[str, str] | None = None) -> bytes:
        """Asks the stand-in's desk. Raises Failed."""
        import aiohttp  # here: every verb loads this module, few ring at a phone

        try:
            timeout = aiohttp.ClientTimeout(total=DESK_MAX_S)
            async with self._session.request(method, self._url + path, json=order, timeout=timeout) as response:
                if response.status >= 400:
                    raise Failed(f"{self._url} is no desk of a Twilio stand-in ({response.status}): check --desk")
                body = await response.content.read(ANSWER_BYTES_MAX)
                while not response.content.at_eof() and len(body) < ANSWER_BYTES_MAX:
                    body += await response.content.read(ANSWER_BYTES_MAX)
                return body
        except (aiohttp.ClientError, TimeoutError):
            raise Failed(f"no answer from the stand-in's desk at {self._url}: is the demo running?") from None


class DeskCall:
    """A call that the stand-in plays."""

    poll_s = 0.2

    def __init__(self, desk: StandInDesk, sid: str) -> None:
        self._desk, self._sid = desk, sid

    async def look(self) -> Moment:
        return _read(Moment, await self._desk.ask("GET", f"/calls/{self._sid}"))

    async def press(self, keys: str) -> Moment:
        return await self.act("press", {"keys": keys})

    async def silence(self) -> None:
        await self.act("silence")

    async def hang_up(self) -> None:
        await self.act("hang-up")

    async def act(self, act: str, order: dict[str, str] | None = None) -> Moment:
        """Does one of the desk's orders. Raises Failed."""
        return _read(Moment, await self._desk.ask("POST", f"/calls/{self._sid}/{act}", order or {}))


def _read(model: type[M], body: bytes) -> M:
    try:
        return model.model_validate_json(body)
    except ValidationError:
        raise Failed("the stand-in's desk answered something else than a call: check --desk") from None
