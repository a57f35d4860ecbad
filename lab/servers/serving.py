"""An ASGI application on a free port of this machine, inside our own loop: for stand-ins and tests."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

START_MAX_S = 60.0
STOP_MAX_S = 30.0
POLL_S = 0.005


class NotServing(Exception):
    """The application did not start: its own fault (its lifespan failed). Do not retry."""


class _Quiet(uvicorn.Server):
    """Leaves the process's signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listener(port: int) -> socket.socket:
    """Listens on 127.0.0.1. Raises OSError, which names the address."""
    # the protocol is named: asyncio turns Nagle's delay (40 ms an answer) off only where it is
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(("127.0.0.1", port))
        opened.listen()
    except OSError as error:
        opened.close()
        raise OSError(error.errno, f"{error.strerror}: 127.0.0.1:{port}") from None
    return opened


@asynccontextmanager
async def serving(app: ASGIApp, port: int = 0, http: Any = "auto") -> AsyncIterator[str]:
    """Serves within the block; yields "http://127.0.0.1:PORT". Raises NotServing, OSError when the port is taken.

    `http`: the protocol, as uvicorn takes it.
    """
    bound = listener(port)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    config = uvicorn.Config(
        app, http=http, log_config=None, access_log=False, timeout_graceful_shutdown=int(STOP_MAX_S)
    )
    server = _Quiet(config)
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        deadline = time.monotonic() + START_MAX_S
        while not server.started:  # bounded by START_MAX_S
            if task.done() or time.monotonic() > deadline:
                raise NotServing("the application did not start")
            await asyncio.sleep(POLL_S)
        yield url
    finally:
        server.should_exit = True
        await asyncio.wait({task}, timeout=2 * STOP_MAX_S)
        bound.close()
        task.result()
