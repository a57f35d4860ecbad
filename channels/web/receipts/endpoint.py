"""GET /receipts/{token} and /receipts/{token}.pdf: a receipt for whoever holds its link.

An unknown, revoked, expired or forged link gets one and the same answer after the same work. Nothing here logs a token
or anything of a payment (docs/protocols/security.md 16).
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.links import BadLink, ReceiptLinks, pasted
from channels.receipt_view import Operator, ReceiptView, receipt_view
from channels.web.pages import Pages, language_asked, private_headers
from channels.web.receipts import extras, qr
from core.languages import LanguageCode
from core.payments.table import Payment, PaymentState
from core.ports import Clock
from core.refunds.model import Refund, given_back
from core.repositories import DatabaseUnavailable

log = logging.getLogger(__name__)

LOOKUP_MAX_S = 3.0
PDF_MAX_S = 10.0
PDFS_AT_ONCE = 2
PDF = ".pdf"
RETRY_AFTER_S = 30
NOBODY = "0" * 32  # looked up in place of an id that cannot be trusted


class Receipts(Protocol):
    """The place where payments are found by their receipt's id. Raises DatabaseUnavailable."""

    async def by_receipt_token(self, token: str) -> Payment | None:
        """The payment of a receipt's token; None for an unknown or revoked one."""


class RefundParts(Protocol):
    """The parts of a payment that went back (core.refunds.model.Refunds). Raises DatabaseUnavailable."""

    async def of(self, payment_id: str) -> tuple[Refund, ...]: ...


class _Busy(Exception):
    """The database or the PDF maker did not answer in time: their fault, retry later."""


@dataclass(frozen=True, slots=True)
class _ReceiptsEndpoint:
    pages: Pages
    receipts: Receipts
    parts: RefundParts
    links: ReceiptLinks
    clock: Clock
    making: asyncio.Semaphore

    async def page(self, request: Request) -> Response:
        token = pasted(str(request.path_params["token"]))
        if token.endswith(PDF):  # with something behind it that the router took for a part of the token
            request.path_params["token"] = token.removesuffix(PDF)
            return await self.pdf(request)
        try:
            payment, back_centimes = await self._find(token)
        except _Busy:
            return self._busy()
        if payment is None:
            return self._gone()
        language = language_asked(request) or payment.language
        return self.pages.html(
            "receipt.html",
            language,
            view=self._view(payment, language, back_centimes),
            token=token,
            has_pdf=extras.pdf(),
            qr=qr.svg(self.links.address(token), self.pages.say(language, "receipt.qr")),
        )

    async def pdf(self, request: Request) -> Response:
        token = pasted(str(request.path_params["token"]))
        try:
            payment, back_centimes = await self._find(token)
            if payment is None:
                return self._gone()
            language = language_asked(request) or payment.language
            if not extras.pdf():
                return self.pages.html("no-pdf.html", language, status=404, token=token)
            view = self._view(payment, language, back_centimes)
            content = await self._make(view, self.links.address(token))
        except _Busy:
            return self._busy()
        name = f'inline; filename="receipt-{payment.receipt_number or payment.reference}.pdf"'
        headers = private_headers() | {"Content-Disposition": name, "Content-Language": language.value}
        return Response(content, media_type="application/pdf", headers=headers)

    async def _find(self, token: str) -> tuple[Payment | None, int]:
        """The payment a link opens, and what went back of it in parts, in centimes. Raises _Busy.

        Asks the database whatever the link is worth.
        """
        verdict = self.links.verify(token, self.clock.now())
        trusted = NOBODY if isinstance(verdict, BadLink) else verdict
        try:
            async with asyncio.timeout(LOOKUP_MAX_S):
                payment = await self.receipts.by_receipt_token(trusted)
                if trusted == NOBODY or payment is None or payment.receipt_token != trusted:
                    return None, 0
                whole = payment.state is not PaymentState.CAPTURED
                return payment, 0 if whole else given_back(await self.parts.of(payment.id))
        except (DatabaseUnavailable, TimeoutError) as error:
            log.warning("receipt not read: %s", type(error).__name__)
            raise _Busy from error

    def _view(self, payment: Payment, language: LanguageCode, back_centimes: int) -> ReceiptView:
        texts, operator = self.pages.texts, self.pages.operator
        return receipt_view(payment, texts, operator, language, back_centimes=back_centimes)

    async def _make(self, view: ReceiptView, address: str) -> bytes:
        words = self.pages.say(view.language, "receipt.reopen")
        try:
            async with asyncio.timeout(PDF_MAX_S), self.making:
                return await asyncio.to_thread(_render, view, address, words, self.pages.operator)
        except TimeoutError as error:
            log.warning("receipt's PDF not made in time")
            raise _Busy from error

    def _gone(self) -> Response:
        return self.pages.html("notice.html", LanguageCode.FR, status=404, notice="gone")

    def _busy(self) -> Response:
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return self.pages.html("notice.html", LanguageCode.FR, status=503, headers=headers, notice="busy")


def _render(view: ReceiptView, address: str, words: str, operator: Operator) -> bytes:
    from channels.web.receipts import pdf as receipt_pdf

    return receipt_pdf.render(view, receipt_pdf.Way(address, words), operator)


def routes(pages: Pages, receipts: Receipts, parts: RefundParts, links: ReceiptLinks, clock: Clock) -> list[BaseRoute]:
    """The two addresses of a receipt; `pages.routes()` brings what they load."""
    door = _ReceiptsEndpoint(pages, receipts, parts, links, clock, asyncio.Semaphore(PDFS_AT_ONCE))
    return [
        Route("/receipts/{token}.pdf", door.pdf, methods=["GET"]),
        Route("/receipts/{token}", door.page, methods=["GET"]),
    ]
