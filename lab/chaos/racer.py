"""One channel in a race: a process of its own that pays the bills it is told to, over the shared books.

`python -m lab.chaos.racer NAME`; DATABASE_URL, CMI_URL, CMI_CLIENT_ID, CMI_NAME and CMI_PASSWORD come from the
environment. A line in is a customer's number, a line out the number and how it ended.
"""

import asyncio
import os
import sys
from dataclasses import replace

from core.acquirers.cmi import CmiAcquirer
from core.acquirers.cmi_xml import CmiAccount
from core.cards import Card, Secret
from core.clock import SystemClock
from core.payments.service import Refusal
from core.repositories import DatabaseUnavailable
from lab.chaos.customer import APPROVED_CARD, customer, order_of
from lab.chaos.server import TIMES
from lab.chaos.till import OpenTill, open_till

WAIT_S = 30.0
RACE_TIMES = replace(TIMES, basket_ttl_s=10)  # what was never sent is soon let go
CONNECTIONS_MAX = 20
CARD, CVV = Card(Secret(APPROVED_CARD), 12, 2030), Secret("000")


async def race(open_: OpenTill, name: str, number: int) -> str:
    """Start and pay; the state it came to, or why not."""
    payer = f"+2126{number:08d}" if name == "left" else f"+2127{number:08d}"
    started = await open_.till.start(order_of(customer(number), payer, f"{name}:{number}"))
    if isinstance(started, Refusal):
        return started
    outcome = await open_.till.authorise(started.id, CARD, CVV, wait_s=WAIT_S)
    return outcome if isinstance(outcome, Refusal) else outcome.state


async def main() -> None:
    """Until stdin ends."""
    name, environ = sys.argv[1], os.environ
    account = CmiAccount(
        environ["CMI_URL"], environ["CMI_CLIENT_ID"], environ["CMI_NAME"], Secret(environ["CMI_PASSWORD"])
    )
    acquirer = CmiAcquirer(account, timeout_s=5.0)
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    tasks: set[asyncio.Task[None]] = set()
    async with open_till(
        environ["DATABASE_URL"], acquirer, SystemClock(), RACE_TIMES, connections_max=CONNECTIONS_MAX
    ) as open_:

        async def run(number: int) -> None:
            try:
                came_to = await race(open_, name, number)
            except DatabaseUnavailable:  # a busy machine's: whoever was not paid tries again
                came_to = "books_down"
            print(number, came_to, flush=True)

        while line := await lines.readline():  # the harness bounds how many are under way
            task = asyncio.create_task(run(int(line)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
    await acquirer.aclose()


if __name__ == "__main__":
    asyncio.run(main())
