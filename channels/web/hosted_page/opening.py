"""The door between our basket and a page that we open at the acquirer, and the door of that page's server.

POST open/{mark} sends a browser on; POST webhook is the acquirer's server, which signs the raw body: forged is 400, in
trouble 503, so that it is sent again (docs/protocols/payment-intents.md).
"""

import asyncio
import logging
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from channels.http.receive import Count, incoming
from channels.links import PayLinks
from channels.web.hosted_page.endpoint import DOOR, OPEN, ORIGIN_TOLD, ROOTS, Finder, acquirer_of
from channels.web.pages import CSP_SCRIPTLESS, Pages, language_asked
from channels.wire import Malformed
from core.languages import LanguageCode
from core.payments.opened_page import OpenedPages
from core.repositories import DatabaseUnavailable

log = logging.getLogger(__name__)

WEBHOOK = "/webhook"
OPEN_MAX_S = 30.0  # a browser waits longer for a page than a server for an answer
NOTICE_MAX_S = 20.0
UNSTORED = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class _OpenedPageEndpoint:
    pages: Pages
    finder: Finder
    opened: OpenedPages
    links: PayLinks
    count: Count

    async def open(self, request: Request) -> Response:
        """Sends a browser to the page of a payment that is on its way there; any other back to its basket."""
        payment_id, acquirer = self.links.verify(str(request.path_params["mark"])), acquirer_of(request)
        language = language_asked(request) or LanguageCode.FR
        try:
            async with asyncio.timeout(OPEN_MAX_S):
                payment = await self.finder.payment(payment_id or "")
                if payment is None:
                    return self._notice(language, "gone", 404)
                if not self.opened.opens(acquirer, payment):
                    return RedirectResponse(self.links.of(payment.id), 303, headers=UNSTORED)
                url = await self.opened.open(acquirer, payment)
        except (DatabaseUnavailable, TimeoutError):
            return self._notice(language, "busy", 503)
        if url is None:
            return self._notice(language_asked(request) or payment.language, "busy", 503)
        return RedirectResponse(url, 303, headers={**UNSTORED, **ORIGIN_TOLD})

    async def webhook(self, request: Request) -> Response:
        """The acquirer's server. Nothing is read of a body before its signature is right."""
        acquirer = acquirer_of(request)
        if not self.opened.has(acquirer):
            return Response(status_code=404, headers=UNSTORED)
        try:
            arrived = await incoming(request, "")
            async with asyncio.timeout(NOTICE_MAX_S):
                taken = await self.opened.noticed(acquirer, arrived.body, arrived.headers)
        except Malformed as error:
            log.warning("hosted page: a notice is not read: %s", error)
            self.count(DOOR, "malformed")
            return Response(status_code=400, headers=UNSTORED)
        except (DatabaseUnavailable, TimeoutError) as error:
            log.warning("hosted page: a notice could not be followed: %s", type(error).__name__)
            return Response(status_code=503, headers=UNSTORED)
        if not taken:
            self.count(DOOR, "forbidden")
        return Response(status_code=200 if taken else 400, headers=UNSTORED)

    def _notice(self, language: LanguageCode, notice: str, status: int) -> Response:
        return self.pages.html("notice.html", language, csp=CSP_SCRIPTLESS, status=status, notice=notice)


def opening_routes(pages: Pages, finder: Finder, opened: OpenedPages, links: PayLinks, count: Count) -> list[BaseRoute]:
    """Both doors, of every acquirer whose page is opened by us."""
    door = _OpenedPageEndpoint(pages, finder, opened, links, count)
    return [
        route
        for root in ROOTS
        for route in (
            Route(f"{root}{OPEN}/{{mark}}", door.open, methods=["POST"]),
            Route(root + WEBHOOK, door.webhook, methods=["POST"]),
        )
    ]
