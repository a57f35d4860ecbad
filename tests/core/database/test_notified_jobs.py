"""A worker asks for what it was told of: once for each job, not in vain after it, again for what came meanwhile."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Job
from procrastinate.manager import JobManager, NotificationCallback
from psycopg import AsyncConnection

from core.database.notified_jobs import ASKED_AGAIN_MAX, NotifiedJobs
from core.database.pool import make_pool
from tests.support.waiting import until

TEXTS, MONEY = ["texts"], ["default"]
WORKER = 1
NEVER_S = 3_600.0
JOBS, HEAP_MAX = 700, 7


def job(number: int) -> Job:
    return Job(id=number, queue="texts", lock=None, queueing_lock=None, task_name="t")


class Scripted:
    """What PostgreSQL would answer; each question is counted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **bounds: int) -> None:
        self.answers: deque[Job | None] = deque()
        self.asked = 0
        self.tell: dict[str, NotificationCallback] = {}
        self.meanwhile: deque[int] = deque()  # told of during the next questions
        self.woken: list[Any] = []

        async def fetch(_: JobManager, queues: Iterable[str], worker_id: int) -> Job | None:
            self.asked += 1
            assert worker_id == WORKER
            if self.meanwhile:
                await self.told(self.meanwhile.popleft())
            return self.answers.popleft() if self.answers else None

        async def listen(_: JobManager, *, on_notification: NotificationCallback, queues: Iterable[str]) -> None:
            self.tell[next(iter(queues))] = on_notification

        monkeypatch.setattr(JobManager, "fetch_job", fetch)
        monkeypatch.setattr(JobManager, "listen_for_jobs", listen)
        self.manager = NotifiedJobs(PsycopgConnector(), **bounds)

    async def listens(self, queues: list[str] = TEXTS) -> None:
        async def woken(*, channel: str, notification: Any) -> None:
            self.woken.append((channel, notification))

        await self.manager.listen_for_jobs(on_notification=woken, queues=queues)

    async def told(self, number: int, kind: Any = "job_inserted", queue: str = "texts") -> None:
        await self.tell[queue](channel=queue, notification={"type": kind, "job_id": number})

    async def fetched(self, queues: list[str] = TEXTS) -> int | None:
        found = await self.manager.fetch_job(queues, WORKER)
        return None if found is None else found.id


@pytest.fixture
async def at(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    scripted = Scripted(monkeypatch)
    await scripted.listens()
    return scripted


async def test_the_only_job_told_of_is_followed_by_no_question(at: Scripted) -> None:
    await at.told(7)
    at.answers.extend([job(7)])
    assert [await at.fetched(), await at.fetched()] == [7, None]
    assert at.asked == 1
    assert await at.fetched() is None  # the look by the clock asks as ever
    assert at.asked == 2
    assert at.woken == [("texts", {"type": "job_inserted", "job_id": 7})]


async def test_of_several_each_is_asked_for(at: Scripted) -> None:
    for number in (7, 8):
        await at.told(number)
    at.answers.extend([job(7), job(8)])
    assert [await at.fetched() for _ in range(3)] == [7, 8, None]
    assert at.asked == 2


async def test_a_job_that_nobody_told_of_is_followed_until_there_is_none(at: Scripted) -> None:
    await at.told(8)
    at.answers.extend([job(3), job(8), job(4), None])
    assert [await at.fetched() for _ in range(2)] == [3, 8]
    assert await at.fetched() is None  # 8 was all that was told of
    assert [await at.fetched() for _ in range(2)] == [4, None]
    assert at.asked == 4


async def test_what_another_worker_took_is_asked_for_in_vain_once(at: Scripted) -> None:
    for number in (7, 8):
        await at.told(number)
    at.answers.extend([job(8)])
    assert [await at.fetched() for _ in range(2)] == [8, None]
    await at.told(9)
    at.answers.extend([job(9)])
    assert [await at.fetched() for _ in range(2)] == [9, None]
    assert at.asked == 3


async def test_what_is_told_during_an_empty_question_is_asked_for_at_once(at: Scripted) -> None:
    at.meanwhile.append(7)
    at.answers.extend([None, job(7)])
    assert await at.fetched() == 7
    assert at.asked == 2


async def test_a_stream_of_news_is_asked_about_within_a_bound(at: Scripted) -> None:
    at.meanwhile.extend(range(100))
    assert await at.fetched() is None
    assert at.asked == ASKED_AGAIN_MAX


async def test_an_order_to_stop_one_is_handed_on_and_is_no_news(at: Scripted) -> None:
    await at.told(7, "abort_job_requested")
    assert at.woken == [("texts", {"type": "abort_job_requested", "job_id": 7})]
    at.answers.extend([job(7), None])
    assert [await at.fetched() for _ in range(2)] == [7, None]
    assert at.asked == 2


async def test_queues_are_apart(at: Scripted) -> None:
    await at.listens(MONEY)
    await at.told(7)
    at.answers.extend([job(7), job(9), None])
    assert await at.fetched() == 7
    assert [await at.fetched(MONEY) for _ in range(2)] == [9, None]
    assert at.asked == 3


async def test_who_listens_anew_asks_first(at: Scripted) -> None:
    await at.told(7)
    at.answers.extend([job(7), job(8)])
    assert await at.fetched() == 7
    await at.listens()  # the connection was lost in between
    assert await at.fetched() == 8


async def test_more_than_the_bound_is_found_by_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    at = Scripted(monkeypatch, told_max=2)
    await at.listens()
    for number in (7, 8, 9):
        await at.told(number)
    at.answers.extend([job(7), job(9), job(8)])
    assert [await at.fetched() for _ in range(3)] == [7, 9, 8]


def heap(first: int) -> int:
    """How many come at once."""
    return 1 + first // HEAP_MAX % HEAP_MAX


@pytest.fixture
async def app(database_url: str) -> AsyncIterator[App]:
    made = App(connector=PsycopgConnector())
    made.job_manager = NotifiedJobs(made.connector)
    async with make_pool(database_url) as pool, made.open_async(pool):
        yield made


async def test_a_worker_that_never_looks_by_itself_does_all_it_is_told_of(app: App, database_url: str) -> None:
    """Jobs come one by one and in heaps, from others' transactions, while the worker is in whatever state."""
    done: list[int] = []

    @app.task(name="tests.done", queue="texts")
    async def note(number: int) -> None:
        await asyncio.sleep(0.001 * (number % 7))
        done.append(number)

    working = app.run_worker_async(
        queues=TEXTS, concurrency=3, fetch_job_polling_interval=NEVER_S, install_signal_handlers=False
    )
    worker = asyncio.create_task(working)
    try:
        async with await AsyncConnection.connect(database_url, autocommit=True) as connection:

            async def listens() -> bool:  # what came before, nobody would tell of
                found = await (await connection.execute(LISTENING)).fetchone()
                return found == (1,)

            await until(listens)
            for first in range(0, JOBS, HEAP_MAX):
                async with connection.transaction():
                    for number in range(first, first + heap(first)):
                        await connection.execute(DEFER, {"number": number})
                await asyncio.sleep(0.002 * (first % 5))
        wanted = [n for first in range(0, JOBS, HEAP_MAX) for n in range(first, first + heap(first))]
        await until(lambda: sorted(done) == wanted)
    finally:
        worker.cancel()
        await asyncio.gather(worker, return_exceptions=True)


LISTENING = """
SELECT count(*)::int FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'
"""
DEFER = """
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('texts', 'tests.done', 0, NULL, NULL,
    jsonb_build_object('number', %(number)s::int), NULL)::procrastinate_job_to_defer_v1])
"""
