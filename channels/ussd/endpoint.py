"""USSD over HTTP: bytes -> Heard -> turn -> page -> bytes. Each enabled wire has its own door and guard."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.door import Malformed, Refused, Reply
from channels.metrics import Metrics
from channels.receive import Check, incoming, refusal, response
from channels.ussd.speak import UssdSpeaker
from channels.ussd.wires import UssdWire
from core.subscribers import Language
from core.texts import Texts
from sessions.turn import Turns

log = logging.getLogger(__name__)


def routes(
    turns: Turns,
    texts: Texts,
    wires: Mapping[str, UssdWire],
    guards: Mapping[str, Check],
    metrics: Metrics,
    *,
    public_url: str,
    expose_screens: bool,
) -> list[Route]:
    """The routes of every wire, at /ussd/<wire> and below."""
    found: list[Route] = []
    for name, wire in wires.items():
        speaker = UssdSpeaker(texts, wire.limits)
        door = _door(turns, speaker, wire, guards[name], metrics, public_url, expose_screens)
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
) -> Callable[[Request], Awaitable[Response]]:
    async def door(request: Request) -> Response:
        if request.method != wire.method:  # HEAD comes along with GET, and would press a key
            return response(Reply(b"", status=405, headers={"Allow": wire.method}))
        try:
            arrived = await incoming(request, public_url)
            check(arrived)
            heard = wire.decode(arrived)
        except (Malformed, Refused) as error:
            log.warning("refused at /ussd/%s: %s", wire.name, error)
            metrics.refused(f"ussd/{wire.name}", "forbidden" if isinstance(error, Refused) else "malformed")
            return refusal(error)
        if isinstance(heard, Reply):
            return response(heard)
        try:
            with metrics.turn_timer("ussd", wire.name):
                answer = await turns.take(heard, speaker)
        except Exception:
            log.exception("a turn failed at /ussd/%s", wire.name)
            metrics.turn("ussd", wire.name, "Apology", "failed")
            apology = speaker.apology(Language.FR)
            return response(wire.encode(heard, apology, ends=True), screen="Apology" if expose_screens else None)
        outcome = "replayed" if answer.replayed else "ended" if answer.ends else "answered"
        metrics.turn("ussd", wire.name, answer.screen, outcome)
        reply = wire.encode(heard, answer.page.text, ends=answer.ends)
        return response(reply, screen=answer.screen if expose_screens else None)

    return door
