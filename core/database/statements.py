"""How statements reach PostgreSQL: bounded in time, guarded, and those of concurrent requests together.

Everything that runs here is safe to run twice: a change names the state it starts from, an insert its unique key. It is
tried again when the server lost it, and its errors say whether the server could be asked.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import Context
from functools import partial
from typing import Any, Generic, Self, TypeVar
from weakref import WeakValueDictionary

from psycopg import AsyncConnection, AsyncCursor, errors
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from core.database.hosts import first_open, took_writes, writers
from core.database.silence import LOST, PLAN_IS_OLD, CutConnection, ServerWatch
from core.repositories import DatabaseUnavailable
from core.tracing import Tracer

log = logging.getLogger(__name__)

T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")
Connection = AsyncConnection[DictRow]
Pool = AsyncConnectionPool[Connection]
Ask = Callable[[Sequence[Q]], Awaitable[Sequence[A]]]

TAKEN_MAX_S = 2  # by the server
TRIES_MAX = 3
PAUSES_S = (0.05, 0.3)  # between them
BATCHES_MAX = 2
QUESTIONS_MAX = 64  # a batch
WAITING_MAX = 2_000
WAIT_MAX_S = 5.0  # for a batch to begin, as for a connection
KEPT_MAX = 100  # statements whose cursor a connection keeps; psycopg prepares as many
_POOL_EMPTY = (PoolTimeout, PoolClosed, TooManyRequests)


class Heard(ServerWatch):
    """A server of this process's connections. One timer stands for all of them: it looks when the first of them may
    have waited too long.
    """

    _timer: asyncio.TimerHandle | None = None
    _looks_at_s = float("inf")

    def asked(self, connection: CutConnection, look_after_s: float) -> None:
        """Notes that a connection waits for the server from now on."""
        now_s = self.loop.time()
        self.waiting[connection] = now_s
        self._look_at(now_s + look_after_s)

    def _look_at(self, at_s: float) -> None:
        if at_s >= self._looks_at_s:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._looks_at_s = at_s
        self._timer = self.loop.call_at(at_s, self._due)

    def _due(self) -> None:
        self._timer, self._looks_at_s = None, float("inf")
        self._look_at(self.look())


_servers: WeakValueDictionary[tuple[str, int, int], Heard] = WeakValueDictionary()  # the last: of an event loop


class KeptCursor(AsyncCursor[DictRow]):
    """Of one statement: how its parameters are written and its rows read is found once a connection.

    Read in a `with`; then its rows are forgotten: nobody's stay until the statement is asked again.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._reset()
        self._tx.set_pgresult(None)


class BoundedConnection(CutConnection):
    """Cut when the server answers nothing for ANSWER_MAX_S: the statement fails as one whose connection was lost.

    A server's own time-outs end a statement that is slow; a server that was frozen, cut off or lost with its machine
    ends nothing, and its connection would be waited for as long as the kernel hopes. Where nobody was answered for a
    while, and no new connection is taken either, everybody's is cut: whoever asked last would wait until long after
    another server took over.
    """

    _heard: Heard

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As psycopg's."""
        super().__init__(*args, **kwargs)
        self._kept: dict[str, KeptCursor] = {}

    @classmethod
    async def connect(cls, conninfo: str = "", **kwargs: Any) -> Self:
        """As psycopg's; of several hosts that may take writes, one that is silent keeps nobody from the next."""
        connect, hosts = super().connect, writers(conninfo)

        async def asked(host: dict[str, str]) -> Self:
            opened = await connect(conninfo, **(kwargs | host))
            opened.again = partial(connect, conninfo, **(kwargs | host | {"connect_timeout": TAKEN_MAX_S}))
            if host:
                took_writes(conninfo, host)
            return opened

        connection: Self = await (first_open([partial(asked, host) for host in hosts]) if hosts else asked({}))
        loop = asyncio.get_running_loop()
        server = connection.info.host, connection.info.port, id(loop)
        connection._heard = _servers.setdefault(server, Heard(loop))
        return connection

    def kept(self, statement: str) -> KeptCursor:
        """The cursor of a statement that is asked again and again. Its rows are read before it is asked anew."""
        cursor = self._kept.get(statement)
        if cursor is None:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            cursor = self._kept[statement] = KeptCursor(self, row_factory=self.row_factory)
        return cursor

    async def close(self) -> None:
        """As psycopg's."""
        self._kept.clear()
        await super().close()

    async def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """As psycopg's, for so long."""
        heard = self._heard
        heard.asked(self, float("inf") if self.listens else min(self.answer_max_s, self.suspect_s))
        try:
            answer = await super().wait(gen, *args, **kwargs)
        finally:
            heard.waiting.pop(self, None)
        heard.at_s = heard.loop.time()
        return answer


class WarmestFirst(AsyncConnectionPool[Connection]):
    """Hands out the connection that came back last: of its server process the caches are full and the plans made.

    What waits longest is what the pool lets go when it shrinks. psycopg's own takes turns, and a seldom asked server
    reads each statement anew in ten processes.
    """

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - psycopg's
        """As psycopg's, which asks twice and thrice where there is one."""
        if not self._pool or self._closed:
            return await super().getconn(timeout)
        connection = self._pool.pop()
        connection._pool = self
        self._nconns_min = min(self._nconns_min, len(self._pool))
        return connection

    async def putconn(self, conn: Connection) -> None:
        """As psycopg's, for a connection that is as it was, while nobody waits for one."""
        young = self._drained_at < conn._created_at and time.monotonic() < conn._expire_at
        idle = conn.pgconn.transaction_status == TransactionStatus.IDLE
        if not (young and idle) or self._waiting or self._closed or self._pool_full_event or conn._pool is not self:
            await super().putconn(conn)
            return
        conn._pool = None
        self._pool.append(conn)

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
                connection = await self.pool.getconn()
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
                    # each statement has committed itself: psycopg's own block would ask for a commit once more
                    await self.pool.putconn(connection)
            except _POOL_EMPTY as error:
                raise DatabaseUnavailable("no database connection") from error
            except LOST as error:
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
            with await _executed(connection, statement, values) as cursor:
                return await cursor.fetchone()

        return await self.run(work, statement.split(None, 1)[0])

    async def all(self, statement: str, **values: Any) -> list[DictRow]:
        """Returns every row of one statement, committed."""

        async def work(connection: Connection) -> list[DictRow]:
            with await _executed(connection, statement, values) as cursor:
                return await cursor.fetchall()

        return await self.run(work, statement.split(None, 1)[0])

    async def do(self, statement: str, **values: Any) -> int:
        """Run one statement, committed; how many rows it touched."""

        async def work(connection: Connection) -> int:
            with await _executed(connection, statement, values) as cursor:
                return cursor.rowcount

        return await self.run(work, statement.split(None, 1)[0])


async def _executed(connection: Connection, statement: str, values: Mapping[str, Any]) -> KeptCursor:
    cursor = connection.kept(statement) if isinstance(connection, BoundedConnection) else KeptCursor(connection)
    await cursor.execute(statement, values)
    return cursor


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
