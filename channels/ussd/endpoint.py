"""USSD over HTTP: bytes -> Heard -> turn -> page -> bytes. Each enabled wire has its own door and guard."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from channels.http.doors import gateway
from channels.http.receive import Check, arriving, refused, send_reply
from channels.observer import TranscriptRecorder, TranscriptWriter, TurnObserver, unrecorded
from channels.ussd.callers import Callers
from channels.ussd.speaker import CAN, UssdSpeaker
from channels.ussd.wires import UssdWire
from channels.wire import Malformed, Reply, SenderRefused
from core.messaging.texts import Texts
from sessions.turn.turns import Inbound, Turns

log = logging.getLogger(__name__)

APOLOGY = "Apology"


def routes(
    turns: Turns,
    texts: Texts,
    wires: Mapping[str, UssdWire],
    guards: Mapping[str, Check],
    metrics: TurnObserver,
    *,
    public_url: str,
    expose_screens: bool,
    callers: Callers | None = None,
    transcripts: TranscriptRecorder | None = None,
) -> list[Route]:
    """The routes of every wire, at /ussd/<wire> and below. `callers` is for wires that name a caller once."""
    built: list[Route] = []
    for name, wire in wires.items():
        tell = transcripts.door("ussd", name, keys=True) if transcripts else unrecorded
        talk = Talk(turns, UssdSpeaker(texts, wire.limits), callers, tell)
        door = UssdEndpoint(wire, guards[name], talk, metrics, public_url, expose_screens=expose_screens)
        for path in wire.paths:
            built += gateway(f"/ussd/{name}{path.below}", door, [wire.method])
    return built


@dataclass(frozen=True, slots=True)
class Talk:
    """What stands behind a USSD door: the conversation, its mouth, who remembers callers and what they were shown."""

    turns: Turns
    speaker: UssdSpeaker
    callers: Callers | None
    tell: TranscriptWriter = unrecorded


class UssdEndpoint:
    """The door of one wire. Plain ASGI, for this is the busiest one: no Request, no Response, no timer in between."""

    def __init__(
        self, wire: UssdWire, check: Check, talk: Talk, metrics: TurnObserver, public_url: str, *, expose_screens: bool
    ) -> None:
        self._wire = wire
        self._check = check
        self._talk = talk
        self._metrics = metrics.wire("ussd", wire.name)
        self._count = metrics.refused
        self._public_url = public_url
        self._expose_screens = expose_screens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != self._wire.method:  # HEAD comes along with GET, and would press a key
            await send_reply(scope, send, Reply(b"", status=405, headers={"Allow": self._wire.method}))
            return
        try:
            arrived = await arriving(scope, receive, self._public_url)
            self._check(arrived)
            inbound = self._wire.decode(arrived)
            reply, screen = (inbound, None) if isinstance(inbound, Reply) else await self._answer(inbound)
        except (Malformed, SenderRefused) as error:
            await refused(error, f"ussd/{self._wire.name}", self._count)(scope, receive, send)
            return
        await send_reply(scope, send, reply, screen=screen if self._expose_screens else None)

    async def _answer(self, inbound: Inbound) -> tuple[Reply, str]:
        """The reply and the screen's name. Raises Malformed where nobody knows the caller."""
        began = time.perf_counter()
        try:
            if self._wire.names_caller_once:
                inbound = await _named(inbound, self._talk.callers)
            answer = await self._talk.turns.take(inbound, self._talk.speaker)
        except Malformed:
            raise
        except Exception:
            log.exception("a turn failed at /ussd/%s", self._wire.name)
            self._metrics.turn(APOLOGY, "failed", time.perf_counter() - began)
            self._talk.tell(inbound, None)
            language = await self._talk.turns.language_of(inbound, CAN.channel)
            return self._wire.encode(inbound, self._talk.speaker.apology(language), ends=True), APOLOGY
        self._metrics.turn(answer.screen, answer.outcome, time.perf_counter() - began, answer.came_from)
        self._talk.tell(inbound, answer)
        return self._wire.encode(inbound, answer.page.text, ends=answer.ends), answer.screen


async def _named(inbound: Inbound, callers: Callers | None) -> Inbound:
    """With its caller. Raises Malformed where nobody knows who that is."""
    if inbound.begins and callers is not None:
        await callers.remember(inbound.dialog, inbound.msisdn)
    if inbound.msisdn:
        return inbound
    msisdn = None if callers is None else await callers.recall(inbound.dialog)
    if msisdn is None:
        raise Malformed("nobody knows this dialog's caller")
    return msgspec.structs.replace(inbound, msisdn=msisdn)
