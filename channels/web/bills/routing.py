"""The addresses of the web door, and what is said when something behind them is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.limits import LimitsDown
from channels.web.bills.endpoint import CHOOSE, CONFIRM, HOME, OVER, BillsEndpoint, Raced, WebDoor
from channels.web.bills.identifying import IdentifyEndpoint, NoSuchService
from channels.web.bills.texted_codes import TextedCodes
from channels.wire import Malformed
from core.repositories import DatabaseUnavailable
from sessions.store.protocol import StoreDown

log = logging.getLogger(__name__)

ANSWER_MAX_S = 15.0
Handler = Callable[[Request], Awaitable[Response]]


def routes(door: WebDoor, codes: TextedCodes) -> list[BaseRoute]:
    """GET / and everything below /bills."""
    pages = BillsEndpoint(door)
    first = IdentifyEndpoint(door, pages, codes)
    handlers: tuple[tuple[str, str, Handler], ...] = (
        (HOME, "GET", first.home),
        ("/bills", "GET", first.service),
        ("/bills", "POST", first.identify_any),
        (CHOOSE, "GET", pages.bills),
        (CHOOSE, "POST", pages.ticked),
        (CONFIRM, "GET", pages.review),
        (CONFIRM, "POST", pages.confirmed),
        (OVER, "GET", pages.over),
        ("/bills/{service}", "GET", first.ask),
        ("/bills/{service}", "POST", first.identify),
    )
    return [Route(path, _guarded(pages, handle), methods=[method]) for path, method, handle in handlers]


def _guarded(pages: BillsEndpoint, handle: Handler) -> Handler:
    async def answered(request: Request) -> Response:
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                try:
                    return await handle(request)
                except Raced as raced:
                    return await pages.stands(raced.visit)
        except Malformed as error:
            log.warning("refused at the web door: %s", error)
            return pages.refused(request, 400)
        except NoSuchService:
            return pages.refused(request, 404)
        except (StoreDown, DatabaseUnavailable, LimitsDown, TimeoutError) as error:
            log.warning("the web door could not answer: %s", type(error).__name__)
            return pages.busy(request, 503)
        except Exception:
            log.exception("a page of the web door failed")
            return pages.busy(request, 500)

    return answered
