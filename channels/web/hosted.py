"""Paying in a browser, on the acquirer's own page: no page of ours collects a card.

GET /pay/{token} shows the basket, POST sends the browser to the acquirer, /cmi/back takes it back, POST /cmi/callback
is the acquirer's server. A wrong link gets the same answer whatever is wrong with it (facts/security.md 16).
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from channels.door import Malformed
from channels.http.receive import incoming
from channels.links import PayLinks, ReceiptLinks
from channels.web.pages import CSP_STILL, Pages, language_asked
from core.books import BooksDown
from core.hosting import Hosting
from core.money import dh
from core.page_port import PageForm
from core.payment import UNDECIDED, Payment, State
from core.refusal import Refusal
from core.subscribers import Language

log = logging.getLogger(__name__)

CALLBACK_PATH, BACK_PATH = "/cmi/callback", "/cmi/back"
ANSWER_MAX_S = 10.0
TROUBLE = "FAILURE"  # the callback is sent again
PAYABLE = frozenset({State.CREATED, State.DECLINED})


class Finder(Protocol):
    """Where payments are read. Raises BooksDown."""

    async def payment(self, payment_id: str) -> Payment | None: ...


@dataclass(frozen=True, slots=True)
class _Door:
    pages: Pages
    finder: Finder
    hosting: Hosting
    links: PayLinks
    receipts: ReceiptLinks
    page_origin: str

    async def show(self, request: Request) -> Response:
        """What is to be paid, or what became of it."""
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                payment = await self._find(request)
        except (BooksDown, TimeoutError):
            return self._notice(Language.FR, "busy", 503)
        if payment is None:
            return self._notice(Language.FR, "gone", 404)
        return self._standing(payment, language_asked(request) or payment.language)

    async def leave(self, request: Request) -> Response:
        """To the acquirer's page, once the intent is committed."""
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                payment = await self._find(request)
                left = None if payment is None else await self.hosting.leave(payment.id)
        except (BooksDown, TimeoutError):
            return self._notice(Language.FR, "busy", 503)
        if payment is None or left is None:
            return self._notice(Language.FR, "gone", 404)
        language = language_asked(request) or payment.language
        if isinstance(left, PageForm):
            csp = CSP_STILL.replace("form-action 'none'", f"form-action {self.page_origin}")
            amount = dh(payment.amount_centimes)
            return self.pages.html("pay-leave.html", language, csp=csp, form=left, amount=amount)
        if isinstance(left, Refusal):
            return self._notice(language, "pay-refused", 409)
        return self._standing(left, language)

    async def back(self, request: Request) -> Response:
        """The browser is back. It is believed in nothing: the acquirer is asked."""
        try:
            fields = (await incoming(request, "")).form()
            payment_id = self.hosting.order_of(fields)
            if payment_id is None:
                return self._notice(Language.FR, "gone", 404)
            async with asyncio.timeout(ANSWER_MAX_S):
                await self.hosting.came_back(payment_id)
        except (BooksDown, TimeoutError):
            return self._notice(Language.FR, "pay-checked", 200)
        except (Malformed, LookupError):
            return self._notice(Language.FR, "gone", 404)
        return RedirectResponse(self.links.of(payment_id), 303, headers={"Cache-Control": "no-store"})

    async def callback(self, request: Request) -> Response:
        """The acquirer's server; trouble is told to it, so that it asks again."""
        try:
            fields = (await incoming(request, "")).form()
            async with asyncio.timeout(ANSWER_MAX_S):
                word = await self.hosting.called_back(fields)
        except (BooksDown, TimeoutError) as error:
            log.warning("hosted page: a callback could not be written down: %s", type(error).__name__)
            word = TROUBLE
        except Malformed:
            word = TROUBLE
        return PlainTextResponse(word, headers={"Cache-Control": "no-store"})

    async def _find(self, request: Request) -> Payment | None:
        payment_id = self.links.verify(str(request.path_params["token"]))
        return await self.finder.payment(payment_id or "")

    def _standing(self, payment: Payment, language: Language) -> Response:
        link = self.receipts.of(payment)
        if link is not None:
            return RedirectResponse(link, 303, headers={"Cache-Control": "no-store"})
        on_page = payment.state is State.SENDING and payment.page_until is not None
        if payment.state in PAYABLE or on_page:
            csp = CSP_STILL.replace("form-action 'none'", f"form-action 'self' {self.page_origin}")
            amount = dh(payment.amount_centimes)
            return self.pages.html("pay.html", language, csp=csp, payment=payment, amount=amount, dh=dh)
        return self._notice(language, "pay-checked" if payment.state in UNDECIDED else "pay-over", 200)

    def _notice(self, language: Language, notice: str, status: int) -> Response:
        return self.pages.html("notice.html", language, status=status, notice=notice)


def routes(
    pages: Pages, finder: Finder, hosting: Hosting, links: PayLinks, receipts: ReceiptLinks, page_url: str
) -> list[BaseRoute]:
    """The basket's page, the way back and the acquirer's callback."""
    parts = urlsplit(page_url)
    door = _Door(pages, finder, hosting, links, receipts, f"{parts.scheme}://{parts.netloc}")
    return [
        Route("/pay/{token}", door.show, methods=["GET"]),
        Route("/pay/{token}", door.leave, methods=["POST"]),
        Route(BACK_PATH, door.back, methods=["POST"]),
        Route(CALLBACK_PATH, door.callback, methods=["POST"]),
    ]
