"""Voice over HTTP: a signed webhook -> Heard -> turn -> TwiML. Nothing that was typed is logged or put in a URL."""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from channels.http.doors import gateway
from channels.http.receive import Check, arriving, refused, send_reply
from channels.ivr.pay_connector.endpoint import Busy
from channels.ivr.speaker import IvrSpeaker
from channels.ivr.wires.twilio import PATH, CallOver, TwilioVoice
from channels.observer import TranscriptWriter, TurnObserver, WireObserver, unrecorded
from channels.wire import Incoming, Malformed, Reply, SenderRefused
from core.repositories import DatabaseUnavailable, Delivery
from sessions.store.protocol import StoreDown
from sessions.turn.turns import Inbound, Turns

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 16 * 1024
APOLOGY = "Apology"
LOOKS_MAX = 5
LOOK_PAUSE_S = 0.2
NOT_ALLOWED = Reply(b"", status=405, headers={"Allow": "POST"})


class Reports(Protocol):
    """Takes what became of a message (core.repositories.Messages.report). Raises DatabaseUnavailable."""

    async def __call__(self, status: Delivery, *, provider_id: str, error: str | None) -> bool:
        """Reports a call's end. Returns False when nothing of that id waits for it."""


class KeptCards(Protocol):
    """Cards that the Pay connector keeps by call (tokens.RedisTokens). Raises connector.Busy."""

    async def erase(self, call: str) -> None: ...

    async def over(self, call: str) -> None:
        """Erase, and keep none that comes too late."""


def routes(
    turns: Turns,
    speaker: IvrSpeaker,
    wire: TwilioVoice,
    check: Check,
    metrics: TurnObserver,
    *,
    public_url: str,
    expose_screens: bool,
    tell: TranscriptWriter = unrecorded,
    kept: KeptCards | None = None,
    report: Reports | None = None,
    look_pause_s: float = LOOK_PAUSE_S,
) -> list[Route]:
    """POST /ivr/twilio, /ivr/twilio/turn and /ivr/twilio/status. `check` raises Refused for what is not signed.

    `report` hears how a call that we placed ended, so that nobody waits for a telephone that rings no more; between two
    looks for that call there are `look_pause_s`.
    """
    entrance = VoiceEntrance(wire, check, metrics, public_url.rstrip("/"), expose_screens=expose_screens)
    ends = _CallEnds(entrance, turns, speaker.can.channel, kept, report, look_pause_s)
    talk = VoiceTalk(turns, speaker, metrics.wire(speaker.can.channel, wire.name), tell, kept)
    return [
        *gateway(PATH, VoiceEndpoint(entrance, talk, wire.arrival), ["POST"]),
        *gateway(f"{PATH}/turn", VoiceEndpoint(entrance, talk, wire.turn), ["POST"]),
        *gateway(f"{PATH}/status", ends, ["POST"]),
    ]


@dataclass(frozen=True, slots=True)
class VoiceEntrance:
    """The parts that the doors of a call have in common: who is let in, and how a refusal is counted."""

    wire: TwilioVoice
    check: Check
    metrics: TurnObserver
    public_url: str
    expose_screens: bool

    async def let_in(self, scope: Scope, receive: Receive) -> Incoming:
        """The signed request. Raises Malformed and SenderRefused."""
        arrived = await arriving(scope, receive, self.public_url, body_max=BODY_BYTES_MAX)
        self.check(arrived)
        return arrived

    def refused(self, error: Malformed | SenderRefused) -> Response:
        """The refusal, logged and counted."""
        return refused(error, f"ivr/{self.wire.name}", self.metrics.refused)


@dataclass(frozen=True, slots=True)
class VoiceTalk:
    """The parts that stand behind a turn: the conversation, its voice, who counts and takes down, who keeps cards."""

    turns: Turns
    speaker: IvrSpeaker
    count: WireObserver
    tell: TranscriptWriter
    kept: KeptCards | None


class VoiceEndpoint:
    """A turn of a call. Plain ASGI, as USSD's: no Request, no Response in between."""

    def __init__(self, entrance: VoiceEntrance, talk: VoiceTalk, decode: Callable[[Incoming], Inbound]) -> None:
        self._entrance = entrance
        self._talk = talk
        self._decode = decode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        entrance = self._entrance
        if scope["method"] != "POST":
            await send_reply(scope, send, NOT_ALLOWED)
            return
        try:
            arrived = await entrance.let_in(scope, receive)
            inbound = self._decode(arrived)
        except (Malformed, SenderRefused) as error:
            await entrance.refused(error)(scope, receive, send)
            return
        reply, screen = await self._answer(arrived, inbound)
        await send_reply(scope, send, reply, screen=screen if entrance.expose_screens else None)

    async def _answer(self, arrived: Incoming, inbound: Inbound) -> tuple[Reply, str]:
        """The reply and the screen's name."""
        talk, wire, began = self._talk, self._entrance.wire, time.perf_counter()
        if talk.kept is not None:  # it is for a charge before the call goes on, however it goes on
            with suppress(Busy):  # it ends by itself
                await talk.kept.erase(inbound.dialog)
        try:
            answer = await talk.turns.take(inbound, talk.speaker)
            reply = wire.encode(answer, inbound.dialog)
        except Exception:
            log.exception("a turn failed at %s", arrived.path)
            talk.count.turn(APOLOGY, "failed", time.perf_counter() - began)
            talk.tell(inbound, None)
            return wire.apologise(talk.speaker.apology(wire.language(arrived))), APOLOGY
        talk.count.turn(answer.screen, answer.outcome, time.perf_counter() - began, answer.came_from)
        talk.tell(inbound, answer)
        return reply, answer.screen


class _CallEnds:
    """A call's end takes its card from the vault; a failure asks the gateway to tell us again."""

    def __init__(
        self,
        entrance: VoiceEntrance,
        turns: Turns,
        channel: str,
        kept: KeptCards | None,
        report: Reports | None,
        look_pause_s: float,
    ) -> None:
        self._entrance = entrance
        self._turns = turns
        self._channel = channel
        self._kept = kept
        self._report = report
        self._look_pause_s = look_pause_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await send_reply(scope, send, NOT_ALLOWED)
            return
        try:
            arrived = await self._entrance.let_in(scope, receive)
            wire = self._entrance.wire
            ended, placed = wire.hang_up(arrived), wire.ended(arrived)
        except (Malformed, SenderRefused) as error:
            await self._entrance.refused(error)(scope, receive, send)
            return
        done = await self._erased(ended) and (placed is None or await self._noted(*placed))
        await send_reply(scope, send, Reply(b"", status=204 if done else 503))

    async def _erased(self, ended: CallOver | None) -> bool:
        """False: not now. True too where there is nothing to erase."""
        if ended is None:
            return True
        try:
            if self._kept is not None:
                await self._kept.over(ended.dialog)
            await self._turns.hang_up(ended.dialog, ended.msisdn, self._channel)
        except (StoreDown, Busy):
            log.warning("a hung-up call's card could not be erased now; it expires by itself")
            return False
        return True

    async def _noted(self, sid: str, delivery: Delivery, status: str) -> bool:
        """False: not now. The end of a call may overtake the answer to its placing, by which its sid is known."""
        if self._report is None:
            return True
        error = None if delivery is Delivery.DELIVERED else status
        try:
            for _ in range(LOOKS_MAX):
                if await self._report(delivery, provider_id=sid, error=error):
                    return True
                await asyncio.sleep(self._look_pause_s)
        except DatabaseUnavailable:
            log.warning("how a call ended cannot be kept now")
            return False
        return True  # of another house, or told before
