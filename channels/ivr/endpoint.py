"""Voice over HTTP: a signed webhook -> Heard -> turn -> TwiML. Nothing that was typed is logged or put in a URL."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.http.doors import gateway
from channels.http.receive import Check, incoming, refused, response
from channels.ivr.pay_connector.endpoint import Busy
from channels.ivr.speaker import IvrSpeaker
from channels.ivr.wires.twilio import PATH, TwilioVoice
from channels.observer import TranscriptWriter, TurnObserver, unrecorded
from channels.wire import Incoming, Malformed, Reply, SenderRefused
from core.repositories import DatabaseUnavailable, Delivery
from sessions.store.protocol import StoreDown
from sessions.turn.turns import Inbound, Turns

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 16 * 1024
APOLOGY = "Apology"
LOOKS_MAX = 5
LOOK_PAUSE_S = 0.2


class Reports(Protocol):
    """Takes what became of a message (core.repositories.Messages.report). Raises BooksDown."""

    async def __call__(self, status: Delivery, *, provider_id: str, error: str | None) -> bool:
        """False when nothing of that id waits for it."""


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
) -> list[Route]:
    """POST /ivr/twilio, /ivr/twilio/turn and /ivr/twilio/status. `check` raises Refused for what is not signed.

    `report` hears how a call that we placed ended, so that nobody waits for a telephone that rings no more.
    """
    door = _IvrEndpoint(
        turns, speaker, wire, check, metrics, public_url, tell, kept, report, expose_screens=expose_screens
    )
    return [
        *gateway(PATH, door.arrival, ["POST"]),
        *gateway(f"{PATH}/turn", door.turn, ["POST"]),
        *gateway(f"{PATH}/status", door.status, ["POST"]),
    ]


class _IvrEndpoint:
    def __init__(
        self,
        turns: Turns,
        speaker: IvrSpeaker,
        wire: TwilioVoice,
        check: Check,
        metrics: TurnObserver,
        public_url: str,
        tell: TranscriptWriter,
        kept: KeptCards | None,
        report: Reports | None,
        *,
        expose_screens: bool,
    ) -> None:
        self._turns = turns
        self._speaker = speaker
        self._wire = wire
        self._check = check
        self._metrics = metrics
        self._tell = tell
        self._kept = kept
        self._report = report
        self._public_url = public_url.rstrip("/")
        self._expose_screens = expose_screens

    async def arrival(self, request: Request) -> Response:
        return await self._answered(request, self._wire.arrival)

    async def turn(self, request: Request) -> Response:
        return await self._answered(request, self._wire.turn)

    async def status(self, request: Request) -> Response:
        """A call's end takes its card from the vault; a failure asks the gateway to tell us again."""
        try:
            arrived = await self._let_in(request)
            ended, placed = self._wire.hang_up(arrived), self._wire.ended(arrived)
        except (Malformed, SenderRefused) as error:
            return self._refused(error)
        if ended is not None:
            try:
                if self._kept is not None:
                    await self._kept.over(ended.dialog)
                await self._turns.hang_up(ended.dialog, ended.msisdn, self._speaker.can.channel)
            except (StoreDown, Busy):
                log.warning("a hung-up call's card could not be erased now; it expires by itself")
                return response(Reply(b"", status=503))
        if placed is not None and not await self._noted(*placed):
            return response(Reply(b"", status=503))
        return response(Reply(b"", status=204))

    async def _noted(self, sid: str, delivery: Delivery, status: str) -> bool:
        """False: not now. The end of a call may overtake the answer to its placing, by which its sid is known."""
        if self._report is None:
            return True
        error = None if delivery is Delivery.DELIVERED else status
        try:
            for _ in range(LOOKS_MAX):
                if await self._report(delivery, provider_id=sid, error=error):
                    return True
                await asyncio.sleep(LOOK_PAUSE_S)
        except DatabaseUnavailable:
            log.warning("how a call ended cannot be kept now")
            return False
        return True  # of another house, or told before

    async def _answered(self, request: Request, decode: Callable[[Incoming], Inbound]) -> Response:
        try:
            arrived = await self._let_in(request)
            heard, language = decode(arrived), self._wire.language(arrived)
        except (Malformed, SenderRefused) as error:
            return self._refused(error)
        await self._forget_card(heard.dialog)
        channel, wire = self._speaker.can.channel, self._wire.name
        try:
            with self._metrics.turn_timer(channel, wire):
                answer = await self._turns.take(heard, self._speaker)
            reply = self._wire.encode(answer, heard.dialog)
        except Exception:
            log.exception("a turn failed at %s", request.url.path)
            self._metrics.turn(channel, wire, APOLOGY, "failed")
            self._tell(heard, None)
            return response(self._wire.apologise(self._speaker.apology(language)), screen=self._screen(APOLOGY))
        self._metrics.turn(channel, wire, answer.screen, answer.outcome, answer.came_from)
        self._tell(heard, answer)
        return response(reply, screen=self._screen(answer.screen))

    async def _forget_card(self, call: str) -> None:
        """What the Pay connector kept is for a charge before the call goes on, however it goes on."""
        if self._kept is not None:
            with suppress(Busy):  # it ends by itself
                await self._kept.erase(call)

    async def _let_in(self, request: Request) -> Incoming:
        arrived = await incoming(request, self._public_url, body_max=BODY_BYTES_MAX)
        self._check(arrived)
        return arrived

    def _screen(self, name: str) -> str | None:
        return name if self._expose_screens else None

    def _refused(self, error: Malformed | SenderRefused) -> Response:
        return refused(error, f"ivr/{self._wire.name}", self._metrics.refused)
