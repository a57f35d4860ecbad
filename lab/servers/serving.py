"""An ASGI application on a free port of this machine, inside our own loop: for stand-ins and tests."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp

START_MAX_S = 60.0
STOP_MAX_S = 30.0
POLL_S = 0.005
TICK_S = 1.0
KEEP_ALIVE_S = 5  # idle, as servers out there have it: whoever asks them finds it closed at times
ASKERS_IDLE_S = 2.0  # who asks leaves an idle connection first: a POST on one that is just being closed is lost


class NotServing(Exception):
    """The application did not start: its own fault (its lifespan failed). Do not retry."""


class _Quiet(uvicorn.Server):
    """Leaves the process's signals to whoever runs it, and ends when told: uvicorn's own looks up ten times a second,
    and each of a thousand tests would wait for that.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told = asyncio.Event()

    def end(self) -> None:
        """No new connection; whoever is being answered is answered."""
        self.should_exit = True
        self._told.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        while not await self.on_tick(0):  # the date of the answers
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), TICK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for each in [*self.servers, *(sockets or ())]:
            each.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        for _ in range(int(STOP_MAX_S / POLL_S)):
            if not (self.server_state.connections or self.server_state.tasks):
                break
            await asyncio.sleep(POLL_S)
        for task in self.server_state.tasks:
            task.cancel("the server ends")
        await self.lifespan.shutdown()


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
async def serving(
    app: ASGIApp, port: int = 0, http: Any = "auto", *, keep_alive_s: int = KEEP_ALIVE_S
) -> AsyncIterator[str]:
    """Serves within the block; yields "http://127.0.0.1:PORT". Raises NotServing, OSError when the port is taken.

    `http`: the protocol, as uvicorn takes it. `keep_alive_s`: of a connection that nobody uses.
    """
    bound = listener(port)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    config = uvicorn.Config(app, http=http, log_config=None, access_log=False, timeout_keep_alive=keep_alive_s)
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
        server.end()
        await asyncio.wait({task}, timeout=2 * STOP_MAX_S)
        bound.close()
        task.result()
