"""A bank that hangs holds up what asks the bank, and nothing else: real workers, and a bank that answers no inquiry."""

import asyncio
from collections.abc import Callable

import pytest

from core.database.jobs import SLOTS, retry_stalled, run_worker
from core.database.wake import Queue, TaskName
from core.payments.schedule import Times, waiting_for
from core.payments.table import PaymentState
from core.ports import Inquiry, UnknownOutcome
from lab.chaos.customer import customer, order_of
from lab.chaos.world import give_bills
from tests.support.bank import CARD, CVV, silent, silent_after_charging
from tests.support.shop import Shop

UNKNOWN = 30  # more than all slots of all queues
LONG_S = 60.0  # for a machine that is busy; nothing is waited for that long


async def pay(shop: Shop, number: int) -> None:
    payment = await shop.started(order_of(customer(number), f"+2127{number:08d}", f"hangs:{number}"))
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not seen():  # noqa: ASYNC110 - of what nobody signals
            await asyncio.sleep(0.05)


async def test_receipts_go_out_while_every_inquiry_hangs(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, hanging = asyncio.Event(), []

    async def hang(order_id: str) -> Inquiry:
        hanging.append(order_id)
        await answers.wait()
        return UnknownOutcome("no answer in time")

    monkeypatch.setattr(shop.bank, "inquire", hang)
    await give_bills(shop.database, [customer(number) for number in range(UNKNOWN + 1)])
    shop.bank.scripts.extend([silent] * UNKNOWN)
    for number in range(UNKNOWN):
        await pay(shop, number)
    shop.clock.forward(5)
    for row in await shop.database.all("SELECT id FROM payments"):
        await shop.jobs.configure_task(TaskName.ATTEND).defer_async(key=row["id"])
    await shop.jobs.configure_task(TaskName.SWEEP).defer_async(timestamp=0)
    worker = asyncio.create_task(run_worker(shop.jobs))
    await until(lambda: len(hanging) >= SLOTS[Queue.MONEY])
    await pay(shop, UNKNOWN)
    await until(lambda: len(shop.gateways.sms) > 0)
    assert not answers.is_set(), "the receipt did not wait for the bank"
    answers.set()
    worker.cancel()
    await asyncio.wait({worker})


async def test_a_start_finds_what_a_killed_process_left(shop: Shop) -> None:
    """Charged, and the process died before it heard: not after the time of all time-outs, but at once."""
    shop.bank.scripts.append(silent_after_charging)
    payment = await shop.paid()
    await shop.database.do("UPDATE payments SET state = 'sending', due_at = now() + interval '1 hour'")
    await shop.jobs.configure_task(TaskName.SWEEP).defer_async(timestamp=0)
    await shop.work()
    assert await shop.state(payment) is PaymentState.CAPTURED


async def test_what_died_with_a_job_whose_like_waits_goes_back_to_the_queue(shop: Shop) -> None:
    """Periodic jobs are put in each minute: one that was at work when its worker died finds the next one there."""
    for name in (TaskName.SWEEP, TaskName.CLOSE_DAY):
        await shop.jobs.configure_task(name).defer_async(timestamp=0)
    died = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 day') RETURNING id"
    worker = (await shop.database.all(died))[0]["id"]
    await shop.database.do("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %(worker)s", worker=worker)
    await shop.jobs.configure_task(TaskName.SWEEP).defer_async(timestamp=0)
    assert await retry_stalled(shop.jobs) == 2
    rows = await shop.database.all("SELECT task_name, status::text AS status FROM procrastinate_jobs ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == sorted([(TaskName.SWEEP, "todo"), (TaskName.CLOSE_DAY, "todo")])


@pytest.mark.parametrize(("timeout_s", "stale_s"), [(3, 23), (30, 50), (120, 140)])
def test_what_hangs_is_looked_at_by_the_acquirers_own_time_out(timeout_s: float, stale_s: int) -> None:
    times = waiting_for(Times(), timeout_s)
    assert times.stale_sending_s == stale_s
    assert times.lease_s > 2 * timeout_s
