"""USSD over HTTP: bytes -> Heard -> turn -> page -> bytes. Each enabled wire has its own door and guard."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.door import Malformed, Refused, Reply
from channels.metrics import Metrics
from channels.receive import Check, incoming, refusal, response
from channels.ussd.callers import Callers
from channels.ussd.speak import UssdSpeaker
from channels.ussd.wires import UssdWire
from core.subscribers import Language
from core.texts import Texts
from sessions.turn import Heard, Turns

log = logging.getLogger(__name__)

APOLOGY = "Apology"


def routes(
    turns: Turns,
    texts: Texts,
    wires: Mapping[str, UssdWire],
    guards: Mapping[str, Check],
    metrics: Metrics,
    *,
    public_url: str,
    expose_screens: bool,
    callers: Callers | None = None,
) -> list[Route]:
    """The routes of every wire, at /ussd/<wire> and below. `callers` is for wires that name a caller once."""
    found: list[Route] = []
    for name, wire in wires.items():
        speaker = UssdSpeaker(texts, wire.limits)
        door = _door(turns, speaker, wire, guards[name], metrics, public_url, expose_screens, callers)
        found += [Route(f"/ussd/{name}{path.below}", door, methods=[wire.method]) for path in wire.paths]
    return found


def _door(
    turns: Turns,
    speaker: UssdSpeaker,
    wire: UssdWire,
    check: Check,
    metrics: Metrics,
    public_url: str,
    expose_screens: bool,
    callers: Callers | None,
) -> Callable[[Request], Awaitable[Response]]:
    def refused(error: Malformed | Refused) -> Response:
        log.warning("refused at /ussd/%s: %s", wire.name, error)
        metrics.refused(f"ussd/{wire.name}", "forbidden" if isinstance(error, Refused) else "malformed")
        return refusal(error)

    def said(heard: Heard, text: str, screen: str, *, ends: bool) -> Response:
        return response(wire.encode(heard, text, ends=ends), screen=screen if expose_screens else None)

    async def door(request: Request) -> Response:
        if request.method != wire.method:  # HEAD comes along with GET, and would press a key
            return response(Reply(b"", status=405, headers={"Allow": wire.method}))
        try:
            arrived = await incoming(request, public_url)
            check(arrived)
            heard = wire.decode(arrived)
        except (Malformed, Refused) as error:
            return refused(error)
        if isinstance(heard, Reply):
            return response(heard)
        try:
            with metrics.turn_timer("ussd", wire.name):
                heard = await _named(heard, wire, callers)
                answer = await turns.take(heard, speaker)
        except Malformed as error:
            return refused(error)
        except Exception:
            log.exception("a turn failed at /ussd/%s", wire.name)
            metrics.turn("ussd", wire.name, APOLOGY, "failed")
            return said(heard, speaker.apology(Language.FR), APOLOGY, ends=True)
        outcome = "replayed" if answer.replayed else "ended" if answer.ends else "answered"
        metrics.turn("ussd", wire.name, answer.screen, outcome)
        return said(heard, answer.page.text, answer.screen, ends=answer.ends)

    return door


async def _named(heard: Heard, wire: UssdWire, callers: Callers | None) -> Heard:
    """With its caller. Raises Malformed where nobody knows who that is."""
    if not wire.names_caller_once:
        return heard
    if heard.begins and callers is not None:
        await callers.remember(heard.dialog, heard.msisdn)
    if heard.msisdn:
        return heard
    msisdn = None if callers is None else await callers.recall(heard.dialog)
    if msisdn is None:
        raise Malformed("nobody knows this dialog's caller")
    return replace(heard, msisdn=msisdn)
