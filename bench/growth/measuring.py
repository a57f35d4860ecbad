"""One thing after the other, in turn on both databases, so that whatever disturbs disturbs both: medians of each."""

import os
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import LiteralString

import psycopg

from bench import people
from bench.till import AtOnce, Unlimited, paying
from core.acquirers.registry import only
from core.billing.embedded import EmbeddedBilling
from core.billing.posting import Poster
from core.clock import SystemClock
from core.database.archive.months import BRING_BACK
from core.database.help_desk.operations import PgOps
from core.database.plans import PlannedAnew
from core.database.pool import Database, make_pool
from core.database.repositories import books_on
from core.help_desk.access_log import Actor
from core.help_desk.accounts import Role
from core.help_desk.lookup import Lookup
from core.help_desk.service import HelpDesk
from core.help_desk.transcripts import Pseudonymiser
from core.payments.schedule import Times
from core.payments.service import PaymentService, Ports
from core.payments.table import Payment
from core.ports import Acquirer
from khallas.bootstrap.desk import desk_on
from khallas.settings.parts import DeskSettings

OF_A_MONTH = ("found by reference", "found by authorisation", "found by payer", "receipt by link", "brought back")
# Whose bills an earlier run paid: each run pays those of people behind them.
LAST: LiteralString = """
SELECT COALESCE(max(right(payer_msisdn, 8)::int), 0) AS number FROM ONLY payments WHERE left(id, 1) <> 'G'
"""
SENT = "UPDATE ONLY messages SET status = 'sent', due_at = NULL WHERE due_at IS NOT NULL"
WARM_UP = 100  # statements are prepared, and what the run's beginning left is read and written

LIVE = (
    "payments",
    "payment_lines",
    "payment_events",
    "ledger_transfers",
    "receipts",
    "messages",
    "used_in_months",  # what each payment asks of those that moved
)
LIVE_FILES: LiteralString = """
SELECT pg_relation_filepath(c.oid) FROM pg_class c
WHERE c.oid = ANY(%s::regclass[]::oid[]) OR c.oid IN (
    SELECT i.indexrelid FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid WHERE t.relname = ANY(%s))
"""
READ_BYTES = 1024 * 1024
WARMED: LiteralString = """
SELECT pg_prewarm(i.indexrelid) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
WHERE t.relname = ANY(%s) AND t.relnamespace = 'public'::regnamespace
"""
SOMEBODY = Actor("bench", Role.AGENT)

Task = Callable[["House"], Awaitable[object]]


@dataclass
class House:
    """A database, its till, and the payment that was made last. `anew`: the same, as reports ask it."""

    database: Database
    anew: Database
    pay: Callable[[int], Awaitable[Payment]]
    poster: Poster
    desk: HelpDesk
    since: datetime  # of the operations page: what an earlier run paid in this database is no more of its day
    number: int = 0
    last: Payment | None = None
    unposted: list[str] = field(default_factory=list)

    async def payment(self) -> Payment:
        """The next customer's."""
        self.number += 1
        self.last = await self.pay(self.number)
        self.unposted.append(self.last.id)
        return self.last

    async def settle(self) -> None:
        """Billing is told and messages are gone, as by a job worker within seconds: nothing waits while the rest is
        measured.
        """
        await self.database.do(SENT)
        for payment_id in self.unposted:
            await self.poster.post(payment_id)
        self.unposted.clear()

    @property
    def paid(self) -> Payment:
        assert self.last is not None, "somebody paid first"
        return self.last


async def _pay(house: House) -> object:
    return await house.payment()


def _find(held: Callable[[Payment], str | None]) -> Task:
    async def find(house: House) -> object:
        found = await house.desk.search(SOMEBODY, held(house.paid) or "")
        assert house.paid.id in [each.id for each in found]
        return found

    return find


async def _page(house: House) -> object:
    books = books_on(house.database)
    return [
        await books.payments.get(house.paid.id),
        await books.postings.of(house.paid.id),
        await Lookup(house.anew).story(house.paid.id),
    ]


async def _receipt(house: House) -> object:
    found = await books_on(house.database).payments.by_token(house.paid.receipt_token or "")
    assert found is not None
    return found


async def _operations(house: House) -> object:
    return await PgOps(house.anew).overview(house.since)


