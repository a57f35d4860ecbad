"""Slow senders and endless heads are cut; whoever behaves is served meanwhile (docs/protocols/security.md 10)."""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.http import protocol
from channels.http.protocol import HEAD_BYTES_MAX, HEADERS_MAX, BoundedProtocol, Leaving, bounded
from lab.servers.serving import serving
from tests.support.waiting import closed

RECEIVE_MAX_S = 1.0
TRICKLERS, A_BYTE_S = 500, 1.0
TRICKLED = b"POST / HTTP/1.1\r\nHost: example.example\r\n"
MEMORY_MAX_BYTES = 10 * 1024 * 1024


class Served:
    """A small application behind the protocol, and what was counted."""

    def __init__(self, url: str, counted: Counter[str]) -> None:
        self.url = url
        self.counted = counted
        parts = urlsplit(url)
        self.address = (parts.hostname or "", parts.port or 0)


async def _echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@asynccontextmanager
async def _serving(receive_max_s: float) -> AsyncIterator[Served]:
    counted: Counter[str] = Counter()
    app = Starlette(routes=[Route("/", _echo, methods=["GET", "POST"])])

    def count(door: str, reason: str) -> None:
        counted[f"{door} {reason}"] += 1

    async with serving(app, http=bounded(count, receive_max_s)) as url:
        yield Served(url, counted)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with _serving(RECEIVE_MAX_S) as served:
        yield served


async def _until_closed(reader: asyncio.StreamReader, within_s: float = 5 * RECEIVE_MAX_S) -> bytes:
    async with asyncio.timeout(within_s):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


async def test_requests_on_one_connection_are_served_past_the_deadline(served: Served) -> None:
    async with aiohttp.ClientSession() as client:
        for _ in range(3):
            async with client.post(served.url, data=b"x" * 1000) as answer:
                assert await answer.text() == "1000"
            await asyncio.sleep(RECEIVE_MAX_S / 2)
    assert not served.counted


async def test_what_never_arrives_whole_is_cut(served: Served) -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\n"

    async def cut(sent: bytes) -> float:
        reader, writer = await asyncio.open_connection(*served.address)
        writer.write(sent)
        began = time.monotonic()
        await _until_closed(reader)
        await closed(writer)
        return time.monotonic() - began

    lived = await asyncio.gather(*(cut(sent) for sent in (b"", b"P", head, head + b"Content-Length: 9\r\n\r\nab")))
    assert min(lived) >= RECEIVE_MAX_S / 2
    assert served.counted["protocol slow"] == len(lived)


async def test_what_follows_a_request_must_arrive_whole_too(served: Served) -> None:
    whole = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    async def cut(sent: bytes, after: bytes) -> None:
        reader, writer = await asyncio.open_connection(*served.address)
        writer.write(whole + sent)
        await reader.readuntil(b"\r\n\r\n0")
        writer.write(after)
        await _until_closed(reader)
        await closed(writer)

    await asyncio.gather(cut(b"", b"\r\n"), cut(b"", b"GET / HT"), cut(b"GET /", b""), cut(whole[:-1], b""))
    assert served.counted["protocol slow"] == 4


async def test_trickling_connections_are_cut_and_others_served() -> None:
    """Five hundred, and the ten seconds of every server of ours: mostly waiting."""
    assert protocol.RECEIVE_MAX_S == 10
    async with _serving(protocol.RECEIVE_MAX_S) as served:

        async def trickle() -> int:
            reader, writer = await asyncio.open_connection(*served.address)
            ended = asyncio.create_task(_until_closed(reader, 2 * protocol.RECEIVE_MAX_S))
            sent = 0
            while not ended.done() and sent < len(TRICKLED):
                writer.write(TRICKLED[sent : sent + 1])
                sent += 1
                await asyncio.wait({ended}, timeout=A_BYTE_S)
            await ended
            await closed(writer)
            return sent

        tricklers = [asyncio.create_task(trickle()) for _ in range(TRICKLERS)]
        async with aiohttp.ClientSession() as client:
            while not all(task.done() for task in tricklers):
                async with client.get(served.url) as answer:
                    assert answer.status == 200
                await asyncio.sleep(A_BYTE_S / 2)
        sent = await asyncio.gather(*tricklers)
        assert served.counted["protocol slow"] == TRICKLERS
        assert max(sent) < len(TRICKLED)  # however often a byte came


async def test_an_endless_head_is_refused_without_being_kept(served: Served) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(b"GET / HTTP/1.1\r\nX-Endless: ")
    try:
        for _ in range(1024):  # 64 MiB, if it were taken
            writer.write(b"a" * 65536)
            await asyncio.wait_for(writer.drain(), 60)
            if served.counted:
                break
    except ConnectionError:
        pass
    answer = await _until_closed(reader)
    writer.transport.abort()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    assert served.counted["protocol head"] == 1
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MEMORY_MAX_BYTES


@pytest.mark.parametrize(
    "head",
    [b"".join(b"X-%d: 1\r\n" % n for n in range(HEADERS_MAX + 1)), b"X: " + b"a" * (HEAD_BYTES_MAX + 1) + b"\r\n"],
)
async def test_too_many_or_too_long_headers_are_refused(served: Served, head: bytes) -> None:
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n")
    assert (await _until_closed(reader)).startswith(b"HTTP/1.1 400")
    assert served.counted["protocol head"] >= 1
    await closed(writer)


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 1_000) for n in range(20)) + b"\r\n",
    ],
)
async def test_no_host_several_hosts_and_a_head_in_one_piece(served: Served, head: bytes) -> None:
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(head)
    assert (await _until_closed(reader)).startswith(b"HTTP/1.1 400 ")
    await closed(writer)


KEEP_ALIVE_S = 1


class _BriefPatience(BoundedProtocol):
    """Closes idle connections soon."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, count=lambda *_: None, leaving=Leaving(), **kwargs)
        self.timeout_keep_alive = KEEP_ALIVE_S


async def test_an_idle_connection_is_closed_and_a_busy_one_is_not() -> None:
    async def slow(request: Request) -> Response:
        await asyncio.sleep(1.5 * KEEP_ALIVE_S)
        return PlainTextResponse("slow")

    routes = [Route("/", _echo, methods=["GET"]), Route("/slow", slow)]
    async with serving(Starlette(routes=routes), http=_BriefPatience) as url:
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        for path, body in ((b"", b"0"), (b"slow", b"slow"), (b"", b"0")):  # the timer of the first rings in the second
            writer.write(b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % path)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            assert await reader.readexactly(len(body)) == body
        answered = time.monotonic()
        assert await _until_closed(reader, 60) == b""
        assert time.monotonic() - answered >= 0.9 * KEEP_ALIVE_S  # counted from the last answer
        await closed(writer)
