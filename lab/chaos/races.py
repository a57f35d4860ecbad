"""Two channels, one bill, a thousand times; now and then a holder is stopped for longer than the acquirer's window."""

import asyncio
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from core.acquirers.cmi import CmiAcquirer
from core.clock import SystemClock
from lab.chaos.customer import customer
from lab.chaos.judging import differences
from lab.chaos.racer import race
from lab.chaos.server import TIMES
from lab.chaos.till import OpenTill, open_till
from lab.chaos.world import give_bills
from lab.cmi.stand import EmulatedCmi, emulated_cmi
from lab.servers.processes import leashed

TOGETHER_MAX = 32  # a stopped holder must not stop the others
STOPS_EVERY_S = 1.2
STOPPED_S = (0.05, 0.3, 1.0, 6.0)  # the last one is longer than the window
STOPPED_OFTEN = (16, 8, 3, 1)
ANSWER_MAX_S = 60.0
SETTLED_MAX_S = 90.0
PAUSE_S = 0.5
OPEN = """
SELECT count(*) AS open FROM payments
WHERE state IN ('created', 'sending', 'challenge', 'unknown', 'voiding', 'refunding')
"""
UNPAID = "SELECT number FROM invoices WHERE paid_at IS NULL"


class Racer:
    """A racing process and what it is asked."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name, self.process = name, process
        self._answers: dict[int, asyncio.Future[str]] = {}
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            number, _, came_to = line.decode().strip().partition(" ")
            self._answers.pop(int(number)).set_result(came_to)

    async def pays(self, number: int) -> str:
        """How the race ended for this one. Raises TimeoutError."""
        assert self.process.stdin is not None
        self._answers[number] = asyncio.get_running_loop().create_future()
        self.process.stdin.write(f"{number}\n".encode())
        return await asyncio.wait_for(self._answers[number], ANSWER_MAX_S)

    async def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        assert self.process.stdin is not None
        self.process.stdin.close()
        await asyncio.wait_for(self.process.wait(), ANSWER_MAX_S)
        await self._reader


@dataclass
class Races:
    """How they ended."""

    ends: Counter[str] = field(default_factory=Counter)
    stops: int = 0
    captures: Counter[int] = field(default_factory=Counter)  # how many bills were captured so many times
    differences: list[str] = field(default_factory=list)


async def run_races(database_url: str, races: int, seed: int = 1) -> Races:
    """Each bill is paid by two processes at once; who is refused tries once more when all is quiet."""
    result = Races()
    customers = [customer(number) for number in range(races)]
    async with emulated_cmi(hang_max_s=5.0) as cmi:
        acquirer = CmiAcquirer(cmi.account, timeout_s=5.0)
        async with open_till(database_url, acquirer, SystemClock(), TIMES, connections_max=4) as open_:
            await give_bills(open_.database, customers)
            async with _racer("left", database_url, cmi) as left, _racer("right", database_url, cmi) as right:
                stopper = asyncio.create_task(_stop_now_and_then((left, right), random.Random(seed), result))
                gate = asyncio.Semaphore(TOGETHER_MAX)

                async def one(number: int) -> None:
                    async with gate:
                        result.ends.update(await asyncio.gather(left.pays(number), right.pays(number)))

                await asyncio.gather(*(one(number) for number in range(races)))
                stopper.cancel()
            await _quiet(open_)
            unpaid = {row["number"] for row in await open_.database.all(UNPAID)}
            for number, who in enumerate(customers):  # a bill that both lost can be paid now
                if who.invoice in unpaid:
                    await race(open_, "third", number)
            await _quiet(open_)
            result.differences = await differences(open_.database, cmi.ledger)
            paid = await open_.database.all(
                "SELECT line_reference FROM payments WHERE state = 'captured' AND id = ANY(%(ids)s)",
                ids=[order_id for order_id, _ in cmi.ledger.orders() if cmi.captured_centimes(order_id)],
            )
            per_line = Counter(row["line_reference"] for row in paid)
            result.captures = Counter(per_line[who.reference] for who in customers)
        await acquirer.aclose()
    return result


async def _stop_now_and_then(racers: tuple[Racer, Racer], chance: random.Random, result: Races) -> None:
    while True:
        await asyncio.sleep(chance.uniform(0, STOPS_EVERY_S))
        stopped = chance.choice(racers).process
        stopped.send_signal(signal.SIGSTOP)
        result.stops += 1
        try:
            await asyncio.sleep(chance.choices(STOPPED_S, STOPPED_OFTEN)[0])
        finally:
            stopped.send_signal(signal.SIGCONT)


async def _quiet(open_: OpenTill) -> None:
    """Sweep until nothing is under way and every captured bill is posted. Raises TimeoutError."""
    until = time.monotonic() + SETTLED_MAX_S
    while time.monotonic() < until:
        await open_.sweep.run()
        row = await open_.database.one(OPEN)
        if row is not None and row["open"] == 0 and not await open_.sweep.run():
            return
        await asyncio.sleep(PAUSE_S)
    raise TimeoutError("payments are still open")


@asynccontextmanager
async def _racer(name: str, database_url: str, cmi: EmulatedCmi) -> AsyncIterator[Racer]:
    account = {f"CMI_{key.upper()}": value for key, value in cmi.settings().items()}
    environment = os.environ | account | {"DATABASE_URL": database_url}
    command = leashed([sys.executable, "-m", "lab.chaos.racer", name], signal.SIGKILL, "self")
    async with AsyncExitStack() as stack:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=environment)
        racer = Racer(name, process)
        stack.push_async_callback(racer.end)
        yield racer
