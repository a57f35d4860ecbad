"""PostgreSQL killed and restarted in the middle of payments; Redis killed and flushed in the middle of journeys."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import redis.asyncio

from core.acquirers.cmi import CmiAcquirer
from core.clock import SystemClock
from core.database.pool import Database
from core.repositories import DatabaseUnavailable
from lab.chaos.customer import customer, pay_by_voice
from lab.chaos.judging import differences
from lab.chaos.racer import race
from lab.chaos.server import TIMES
from lab.chaos.till import OpenTill, open_till
from lab.chaos.world import give_bills, installation
from lab.cmi.stand import emulated_cmi
from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey

TOGETHER_MAX = 20
KILLS = 4
SETTLED_MAX_S = 90.0
CALLS_MAX = 12  # until a bill is paid
PAUSE_S = 0.5
OPEN = "SELECT 1 FROM payments WHERE state NOT IN ('captured', 'declined', 'expired', 'voided', 'refunded')"
WAITING = """
SELECT 1 FROM payments WHERE state NOT IN ('created', 'captured', 'declined', 'expired', 'voided', 'refunded')
UNION ALL SELECT 1 FROM messages WHERE due_at IS NOT NULL
"""


async def payments_through_database_kills(postgres: Postgres, database_url: str, payments: int) -> list[str]:
    """Payers try until they are paid; what must not be, in words. Blocks the loop while the server starts."""
    acquired: Counter[str] = Counter()
    async with emulated_cmi(hang_max_s=5.0) as cmi:
        acquirer = CmiAcquirer(cmi.account, timeout_s=2.0)
        async with open_till(database_url, acquirer, SystemClock(), TIMES) as open_:
            await give_bills(open_.database, [customer(number) for number in range(payments)])
            gate = asyncio.Semaphore(TOGETHER_MAX)

            async def one(number: int) -> None:
                async with gate:
                    acquired[await _insist(open_, number)] += 1

            payers = asyncio.gather(*(one(number) for number in range(payments)))
            for kill in range(1, KILLS + 1):
                await _until(lambda: sum(acquired.values()) >= kill * payments // (KILLS + 2))  # noqa: B023 - awaited here
                postgres.kill()
                await asyncio.sleep(PAUSE_S)  # some find it away
                postgres.start()
            await payers
            await _until_closed(open_)
            found = await differences(open_.database, cmi.ledger)
        await acquirer.aclose()
    if set(acquired) != {"paid"}:
        found.append(f"payers ended {dict(acquired)}")
    captures = sum(bool(cmi.captured_centimes(order_id)) for order_id, _ in cmi.ledger.orders())
    return found + ([] if captures == payments else [f"{captures} captures of {payments}"])


async def _insist(open_: OpenTill, number: int) -> str:
    came_to = ""
    for attempt in range(CALLS_MAX):
        try:
            came_to = await race(open_, f"insists:{attempt}", number)
        except DatabaseUnavailable:
            came_to = "books down"
        if came_to in {"captured", "nothing_to_pay", "bills_changed"}:  # the last: it was paid by the try before
            return "paid"
        await asyncio.sleep(PAUSE_S)
        try:
            await open_.sweep.run()
        except DatabaseUnavailable:
            continue
    return came_to


async def _until(true: Callable[[], bool]) -> None:
    for _ in range(int(SETTLED_MAX_S / 0.01)):
        if true():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


async def _until_closed(open_: OpenTill) -> None:
    until = time.monotonic() + SETTLED_MAX_S
    while time.monotonic() < until:
        if not await open_.sweep.run() and await open_.database.one(OPEN) is None:
            return
        await asyncio.sleep(PAUSE_S)
    raise TimeoutError("payments are still open")


async def journeys_through_session_losses(
    valkey: Valkey, database_url: str, folder: Path, journeys: int
) -> tuple[list[str], Counter[str]]:
    """Callers pay by voice and call again when their call broke. What must not be, and how the calls ended."""
    ends: Counter[str] = Counter()
    async with installation(database_url, valkey.url, folder) as house:
        customers = [customer(number) for number in range(journeys)]
        await give_bills(house.database, customers)
        await house.start()
        gate = asyncio.Semaphore(8)

        async def one(number: int) -> None:
            async with gate:
                for _ in range(CALLS_MAX):
                    end = await pay_by_voice(house.url, customers[number])
                    ends[str(end)] += 1
                    if end in {"Paid", "NothingToPay"}:
                        return
                    await asyncio.sleep(PAUSE_S)
                ends["gave up"] += 1

        callers = asyncio.gather(*(one(number) for number in range(journeys)))
        for loss in range(1, KILLS + 1):
            await _until(lambda: ends["Paid"] >= loss * journeys // (KILLS + 2))  # noqa: B023 - awaited here
            if loss % 2:
                valkey.kill()
                await asyncio.sleep(0.2)
                valkey.start()
            else:
                async with redis.asyncio.Redis.from_url(valkey.url) as client:
                    await client.flushall()
        await callers
        await _until_resting(house.database)
        found = await differences(house.database, house.cmi.ledger)
        found += [f"{who.msisdn}: {n} receipts" for who in customers if (n := house.receipts_of(who)) != 1]
    return found, ends


async def _until_resting(database: Database) -> None:
    until = time.monotonic() + SETTLED_MAX_S
    while time.monotonic() < until:
        if await database.one(WAITING) is None:
            return
        await asyncio.sleep(PAUSE_S)
    raise TimeoutError("payments are still open")
