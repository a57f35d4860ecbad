"""The worker: hints are run, the sweep runs by itself, and jobs of dead workers come back."""

import asyncio
import os
import signal
from datetime import UTC, datetime

import psycopg
import pytest
from procrastinate.exceptions import ConnectorException

from core.database.jobs import SLOTS, Work, WorkerBounds, build_jobs, retry_stalled, run_worker, worker_beside
from core.database.wake import TaskName
from core.payments.table import PaymentState
from tests.support.bank import silent_after_charging
from tests.support.shop import Shop


def seen_delivering(shop: Shop, messages: int) -> asyncio.Event:
    """Set when so many messages went out."""
    done = asyncio.Event()
    deliver = shop.sender.deliver

    async def watched(reference: str) -> None:
        await deliver(reference)
        if len(shop.gateways.sms) + len(shop.gateways.mails) == messages:
            done.set()

    shop.sender.deliver = watched  # type: ignore[method-assign]  # watched, not changed
    return done


async def test_a_worker_beside_the_server_does_the_work(shop: Shop) -> None:
    done = seen_delivering(shop, 2)
    app = build_jobs(Work(shop.till.attendant, shop.poster, shop.sender, shop.sweep))
    async with worker_beside(app, shop.database.pool):
        await shop.paid()
        await asyncio.wait_for(done.wait(), 60)
    assert len(shop.gateways.sms) == 1


async def test_a_worker_outlives_its_database_connections(shop: Shop, database_url: str) -> None:
    done = seen_delivering(shop, 2)
    app = build_jobs(Work(shop.till.attendant, shop.poster, shop.sender, shop.sweep))
    async with worker_beside(app, shop.database.pool):
        await asyncio.sleep(0.3)  # it is listening now
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await shop.paid()
        await asyncio.wait_for(done.wait(), 60)
    assert len(shop.gateways.sms) == 1


async def test_a_signal_ends_a_worker_in_order(shop: Shop) -> None:
    done = seen_delivering(shop, 2)
    worker = asyncio.create_task(run_worker(shop.jobs, install_signal_handlers=True))
    await shop.paid()
    await asyncio.wait_for(done.wait(), 60)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(worker, 60)
    assert await shop.database.all("SELECT * FROM procrastinate_workers") == []
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(number)


async def test_what_a_worker_cannot_finish_in_time_is_handed_back(shop: Shop) -> None:
    hangs, deliver = asyncio.Event(), shop.sender.deliver

    async def slow(reference: str) -> None:
        hangs.set()
        await asyncio.Event().wait()

    shop.sender.deliver = slow  # type: ignore[method-assign]  # a mail server that never answers
    worker = asyncio.create_task(run_worker(shop.jobs, install_signal_handlers=True, bounds=WorkerBounds(grace_s=0.2)))
    await shop.paid()
    await asyncio.wait_for(hangs.wait(), 60)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(worker, 60)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(number)
    states = await shop.database.all("SELECT DISTINCT status FROM procrastinate_jobs")
    assert [row["status"] for row in states] == ["todo"]
    shop.sender.deliver = deliver  # type: ignore[method-assign]  # as it was
    await shop.work()
    assert (len(shop.gateways.sms), len(shop.gateways.mails)) == (1, 1)


async def test_jobs_that_ended_badly_do_not_pile_up(shop: Shop) -> None:
    await shop.paid()
    await shop.database.do("UPDATE procrastinate_jobs SET status = 'aborted' WHERE task_name = 'khallas.deliver'")
    await shop.database.do("UPDATE procrastinate_events SET at = now() - interval '80 hours'")
    await shop.jobs.configure_task(TaskName.RETAIN).defer_async(timestamp=0)
    await shop.work()
    assert await shop.database.all("SELECT * FROM procrastinate_jobs") == []


async def test_the_sweep_runs_every_few_seconds_of_every_minute(shop: Shop) -> None:
    work = Work(shop.till.attendant, shop.poster, shop.sender, shop.sweep)
    app = build_jobs(work, sweep_every_s=5)
    (sweep,) = [task for task in app.periodic_registry.periodic_tasks.values() if task.task.name == TaskName.SWEEP]
    noon = datetime(2026, 11, 23, 12, 1, tzinfo=UTC).timestamp()
    following = sweep.croniter
    following.set_current(noon)
    assert [following.get_next(float) - noon for _ in range(14)] == [5.0 * (n + 1) for n in range(14)]


