"""The receipt's addresses on a real server, over books that hold what a test puts there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from starlette.applications import Starlette

from channels.links import ReceiptLinks
from channels.receipt_view import Operator
from channels.web.pages import Pages
from channels.web.receipts.endpoint import routes
from core.messaging.texts import load_texts
from core.payments.table import Payment
from core.refunds.model import Refund
from core.repositories import DatabaseUnavailable
from lab.clocks import StillClock
from lab.servers.serving import ASKERS_IDLE_S, serving
from tests.support.paid import PAID_AT

LINKS = ReceiptLinks(["a-secret-of-the-tests"], "https://pay.example.ma")


@dataclass
class Books:
    """Finds payments by their receipt's id, as the till does; remembers what it was asked."""

    payments: dict[str, Payment] = field(default_factory=dict)
    parts: list[Refund] = field(default_factory=list)
    down: bool = False
    asked: list[str] = field(default_factory=list)

    def hold(self, payment: Payment) -> str:
        """Keeps it; the token of its link."""
        assert payment.receipt_token is not None
        assert payment.paid_at is not None
        self.payments[payment.receipt_token] = payment
        return LINKS.make(payment.receipt_token, payment.paid_at)

    async def by_receipt_token(self, token: str) -> Payment | None:
        self.asked.append(token)
        if self.down:
            raise DatabaseUnavailable
        return self.payments.get(token)

    async def of(self, payment_id: str) -> tuple[Refund, ...]:
        return tuple(part for part in self.parts if part.payment_id == payment_id)


@dataclass(frozen=True)
class Site:
    """A running site and a browser without a screen."""

    url: str
    http: aiohttp.ClientSession
    books: Books
    clock: StillClock

    async def get(self, path: str) -> tuple[aiohttp.ClientResponse, str]:
        """An answer and its text."""
        async with self.http.get(path) as answer:
            return answer, await answer.text()


@asynccontextmanager
async def site(
    name: str = "Opérateur", logo: Path | None = None, logos: tuple[tuple[str, Path], ...] = ()
) -> AsyncIterator[Site]:
    """Serves within the block."""
    pages, books, clock = Pages(load_texts(), Operator(name, "777", logo, logos=logos)), Books(), StillClock(PAID_AT)
    app = Starlette(routes=[*routes(pages, books, books, LINKS, clock), *pages.routes()])
    connector = aiohttp.TCPConnector(keepalive_timeout=ASKERS_IDLE_S)
    async with serving(app) as url, aiohttp.ClientSession(url, connector=connector) as http:
        yield Site(url, http, books, clock)
