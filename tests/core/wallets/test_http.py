"""The wallets' socket against peers that lie, hang up, redirect and never end; and the token that is renewed."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from core.acquirers.breaker import Circuit
from core.wallets.daraja import DarajaWallet
from core.wallets.http import ANSWER_BYTES_MAX, HttpAnswer, HttpAsk, WalletHttp
from core.wallets.mtn import MtnWallet
from core.wallets.port import Asked, NotSent, UnknownOutcome, WalletDecline
from lab.servers.serving import serving
from tests.core.wallets.attempts import ATTEMPT, HANDLE, WHOLE, daraja, mtn

ASK = HttpAsk("GET", "/x")


@dataclass
class Provider:
    """Gives tokens, of which only the latest works, and answers everything else by one response."""

    response: Response = field(default_factory=Response)
    tokens: int = 0
    pushes: int = 0
    token_status: int = 200
    renews: bool = True

    async def token(self, _: Request) -> Response:
        self.tokens += 1
        return JSONResponse({"access_token": f"t{self.tokens}", "expires_in": "3599"}, self.token_status)

    async def answer(self, request: Request) -> Response:
        self.pushes += 1
        if not self.renews or request.headers.get("authorization", "Bearer t1") == "Bearer t1":
            return JSONResponse({"errorCode": "404.001.03"}, 401)
        return self.response


@pytest.fixture
async def provider() -> AsyncIterator[tuple[Provider, str]]:
    made = Provider()
    doors = [
        Route("/collection/token/", made.token, methods=["POST"]),
        Route("/oauth/v1/generate", made.token, methods=["GET"]),
        Route("/{path:path}", made.answer, methods=["GET", "POST"]),
    ]
    async with serving(Starlette(routes=doors)) as url:
        yield made, url


async def test_a_token_that_is_refused_is_renewed_once_and_asked_for_once_by_many(
    provider: tuple[Provider, str],
) -> None:
    made, url = provider
    made.response = Response(b"", 202)
    wallet = MtnWallet(mtn(url))
    first = await wallet.ask(ATTEMPT)
    assert isinstance(first, Asked)
    assert (made.tokens, made.pushes) == (2, 2)
    await asyncio.gather(*(wallet.ask(ATTEMPT) for _ in range(5)))
    assert made.tokens == 2
    made.renews = False
    assert isinstance(await wallet.ask(ATTEMPT), WalletDecline)
    assert made.tokens == 3, "renewed once an exchange, and never in a circle"
    await wallet.aclose()


async def test_daraja_renews_by_its_own_code(provider: tuple[Provider, str]) -> None:
    made, url = provider
    made.response = JSONResponse({"ResponseCode": "0", "CheckoutRequestID": HANDLE})
    wallet = DarajaWallet(daraja(url))
    asked = await wallet.ask(WHOLE)
    assert isinstance(asked, Asked)
    assert (asked.handle, made.tokens) == (HANDLE, 2)
    await wallet.aclose()


async def test_without_a_token_nothing_is_sent(provider: tuple[Provider, str]) -> None:
    made, url = provider
    made.token_status = 500
    wallet = MtnWallet(mtn(url))
    assert isinstance(await wallet.ask(ATTEMPT), NotSent)
    assert made.pushes == 0
    await wallet.aclose()


@pytest.mark.parametrize(
    ("response", "status"),
    [(RedirectResponse("/elsewhere", 307), 307), (Response("<html>"), 200), (Response(b"", 502), 502)],
)
async def test_whatever_is_answered_is_an_answer_and_no_redirect_is_followed(
    provider: tuple[Provider, str], response: Response, status: int
) -> None:
    made, url = provider
    made.response = response
    http = WalletHttp(url)
    answer = await http.exchange(HttpAsk("GET", "/x", {"Authorization": "Bearer t2"}))
    assert isinstance(answer, HttpAnswer)
    assert (answer.status, answer.json(), made.pushes) == (status, {}, 1)
    await http.aclose()


async def test_an_answer_that_never_ends_is_unknown(provider: tuple[Provider, str]) -> None:
    made, url = provider
    made.response = Response(json.dumps({"x": "y" * ANSWER_BYTES_MAX}))
    http = WalletHttp(url)
    assert isinstance(await http.exchange(HttpAsk("GET", "/x", {"Authorization": "b"})), UnknownOutcome)
    await http.aclose()


async def test_no_connection_is_not_sent_and_opens_the_circuit() -> None:
    http = WalletHttp("http://127.0.0.1:9")
    for _ in range(10):
        assert isinstance(await http.exchange(ASK), NotSent)
    assert http.breaker.circuit is Circuit.OPEN
    assert await http.exchange(ASK) == NotSent("circuit open")
    await http.aclose()


async def test_an_answer_that_is_cut_or_does_not_come_is_unknown() -> None:
    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{")
        await writer.drain()
        writer.close()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    for peer in (cut, silent):
        server = await asyncio.start_server(peer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        http = WalletHttp(f"http://127.0.0.1:{port}", timeout_s=0.5)
        assert isinstance(await http.exchange(ASK), UnknownOutcome)
        await http.aclose()
        server.close()


def test_an_address_that_is_none_is_told_at_once() -> None:
    for url in ("", "ftp://x", "wallet"):
        with pytest.raises(ValueError, match="address"):
            WalletHttp(url)
