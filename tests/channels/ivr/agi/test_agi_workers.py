"""Several workers of one server answer calls at one port."""

import asyncio
import socket

import pytest

from channels.http.receive import Authentication
from channels.ivr.agi.server import AgiServer
from core.messaging.texts import Texts
from khallas.server.listening import listener
from tests.channels.ivr.agi.agi_line import memory_line
from tests.e2e.demo import free_port

CONNECTIONS = 64


async def test_two_workers_listen_at_one_port_and_one_goes_on_alone(redis_url: str, texts: Texts) -> None:
    async with memory_line(redis_url, texts) as line:
        port = free_port()
        parts = line.server._parts
        check = Authentication(open_to_all=True).check
        workers = [AgiServer(parts, check, host="127.0.0.1", port=port, shared=True) for _ in range(2)]

        async with workers[0].open():
            async with workers[1].open():
                await asyncio.gather(*(_greeted(port) for _ in range(CONNECTIONS)))
                for worker in workers:
                    await worker.probe()
            await _greeted(port)
            await workers[0].probe()


async def _greeted(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await writer.wait_closed()


def _may_listen(port: int) -> bool:
    """Whether another program of the same user can take connections of that port."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            other.bind(("127.0.0.1", port))
            other.listen()
        except OSError:
            return False
        return True


async def test_two_workers_share_one_socket_and_nobody_else_listens_there(redis_url: str, texts: Texts) -> None:
    async with memory_line(redis_url, texts) as line:
        parts, check = line.server._parts, Authentication(open_to_all=True).check
        with listener("127.0.0.1", 0) as bound:
            port = bound.getsockname()[1]
            workers = [
                AgiServer(parts, check, host="", port=0, bound=socket.socket(fileno=bound.dup().detach()), shared=True)
                for _ in range(2)
            ]
            async with workers[0].open():
                async with workers[1].open():
                    assert {worker.port for worker in workers} == {port}
                    await asyncio.gather(*(_greeted(port) for _ in range(CONNECTIONS)))
                    assert not _may_listen(port)
                await _greeted(port)
                await workers[0].probe()
                assert not _may_listen(port)
            bound.close()
        with pytest.raises(ConnectionRefusedError):
            await _greeted(port)


async def test_one_server_alone_shares_its_port_with_nobody(redis_url: str, texts: Texts) -> None:
    async with memory_line(redis_url, texts) as line:
        port = free_port()
        server = AgiServer(line.server._parts, Authentication(open_to_all=True).check, host="127.0.0.1", port=port)
        async with server.open():
            assert not _may_listen(port)
            await _greeted(port)
