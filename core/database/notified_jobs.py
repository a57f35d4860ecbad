"""Which jobs wait, as PostgreSQL tells: no empty question after each job, and nothing told meanwhile is forgotten.

procrastinate asks for jobs until there is none, an empty question after nearly every job; and what it is told of during
that question it forgets, until it looks by itself seconds later. Jobs that nobody told of (handed back, or left from
before a lost connection) are found as ever: by asking until there is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from procrastinate.jobs import Job
from procrastinate.manager import JobManager, NotificationCallback

TOLD_MAX = 10_000  # jobs of a queue; what is told beyond is found by asking
ASKED_AGAIN_MAX = 8


@dataclass(slots=True)
class _Queue:
    """One worker's queue. `over`: the job that was fetched last was the only one told of."""

    told: set[int] = field(default_factory=set)
    news: int = 0
    over: bool = False


class NotifiedJobs(JobManager):
    """procrastinate's manager, one for all workers of a process."""

    def __init__(self, connector: Any, *, told_max: int = TOLD_MAX) -> None:
        """`connector`: as procrastinate's."""
        super().__init__(connector)
        self._told_max = told_max
        self._queues: dict[tuple[str, ...], _Queue] = {}

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """As procrastinate's, and remembers what it is told."""
        queue = self._queue(queues)
        queue.told.clear()
        queue.over = False  # what was told while nobody listened is not known

        async def told(*, channel: str, notification: Any) -> None:
            if notification["type"] == "job_inserted":
                queue.news += 1
                if len(queue.told) < self._told_max:
                    queue.told.add(notification["job_id"])
            await on_notification(channel=channel, notification=notification)

        await super().listen_for_jobs(on_notification=told, queues=queues)

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """As procrastinate's; None without a question where the last job was all that was told of."""
        queue = self._queue(queues)
        over, queue.over = queue.over, False
        if over and not queue.told:
            return None
        for _ in range(ASKED_AGAIN_MAX):
            news = queue.news
            job = await super().fetch_job(queues, worker_id)
            if job is not None:
                queue.over = job.id in queue.told
                queue.told.discard(job.id or 0)
                return job
            queue.told.clear()
            if queue.news == news:
                break
        return None

    def _queue(self, queues: Iterable[str] | None) -> _Queue:
        return self._queues.setdefault(tuple(queues or ()), _Queue())
