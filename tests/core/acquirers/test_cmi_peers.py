"""The client against peers that are no gateway: they hang up, redirect, answer for others, never end."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from core.acquirers.cmi import CmiAcquirer
from core.acquirers.cmi_xml import ANSWER_MAX_BYTES, CmiAccount
from core.cards import Card, Secret
from core.ports import Approved, Authorisation, Order, UnknownOutcome
from lab.servers.serving import serving

CARD, CVV = Card(Secret("4000000000000010"), 12, 2031), Secret("000")
ORDER = Order("o-1", 76920, "MAD", None, "+212600000001")
ENDLESS_CHUNKS = 10_000


class Peer:
    """A peer that answers every request with one and the same thing."""

    def __init__(self) -> None:
        self.response = Response()
        self.requests = 0
        self.accepted = ""

    async def answer(self, request: Request) -> Response:
        self.requests += 1
        self.accepted = request.headers.get("accept", "")
        return self.response


@pytest.fixture(scope="module")
async def peer_url() -> AsyncIterator[tuple[Peer, str]]:
    peer = Peer()
    async with serving(Starlette(routes=[Route("/{path:path}", peer.answer, methods=["POST"])])) as url:
        yield peer, url


XML = "<CC5Response><OrderId>{}</OrderId><Response>Approved</Response><ProcReturnCode>00</ProcReturnCode></CC5Response>"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (Response(XML.format("o-1")), Approved("", "")),
        (Response(XML.format("")), Approved("", "")),
        (Response(XML.format("another")), UnknownOutcome("answer to another order")),
        (Response(XML.format("o-1"), 500), UnknownOutcome("HTTP 500")),
        (Response(XML.format("o-1"), 404), UnknownOutcome("HTTP 404")),
        (RedirectResponse("/elsewhere", 307), UnknownOutcome("HTTP 307")),
        (Response(""), UnknownOutcome("answer cannot be read")),
        (Response("<html/>"), UnknownOutcome("answer cannot be read")),
        (Response(XML.format("x" * ANSWER_MAX_BYTES)), UnknownOutcome("the answer is too long")),
    ],
)
async def test_whatever_a_peer_answers(peer_url: tuple[Peer, str], response: Response, expected: Authorisation) -> None:
    peer, url = peer_url
    peer.response, peer.requests = response, 0
    client = CmiAcquirer(CmiAccount(url, "1", "n", Secret("p")))
    answer = await client.authorise(ORDER, CARD, CVV)
    await client.aclose()
    assert answer == expected
    assert peer.accepted == "text/xml, application/xml"
    assert peer.requests == (2 if isinstance(answer, Approved) else 1), "its code is asked for once"


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<CC5Response>", b"nonsense\r\n\r\n"]
)
async def test_a_connection_lost_after_the_charge_left_is_unknown(said: bytes) -> None:
    heard: list[bytes] = []

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(1000))
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = CmiAcquirer(CmiAccount(f"http://127.0.0.1:{port}", "1", "n", Secret("p")))
        answer = await client.authorise(ORDER, CARD, CVV)
        await client.aclose()
    assert isinstance(answer, UnknownOutcome)
    assert answer.why.startswith("connection lost")
    assert len(heard) == 1


async def test_an_endless_answer_is_cut(peer_url: tuple[Peer, str]) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(ENDLESS_CHUNKS):
            sent += 1
            yield b"x" * 8_192

    peer, url = peer_url
    peer.response = StreamingResponse(endless())
    client = CmiAcquirer(CmiAccount(url, "1", "n", Secret("p")))
    assert await client.authorise(ORDER, CARD, CVV) == UnknownOutcome("the answer is too long")
    await client.aclose()
    assert sent < ENDLESS_CHUNKS