async def test_the_sweep_is_a_periodic_task(shop: Shop) -> None:
    app = build_jobs(Work(shop.till.attendant, shop.poster, shop.sender, shop.sweep))
    assert {name for name, _ in app.periodic_registry.periodic_tasks} == {
        TaskName.SWEEP,
        TaskName.SWEEP_TEXTS,
        TaskName.UNSTICK,
        TaskName.RETAIN,
        TaskName.SETTLEMENT,
        TaskName.CLOSE_DAY,
        TaskName.AUDIT,
    }
    assert shop.jobs.periodic_registry.periodic_tasks == {}


async def test_sweep_and_unstick_run_as_jobs(shop: Shop) -> None:
    shop.bank.scripts.append(silent_after_charging)
    payment = await shop.paid()
    shop.clock.forward(5)
    await shop.jobs.configure_task(TaskName.SWEEP).defer_async(timestamp=0)
    await shop.jobs.configure_task(TaskName.UNSTICK).defer_async(timestamp=0)
    await shop.work()
    assert await shop.state(payment) is PaymentState.CAPTURED


async def test_jobs_of_a_worker_that_died_come_back(shop: Shop) -> None:
    await shop.paid()
    await shop.database.do("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')")
    await shop.database.do(
        "UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT max(id) FROM procrastinate_workers)"
    )
    assert await retry_stalled(shop.jobs) == 3
    assert await retry_stalled(shop.jobs) == 0
    await shop.work()
    assert len(shop.gateways.sms) == 1


async def test_nothing_is_lost_with_the_jobs(shop: Shop) -> None:
    payment = await shop.paid()
    await shop.database.do("DELETE FROM procrastinate_jobs")
    await shop.sweep.run()
    assert (len(shop.gateways.sms), len(shop.gateways.mails)) == (1, 1)
    assert await shop.postings(payment) == ["posted"]


async def test_a_job_is_part_of_its_commit(shop: Shop) -> None:
    """When the job cannot be written, nothing of the paid commit is left; the sweep pays later."""
    await shop.database.do("ALTER TABLE procrastinate_jobs ADD CONSTRAINT no CHECK (task_name <> 'khallas.post')")
    payment = await shop.started()
    assert (await shop.paid(shop.order())).state is PaymentState.SENDING
    for table in ("receipts", "messages", "procrastinate_jobs"):
        assert await shop.database.all(f"SELECT * FROM {table}") == []  # noqa: S608 - fixed names
    await shop.database.do("ALTER TABLE procrastinate_jobs DROP CONSTRAINT no")
    shop.clock.forward(91)
    await shop.sweep.run()
    found = await shop.till.payment(payment.id)
    assert found is not None
    assert (found.state, found.receipt_number) == (PaymentState.CAPTURED, "2026-00000001")


async def test_a_worker_that_cannot_reach_its_database_tries_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    starts: list[int] = []
    again = asyncio.Event()

    async def away(**_: object) -> None:
        starts.append(1)
        if len(starts) == 2:
            again.set()
        raise ConnectorException("no server")

    monkeypatch.setattr(shop.jobs, "run_worker_async", away)
    worker = asyncio.create_task(run_worker(shop.jobs, bounds=WorkerBounds(restart_pause_s=0.0)))
    await asyncio.wait_for(again.wait(), 60)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    assert "lost its database" in caplog.text


@pytest.mark.parametrize("signalled", [True, False])
async def test_a_worker_that_loses_its_database_while_it_ends_does_not_begin_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, *, signalled: bool
) -> None:
    starts: list[int] = []
    begun = asyncio.Event()

    async def lost_at_its_end(**_: object) -> None:
        starts.append(1)
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if len(starts) > len(SLOTS):  # begun again: the test is lost, and comes to its end
                raise
            raise ConnectorException("no server") from None

    monkeypatch.setattr(shop.jobs, "run_worker_async", lost_at_its_end)
    bounds = WorkerBounds(restart_pause_s=0.0)
    worker = asyncio.create_task(run_worker(shop.jobs, install_signal_handlers=signalled, bounds=bounds))
    await asyncio.wait_for(begun.wait(), 60)
    if signalled:
        os.kill(os.getpid(), signal.SIGTERM)
    else:
        worker.cancel()
    ended, _ = await asyncio.wait({worker}, timeout=30)
    for number in (signal.SIGINT, signal.SIGTERM) if signalled else ():
        asyncio.get_running_loop().remove_signal_handler(number)
    worker.cancel()
    assert ended == {worker}
    assert len(starts) == len(SLOTS)  # a queue's worker each, once
