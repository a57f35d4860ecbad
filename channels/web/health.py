"""Doors for the operator's machines: alive, ready, metrics."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

log = logging.getLogger(__name__)

PROBE_MAX_S = 1.0

Probe = Callable[[], Awaitable[None]]


def routes(
    probes: Mapping[str, Probe],
    metrics: Callable[[], tuple[bytes, str]],
    states: Callable[[], Mapping[str, str]] = dict,
) -> list[Route]:
    """GET /healthz (no I/O), /readyz (each probe within PROBE_MAX_S), /metrics.

    `states` are shown and change nothing: a server whose SMSC is away still serves everybody else.
    """

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        names = list(probes)
        answers = await asyncio.gather(*(_ask(name, probes[name]) for name in names))
        ready = all(state == "ok" for state in answers)
        return JSONResponse(
            {"ready": ready, "checks": dict(zip(names, answers, strict=True)) | dict(states())},
            status_code=200 if ready else 503,
            headers={"Cache-Control": "no-store"},
        )

    async def exposition(_: Request) -> Response:
        page, media_type = metrics()
        return Response(page, headers={"Content-Type": media_type})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", exposition)]


async def _ask(name: str, probe: Probe) -> str:
    try:
        async with asyncio.timeout(PROBE_MAX_S):
            await probe()
    except TimeoutError:
        return "no answer in time"
    except Exception as error:  # noqa: BLE001 - whatever a dependency raises means: not ready
        log.warning("not ready: %s: %s", name, type(error).__name__)
        return "down"
    return "ok"
