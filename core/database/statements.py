"""How statements reach PostgreSQL: bounded in time, guarded, and those of concurrent requests together.

Everything that runs here is safe to run twice: a change names the state it starts from, an insert its unique key. It is
tried again when the server lost it, and its errors say whether the server could be asked.
"""

import asyncio
import logging
import os
import socket
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from contextvars import Context
from functools import partial
from typing import Any, Generic, Self, TypeVar
from weakref import WeakValueDictionary

from psycopg import AsyncConnection, Error, Notify, errors
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from core.database.hosts import first_open, took_writes, writers
from core.repositories import DatabaseUnavailable
from core.tracing import Tracer

log = logging.getLogger(__name__)

T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")
Connection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]
Ask = Callable[[Sequence[Q]], Awaitable[Sequence[A]]]

ANSWER_MAX_S = 15.0  # longer than the server's own bounds: those end a statement, this one a connection
SUSPECT_S = 4.0  # without an answer to anybody: then a new connection is tried, which a server that lives takes
TAKEN_MAX_S = 2  # by the server
TRIES_MAX = 3
PAUSES_S = (0.05, 0.3)  # between them
BATCHES_MAX = 2
QUESTIONS_MAX = 64  # a batch
WAITING_MAX = 2_000
WAIT_MAX_S = 5.0  # for a batch to begin, as for a connection
# a server that was demoted or ran out of disk takes no writes: as good as away until another one answers
_LOST = (
    errors.OperationalError,
    errors.InterfaceError,
    errors.ReadOnlySqlTransaction,
    errors.IdleInTransactionSessionTimeout,
)
# PostgreSQL's, where a kept statement's table got another column; the words of that error depend on its language
PLAN_IS_OLD = "RevalidateCachedQuery"
_POOL_EMPTY = (PoolTimeout, PoolClosed, TooManyRequests)


class Heard:
    """When a server last answered any of this process's connections, and which of them wait for it."""

    def __init__(self) -> None:
        self.at_s = float("-inf")  # of the event loop's clock
        self.waiting: set[BoundedConnection] = set()
        self.probe: asyncio.Task[None] | None = None

    def nobody_since(self, since_s: float) -> bool:
        """Returns whether nobody was answered since then, or ever."""
        return self.at_s < since_s

    def cut_all(self) -> None:
        """Fails whatever waits, as lost."""
        for each in list(self.waiting):
            each.cut()


_servers: WeakValueDictionary[tuple[str, int], Heard] = WeakValueDictionary()


