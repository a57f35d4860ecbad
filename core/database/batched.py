"""Questions of concurrent requests share statements: those of one event-loop tick go out as one, over arrays.

A statement by psycopg costs the processor time of some twenty rows (docs/PERFORMANCE.md). Nobody waits for company:
what is asked while BATCHES_MAX statements are under way is the next one. An error of the database is everybody's; any
other may be the fault of one question, so each is then asked alone; who gives up takes nobody along.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from core.repositories import DatabaseUnavailable
from core.tracing import NO_TRACER, Tracer

Q = TypeVar("Q")
A = TypeVar("A")

BATCHES_MAX = 2
QUESTIONS_MAX = 64  # a batch
WAITING_MAX = 2_000
WAIT_MAX_S = 5.0  # for a batch to begin, as for a connection

Ask = Callable[[Sequence[Q]], Awaitable[Sequence[A]]]


class Batched(Generic[Q, A]):
    """Answers questions of one kind together. `ask` answers several, in their order, and is safe to run twice. Its
    error is the caller's, or DatabaseUnavailable for all of them.
    """

    def __init__(
        self,
        ask: Ask[Q, A],
        named: str,
        tracer: Tracer = NO_TRACER,
        *,
        waiting_max: int = WAITING_MAX,
        wait_max_s: float = WAIT_MAX_S,
    ) -> None:
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
