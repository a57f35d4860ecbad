"""Jobs that wake a worker, written by procrastinate's own SQL function in the very commit that gives it work."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from psycopg import AsyncConnection

from core.tracing import request_id


class TaskName(StrEnum):
    """The tasks of core/database/jobs.py, by the names their rows carry."""

    ATTEND = "khallas.attend"
    WALLET = "khallas.wallet"
    POST = "khallas.post"
    REFUND = "khallas.refund"
    DELIVER = "khallas.deliver"
    SWEEP = "khallas.sweep"
    SWEEP_TEXTS = "khallas.sweep_texts"
    UNSTICK = "khallas.unstick"
    RETAIN = "khallas.retain"
    SETTLEMENT = "khallas.settlement"
    CLOSE_DAY = "khallas.close_day"
    AUDIT = "khallas.audit"


class Queue(StrEnum):
    """The queues of jobs, each worked off by slots of its own: a bank that hangs keeps no text waiting. SQL names them
    too.
    """

    MONEY = "default"
    TEXTS = "texts"
    SWEEPS = "sweeps"


@dataclass(frozen=True, slots=True)
class Wake:
    """A task and the one row that it is about."""

    task: TaskName
    key: str
    urgent: bool = False

    @classmethod
    def deliver(cls, reference: str, *, urgent: bool = False) -> "Wake":
        return cls(TaskName.DELIVER, reference, urgent)


# In the caller's statement or transaction: nothing happens if that is rolled back.
WAKE = """
SELECT procrastinate_defer_jobs_v1(array_agg(
    ROW(CASE task WHEN 'khallas.deliver' THEN 'texts' ELSE 'default' END,
        task, priority, NULL, NULL, jsonb_build_object('key', key, 'request', %(request)s::text), NULL
    )::procrastinate_job_to_defer_v1))
FROM unnest(%(tasks)s::text[], %(keys)s::text[], %(priorities)s::integer[]) AS job (task, key, priority)
"""


class Waker:
    """Writes job rows. Needs no open queue: the connection is always the caller's."""

    async def wake(self, wakes: Sequence[Wake], connection: AsyncConnection[Any]) -> None:
        """Wakes workers in the caller's transaction. `wakes` is not empty."""
        tasks, keys = [str(wake.task) for wake in wakes], [wake.key for wake in wakes]
        priorities = [int(wake.urgent) for wake in wakes]
        await connection.execute(
            WAKE, {"tasks": tasks, "keys": keys, "priorities": priorities, "request": request_id.get()}
        )