TASKS: Mapping[str, Task] = MappingProxyType(
    {
        "a payment": _pay,
        "the desk's search by reference": _find(lambda payment: payment.reference),
        "by receipt": _find(lambda payment: payment.receipt_number),
        "by payer": _find(lambda payment: payment.payer_msisdn),
        "a payment's page": _page,
        "a receipt by link": _receipt,
        "the operations page": _operations,
    }
)


async def compared(empty_url: str, grown_url: str, times: int) -> dict[str, tuple[float, float]]:
    """Of each task the median milliseconds on the empty database and on the grown one."""
    async with AsyncExitStack() as open_ones:
        houses = [await _house(open_ones, url) for url in (empty_url, grown_url)]
        found: dict[str, tuple[float, float]] = {}
        for name, task in TASKS.items():
            took: tuple[list[float], list[float]] = ([], [])
            for n in range(WARM_UP + times):
                for house, spent in zip(houses, took, strict=True):
                    began = time.perf_counter()
                    await task(house)
                    if n >= WARM_UP:
                        spent.append((time.perf_counter() - began) * 1_000)
            found[name] = median(took[0]), median(took[1])
            for house in houses:
                await house.settle()
        return found


async def of_a_month(grown_url: str, payment_ids: list[str]) -> dict[str, float]:
    """What is asked of payments that moved: median milliseconds. At the end they are live again."""
    took: dict[str, list[float]] = {name: [] for name in OF_A_MONTH}
    async with make_pool(grown_url, planned_once=True) as pool:
        database = Database(pool)
        books, desk = books_on(database), Lookup(database)
        for payment_id in payment_ids:
            payment = await books.payments.get(payment_id)
            assert payment is not None
            steps: tuple[tuple[str, Callable[[Payment], Awaitable[object]]], ...] = (
                ("found by reference", lambda payment: desk.find(payment.reference)),
                ("found by authorisation", lambda payment: desk.find(payment.auth_code or "")),
                ("found by payer", lambda payment: desk.find(payment.payer_msisdn)),
                ("receipt by link", lambda payment: books.payments.by_token(payment.receipt_token or "")),
                ("brought back", lambda payment: database.one(BRING_BACK, id=payment.id)),
            )
            for name, step in steps:
                began = time.perf_counter()
                assert await step(payment)
                took[name].append((time.perf_counter() - began) * 1_000)
            assert await books.payments.get(payment_id) == payment
    return {name: median(spent) for name, spent in took.items() if spent}


def seed(database_url: str, times: int) -> None:
    """A line with bills for each payment that will be measured."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(LAST).fetchone()
    people.seed(database_url, people=(row[0] if row else 0) + WARM_UP + times + 1, bills=2)


def in_memory(database_url: str, cluster: Path) -> None:
    """Reads the live tables and their indexes: a server that has run for days has them in its machine's memory, the
    indexes in PostgreSQL's buffers, where one that was started a minute ago still reads them page by page.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        paths = connection.execute(LIVE_FILES, (list(LIVE), list(LIVE))).fetchall()
        for (path,) in paths:
            for file in cluster.glob(f"{path}*"):
                with file.open("rb") as opened:
                    while opened.read(READ_BYTES):
                        pass
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
        connection.execute(WARMED, (list(LIVE),))
        connection.execute("DROP EXTENSION pg_prewarm")
        connection.execute("CHECKPOINT")
    os.sync()  # or what was filled and vacuumed would be written while the rest is measured


async def _house(open_ones: AsyncExitStack, url: str) -> House:
    pool, clock = await open_ones.enter_async_context(make_pool(url, planned_once=True)), SystemClock()
    database = Database(pool)
    acquirer: Acquirer = AtOnce()  # type: ignore[assignment]  # nothing else of it is asked here
    books, billing, acquirers = books_on(database), EmbeddedBilling(database, clock), only(acquirer)
    till = PaymentService(Ports(books, billing, acquirers, Unlimited(), clock))
    poster = Poster(books, billing, acquirers, clock, Times())
    row = await database.one(LAST)
    last = int(row["number"]) if row else 0
    anew = PlannedAnew(database)
    desk = desk_on(anew, till, clock, Pseudonymiser(["bench"]), DeskSettings(), late=database)
    return House(database, anew, paying(till), poster, desk, clock.now(), last)
