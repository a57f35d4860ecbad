"""Payments while relays are killed, then one relay weighed: what a consumer reads is what was committed.

Two processes pay at once, so that commits overlap; two relays run, one of them stands by. Every other death is at a
named point of the relay's own round, the rest come from outside at any moment. Who dies is replaced.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.database.events.stream import PgStreamBooks
from core.database.pool import Database, open_database
from lab.chaos.relay.judging import RelayVerdict, judged
from lab.chaos.relay.points import RelayPoint
from lab.chaos.relay.topics import make_topic, read_all
from lab.servers.processes import leashed

PARTITIONS = 6
PAGE = 12  # small: a kill meets every step of a page often
PAYERS = 2
RELAYS = 2
FIRST_OF_A_PAYER = 1_000_000
DRAINED_MAX_S = 300.0
DEATH_MAX_S = 60.0
MEETS_WITHIN_S = 2.0  # else somebody pays again
POLL_S = 0.02
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
LAST = "SELECT count(*) AS events, COALESCE(max(id), 0) AS last FROM payment_events"


@dataclass
class RelayStorm:
    """How it went. The CPU figures are of processes of ours, PostgreSQL and the broker left out."""

    verdict: RelayVerdict = field(default_factory=RelayVerdict)
    ends: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    payment_us: float = 0.0
    relay_us: float = 0.0  # a payment
    events_a_payment: float = 0.0

    @property
    def share(self) -> float:
        """Of a payment's CPU."""
        return self.relay_us / self.payment_us if self.payment_us else 0.0

    def line(self) -> str:
        """The figures, in words."""
        return (
            f"{sum(self.ends.values())} payments {dict(self.ends)}; {self.deaths.total()} relays killed"
            f" {dict(self.deaths)}; {self.verdict.events} events, {self.verdict.messages} messages,"
            f" {self.verdict.repeats} of them repeats\n    a payment {self.payment_us:.0f} us of CPU and"
            f" {self.events_a_payment:.1f} events, their relay {self.relay_us:.0f} us: {100 * self.share:.1f} %"
        )


