"""`khallas serve` and `khallas worker`: one process each, stopped gracefully by SIGTERM."""

import gc

import uvicorn

from channels.app import assemble, build
from channels.process import no_core_dumps
from channels.protocol import bounded
from channels.settings import Settings
from core.jobs import run_worker

GRACE_S = 20
GC_THRESHOLD = 20_000  # objects made at start are frozen; what turns make dies young
KEEP_ALIVE_S = 30
BACKLOG = 2_048


def uvicorn_config(settings: Settings, host: str, port: int) -> uvicorn.Config:
    """How we serve: uvloop and httptools, no access log on the hot path (metrics count), slow senders cut."""
    app = build(settings)
    return uvicorn.Config(
        app,
        http=bounded(app.state.refused),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        backlog=BACKLOG,
    )


def serve_forever(settings: Settings, host: str, port: int) -> None:
    """Until a signal."""
    no_core_dumps()
    server = uvicorn.Server(uvicorn_config(settings, host, port))
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD, 20, 20)
    server.run()


async def work_forever(settings: Settings) -> None:
    """Jobs until a signal; what was begun is finished or handed back."""
    no_core_dumps()
    house = assemble(settings)
    async with house.open(), house.networks.open(serving=False), house.jobs.open_async(house.database.pool):
        await run_worker(house.jobs, install_signal_handlers=True)
