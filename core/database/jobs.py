"""The worker's tasks: hints from commits ("this row is due now"), and the sweep that needs no hint.

The App is built in a function, with what it works on; tasks know each other by the names of core/database/wake.py.
"""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.tasks import Task
from psycopg import Error
from psycopg_pool import PoolTimeout

from core.billing.posting import Poster
from core.database.archive.months import ArchiveJob
from core.database.ledger.days import LedgerDays
from core.database.notified_jobs import NotifiedJobs
from core.database.pool import Pool
from core.database.settlement.reconciliation import SettlementWatch
from core.database.wake import Queue, TaskName
from core.help_desk.audit import Audit
from core.messaging.outbox import OutboxSender
from core.payments.janitor import Janitor
from core.payments.sweeps import Sweep
from core.privacy.retention import RetentionJob
from core.tracing import NO_TRACER, Tracer
from core.tracing import request as request_of
from core.wallets.service import WalletPayments

log = logging.getLogger(__name__)

SWEEP_EVERY_S = 5
UNSTICK_CRON = "* * * * *"
AUDIT_CRON = "* * * * *"
RETAIN_CRON = "17 3 * * *"  # once a day, while few people pay
SETTLEMENT_CRON = "43 4 * * *"
CLOSE_CRON = "30 * * * *"  # UTC: half past midnight in Morocco is one of them, whatever its clocks do
SLOTS = {Queue.TEXTS: 8, Queue.MONEY: 6, Queue.SWEEPS: 3}
HANDED_BACK_MAX = 5  # times a job; then its row's due time has to do
KEPT_HOURS = 72  # jobs that failed or were cut off, for whoever asks why


@dataclass(frozen=True, slots=True)
class WorkerBounds:
    """How often a worker looks by itself, how long it may finish what it began, and its pause when it lost its
    database.
    """

    poll_s: float = 2.0
    grace_s: float = 20.0
    restart_pause_s: float = 1.0


WORKER_BOUNDS = WorkerBounds()


@dataclass(frozen=True, slots=True)
class Work:
    """The services that the tasks call."""

    attendant: Janitor
    poster: Poster
    sender: OutboxSender
    sweep: Sweep
    retention: RetentionJob | None = None
    settlement: SettlementWatch | None = None
    ledger_days: LedgerDays | None = None
    audit: Audit | None = None
    wallets: WalletPayments | None = None
    archive: ArchiveJob | None = None


class HandedBack(BaseRetryStrategy):
    """A job that was cut off by its worker's end goes to another one. What fails is not tried by procrastinate: the
    row's own due time says when somebody looks again.
    """

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        cut = isinstance(exception, asyncio.CancelledError) and job.attempts < HANDED_BACK_MAX
        return RetryDecision(retry_in={"seconds": 0}) if cut else None


def build_jobs(
    work: Work, *, periodic: bool = True, sweep_every_s: int = SWEEP_EVERY_S, tracer: Tracer = NO_TRACER
) -> App:
    """An App that is not open: `async with app.open_async(pool)` around it. `periodic` False: only when asked."""
    app = App(connector=PsycopgConnector())
    app.job_manager = NotifiedJobs(app.connector)
    _rows(app, work, tracer)
    sweeps = _sweeps(app, work)
    unstick, retain, settlement, close_day, audit = _housekeeping(app, work)
    if periodic:
        app.periodic(cron=CLOSE_CRON)(close_day)
        app.periodic(cron=AUDIT_CRON)(audit)
        app.periodic(cron=RETAIN_CRON)(retain)
        app.periodic(cron=SETTLEMENT_CRON)(settlement)
        for sweep in sweeps:
            app.periodic(cron=f"* * * * * */{sweep_every_s}")(sweep)  # seconds are the last of six fields
        app.periodic(cron=UNSTICK_CRON)(unstick)
    return app


def _rows(app: App, work: Work, tracer: Tracer) -> None:
    """Adds the tasks that are about one row each, by its key."""

    @contextmanager
    def _for(request: str, task: TaskName) -> Iterator[None]:
        """Under the id of the request that left this job."""
        with request_of(request or None) as name, tracer.span(f"job {task}", request=name):
            yield

    @app.task(name=TaskName.ATTEND, retry=HandedBack())
    async def attend(key: str, request: str = "") -> None:
        with _for(request, TaskName.ATTEND):
            await work.attendant.attend(key)

    @app.task(name=TaskName.WALLET, retry=HandedBack())
    async def wallet(key: str, request: str = "") -> None:
        with _for(request, TaskName.WALLET):
            if work.wallets is not None:
                await work.wallets.attend(key)

    @app.task(name=TaskName.POST, retry=HandedBack())
    async def post(key: str, request: str = "") -> None:
        with _for(request, TaskName.POST):
            await work.poster.post(key)

    @app.task(name=TaskName.REFUND, retry=HandedBack())
    async def refund(key: str, request: str = "") -> None:
        with _for(request, TaskName.REFUND):
            await work.poster.refund(key)

    @app.task(name=TaskName.DELIVER, queue=Queue.TEXTS, retry=HandedBack())
    async def deliver(key: str, request: str = "") -> None:
        with _for(request, TaskName.DELIVER):
            await work.sender.deliver(key)


