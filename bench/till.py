"""Payments from basket to receipt in one process: `python -m bench.till khallas|bare URL COUNT`, a line of JSON out.

The acquirer answers at once, in this process: its call is left out of both sides. `bare` runs the statements that one
payment of ours was seen to run, each payment's in one transaction, prepared before the clock starts.
"""

import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvloop
from psycopg import AsyncConnection, AsyncCursor

from bench import people
from bench.baselines.payment import Statement, again, pay_bare
from bench.load import at_ms
from bench.stage import SERVER_CORE
from core.acquirers.registry import only
from core.billing.embedded import EmbeddedBilling
from core.cards import Card, Secret
from core.clock import SystemClock
from core.database.pool import CONNECTIONS_MAX, open_database
from core.database.repositories import books_on
from core.languages import LanguageCode
from core.payments.refusal import Refusal
from core.payments.service import PaymentService, Ports, StartOrder
from core.payments.table import Payment, PaymentState
from core.ports import Acquirer, Approved, Order, Tries
from core.subscribers.lines import ServiceType

WORKERS = 8
WARM_UP = 100
BILLS = 2
WAIT_S = 5.0
CARD = Card(Secret("4000000000000010"), 12, 2030)

Pay = Callable[[int], Awaitable[None]]


class AtOnce:
    """An acquirer that approves everything."""

    async def authorise(self, order: Order, card: Card, cvv: Secret) -> Approved:
        return Approved("123456", f"T{order.id}", order.amount_centimes, card.brand)


class Unlimited:
    """ports.CodeLimits, which no payment asks."""

    async def allow(self, channel: str, caller: str, target: str, *, known: bool = False) -> Tries:
        return Tries.OPEN

    async def failed(self, channel: str, caller: str, target: str) -> None:
        return None


def paying(till: PaymentService) -> Callable[[int], Awaitable[Payment]]:
    """One customer's payment by voice: the basket, the card, the receipt."""

    async def pay(n: int) -> Payment:
        invoices = await till.unpaid(ServiceType.MOBILE, people.reference(n))
        assert not isinstance(invoices, Refusal)
        msisdn, reference = people.msisdn(n), people.reference(n)
        key, email = f"ivr:CA{n:032x}:7", "salma@example.com"
        order = StartOrder(key, "ivr", msisdn, LanguageCode.FR, email, ServiceType.MOBILE, reference, invoices)
        started = await till.start(order)
        assert isinstance(started, Payment)
        paid = await till.authorise(started.id, CARD, Secret("123"), wait_s=WAIT_S)
        assert isinstance(paid, Payment)
        assert paid.state is PaymentState.CAPTURED
        return paid

    return pay


@contextmanager
def seen(statements: list[Statement]) -> Iterator[None]:
    """What psycopg is asked to run meanwhile."""
    execute = AsyncCursor.execute

    async def noted(cursor: AsyncCursor[Any], query: Any, params: Any = None, **options: Any) -> AsyncCursor[Any]:
        statements.append(Statement(query, params))
        return await execute(cursor, query, params, **options)

    AsyncCursor.execute = noted  # type: ignore[method-assign, assignment]  # put back below
    try:
        yield
    finally:
        AsyncCursor.execute = execute  # type: ignore[method-assign]


async def measured(pay: Pay, begin: int, end: int) -> dict[str, float]:
    """Payments `begin` to `end`, WORKERS at a time."""
    numbers = iter(range(begin, end))
    latencies: list[float] = []

    async def work() -> None:
        for n in numbers:
            at = time.perf_counter()
            await pay(n)
            latencies.append(time.perf_counter() - at)

    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    await asyncio.gather(*(work() for _ in range(WORKERS)))
    spent, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    latencies.sort()
    count = end - begin
    return {
        "rate": count / spent,
        "p50_ms": at_ms(latencies, 0.5),
        "p99_ms": at_ms(latencies, 0.99),
        "cpu_us": cpu_s / count * 1e6,
        "requests": count,
        "errors": 0,
    }


async def run(mode: str, database_url: str, count: int) -> dict[str, float]:
    """One burst. `people.seed` put the lines and bills there."""
    async with open_database(database_url) as database:
        clock = SystemClock()
        books, billing = books_on(database), EmbeddedBilling(database, clock)
        acquirer: Acquirer = AtOnce()  # type: ignore[assignment]  # nothing else of it is asked here
        pay = paying(PaymentService(Ports(books, billing, only(acquirer), Unlimited(), clock)))
        if mode == "khallas":

            async def ours(n: int) -> None:
                await pay(n)

            for n in range(WARM_UP):
                await pay(n)
            return await measured(ours, WARM_UP, WARM_UP + count)
        statements: list[Statement] = []
        with seen(statements):
            model = await pay(0)
    plans = [again(statements, model, n) for n in range(1, 1 + WARM_UP + count)]
    connections: asyncio.Queue[AsyncConnection[Any]] = asyncio.Queue(CONNECTIONS_MAX)
    for _ in range(WORKERS):
        connections.put_nowait(await AsyncConnection.connect(database_url))

    async def bare(n: int) -> None:
        connection = await connections.get()
        await pay_bare(connection, plans[n])
        connections.put_nowait(connection)

    for n in range(WARM_UP):
        await bare(n)
    try:
        return await measured(bare, WARM_UP, WARM_UP + count)
    finally:
        while not connections.empty():
            await connections.get_nowait().close()


if __name__ == "__main__":
    os.sched_setaffinity(0, {SERVER_CORE})
    print(json.dumps(uvloop.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))))
