"""A server in a process of its own, to be flooded: `python -m tests.security.flooded` prints its URL.

It serves until its standard input closes. GET /peak tells the most memory it ever had, in bytes.
"""

import asyncio
import resource
import sys

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.http.protocol import bounded
from channels.http.receive import incoming, refused, response
from channels.wire import Malformed, Reply
from lab.servers.serving import serving


def _quiet(door: str, reason: str) -> None:
    pass


async def _door(request: Request) -> Response:
    try:
        arrived = await incoming(request, "https://pay.example.ma")
        arrived.form()
        arrived.params()
    except Malformed as error:
        return refused(error, "test", _quiet)
    return response(Reply(b"ok"))


async def _peak(_: Request) -> Response:
    return PlainTextResponse(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024))


async def _serve() -> None:
    app = Starlette(routes=[Route("/peak", _peak), Route("/{any:path}", _door, methods=["POST"])])
    async with serving(app, http=bounded(_quiet)) as url:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
