"""One request to a peer: what goes with it, what comes back, and how long it may be; over a real socket."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from yarl import URL

from core.http_peer import CHUNK_BYTES, CONNECT_TIMEOUT_S, HttpPeer, HttpReply
from core.ports import NotSent, UnknownOutcome
from lab.servers.serving import serving

ANSWER_BYTES_MAX = 2 * CHUNK_BYTES


@dataclass
class Echo:
    """Answers by one response, and keeps the requests."""

    response: Response = field(default_factory=Response)
    heard: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        path = f"{request.url.path}?{request.url.query}"
        self.heard.append((request.method, path, dict(request.headers), await request.body()))
        return self.response


@pytest.fixture(scope="module")
async def echo() -> AsyncIterator[tuple[Echo, str]]:
    made = Echo()
    async with serving(Starlette(routes=[Route("/{path:path}", made.answer, methods=["GET", "POST"])])) as url:
        yield made, url


def peer_at(url: str, timeout_s: float = 20, connect_timeout_s: float = CONNECT_TIMEOUT_S) -> HttpPeer:
    return HttpPeer(
        url,
        headers={"X-Every": "1"},
        timeout_s=timeout_s,
        connections_max=3,
        answer_bytes_max=ANSWER_BYTES_MAX,
        connect_timeout_s=connect_timeout_s,
    )


async def test_a_request_goes_out_as_it_was_told_on_a_connection_of_its_own(echo: tuple[Echo, str]) -> None:
    made, url = echo
    made.heard.clear()
    made.response = Response(b"told", 418, {"X-Told": "yes"})
    peer = peer_at(url + "/own")
    reply = await peer.send("POST", data={"a": "b c"})
    await peer.send("GET", URL(url + "/other"), headers={"X-One": "2"}, params={"q": "r"})
    await peer.aclose()
    assert isinstance(reply, HttpReply)
    assert (reply.status, reply.body, reply.headers["x-told"]) == (418, b"told", "yes")
    (post, own, headers, body), (get, other, more, _) = made.heard
    assert (post, own, body, get, other) == ("POST", "/own?", b"a=b+c", "GET", "/other?q=r")
    assert (headers["x-every"], headers["accept-encoding"]) == ("1", "identity")
    assert (more["x-every"], more["x-one"], "x-one" in headers) == ("1", "2", False)
    assert (headers["connection"], more["connection"]) == ("close", "close")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_nobody_is_followed_elsewhere(echo: tuple[Echo, str], status: int) -> None:
    made, url = echo
    made.heard.clear()
    made.response = Response(status_code=status, headers={"Location": url + "/elsewhere"})
    peer = peer_at(url)
    reply = await peer.send("POST", data=b"card")
    await peer.aclose()
    assert isinstance(reply, HttpReply)
    assert (reply.status, len(made.heard)) == (status, 1)


@pytest.mark.parametrize("size", [0, 1, ANSWER_BYTES_MAX - 1, ANSWER_BYTES_MAX])
async def test_an_answer_comes_whole(echo: tuple[Echo, str], size: int) -> None:
    made, url = echo
    made.response = Response(b"x" * size)
    peer = peer_at(url)
    reply = await peer.send("GET")
    await peer.aclose()
    assert isinstance(reply, HttpReply)
    assert reply.body == b"x" * size


async def test_an_answer_that_is_one_byte_too_long_is_none(echo: tuple[Echo, str]) -> None:
    made, url = echo
    made.response = Response(b"x" * (ANSWER_BYTES_MAX + 1))
    peer = peer_at(url)
    assert await peer.send("GET") == UnknownOutcome("the answer is too long")
    await peer.aclose()


async def test_it_opens_anew_after_it_was_closed(echo: tuple[Echo, str]) -> None:
    made, url = echo
    made.response = Response(b"x")
    peer = peer_at(url)
    await peer.aclose()
    first = peer._open_session()
    assert peer._open_session() is first
    assert isinstance(first.connector, aiohttp.TCPConnector)
    assert first.connector.limit == 3
    await peer.aclose()
    assert first.closed
    assert isinstance(await peer.send("GET"), HttpReply)
    await peer._open_session().close()
    assert isinstance(await peer.send("GET"), HttpReply), "closed by somebody else"
    await peer.aclose()


async def test_where_nobody_listens_no_byte_has_left() -> None:
    peer = peer_at("http://127.0.0.1:9")
    assert await peer.send("POST", data=b"card") == NotSent("no connection")
    await peer.aclose()


@pytest.mark.parametrize(
    ("asked_s", "total_s", "connect_s"), [(None, 20, 5), (10, 10, 5), (3, 3, 3), (5, 5, 5), (20, 20, 5), (30, 20, 5)]
)
async def test_how_long_it_is_waited_for(asked_s: float | None, total_s: float, connect_s: float) -> None:
    within: list[aiohttp.ClientTimeout] = []

    class Noting(HttpPeer):
        def _within(self, allowed_s: float) -> aiohttp.ClientTimeout:
            within.append(super()._within(allowed_s))
            return within[-1]

    peer = Noting("http://127.0.0.1:9", headers={}, timeout_s=20, connections_max=1, answer_bytes_max=1)
    await peer.send("GET", timeout_s=asked_s)
    await peer.aclose()
    assert within == [aiohttp.ClientTimeout(total=total_s, connect=connect_s, sock_read=total_s)]


@pytest.mark.parametrize("url", ["", "peer", "ftp://peer.example", "//peer.example", "http://", "/path"])
def test_an_address_that_is_none_is_told_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="http or https address"):
        peer_at(url)