class BoundedConnection(AsyncConnection[DictRow]):
    """Cut when the server answers nothing for ANSWER_MAX_S: the statement fails as one whose connection was lost.

    A server's own time-outs end a statement that is slow; a server that was frozen, cut off or lost with its machine
    ends nothing, and its connection would be waited for as long as the kernel hopes. Where nobody was answered for a
    while, and no new connection is taken either, everybody's is cut: whoever asked last would wait until long after
    another server took over.
    """

    answer_max_s = ANSWER_MAX_S
    suspect_s = SUSPECT_S
    _listens = False
    _heard: Heard
    _again: Callable[[], Coroutine[Any, Any, AsyncConnection[Any]]]
    _timer: asyncio.TimerHandle | None = None

    @classmethod
    async def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """As psycopg's; of several hosts that may take writes, one that is silent keeps nobody from the next."""
        connect, hosts = super().connect, writers(conninfo)

        async def asked(host: dict[str, str]) -> Self:
            opened = await connect(conninfo, **(kwargs | host))
            opened._again = partial(connect, conninfo, **(kwargs | host | {"connect_timeout": TAKEN_MAX_S}))
            if host:
                took_writes(conninfo, host)
            return opened

        connection: Self = await (first_open([partial(asked, host) for host in hosts]) if hosts else asked({}))
        connection._heard = _servers.setdefault((connection.info.host, connection.info.port), Heard())
        return connection

    async def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """As psycopg's, for so long."""
        loop, heard = asyncio.get_running_loop(), self._heard
        if not self._listens:
            look = self._unanswered if self.answer_max_s <= self.suspect_s else self._suspect
            self._timer = loop.call_later(min(self.answer_max_s, self.suspect_s), look, loop.time())
        heard.waiting.add(self)
        try:
            answer = await super().wait(gen, *args, **kwargs)
        finally:
            heard.waiting.discard(self)
            if self._timer is not None:
                self._timer.cancel()
        heard.at_s = loop.time()
        return answer

    def _suspect(self, since_s: float) -> None:
        loop, heard = asyncio.get_running_loop(), self._heard
        self._timer = loop.call_later(self.answer_max_s - self.suspect_s, self._unanswered, since_s)
        if heard.nobody_since(since_s) and (heard.probe is None or heard.probe.done()):
            heard.probe = loop.create_task(self._probe(since_s), context=Context())

    async def _probe(self, since_s: float) -> None:
        """One that lives takes a connection, or says why not, however slow its statements are."""
        heard = self._heard
        try:
            await (await self._again()).close()
        except errors.ConnectionTimeout:
            if heard.nobody_since(since_s):
                heard.cut_all()
        except Error:
            pass

    def _unanswered(self, since_s: float) -> None:
        self.cut()
        if self._heard.nobody_since(since_s):
            self._heard.cut_all()

    def cut(self) -> None:
        """Ends the connection without a word: whoever waits for the server reads the end of it."""
        with suppress(OSError, ValueError, Error), socket.socket(fileno=os.dup(self.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)

    async def notifies(self, **bounds: Any) -> AsyncGenerator[Notify]:
        """As psycopg's: whoever listens may hear nothing for hours."""
        self._listens = True
        try:
            async for notice in super().notifies(**bounds):
                yield notice
        finally:
            self._listens = False


class WarmestFirst(AsyncConnectionPool[Connection]):
    """Hands out the connection that came back last: of its server process the caches are full and the plans made.

    What waits longest is what the pool lets go when it shrinks. psycopg's own takes turns, and a seldom asked server
    reads each statement anew in ten processes.
    """

    async def _get_ready_connection(self, timeout: float | None) -> Connection | None:  # noqa: ASYNC109 - psycopg's
        self._pool.rotate(1)  # psycopg takes the leftmost, and puts back at the right
        self._forget_who_gave_up()
        return await super()._get_ready_connection(timeout)

    async def reconnect_failed(self) -> None:
        """Whoever waits still is served: psycopg's would connect again when the next one asks."""
        await super().reconnect_failed()
        async with self._lock:
            self._forget_who_gave_up()
            if self._waiting:
                self._maybe_grow_pool()

    def _forget_who_gave_up(self) -> None:
        """psycopg counts them until a connection comes; at `max_waiting` it turns everybody away and makes none, so
        that none ever comes."""
        while self._waiting and self._waiting[0].error is not None:
            self._waiting.popleft()


class Database:
    """Runs work on the pool. Raises DatabaseUnavailable when the server cannot be asked; other psycopg errors pass
    through.
    """

    def __init__(self, pool: Pool, tracer: Tracer | None = None) -> None:
        """`tracer` None: nobody looks at traces, and no statement begins a span."""
        self.pool = pool
        self._tracer = tracer
        self._renewing: asyncio.Task[None] | None = None
        self._renewed_at = float("-inf")

    async def run(self, work: Callable[[Connection], Awaitable[T]], named: str = "work") -> T:
        """Run guarded work on a connection; tried again when the connection was lost or a deadlock broken."""
        if self._tracer is None:
            return await self._run(work)
        with self._tracer.span(f"sql {named}"):
            return await self._run(work)

    def batched(self, ask: Callable[[Connection, Sequence[Q]], Awaitable[Sequence[A]]], named: str) -> "Batched[Q, A]":
        """Questions that concurrent requests ask together; `ask` answers several, in their order."""

        async def together(questions: Sequence[Q]) -> Sequence[A]:
            return await self._run(lambda connection: ask(connection, questions))

        return Batched(together, named, self._tracer)

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        tries, begun, lost = 0, 0.0, False
        while True:
            tries, begun, lost = tries + 1, time.monotonic(), False
            try:
                async with self.pool.connection() as connection:
                    try:
                        return await work(connection)
                    except errors.ReadOnlySqlTransaction:
                        await connection.close()  # the pool opens one to whoever is the primary by then
                        raise
                    except errors.FeatureNotSupported as error:
                        if error.diag.source_function != PLAN_IS_OLD:
                            raise
                        await connection.close()  # a migration beside us: every kept plan of that table is void
                        raise errors.InterfaceError("a kept statement's table has other columns now") from error
                    finally:
                        lost = connection.closed
            except _POOL_EMPTY as error:
                raise DatabaseUnavailable("no database connection") from error
            except _LOST as error:
                if lost:
                    self._renew(begun)
                if tries == TRIES_MAX:
                    raise DatabaseUnavailable("the database was lost") from error
                await asyncio.sleep(PAUSES_S[tries - 1])

    def _renew(self, begun: float) -> None:
        """Replace every idle connection: where one was lost, all are. Without asking them: a frozen server keeps
        whoever asks. In a task of its own: whoever is cancelled meanwhile would take connections out of the pool's
        count. Once for all who lost theirs together.
        """
        if begun < self._renewed_at or self._renewing is not None:
            return
        self._renewed_at = time.monotonic()
        self._renewing = asyncio.get_running_loop().create_task(self.pool.drain(), context=Context())
        self._renewing.add_done_callback(self._has_renewed)

    def _has_renewed(self, done: "asyncio.Task[None]") -> None:
        self._renewing = None
        if not done.cancelled() and (error := done.exception()) is not None:
            log.warning("connections could not be renewed: %r", error)

    async def reading(self) -> "Database":
        """Where whoever reads by connections of one's own reads now."""
        return self

    async def one(self, statement: str, **values: Any) -> DictRow | None:
        """The first row of one statement, committed."""

        async def work(connection: Connection) -> DictRow | None:
            return await (await connection.execute(statement, values)).fetchone()

        return await self.run(work, statement.split(None, 1)[0])

    async def all(self, statement: str, **values: Any) -> list[DictRow]:
        """Returns every row of one statement, committed."""

        async def work(connection: Connection) -> list[DictRow]:
            return await (await connection.execute(statement, values)).fetchall()

        return await self.run(work, statement.split(None, 1)[0])

    async def do(self, statement: str, **values: Any) -> int:
        """Run one statement, committed; how many rows it touched."""

        async def work(connection: Connection) -> int:
            return (await connection.execute(statement, values)).rowcount

        return await self.run(work, statement.split(None, 1)[0])


class Batched(Generic[Q, A]):
    """Answers questions of one kind together: those of one event-loop tick go out as one statement, over arrays.

    A statement by psycopg costs the processor time of some twenty rows (docs/PERFORMANCE.md). Nobody waits for company:
    what is asked while BATCHES_MAX statements are under way is the next one. An error of the database is everybody's;
    any other may be the fault of one question, so each is then asked alone; who gives up takes nobody along.
    """

    def __init__(
        self,
        ask: Ask[Q, A],
        named: str,
        tracer: Tracer | None = None,
        *,
        waiting_max: int = WAITING_MAX,
        wait_max_s: float = WAIT_MAX_S,
    ) -> None:
        """`ask` answers several, in their order, and is safe to run twice. Its error is the caller's, or
        DatabaseUnavailable for all of them.
        """
        self._ask = ask
        self._waiting_max = waiting_max
        self._wait_max_s = wait_max_s
        self._span = f"sql {named}"
        self._tracer = tracer
        self._waiting: deque[tuple[Q, asyncio.Future[A], float]] = deque()  # the last: since when
        self._under_way: set[asyncio.Task[None]] = set()
        self._scheduled = False

    async def ask(self, question: Q) -> A:
        """The answer to one question. Raises DatabaseUnavailable, and what `ask` raises for this question."""
        if len(self._waiting) >= self._waiting_max:
            raise DatabaseUnavailable("too many questions wait for the database")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[A] = loop.create_future()
        self._waiting.append((question, answer, loop.time()))
        if not self._scheduled and len(self._under_way) < BATCHES_MAX:
            self._scheduled = True
            loop.call_soon(self._begin)
        if self._tracer is None:
            return await answer
        with self._tracer.span(self._span):
            return await answer

    def _begin(self) -> None:
        self._scheduled = False
        loop = asyncio.get_running_loop()
        while self._waiting and len(self._under_way) < BATCHES_MAX:
            batch = self._next(loop.time() - self._wait_max_s)
            if batch:
                # nobody's context: it is of several requests
                task = loop.create_task(self._answer(batch), context=Context())
                self._under_way.add(task)
                task.add_done_callback(self._ended)

    def _next(self, too_old_s: float) -> "list[tuple[Q, asyncio.Future[A]]]":
        batch: list[tuple[Q, asyncio.Future[A]]] = []
        while self._waiting and len(batch) < QUESTIONS_MAX:
            question, answer, since_s = self._waiting.popleft()
            if answer.done():
                continue
            if since_s < too_old_s:
                answer.set_exception(DatabaseUnavailable("the database is too slow"))
            else:
                batch.append((question, answer))
        return batch

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.discard(task)
        self._begin()

    async def _answer(self, batch: "Sequence[tuple[Q, asyncio.Future[A]]]") -> None:
        waiting = [answer for _, answer in batch]
        try:
            answers = await self._ask([question for question, _ in batch])
            answered = list(zip(waiting, answers, strict=True))
        except DatabaseUnavailable as error:
            for answer in waiting:
                if not answer.done():
                    answer.set_exception(DatabaseUnavailable(str(error)))  # its own: a traceback is nobody else's
        except Exception as error:  # noqa: BLE001 - it is a caller's, and reaches that caller
            if len(batch) > 1:
                for one in batch:
                    await self._answer([one])
            elif not waiting[0].done():
                waiting[0].set_exception(error)
        except BaseException:  # the loop ends
            for answer in waiting:
                answer.cancel()
            raise
        else:
            for answer, made in answered:
                if not answer.done():
                    answer.set_result(made)
