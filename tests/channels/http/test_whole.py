"""Answers that go out in one write: the same answers, on every kind of connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.types import Receive, Scope, Send

from channels.http.front import RequestIds
from channels.http.protocol import BoundedProtocol, bounded
from channels.http.receive import send_reply
from channels.wire import Reply
from lab.servers.serving import serving

WAIT_MAX_S = 60.0
SLOW_S = 0.15
FIXED = (b"content-type", b"content-length", b"cache-control", b"x-request-id", b"date")


async def _echo(scope: Scope, receive: Receive, send: Send) -> None:
    """The path's last letter as often as the query says, after a while where that letter is s."""
    if scope["type"] == "http":
        letter = scope["path"][-1]
        await asyncio.sleep(SLOW_S if letter == "s" else 0)
        body = letter.encode() * int(scope["query_string"] or b"1")
        await send_reply(scope, send, Reply(body, status=404 if letter == "n" else 200), screen="Screen")


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """For each answer whether it went as a whole."""
    went: list[bool] = []
    answer = BoundedProtocol._answer

    def told(protocol: BoundedProtocol, *args: Any) -> bool:
        went.append(answer(protocol, *args))
        return went[-1]

    monkeypatch.setattr(BoundedProtocol, "_answer", told)
    return went


@pytest.fixture
async def address() -> AsyncIterator[tuple[str, int]]:
    async with serving(RequestIds(_echo), http=bounded(lambda *_: None)) as url:
        parts = urlsplit(url)
        yield parts.hostname or "", parts.port or 0


async def _asked(address: tuple[str, int], sent: bytes) -> bytes:
    """Everything that comes back until the connection ends."""
    reader, writer = await asyncio.open_connection(*address)
    with closing(writer):
        writer.write(sent)
        async with asyncio.timeout(WAIT_MAX_S):
            return await reader.read()


def _get(path: bytes, *, version: bytes = b"1.1", close: bool = False, method: bytes = b"GET") -> bytes:
    end = b"Connection: close\r\n" if close else b""
    return b"%b /%b HTTP/%b\r\nHost: a\r\n%b\r\n" % (method, path, version, end)


async def test_an_answer_in_one_write(address: tuple[str, int], whole: list[bool]) -> None:
    head, _, body = (await _asked(address, _get(b"a?3", close=True))).partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    assert first == b"HTTP/1.1 200 OK"
    assert body == b"aaa"
    assert set(FIXED) <= set(headers)
    assert len(headers) == len(lines)
    assert headers[b"content-length"] == b"3"
    assert headers[b"cache-control"] == b"no-store"
    assert headers[b"x-screen"] == b"Screen"
    assert headers[b"connection"] == b"close"
    assert len(headers[b"x-request-id"]) == 12
    assert whole == [True]


async def test_kept_connections_and_old_clients(address: tuple[str, int], whole: list[bool]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    with closing(writer):
        for letter, status in ((b"a", b"200 OK"), (b"n", b"404 Not Found"), (b"b", b"200 OK")):
            writer.write(_get(letter))
            async with asyncio.timeout(WAIT_MAX_S):
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 " + status)
                assert await reader.readexactly(1) == letter
    assert (await _asked(address, _get(b"c", version=b"1.0"))).endswith(b"\r\n\r\nc")
    assert whole == [True] * 4


async def test_requests_sent_ahead_are_answered_in_their_order(address: tuple[str, int], whole: list[bool]) -> None:
    heard = await _asked(address, _get(b"s") + _get(b"b") + _get(b"s?2") + _get(b"d", close=True))
    assert [answer.partition(b"\r\n\r\n")[2] for answer in heard.split(b"HTTP/1.1 200 OK")[1:]] == [
        b"s",
        b"b",
        b"ss",
        b"d",
    ]
    assert heard.count(b"x-request-id") == 4
    assert whole[-1], "the last one has the connection to itself"
    assert not whole[0], "another request had come meanwhile"


async def test_head_has_no_body(address: tuple[str, int], whole: list[bool]) -> None:
    heard = await _asked(address, _get(b"a?3", close=True, method=b"HEAD"))
    assert b"content-length: 3" in heard
    assert heard.endswith(b"\r\n\r\n")
    assert whole == [False]


async def test_a_client_that_left_is_no_error(
    address: tuple[str, int], whole: list[bool], caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection(*address)
    writer.write(_get(b"s"))
    await asyncio.sleep(SLOW_S / 3)  # the server is at it
    writer.transport.abort()
    await asyncio.sleep(2 * SLOW_S)
    assert not whole
    assert (await _asked(address, _get(b"a", close=True))).endswith(b"a")
    assert whole == [True]
    assert not caplog.records
