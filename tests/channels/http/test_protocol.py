"""Slow senders and endless heads are cut; whoever behaves is served meanwhile (facts/security.md 10)."""

import asyncio
import resource
import time
from collections import Counter
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.http.protocol import HEAD_BYTES_MAX, HEADERS_MAX, bounded
from lab.serving import serving

RECEIVE_MAX_S = 1.0
TRICKLERS = 500
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


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    counted: Counter[str] = Counter()
    app = Starlette(routes=[Route("/", _echo, methods=["GET", "POST"])])

    def count(door: str, reason: str) -> None:
        counted[f"{door} {reason}"] += 1

    async with serving(app, http=bounded(count, RECEIVE_MAX_S)) as url:
        yield Served(url, counted)


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5 * RECEIVE_MAX_S):
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


@pytest.mark.parametrize(
    "sent", [b"", b"P", b"POST / HTTP/1.1\r\nHost: a\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab"]
)
async def test_what_never_arrives_whole_is_cut(served: Served, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(sent)
    began = time.monotonic()
    await _until_closed(reader)
    assert time.monotonic() - began >= RECEIVE_MAX_S / 2
    assert served.counted["protocol slow"] == 1
    writer.close()


async def test_trickling_connections_are_cut_and_others_served(served: Served) -> None:
    async def trickle() -> None:
        reader, writer = await asyncio.open_connection(*served.address)
        closed = asyncio.create_task(_until_closed(reader))
        for byte in b"POST / HTTP/1.1\r\nHost: example\r\n":
            if closed.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(RECEIVE_MAX_S / 10)
        await closed
        writer.close()

    tricklers = [asyncio.create_task(trickle()) for _ in range(TRICKLERS)]
    async with aiohttp.ClientSession() as client:
        while not all(task.done() for task in tricklers):
            async with client.get(served.url) as answer:
                assert answer.status == 200
            await asyncio.sleep(RECEIVE_MAX_S / 10)
    await asyncio.gather(*tricklers)
    assert served.counted["protocol slow"] == TRICKLERS


async def test_an_endless_head_is_refused_without_being_kept(served: Served) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader, writer = await asyncio.open_connection(*served.address)
    writer.write(b"GET / HTTP/1.1\r\nX-Endless: ")
    try:
        for _ in range(1024):  # 64 MiB, if it were taken
            writer.write(b"a" * 65536)
            await asyncio.wait_for(writer.drain(), 5)
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
    writer.close()