@dataclass
class Relays:
    """The processes of relays, the one that is to die among them."""

    environment: dict[str, str]
    folder: Path
    deaths: Counter[str]
    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self, point: RelayPoint | None = None) -> asyncio.subprocess.Process:
        """One more. With a point it dies there, when it works."""
        words = [str(point), str(self.folder / "deaths")] if point else []
        command = leashed([sys.executable, "-m", "lab.chaos.relay.process", *words], signal.SIGKILL, "self")
        with (self.folder / "relays.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(*command, env=self.environment, stdout=log, stderr=log)
        self.running.append(process)
        return process

    async def killed_somewhere(self, books: PgStreamBooks, chance: random.Random) -> None:
        """kill -9 of the one that works, at any moment."""
        until = time.monotonic() + DEATH_MAX_S
        while time.monotonic() < until:
            stands = await books.stands()
            holder = (stands or {}).get("holder")
            pid = int(holder.split(":")[1]) if holder and stands and stands["held"] else 0
            works = [each for each in self.running if each.pid == pid and each.returncode is None]
            if works:
                await asyncio.sleep(chance.random() * 0.3)
                works[0].kill()
                await works[0].wait()
                self.running.remove(works[0])
                self.deaths["anywhere"] += 1
                return
            await asyncio.sleep(POLL_S)
        raise TimeoutError("no relay came to work")

    async def died(self, process: asyncio.subprocess.Process, point: RelayPoint) -> None:
        """Waits until it met its point."""
        await asyncio.wait_for(process.wait(), DEATH_MAX_S)
        if process.returncode != -signal.SIGKILL:
            raise RuntimeError(f"a relay ended with {process.returncode}: see its log")
        self.deaths[str(point)] += 1
        self.running.remove(process)

    async def all_killed(self) -> None:
        """kill -9 of every one."""
        for each in self.running:
            each.kill()
            await each.wait()
            self.deaths["all"] += 1
        self.running.clear()

    async def end(self) -> None:
        """Ends them all, as a service manager does."""
        for each in self.running:
            if each.returncode is None:
                each.terminate()
        for each in self.running:
            await asyncio.wait_for(each.wait(), DEATH_MAX_S)
        self.running.clear()


class Payers:
    """The processes that pay."""

    def __init__(self, processes: Sequence[asyncio.subprocess.Process], storm: RelayStorm) -> None:
        self._processes = processes
        self._storm = storm
        self._cpu_us: list[tuple[int, float]] = []

    async def pay(self, count: int) -> None:
        """So many payments, shared among them."""
        shares = [count // PAYERS + (number < count % PAYERS) for number in range(PAYERS)]
        await asyncio.gather(*(self._pay(*each) for each in zip(self._processes, shares, strict=True) if each[1]))
        paid = sum(number for number, _ in self._cpu_us)
        self._storm.payment_us = sum(number * cpu_us for number, cpu_us in self._cpu_us) / paid if paid else 0.0

    async def _pay(self, process: asyncio.subprocess.Process, count: int) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{count}\n".encode())
        answer = json.loads(await process.stdout.readline() or b'{"ends": {"nothing": 1}, "cpu_us": 0}')
        self._storm.ends.update(answer["ends"])
        self._cpu_us.append((count, answer["cpu_us"]))


@asynccontextmanager
async def paying(database_url: str, storm: RelayStorm) -> AsyncIterator[Payers]:
    """Until the block's end."""
    processes = []
    for number in range(PAYERS):
        words = [sys.executable, "-m", "lab.chaos.relay.payers", database_url, str(number * FIRST_OF_A_PAYER)]
        pipe = asyncio.subprocess.PIPE
        command = leashed(words, signal.SIGKILL, "self")
        processes.append(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe))
    try:
        yield Payers(processes, storm)
    finally:
        for each in processes:
            assert each.stdin is not None
            each.stdin.close()
            await asyncio.wait_for(each.wait(), DEATH_MAX_S)


async def relay_storm(
    database_url: str, broker: str, folder: Path, payments: int, kills: int, seed: int = 1
) -> RelayStorm:
    """So many payments while relays are killed so often; the database is migrated and empty."""
    storm, chance = RelayStorm(), random.Random(seed)
    environment = environment_of(database_url, broker, page=PAGE)
    await make_topic(broker, "khallas.payment", PARTITIONS)
    relays = Relays(environment, folder, storm.deaths)
    async with open_database(database_url) as database, paying(database_url, storm) as payers:
        await _killing(relays, payers, PgStreamBooks(database), chance, payments, kills)
        while len(relays.running) < RELAYS:
            await relays.start()
        await drained(database)
        await relays.end()
        storm.verdict = await judged(database, await read_all(broker, "khallas.payment", PARTITIONS))
        await weighed(database, database_url, broker, folder, storm)
    return storm


async def _killing(
    relays: Relays, payers: Payers, books: PgStreamBooks, chance: random.Random, payments: int, kills: int
) -> None:
    """Rounds of two kinds in turn: all die, and the next one at its point; then whoever works, anywhere."""
    points, rounds, left = list(RelayPoint), -(-2 * kills // 3) + 1, payments
    for number in range(rounds):
        share = left // (rounds - number)
        left -= share
        if number % 2:
            while len(relays.running) < RELAYS:
                await relays.start()
            paid = asyncio.create_task(payers.pay(share))
            await relays.killed_somewhere(books, chance)
        else:
            await relays.all_killed()  # so that the mortal one works
            point = points[number // 2 % len(points)]
            mortal = await relays.start(point)
            paid = asyncio.create_task(payers.pay(share))
            await paid
            await met(mortal, payers)
            await relays.died(mortal, point)
        await paid


async def met(mortal: asyncio.subprocess.Process, payers: Payers) -> None:
    """Pays on until a relay has met its point: of few payments it may read all in fewer rounds than chance named.

    Raises TimeoutError.
    """
    until = time.monotonic() + DEATH_MAX_S
    while time.monotonic() < until:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(mortal.wait(), MEETS_WITHIN_S)
            return
        await payers.pay(PAYERS)
    raise TimeoutError("a relay that was to die went on")


async def drained(database: Database) -> None:
    """Until the cursor stands behind all that is committed. Raises TimeoutError."""
    books, until = PgStreamBooks(database), time.monotonic() + DRAINED_MAX_S
    while time.monotonic() < until:
        committed, stands = await database.one(LAST), await books.stands()
        if committed and stands and stands["cursor"] == committed["events"]:
            return
        await asyncio.sleep(POLL_S * 5)
    raise TimeoutError("the relay did not catch up")


async def weighed(database: Database, database_url: str, broker: str, folder: Path, storm: RelayStorm) -> None:
    """One relay puts out the whole history again into a topic of its own, by pages as they are in life."""
    books = PgStreamBooks(database)
    await make_topic(broker, "weighed.payment", PARTITIONS)
    await books.forget()
    relays = Relays(environment_of(database_url, broker, prefix="weighed."), folder, Counter())
    began = await relays.start()
    await _holds(books)
    before = cpu_s(began.pid)
    await drained(database)
    spent_s = cpu_s(began.pid) - before
    await relays.end()
    payments = sum(storm.ends.values())
    storm.relay_us, storm.events_a_payment = spent_s / payments * 1e6, storm.verdict.events / payments


async def _holds(books: PgStreamBooks) -> None:
    until = time.monotonic() + DEATH_MAX_S
    while time.monotonic() < until:
        stands = await books.stands()
        if stands is not None and stands["held"]:
            return
        await asyncio.sleep(POLL_S / 4)
    raise TimeoutError("the relay did not begin")


def cpu_s(pid: int) -> float:
    """What a process that lives has spent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def environment_of(database_url: str, broker: str, *, prefix: str = "khallas.", page: int = 0) -> dict[str, str]:
    """A relay's settings, beside this process's own environment without any of ours."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("KHALLAS_")}
    pages = {"KHALLAS_RELAY__BATCH_EVENTS": str(page)} if page else {}
    return (
        own
        | pages
        | {
            "KHALLAS_DATABASE_URL": database_url,
            "KHALLAS_RELAY__BROKERS": broker,
            "KHALLAS_RELAY__TOPIC_PREFIX": prefix,
            "KHALLAS_RELAY__SOURCE": "https://khallas.example",
            "KHALLAS_RELAY__IDEMPOTENCE": "0",  # the broker from a wheel knows none
            "KHALLAS_LOG_LEVEL": "WARNING",
        }
    )
