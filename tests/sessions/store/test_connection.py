"""The line to Redis over TLS, and on the event loop that production uses."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from lab.servers.valkey import Valkey
from sessions.store.pipeline import Pipelined
from tests.support.certificates import self_signed

PIECE = 65_536
MANY = 500
LARGE = b"x" * 300_000  # many TLS records, many reads

Run = Callable[[Any], None]


@asynccontextmanager
async def tls_before(port: int, pem: Path) -> AsyncIterator[int]:
    """TLS in front of a server of this machine; yields its port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    passing: set[asyncio.Task[None]] = set()

    async def both_ways(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, into = await asyncio.open_connection("127.0.0.1", port)
        for here, there in ((reader, into), (behind, writer)):
            passing.add(asyncio.create_task(_pass(here, there)))

    server = await asyncio.start_server(both_ways, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)


async def _pass(here: asyncio.StreamReader, there: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        try:
            while piece := await here.read(PIECE):  # until one of them ends
                there.write(piece)
                await there.drain()
        finally:
            there.close()


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_line_over_tls(run: Run, valkey: Valkey, tmp_path: Path) -> None:
    pem = self_signed(tmp_path)

    async def spoken() -> None:
        async with tls_before(valkey.port, pem) as port:
            url = f"rediss://:{valkey.password}@127.0.0.1:{port}/0"
            async with Redis.from_url(url, ssl_ca_certs=str(pem)) as redis:
                pipe = Pipelined(redis)
                await asyncio.gather(*(pipe.do("SET", f"k{n}", n) for n in range(MANY)))
                assert await asyncio.gather(*(pipe.do("GET", f"k{n}") for n in range(MANY))) == [
                    str(n).encode() for n in range(MANY)
                ]
                assert await pipe.do("SET", "large", LARGE) == b"OK"
                assert await asyncio.gather(*(pipe.do("GET", "large") for _ in range(5))) == [LARGE] * 5
                assert pipe._line is not None
                pipe._line._transport.abort()
                assert await _again(pipe) == b"PONG"

    run(spoken())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_line_that_is_killed_in_the_middle(run: Run, valkey: Valkey) -> None:
    async def spoken() -> None:
        async with Redis.from_url(valkey.url) as redis, Redis.from_url(valkey.url) as other:
            pipe = Pipelined(redis)
            for _ in range(5):
                waits = [asyncio.ensure_future(pipe.do("BLPOP", "nobody-fills", 0)) for _ in range(3)]
                await asyncio.sleep(0.02)
                await other.client_kill_filter(_type="normal", skipme=True)
                heard = await asyncio.gather(*waits, return_exceptions=True)
                assert {type(error) for error in heard} == {RedisConnectionError}
                assert await pipe.do("PING") == b"PONG"
            assert len(await other.client_list()) == 2

    run(spoken())


async def _again(pipe: Pipelined) -> Any:
    """The loss may be noticed only after the next command was written."""
    with suppress(RedisConnectionError):
        return await pipe.do("PING")
    return await pipe.do("PING")
