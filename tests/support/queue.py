"""The queue worked off at once, as a worker would in its own time."""

from procrastinate import App
from procrastinate.jobs import Status

CONCURRENCY = 8
ROUNDS_MAX = 10  # jobs that defer jobs


async def work_off(app: App) -> None:
    """Runs what waits in the queue, and what that gives rise to."""
    for _ in range(ROUNDS_MAX):
        if not await app.job_manager.list_jobs_async(status=Status.TODO.value):
            return
        await app.run_worker_async(
            wait=False,
            install_signal_handlers=False,
            listen_notify=False,
            delete_jobs="successful",
            concurrency=CONCURRENCY,
        )
