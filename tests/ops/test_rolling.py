"""A new version comes into service while people dial and pay: nobody notices (docs/operations.md, Upgrades)."""

import asyncio
import signal
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from channels.ivr.prompts import Prompts
from core.database.pool import Database, open_database
from core.messaging.texts import load_texts
from khallas.telemetry import usage
from tests.channels.ivr.agi.switch import Switch
from tests.e2e.demo import free_port
from tests.ops.house import ended, house
from tests.ops.load import Load
from tests.support.waiting import until

LOAD_BEFORE_S, LOAD_AFTER_S = 2.0, 2.0
TALLIES_MAX = 6  # a tally is five seconds
CALLERS = "+212600009901", "+212600009902"
FRENCH, AGENT = ("continuer en français tapez un", "1"), ("Que voulez-vous payer|conseiller", "0")
TRANSFERRED = {"KHALLAS_RESULT": "transfer"}


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="khallas-ops-") as name:
        yield Path(name)


def _workers(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


async def _rolled(pid: int, before: set[int]) -> None:
    """Until none of those workers is left and as many serve again. Raises TimeoutError."""
    await until(lambda: not _workers(pid) & before and len(_workers(pid)) == len(before))


async def test_a_rolling_restart_under_load_fails_no_request_and_loses_no_payment(
    database_url: str, redis_url: str, folder: Path
) -> None:
    async with house(database_url, redis_url, folder) as khallas, AsyncExitStack() as beside:
        port, agi_port = free_port(), free_port()
        khallas.environ |= {
            "KHALLAS_IVR__WIRES": "twilio,fastagi",
            "KHALLAS_ASTERISK__AGI_PORT": str(agi_port),
            "KHALLAS_GATEWAY_SECRETS__FASTAGI": "net:127.0.0.1",
        }
        url = f"http://127.0.0.1:{port}"
        server = await khallas.serve(port, "--workers", "2")
        jobs = await khallas.start("worker", "--metrics-port", str(free_port()))
        load = Load(url, khallas.token)
        running = await beside.enter_async_context(load.running(database_url))
        await asyncio.sleep(LOAD_BEFORE_S)
        before = _workers(server.pid)
        assert len(before) == 2
        call, go_on = Switch(agi_port, Prompts(load_texts()), CALLERS[0]), asyncio.Event()
        call.stalls = go_on
        calling = asyncio.create_task(call.call([FRENCH]))
        beside.callback(calling.cancel)
        await call.stalled.wait()
        server.send_signal(signal.SIGHUP)
        # whoever has the call stays for it, and others take the next ones
        await until(lambda: len(_workers(server.pid) & before) == 1 and len(_workers(server.pid)) == 3)
        assert (await Switch(agi_port, call.prompts, CALLERS[1]).call([FRENCH, AGENT])).variables == TRANSFERRED
        call.go_on([AGENT])
        go_on.set()
        await calling
        assert call.variables == TRANSFERRED
        await _rolled(server.pid, before)
        assert await ended(jobs, signal.SIGTERM) in {0, -signal.SIGTERM}
        jobs = await khallas.start("worker")
        await asyncio.sleep(LOAD_AFTER_S)
        load.stop.set()
        await running
        counted = await _settled(url, load.answers)

        assert load.failures == []
        assert set(load.ends) == {"Paid"}
        assert load.answers > 100
        assert counted == load.answers  # of all workers, those that left among them
        async with open_database(database_url) as database:
            states = await database.all("SELECT state, count(*) AS n FROM payments GROUP BY state")
            assert {row["state"]: row["n"] for row in states} == {"captured": len(load.called)}
            charged = [
                khallas.cmi.captured_centimes(row["id"]) for row in await database.all("SELECT id FROM payments")
            ]
            assert sorted(charged) == sorted(who.amount_centimes for who in load.called)
            await until(lambda: _nothing_waits(database))
        receipts = [
            sum("/receipts/" in text.body for text in khallas.twilio.inboxes.of(who.msisdn)) for who in load.called
        ]
        assert receipts == [1] * len(load.called)
        assert await ended(server, signal.SIGTERM) == 0
        assert await ended(jobs, signal.SIGTERM) in {0, -signal.SIGTERM}


async def _nothing_waits(database: Database) -> bool:
    return await database.one("SELECT 1 AS due FROM messages WHERE due_at IS NOT NULL LIMIT 1") is None


async def _settled(url: str, answers: int) -> float:
    """What is counted once every worker has told its newest turns, which it does with its next tally."""
    for _ in range(TALLIES_MAX):
        if await _counted(url) == answers:
            break
        await asyncio.sleep(usage.FLUSH_EVERY_S)
    return await _counted(url)


async def _counted(url: str) -> float:
    """The sum of the USSD turns that /metrics tells, whichever worker is asked."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in lines
        if line.startswith("khallas_turns_total{") and 'channel="ussd"' in line
    )
