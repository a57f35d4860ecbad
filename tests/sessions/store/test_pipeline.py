"""Shared round trips: fewer of them, and nobody hears another's error."""

import asyncio
import os
import signal
from collections.abc import Sequence
from hashlib import sha1

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from lab.servers.valkey import Valkey
from sessions.store.pipeline import Asked, Overloaded, Pipelined, RedisConnection, Script
from tests.support.waiting import until

MANY = 600


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many commands went out together, write by write."""
    sizes: list[int] = []
    ask = RedisConnection.ask

    def counted(line: RedisConnection, packed: bytes, asked: Sequence[Asked]) -> None:
        sizes.append(len(asked))
        ask(line, packed, asked)

    monkeypatch.setattr(RedisConnection, "ask", counted)
    return sizes


async def test_commands_of_one_tick_go_out_together(redis_url: str, writes: list[int]) -> None:
    async with Redis.from_url(redis_url) as redis:
        pipe = Pipelined(redis)
        await asyncio.gather(*(pipe.do("SET", f"k{n}", n) for n in range(MANY)))
        replies = await asyncio.gather(*(pipe.do("GET", f"k{n}") for n in range(MANY)))
    assert replies == [str(n).encode() for n in range(MANY)]
    assert writes == [MANY, MANY]


async def test_an_error_reaches_its_own_caller(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        pipe = Pipelined(redis)
        commands = (("SET", "k", "v"), ("INCR", "k"), ("GET", "k"))
        heard = await asyncio.gather(*(pipe.do(*command) for command in commands), return_exceptions=True)
    good, bad, other = heard
    assert good in (True, b"OK")
    assert isinstance(bad, ResponseError)
    assert other == b"v"


async def test_a_cancelled_caller_takes_nobody_along(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        pipe = Pipelined(redis)
        gone = asyncio.ensure_future(pipe.do("SET", "gone", "1"))
        stays = asyncio.ensure_future(pipe.do("SET", "stays", "1"))
        await asyncio.sleep(0)
        gone.cancel()
        await stays
        assert gone.cancelled() or (await asyncio.gather(gone, return_exceptions=True))
        assert await redis.get("stays") == b"1"


async def test_a_script_that_the_server_forgot_is_given_again(redis_url: str) -> None:
    source = "return redis.call('INCRBY', KEYS[1], ARGV[1])"
    script = Script(source, sha1(source.encode(), usedforsecurity=False).hexdigest())
    async with Redis.from_url(redis_url) as redis:
        pipe = Pipelined(redis)
        await redis.script_flush()
        assert await pipe.run(script, ("n",), (2,)) == 2
        assert await pipe.run(script, ("n",), (3,)) == 5


async def test_a_server_that_is_away_is_an_error_for_each(unused_tcp_port: int) -> None:
    async with Redis(host="127.0.0.1", port=unused_tcp_port, socket_connect_timeout=1) as redis:
        pipe = Pipelined(redis)
        heard = await asyncio.gather(*(pipe.do("GET", "k") for _ in range(3)), return_exceptions=True)
    assert all(isinstance(error, RedisConnectionError | TimeoutError) for error in heard)
    assert len({id(error) for error in heard}) == 3


async def test_a_bound_on_what_waits(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        pipe = Pipelined(redis, waiting_max=3)
        for _ in range(2):  # before the first connection, and over it
            asked = [pipe.do("GET", "k") for _ in range(3)]
            with pytest.raises(Overloaded):
                await pipe.do("GET", "k")
            assert await asyncio.gather(*asked) == [None] * 3
    assert issubclass(Overloaded, RedisError)


async def test_a_silent_server_is_an_error_in_time_and_its_connection_is_not_used_again(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url) as redis:
        pipe = Pipelined(redis, wait_s=0.3)
        assert await pipe.do("SET", "k", "before") == b"OK"
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            heard = await asyncio.gather(*(pipe.do("GET", "k") for _ in range(3)), return_exceptions=True)
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        assert all(isinstance(error, TimeoutError) for error in heard)
        await pipe.do("SET", "k", "after")
        assert await pipe.do("GET", "k") == b"after", "no late reply is taken for another's"


async def test_connections_that_were_lost_are_made_again(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis, Redis.from_url(redis_url) as other:
        pipe = Pipelined(redis)
        assert await pipe.do("SET", "k", "v") == b"OK"
        await other.client_kill_filter(_type="normal", skipme=True)
        assert await asyncio.gather(*(pipe.do("GET", "k") for _ in range(MANY))) == [b"v"] * MANY
        assert len(await other.client_list()) == 2, "the lost one was given back, and taken again"


async def test_one_connection_is_held_and_closed_with_its_pool(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis, Redis.from_url(redis_url) as other:
        pipe = Pipelined(redis)
        for _ in range(3):
            await asyncio.gather(*(pipe.do("PING") for _ in range(MANY)))
        assert len(await other.client_list()) == 2
        await redis.aclose()

        async def gone() -> bool:
            return len(await other.client_list()) == 1

        await until(gone)  # the server notices in its own time


async def test_who_gives_up_while_the_server_is_silent_hears_nothing_more(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url) as redis:
        pipe = Pipelined(redis, wait_s=0.3)
        assert await pipe.do("SET", "k", "v") == b"OK"
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            gone, stays = (asyncio.ensure_future(pipe.do("GET", "k")) for _ in range(2))
            await asyncio.sleep(0.05)
            gone.cancel()
            heard = await asyncio.gather(gone, stays, return_exceptions=True)
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        assert [type(error) for error in heard] == [asyncio.CancelledError, TimeoutError]


async def test_a_connection_that_ends_is_an_error_for_who_waits_and_nobody_else(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis, Redis.from_url(redis_url) as other:
        pipe = Pipelined(redis)
        waits = asyncio.ensure_future(pipe.do("BLPOP", "nobody-fills", 0))
        await asyncio.sleep(0.05)
        await other.client_kill_filter(_type="normal", skipme=True)
        with pytest.raises(RedisConnectionError):
            await waits
        assert await pipe.do("PING") == b"PONG"


async def test_an_opening_that_is_cancelled_tells_who_waits(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url) as redis:
        pipe = Pipelined(redis)
        os.kill(valkey.pid, signal.SIGSTOP)  # it accepts, and does not speak
        try:
            waits = asyncio.ensure_future(pipe.do("PING"))
            await asyncio.sleep(0.05)
            assert pipe._opening is not None
            pipe._opening.cancel()
            with pytest.raises(RedisError, match="CancelledError"):
                await waits
        finally:
            os.kill(valkey.pid, signal.SIGCONT)
        assert await pipe.do("PING") == b"PONG"


@pytest.mark.parametrize("said", [b"+OK\r\n+AND MORE\r\n", b"what?\r\n", b"-READONLY a replica\r\n"])
async def test_a_line_that_goes_wrong_is_not_used_again(redis_url: str, said: bytes) -> None:
    async with Redis.from_url(redis_url) as redis:
        pipe = Pipelined(redis)
        assert await pipe.do("PING") == b"PONG"
        line = pipe._line
        assert line is not None
        asked = asyncio.ensure_future(pipe.do("BLPOP", "nobody-fills", 0))
        await asyncio.sleep(0.05)
        line.data_received(said)  # the server has said nothing yet
        heard = (await asyncio.gather(asked, return_exceptions=True))[0]
        assert heard == b"OK" or isinstance(heard, RedisError)
        assert await pipe.do("PING") == b"PONG"
        assert pipe._line is not line


async def test_what_was_not_written_goes_over_the_next_line(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        pipe = Pipelined(redis)
        assert await pipe.do("PING") == b"PONG"
        assert pipe._line is not None
        asked = asyncio.ensure_future(pipe.do("PING"))
        pipe._line.end(RedisError("gone"))
        assert await asked == b"PONG"


async def test_a_server_that_pushes_is_not_misread(redis_url: str) -> None:
    async with Redis.from_url(redis_url, protocol=3) as redis:
        pipe = Pipelined(redis)
        await pipe.do("CLIENT", "TRACKING", "ON", "BCAST")
        for n in range(3):
            assert await pipe.do("SET", "k", n) == b"OK"  # each is told to whoever tracks, to us too
            assert await pipe.do("GET", "k") == str(n).encode()
