"""Jobs that wake a worker, deferred on the connection of the very commit that gives it work (procrastinate 3.10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from procrastinate import PsycopgConnector
from procrastinate.jobs import DEFAULT_QUEUE, Job
from procrastinate.manager import JobManager
from psycopg import AsyncConnection


class TaskName(StrEnum):
    """The tasks of core/jobs.py, by the names their rows carry."""

    ATTEND = "khallas.attend"
    POST = "khallas.post"
    DELIVER = "khallas.deliver"
    SWEEP = "khallas.sweep"
    UNSTICK = "khallas.unstick"
    RETAIN = "khallas.retain"


@dataclass(frozen=True, slots=True)
class Wake:
    """One task and the one row it is about."""

    task: TaskName
    key: str
    urgent: bool = False

    @classmethod
    def attend(cls, payment_id: str) -> "Wake":
        return cls(TaskName.ATTEND, payment_id)

    @classmethod
    def post(cls, payment_id: str) -> "Wake":
        return cls(TaskName.POST, payment_id)

    @classmethod
    def deliver(cls, reference: str, *, urgent: bool = False) -> "Wake":
        return cls(TaskName.DELIVER, reference, urgent)


class Waker:
    """Writes job rows. Needs no open queue: the connection is always the caller's."""

    def __init__(self) -> None:
        self._manager = JobManager(PsycopgConnector())

    async def wake(self, wakes: Sequence[Wake], connection: AsyncConnection[object]) -> None:
        """In the caller's transaction; nothing happens if that is rolled back. `wakes` is not empty."""
        await self._manager.batch_defer_jobs_async([_job(wake) for wake in wakes], connection=connection)


def _job(wake: Wake) -> Job:
    return Job(
        queue=DEFAULT_QUEUE,
        priority=int(wake.urgent),
        lock=None,
        queueing_lock=None,
        task_name=wake.task,
        task_kwargs={"key": wake.key},
    )
