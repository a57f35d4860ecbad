"""An ASGI application on a free port of this machine, inside our own loop: for stand-ins and tests."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

START_MAX_S = 10.0
STOP_MAX_S = 5.0
POLL_S = 0.005


class NotServing(Exception):
    """The application did not start: its own fault (its lifespan failed). Do not retry."""


class _Quiet(uvicorn.Server):
    """Leaves the process's signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """Serves within the block; yields "http://127.0.0.1:PORT". Raises NotServing."""
    listener = socket.create_server(("127.0.0.1", port))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=int(STOP_MAX_S))
    server = _Quiet(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
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
        listener.close()
        task.result()
