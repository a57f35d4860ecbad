"""Each bill is paid by a browser, by USSD with its call, and by a caller at once, through the real server's doors."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from core.database.pool import Database
from lab.chaos.customer import Customer, customer
from lab.chaos.doors.customers import DoorOfRace, pays_at
from lab.chaos.judging import differences
from lab.chaos.nursery import Nursery
from lab.chaos.world import give_bills, installation

TOGETHER_MAX = 6  # races at once, three customers each
# Pages are fewer than a dialog's or a call's turns: so long a browser waits at most before it begins.
AFTER_MAX_S = {DoorOfRace.WEB: 7.0, DoorOfRace.USSD: 0.5, DoorOfRace.VOICE: 3.0}
SETTLED_MAX_S = 120.0
TRIES_MAX = 12  # until a bill that all three lost is paid
PAUSE_S = 0.5
UNDER_WAY = """
SELECT 1 FROM payments WHERE state NOT IN ('created', 'captured', 'declined', 'expired', 'voided', 'refunded')
"""
UNPAID = "SELECT number FROM invoices WHERE paid_at IS NULL"
CAPTURED = "SELECT line_reference, channel FROM payments WHERE state = 'captured'"


@dataclass
class DoorRaces:
    """How they ended."""

    ends: Counter[tuple[DoorOfRace, str]] = field(default_factory=Counter)
    captures: Counter[int] = field(default_factory=Counter)  # how many bills were captured so many times
    won: Counter[str] = field(default_factory=Counter)  # by channel
    differences: list[str] = field(default_factory=list)


async def run_door_races(
    database_url: str, redis_url: str, folder: Path, races: int, *, seed: int = 1, servers: Nursery | None = None
) -> DoorRaces:
    """The database is migrated already. Raises TimeoutError when something stays under way."""
    result, chance = DoorRaces(), random.Random(seed)
    customers = [customer(number) for number in range(races)]
    async with installation(database_url, redis_url, folder, servers) as house:
        await give_bills(house.database, customers)
        await house.start()
        gate = asyncio.Semaphore(TOGETHER_MAX)

        async def contestant(door: DoorOfRace, number: int, after_s: float) -> None:
            await asyncio.sleep(after_s)
            result.ends[door, await pays_at(door, house.url, customers[number], _address(number))] += 1

        async def one(number: int) -> None:
            async with gate:
                starts = {door: chance.uniform(0, most_s) for door, most_s in AFTER_MAX_S.items()}
                await asyncio.gather(*(contestant(door, number, after_s) for door, after_s in starts.items()))

        await asyncio.gather(*(one(number) for number in range(races)))
        await _quiet(house.database)
        await _pay_what_all_lost(house.database, house.url, customers)
        result.differences = [
            found for found in await differences(house.database, house.cmi.ledger) if not found.endswith("left created")
        ]
        paid = await house.database.all(CAPTURED)
        per_line = Counter(row["line_reference"] for row in paid)
        result.won = Counter(str(row["channel"]) for row in paid)
        result.captures = Counter(per_line[who.reference] for who in customers)
    return result


async def _pay_what_all_lost(database: Database, url: str, customers: list[Customer]) -> None:
    for attempt in range(TRIES_MAX):
        unpaid = {row["number"] for row in await database.all(UNPAID)}
        left = [number for number, who in enumerate(customers) if who.invoice in unpaid]
        if not left:
            return
        for number in left:
            await pays_at(DoorOfRace.VOICE, url, customers[number], _address(number, attempt))
        await _quiet(database)


async def _quiet(database: Database) -> None:
    """The server's own sweep ends what hangs. Raises TimeoutError."""
    until = time.monotonic() + SETTLED_MAX_S
    while time.monotonic() < until:
        if await database.one(UNDER_WAY) is None:
            return
        await asyncio.sleep(PAUSE_S)
    raise TimeoutError("payments are still under way")


def _address(number: int, attempt: int = 0) -> str:
    """A browser of its own place on this machine: the web door counts tries by address."""
    return f"127.{1 + attempt}.{number // 250}.{1 + number % 250}"
