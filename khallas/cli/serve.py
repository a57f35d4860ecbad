"""`khallas serve` and `khallas worker`: one process each, stopped gracefully by SIGTERM."""

import asyncio
import gc
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack

import uvicorn

from channels.http.protocol import Leaving, bounded
from core.payments.schedule import Times
from khallas.bootstrap.calls import SharedCalls
from khallas.bootstrap.container import DRAIN_S
from khallas.server.app import assemble, build, operations_only
from khallas.server.beside import watched
from khallas.server.listening import BACKLOG, listener
from khallas.server.process import no_core_dumps
from khallas.server.sd_notify import notify
from khallas.settings.model import Settings

GRACE_S = 20  # answers that were begun
SLACK_S = 5.0
KEEP_ALIVE_S = 75  # longer than proxies keep one (60 s): of two who close at once, a gateway's request is lost


class LeavingServer(uvicorn.Server):
    """Says when it serves, and lets its connections know when it stops."""

    def __init__(
        self, config: uvicorn.Config, leaving: Leaving, ready: Callable[[], None], leave: Callable[[], None]
    ) -> None:
        """`leave` closes the doors beside HTTP."""
        super().__init__(config)
        self._leaving = leaving
        self._ready = ready
        self._leave = leave

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._leaving.begun = True
        self._leave()
        await super().shutdown(sockets)


def server(
    settings: Settings, ready: Callable[[], None], calls: SharedCalls | None = None, times: Times | None = None
) -> LeavingServer:
    """Returns how we serve: uvloop and httptools, no access log on the hot path (metrics count), slow senders cut.

    `calls`: this is one worker of several. `times`: a server under test waits seconds where others wait minutes.
    """
    app, leaving = build(settings, calls=calls, times=times), Leaving()
    config = uvicorn.Config(
        app,
        http=bounded(app.state.refused, leaving=leaving),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        backlog=BACKLOG,
    )
    return LeavingServer(config, leaving, ready, app.state.leave)


def stop_max_s(settings: Settings) -> float:
    """Returns how long a stop may take: answers, then calls on Asterisk's line, then charges that were sent to the
    bank.

    systemd's TimeoutStopSec and compose's stop_grace_period are longer.
    """
    calls_s = settings.asterisk.drain_s if "fastagi" in settings.ivr.wires else 0.0
    return GRACE_S + calls_s + DRAIN_S + SLACK_S


def calls_at(settings: Settings) -> tuple[str, int] | None:
    """The address at which Asterisk reaches this server; None where its wire is not enabled."""
    asterisk = settings.asterisk
    return (asterisk.agi_host, asterisk.agi_port) if "fastagi" in settings.ivr.wires else None


def settle() -> None:
    """Exempts what was made at start from garbage collection: it stays for as long as the process lives."""
    gc.collect()
    gc.freeze()


def serve_forever(settings: Settings, host: str, port: int, *, times: Times | None = None) -> None:
    """Serves until a signal. Raises OSError when the address is taken."""
    no_core_dumps()
    uvicorn_server = server(settings, lambda: notify("READY=1"), times=times)
    bound = listener(host, port)
    settle()
    uvicorn_server.run([bound])


async def work_forever(
    settings: Settings, host: str = "127.0.0.1", port: int | None = None, *, times: Times | None = None
) -> None:
    """Jobs until a signal; what was begun is finished or handed back. `port`: where its metrics are. Raises OSError."""
    from core.database.jobs import run_worker  # as in the house: for those that run jobs
    from khallas.bootstrap.events import events_out
    from khallas.bootstrap.service_hours import hours_of

    no_core_dumps()
    house = assemble(settings, times=times)
    jobs = house.jobs()
    async with AsyncExitStack() as stack:
        if port is not None:
            await stack.enter_async_context(watched(operations_only(house), host, port))
        await stack.enter_async_context(house.open())
        await stack.enter_async_context(house.networks.open(serving=False))
        await stack.enter_async_context(jobs.open_async(house.database.pool))
        await stack.enter_async_context(house.queues.watched())
        await stack.enter_async_context(house.ledger.watched())
        await stack.enter_async_context(events_out(house.anew, settings, house.clock))
        await stack.enter_async_context(hours_of(house).running())
        settle()
        asyncio.get_running_loop().call_soon(notify, "READY=1")
        await run_worker(jobs, install_signal_handlers=True)