def _sweeps(app: App, work: Work) -> tuple[Task[Any, Any, Any], ...]:
    """Adds the looks at every row whose time has come."""
    fresh = True

    @app.task(name=TaskName.SWEEP, queue=Queue.SWEEPS, queueing_lock=TaskName.SWEEP)
    async def sweep(timestamp: int) -> None:
        nonlocal fresh
        with request_of():
            if fresh:
                fresh = False
                await work.sweep.start()
            await work.sweep.money()

    @app.task(name=TaskName.SWEEP_TEXTS, queue=Queue.TEXTS, queueing_lock=TaskName.SWEEP_TEXTS)
    async def sweep_texts(timestamp: int) -> None:
        with request_of():
            await work.sweep.texts()

    return sweep, sweep_texts


def _housekeeping(app: App, work: Work) -> tuple[Task[Any, Any, Any], ...]:
    """What is done now and then for the books themselves."""

    @app.task(name=TaskName.UNSTICK, queue=Queue.SWEEPS, queueing_lock=TaskName.UNSTICK)
    async def unstick(timestamp: int) -> None:
        await retry_stalled(app)

    @app.task(name=TaskName.RETAIN, queue=Queue.SWEEPS, queueing_lock=TaskName.RETAIN)
    async def retain(timestamp: int) -> None:
        await app.job_manager.delete_old_jobs(
            KEPT_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
        )
        if work.retention is not None:
            await work.retention.apply()
        if work.archive is not None:
            await work.archive.move()

    @app.task(name=TaskName.SETTLEMENT, queue=Queue.SWEEPS, queueing_lock=TaskName.SETTLEMENT)
    async def settlement(timestamp: int) -> None:
        if work.settlement is not None:
            await work.settlement.look()

    @app.task(name=TaskName.CLOSE_DAY, queue=Queue.SWEEPS, queueing_lock=TaskName.CLOSE_DAY)
    async def close_day(timestamp: int) -> None:
        if work.ledger_days is not None:
            await work.ledger_days.close_due(datetime.fromtimestamp(timestamp, UTC))

    @app.task(name=TaskName.AUDIT, queue=Queue.SWEEPS, queueing_lock=TaskName.AUDIT)
    async def audit(timestamp: int) -> None:
        if work.audit is not None:
            await work.audit.link()

    return unstick, retain, settlement, close_day, audit


async def retry_stalled(app: App) -> int:
    """Give jobs of workers that died back to the queue; how many. Where the like of one waits already, that one does
    its work, and it ends: otherwise it would keep all that died with it from the queue, each time.
    """
    stalled = list(await app.job_manager.get_stalled_jobs())
    for job in stalled:
        try:
            await app.job_manager.retry_job(job)
        except UniqueViolation:  # of its queueing lock
            await app.job_manager.finish_job(job, Status.ABORTED, delete_job=True)
    return len(stalled)


async def run_worker(app: App, *, install_signal_handlers: bool = False, bounds: WorkerBounds = WORKER_BOUNDS) -> None:
    """Work until cancelled, or until SIGINT or SIGTERM when asked to listen to them; what was begun is finished."""
    if not install_signal_handlers:
        await _keep_working(app, bounds)
    signalled = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, signalled.set)
    keeper = asyncio.create_task(_keep_working(app, bounds), name="worker")
    stop = asyncio.create_task(signalled.wait(), name="signal")
    await asyncio.wait({keeper, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    keeper.cancel()
    with suppress(asyncio.CancelledError):
        await keeper


async def _keep_working(app: App, bounds: WorkerBounds) -> NoReturn:
    """Each queue has slots of its own."""
    async with asyncio.TaskGroup() as workers:  # whose end waits for each of them to finish what it began
        for queue, slots in SLOTS.items():
            workers.create_task(_keep_working_off(app, queue, slots, bounds), name=f"worker {queue}")
    raise AssertionError("queues are worked off for ever")


async def _keep_working_off(app: App, queue: Queue, slots: int, bounds: WorkerBounds) -> NoReturn:
    """A database that goes away stops a worker: another one starts, until it is back. A worker that loses it while it
    is being cancelled tells of that alone.
    """
    while True:
        try:
            await app.run_worker_async(
                queues=[queue],
                name=f"khallas-{queue}",
                concurrency=slots,
                fetch_job_polling_interval=bounds.poll_s,
                delete_jobs="successful",
                install_signal_handlers=False,
                shutdown_graceful_timeout=bounds.grace_s,
            )
        except (ConnectorException, Error, PoolTimeout) as error:
            log.warning("the worker lost its database: %s", error)
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise asyncio.CancelledError
        await asyncio.sleep(bounds.restart_pause_s)


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
