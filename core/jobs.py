"""The worker's tasks: hints from commits ("this row is due now"), and the sweep that needs no hint.

The App is built in a function, with what it works on; tasks know each other by the names of core/database/wake.py.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from procrastinate import App, PsycopgConnector

from core.attending import Attendant
from core.database.pool import Pool
from core.database.wake import TaskName
from core.outbox import Sender
from core.posting import Poster
from core.sweeps import Sweep

SWEEP_CRON = "*/5 * * * * *"  # every five seconds
UNSTICK_CRON = "* * * * *"
CONCURRENCY = 8
POLL_S = 2.0
GRACE_S = 20.0


@dataclass(frozen=True, slots=True)
class Work:
    """Whom the tasks call."""

    attendant: Attendant
    poster: Poster
    sender: Sender
    sweep: Sweep


def build_jobs(work: Work) -> App:
    """An App that is not open: `async with app.open_async(pool)` around it."""
    app = App(connector=PsycopgConnector())

    @app.task(name=TaskName.ATTEND)
    async def attend(key: str) -> None:
        await work.attendant.attend(key)

    @app.task(name=TaskName.POST)
    async def post(key: str) -> None:
        await work.poster.post(key)

    @app.task(name=TaskName.DELIVER)
    async def deliver(key: str) -> None:
        await work.sender.deliver(key)

    @app.periodic(cron=SWEEP_CRON)
    @app.task(name=TaskName.SWEEP, queueing_lock=TaskName.SWEEP)
    async def sweep(timestamp: int) -> None:
        await work.sweep.run()

    @app.periodic(cron=UNSTICK_CRON)
    @app.task(name=TaskName.UNSTICK, queueing_lock=TaskName.UNSTICK)
    async def unstick(timestamp: int) -> None:
        await retry_stalled(app)

    return app


async def retry_stalled(app: App) -> int:
    """Give jobs of workers that died back to the queue; how many."""
    stalled = list(await app.job_manager.get_stalled_jobs())
    for job in stalled:
        await app.job_manager.retry_job(job)
    return len(stalled)


async def work_off(app: App) -> None:
    """Run what waits in the queue and return; for tests and for one-off repairs."""
    await app.run_worker_async(
        wait=False,
        install_signal_handlers=False,
        listen_notify=False,
        delete_jobs="successful",
        concurrency=CONCURRENCY,
    )


async def run_worker(app: App, *, install_signal_handlers: bool = False) -> None:
    """Work until cancelled, or until a signal when asked to listen to signals."""
    await app.run_worker_async(
        concurrency=CONCURRENCY,
        fetch_job_polling_interval=POLL_S,
        delete_jobs="successful",
        install_signal_handlers=install_signal_handlers,
        shutdown_graceful_timeout=GRACE_S,
    )


@asynccontextmanager
async def worker_beside(app: App, pool: Pool) -> AsyncIterator[None]:
    """A worker in this process for as long as the block lasts (the demo, small installations)."""
    async with app.open_async(pool):
        worker = asyncio.create_task(run_worker(app), name="worker")
        try:
            yield
        finally:
            worker.cancel()
            with suppress(asyncio.CancelledError):
                await worker
