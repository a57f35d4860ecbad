"""The wallet of docs/extending/wallet.md, as written, joined by its settings: it asks a payer and hears the end."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.wallets.port import Asked, NoSuchRequest, Pending, UnknownOutcome, Wallet, WalletDecline, WalletPaid
from khallas.bootstrap.wallets import wallets_of
from khallas.settings.model import load
from lab.servers.serving import serving
from tests.core.wallets.attempts import ATTEMPT
from tests.docs.test_examples import module


@dataclass
class AcmePay:
    """The provider: knows its requests by their id, and its words."""

    known: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def ask(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer k"
        asked = await request.json()
        if asked["id"] in self.known:
            return Response(status_code=409)
        self.known[asked["id"]] = {"state": "WAITING", "amount": asked["amount"], "currency": asked["currency"]}
        assert asked["callback"] == f"https://pay.example/wallets/acmepay/{asked['id']}"
        return Response(status_code=202)

    async def told(self, request: Request) -> Response:
        found = self.known.get(request.path_params["id"])
        return JSONResponse(found) if found else Response(status_code=404)


@pytest.fixture
async def acme(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[AcmePay, Wallet]]:
    monkeypatch.setitem(sys.modules, "core.wallets.acme", module("wallet.md", "core/wallets/acme.py"))
    provider = AcmePay()
    doors = [
        Route("/requests", provider.ask, methods=["POST"]),
        Route("/requests/{id}", provider.told, methods=["GET"]),
    ]
    async with serving(Starlette(routes=doors)) as url:
        own = "KHALLAS_WALLETS__ACMEPAY__"
        environ = {f"{own}WIRE": "acme", f"{own}NAME": "Acme Pay", f"{own}URL": url, f"{own}KEY": "k"}
        wallet = wallets_of(load({**environ, "KHALLAS_PUBLIC_URL": "https://pay.example"}))["acmepay"]
        yield provider, wallet
        await wallet.aclose()


async def test_it_asks_once_and_pays_by_its_word_alone(acme: tuple[AcmePay, Wallet]) -> None:
    provider, wallet = acme
    assert wallet.terms.name == "Acme Pay"
    assert await wallet.inquire(ATTEMPT) == NoSuchRequest()
    assert await wallet.ask(ATTEMPT) == Asked(ATTEMPT.reference)
    assert await wallet.ask(ATTEMPT) == Pending()
    assert await wallet.inquire(ATTEMPT) == Pending()
    known = provider.known[ATTEMPT.reference]
    known["state"] = "SETTLEDISH"
    assert await wallet.inquire(ATTEMPT) == Pending()
    known |= {"state": "SETTLED", "number": "A-1"}
    assert await wallet.inquire(ATTEMPT) == WalletPaid("A-1", 76920, "MAD")
    known["amount"] = "769.205"
    assert isinstance(await wallet.inquire(ATTEMPT), UnknownOutcome)
    known["state"] = "REJECTED"
    assert isinstance(await wallet.inquire(ATTEMPT), WalletDecline)
