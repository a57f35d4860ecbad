"""Customers who pay while the relay dies: `python -m lab.chaos.relay.payers URL FIRST`.

Each line on standard input is a number of payments to make; each is answered by a line of JSON: how they ended, and
the CPU that this process spent on each. The payment service, the bills' postings and PostgreSQL are real; the bank is
in this process, as in the bench's row of a payment, so that what is weighed is our own work.
"""

import asyncio
import json
import random
import resource
import sys
from collections import Counter

from core.cards import Card, Secret
from core.clock import SystemClock
from core.payments.schedule import Times
from core.payments.table import Payment
from lab.chaos.customer import APPROVED_CARD, customer, order_of
from lab.chaos.till import OpenTill, open_till
from lab.chaos.wallets.storm import PlainCards
from lab.chaos.world import give_bills

TOGETHER = 8
CARD, CVV = Card(Secret(APPROVED_CARD), 12, 2030), Secret("000")
WAIT_S = 30.0
ROUNDS_MAX = 1_000


async def pay_all(open_: OpenTill, first: int, count: int) -> Counter[str]:
    """So many customers pay a bill each, TOGETHER at a time, and the bills are posted."""
    await give_bills(open_.database, [customer(number) for number in range(first, first + count)])
    numbers, ends = iter(range(first, first + count)), Counter[str]()

    async def one_after_the_other() -> None:
        for number in numbers:
            who = customer(number)
            started = await open_.till.start(order_of(who, who.msisdn, f"relay:{number}"))
            assert isinstance(started, Payment), started
            paid = await open_.till.authorise(started.id, CARD, CVV, wait_s=WAIT_S)
            ends[str(paid.state if isinstance(paid, Payment) else paid)] += 1

    await asyncio.gather(*(one_after_the_other() for _ in range(TOGETHER)))
    for _ in range(ROUNDS_MAX):
        if not await open_.sweep.money_round():
            break
    return ends


async def main(database_url: str, first: int) -> None:
    """Until standard input ends."""
    chance, loop = random.Random(first), asyncio.get_running_loop()
    async with open_till(database_url, PlainCards(chance), SystemClock(), Times()) as open_:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            count, began = int(line), resource.getrusage(resource.RUSAGE_SELF)
            ends = await pay_all(open_, first, count)
            after, first = resource.getrusage(resource.RUSAGE_SELF), first + count
            spent_s = after.ru_utime + after.ru_stime - began.ru_utime - began.ru_stime
            print(json.dumps({"ends": ends, "cpu_us": spent_s / count * 1e6}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
