"""Workers that die, hang or do not start; the listening socket outlives them all."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from khallas.server.listening import listener
from tests.support.waiting import closed, until

ROOT = Path(__file__).parents[3]
WAIT_MAX_S = 60.0
POLL_S = 0.02

# a worker that answers its pid once a connection, and does as the file `orders` says
WORKER = """
import asyncio, os, socket, sys, pathlib
orders = pathlib.Path(sys.argv[1]).read_text().split()
listener, status, life = map(int, sys.argv[2:])
if "refuse" in orders:
    sys.exit(78)
async def main():
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (15, 2):
        loop.add_signal_handler(number, stop.set)
    loop.add_reader(life, stop.set)
    def answer(reader, writer):
        writer.write(str(os.getpid()).encode())
        writer.close()
    server = await asyncio.start_server(answer, sock=socket.socket(fileno=listener))
    os.write(status, b"r")
    async def beat():
        while "mute" not in orders:
            os.write(status, b"b")
            await asyncio.sleep(0.1)
    beating = asyncio.create_task(beat())
    await stop.wait()
    server.close()
asyncio.run(main())
"""

PARENT = """
import asyncio, os, socket, sys
from khallas.server import supervisor
supervisor.HANG_MAX_S = 1.0
bound = socket.socket(fileno=int(sys.argv[1]))
own = supervisor.Supervisor
async def main():
    return await own(bound, 2, os.environ, (sys.executable, "-c", sys.argv[2], sys.argv[3])).run()
sys.exit(asyncio.run(main()))
"""


class Running:
    """A supervisor, the socket its workers answer at, and the orders they read when they start."""

    def __init__(self, process: asyncio.subprocess.Process, bound: socket.socket, orders: Path) -> None:
        self.process, self.bound, self.orders = process, bound, orders

    def workers(self) -> set[int]:
        pid = self.process.pid
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    async def who(self) -> int:
        """The pid of the worker that answers. Raises TimeoutError: where none does, the socket takes callers too."""
        reader, writer = await asyncio.open_connection(*self.bound.getsockname())
        async with asyncio.timeout(WAIT_MAX_S):
            answered = await reader.read()
        await closed(writer)
        return int(answered)

    async def until_replaced(self, gone: set[int]) -> None:
        """Two workers serve, none of them one of these. Raises TimeoutError."""
        await until(lambda: not self.workers() & gone and len(self.workers()) == 2)


@asynccontextmanager
async def supervised(folder: Path, *orders: str) -> AsyncIterator[Running]:
    file = folder / "orders"
    file.write_text(" ".join(orders))
    with listener("127.0.0.1", 0) as bound:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PARENT, str(bound.fileno()), WORKER, str(file)),
            pass_fds=[bound.fileno()],
            cwd=ROOT,
            env=os.environ,
        )
        try:
            yield Running(process, bound, file)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Running]:
    async with supervised(tmp_path) as made:
        await made.who()
        await made.until_replaced(set())
        yield made


async def test_a_worker_that_dies_is_replaced(running: Running) -> None:
    dead = await running.who()
    os.kill(dead, signal.SIGKILL)
    await running.until_replaced({dead})
    assert await running.who() != dead


async def test_a_worker_that_hangs_is_killed_and_replaced(running: Running) -> None:
    hung = await running.who()
    os.kill(hung, signal.SIGSTOP)
    await running.until_replaced({hung})


async def test_sighup_replaces_all_and_a_new_one_that_does_not_start_leaves_the_old_ones(running: Running) -> None:
    first = running.workers()
    running.process.send_signal(signal.SIGHUP)
    await running.until_replaced(first)
    second = running.workers()
    running.orders.write_text("refuse")
    running.process.send_signal(signal.SIGHUP)
    for _ in range(20):
        assert await running.who() in second
        await asyncio.sleep(POLL_S)
    await running.until_replaced(first)
    assert running.workers() == second


async def test_sigterm_ends_all(running: Running) -> None:
    workers = running.workers()
    running.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(WAIT_MAX_S):
        assert await running.process.wait() == 0
    assert not any(_alive(pid) for pid in workers)


async def test_workers_leave_when_their_supervisor_was_killed(running: Running) -> None:
    workers = running.workers()
    running.process.kill()
    await running.process.wait()
    await until(lambda: not any(_alive(pid) for pid in workers))


async def test_bad_settings_of_the_first_workers_end_the_supervisor_with_their_code(tmp_path: Path) -> None:
    async with supervised(tmp_path, "refuse") as refused, asyncio.timeout(WAIT_MAX_S):
        assert await refused.process.wait() == 78


def test_a_taken_port_is_named() -> None:
    with listener("127.0.0.1", 0) as bound:
        host, port = bound.getsockname()
        with pytest.raises(OSError, match=f"{host}:{port}"):
            listener(host, port)


def _alive(pid: int) -> bool:
    """A zombie, whom nobody has waited for, is dead."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
