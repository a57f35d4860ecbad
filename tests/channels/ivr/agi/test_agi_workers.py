"""Several workers of one server answer calls at one port."""

import asyncio

from channels.http.receive import Authentication
from channels.ivr.agi.server import AgiServer
from core.messaging.texts import Texts
from tests.channels.ivr.agi.agi_line import memory_line
from tests.e2e.demo import free_port

CONNECTIONS = 64


async def test_two_workers_listen_at_one_port_and_one_goes_on_alone(redis_url: str, texts: Texts) -> None:
    async with memory_line(redis_url, texts) as line:
        port = free_port()
        parts = line.server._parts
        workers = [
            AgiServer(parts, Authentication(open_to_all=True).check, host="127.0.0.1", port=port) for _ in range(2)
        ]

        async def greeted() -> None:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await writer.wait_closed()

        async with workers[0].open():
            async with workers[1].open():
                await asyncio.gather(*(greeted() for _ in range(CONNECTIONS)))
                for worker in workers:
                    await worker.probe()
            await greeted()
            await workers[0].probe()
