"""One request to a peer that moves money: whether a byte can have left, and that nothing is asked twice."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from yarl import URL

from core.http_peer import CHUNK_BYTES, HttpPeer, HttpReply
from core.ports import NotSent, UnknownOutcome

MOST = CHUNK_BYTES + 5
Peers = Callable[..., HttpPeer]


@dataclass
class Wire:
    """A peer that answers every request with the same bytes; what it heard is kept."""

    answer: bytes = b""
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with_closing = True
        while with_closing:
            try:
                self.heard.append(await reader.readuntil(b"\r\n\r\n"))
            except asyncio.IncompleteReadError:
                break
            writer.write(self.answer)
            await writer.drain()
            with_closing = bool(self.answer)
        writer.close()

    def says(self, status: str, body: bytes, *headers: str) -> None:
        head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers))
        self.answer = head.encode() + b"\r\n\r\n" + body

    def peer(self, **changed: object) -> HttpPeer:
        settings = {"timeout_s": 30.0, "connections_max": 2, "answer_bytes_max": MOST, "headers": {"X-Own": "1"}}
        return HttpPeer(f"http://127.0.0.1:{self.port}/pay", **{**settings, **changed})  # type: ignore[arg-type]


@asynccontextmanager
async def asking(peer: HttpPeer) -> AsyncIterator[HttpPeer]:
    try:
        yield peer
    finally:
        await peer.aclose()


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    made = Wire()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    async with server:
        made.port = server.sockets[0].getsockname()[1]
        yield made


async def test_what_is_asked_and_what_comes_back(wire: Wire) -> None:
    wire.says("418 Teapot", b"so", "X-Says: 2")
    async with asking(wire.peer()) as peer:
        reply = await peer.send("POST", headers={"X-Once": "3"}, params={"a": "b"}, data={"c": "d e"})
        other = await peer.send("GET", URL(f"http://127.0.0.1:{wire.port}/other"))
    assert isinstance(reply, HttpReply)
    assert isinstance(other, HttpReply)
    assert (reply.status, reply.body, reply.headers["X-Says"]) == (418, b"so", "2")
    assert repr(reply) == "HttpReply(status=418)"
    assert (HttpReply(200).body, HttpReply(200).headers) == (b"", {})
    first, second = (head.decode() for head in wire.heard if head.startswith((b"POST", b"GET")))
    assert first.startswith("POST /pay?a=b HTTP/1.1\r\n")
    assert second.startswith("GET /other HTTP/1.1\r\n")
    for line in ("X-Own: 1\r\n", "Accept-Encoding: identity\r\n", "X-Once: 3\r\n"):
        assert line in first
    assert wire.connections == 2, "a kept connection that was closed would look like a lost charge"


async def test_a_redirect_is_an_answer_and_leads_nowhere(wire: Wire) -> None:
    wire.says("307 Temporary Redirect", b"", f"Location: http://127.0.0.1:{wire.port}/elsewhere")
    async with asking(wire.peer()) as peer:
        reply = await peer.send("POST")
    assert isinstance(reply, HttpReply)
    assert (reply.status, len(wire.heard)) == (307, 1)


@pytest.mark.parametrize(("length", "whole"), [(0, True), (MOST - 1, True), (MOST, True), (MOST + 1, False)])
async def test_an_answer_has_a_longest(wire: Wire, length: int, *, whole: bool) -> None:
    wire.says("200 OK", b"x" * length)
    async with asking(wire.peer()) as peer:
        reply = await peer.send("GET")
    assert isinstance(reply, HttpReply if whole else UnknownOutcome)
    assert not isinstance(reply, HttpReply) or reply.body == b"x" * length


async def test_a_body_is_never_unpacked(wire: Wire) -> None:
    packed = gzip.compress(b"0" * 100_000)
    wire.says("200 OK", packed, "Content-Encoding: gzip")
    async with asking(wire.peer()) as peer:
        reply = await peer.send("GET")
    assert isinstance(reply, HttpReply)
    assert reply.body == packed


async def test_what_was_sent_and_not_answered_is_unknown(wire: Wire) -> None:
    async with asking(wire.peer()) as peer:
        assert isinstance(await peer.send("POST"), UnknownOutcome)
        wire.answer = b"no HTTP at all\r\n\r\n"
        assert isinstance(await peer.send("POST"), UnknownOutcome)
        wire.says("200 OK", b"short")
        wire.answer = wire.answer[:-1]
        assert isinstance(await peer.send("POST", timeout_s=0.5), UnknownOutcome)
    assert [head[:4] for head in wire.heard][:3] == [b"POST"] * 3


async def test_where_nobody_listens_nothing_was_sent(wire: Wire) -> None:
    gone = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    port = gone.sockets[0].getsockname()[1]
    gone.close()
    await gone.wait_closed()
    async with asking(wire.peer()) as peer:
        assert isinstance(await peer.send("POST", URL(f"http://127.0.0.1:{port}/")), NotSent)
        wire.says("200 OK", b"")
        assert isinstance(await peer.send("GET"), HttpReply)
        await peer.aclose()
        assert isinstance(await peer.send("GET"), HttpReply), "closed, it opens anew"
    assert len(wire.heard) == 2


async def test_no_request_may_take_longer_than_the_peer_and_no_connection_longer_than_its_own() -> None:
    peer = Wire().peer(timeout_s=20.0, connect_timeout_s=4.0)
    for allowed_s, connect_s in ((20.0, 4.0), (4.0, 4.0), (3.0, 3.0)):
        within = peer._within(allowed_s)
        assert (within.total, within.connect, within.sock_read) == (allowed_s, connect_s, allowed_s)


@pytest.mark.parametrize(
    ("url", "right"),
    [("http://x", True), ("https://x/y", True), ("ftp://x", False), ("x", False), ("http:///y", False), ("", False)],
)
async def test_a_peer_has_an_address(url: str, *, right: bool) -> None:
    def made() -> HttpPeer:
        return HttpPeer(url, headers={}, timeout_s=1, connections_max=1, answer_bytes_max=1)

    if right:
        assert str(made().url).startswith(url)
        return
    with pytest.raises(ValueError, match="address"):
        made()
