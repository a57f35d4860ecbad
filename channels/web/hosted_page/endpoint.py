"""Paying in a browser, on the acquirer's own page: no page of ours collects a card.

GET /pay/{token} shows the basket, POST sends the browser to the acquirer or keeps the basket longer. Below
/acquirers/{id}, and /cmi for the first one: back takes the browser back, left whoever gave up there, POST callback is
the acquirer's server. A wrong link gets the same answer whatever is wrong with it (docs/protocols/security.md 16).
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from channels.http.receive import Count, incoming
from channels.links import PayLinks, ReceiptLinks, pasted
from channels.web.bills.fields import posted
from channels.web.hosted_page.late_looks import LateLooks
from channels.web.pages import CSP_SCRIPTLESS, Pages, language_asked
from channels.wire import Malformed
from core.languages import LanguageCode
from core.money import dh
from core.payments.hosted_page import PAYABLE, HostedPagePayments
from core.payments.hosted_page_port import PageForm, UnreadablePost
from core.payments.refusal import Refusal
from core.payments.table import UNDECIDED, Payment, PaymentState
from core.ports import LimitsDown
from core.repositories import DatabaseUnavailable
from core.zone import ZONE

log = logging.getLogger(__name__)

FIRST = "cmi"  # whose ways are /cmi/… as well: banks know them from before there were several
CALLBACK, BACK, LEFT, OPEN = "/callback", "/back", "/left", "/open"
CALLBACK_PATH, BACK_PATH, LEFT_PATH = f"/cmi{CALLBACK}", f"/cmi{BACK}", f"/cmi{LEFT}"
DOOR = "cmi-page"  # its name in logs and metrics
ROOTS = ("/cmi", "/acquirers/{acquirer}")
BACK_URLS = ("okurl", "failurl", "shopurl")  # ours, with our signed reference: they come back as we sent them
ANSWER_MAX_S = 10.0
STAY = "stay"
TROUBLE = "FAILURE"  # the callback is sent again
ORIGIN_TOLD = MappingProxyType({"Referrer-Policy": "strict-origin"})  # gateways look where their visitors come from


class Finder(Protocol):
    """The place where payments are read. Raises DatabaseUnavailable."""

    async def payment(self, payment_id: str) -> Payment | None: ...


@dataclass(frozen=True, slots=True)
class _HostedPageEndpoint:
    pages: Pages
    finder: Finder
    hosting: HostedPagePayments
    links: PayLinks
    receipts: ReceiptLinks
    late: LateLooks
    page_origins: str  # where a form may go on to: not the page's own origin alone, for gateways send it on elsewhere
    count: Count

    async def show(self, request: Request) -> Response:
        """Shows what is to be paid, or what became of it."""
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                payment, basket = await self._find(request), None
                if payment is not None and _on_page(payment):
                    # who is on the way already needs no second press: the form of the same order
                    basket = await self.hosting.leave(payment.id, known=payment)
        except (DatabaseUnavailable, LimitsDown, TimeoutError):
            return self._notice(language_asked(request) or LanguageCode.FR, "busy", 503)
        if payment is None:
            return self._notice(language_asked(request) or LanguageCode.FR, "gone", 404)
        language = language_asked(request) or payment.language
        if isinstance(basket, PageForm):
            return self._leaving(payment, basket, language)
        return self._standing(payment, language)

    async def pressed(self, request: Request) -> Response:
        """Does what one of the two buttons of the basket's page asks."""
        try:
            form = posted((await incoming(request, "")).body)
        except Malformed as error:
            self._refused(error)
            return self._notice(language_asked(request) or LanguageCode.FR, "busy", 400)
        return await (self._stay(request) if form.text("act") == STAY else self.leave(request))

    async def _stay(self, request: Request) -> Response:
        """Wait longer, and the page again by GET: a reload asks for nothing."""
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                payment = await self._find(request)
                if payment is not None:
                    await self.hosting.wait_longer(payment.id)
        except (DatabaseUnavailable, TimeoutError):
            return self._notice(language_asked(request) or LanguageCode.FR, "busy", 503)
        if payment is None:
            return self._notice(language_asked(request) or LanguageCode.FR, "gone", 404)
        language = language_asked(request)
        where = f"/pay/{self.links.make(payment.id)}" + (f"?lang={language.value}" if language else "")
        return RedirectResponse(where, 303, headers={"Cache-Control": "no-store"})

    async def leave(self, request: Request) -> Response:
        """Sends the browser to the acquirer's page, once the intent is committed."""
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                payment = await self._find(request)
                basket = None if payment is None else await self.hosting.leave(payment.id, known=payment)
        except (DatabaseUnavailable, LimitsDown, TimeoutError):  # uncounted, nobody leaves for a page that tries cards
            return self._notice(language_asked(request) or LanguageCode.FR, "busy", 503)
        if payment is None or basket is None:
            return self._notice(language_asked(request) or LanguageCode.FR, "gone", 404)
        language = language_asked(request) or payment.language
        if isinstance(basket, PageForm):
            return self._leaving(payment, basket, language)
        if basket is Refusal.CARD_LOCKED:
            return self._notice(language, "pay-often", 429)
        if isinstance(basket, Refusal):
            return self._notice(language, "pay-refused", 409)
        return self._standing(basket, language)

    def _leaving(self, payment: Payment, form: PageForm, language: LanguageCode) -> Response:
        csp = CSP_SCRIPTLESS.replace("form-action 'none'", f"form-action {self.page_origins}")
        amount = dh(payment.amount_centimes)
        return self.pages.html(
            "pay-leave.html", language, csp=csp, headers=ORIGIN_TOLD, form=form, payment=payment, amount=amount, dh=dh
        )

    async def back(self, request: Request) -> Response:
        """The browser is back. It is believed in nothing: our own reference says whose it is, the acquirer is asked."""
        return await self._returned(request, gave_up=False)

    async def left(self, request: Request) -> Response:
        """The browser of whoever cancelled there or was too slow: what is known, and how to go on."""
        return await self._returned(request, gave_up=True)

    async def _returned(self, request: Request, *, gave_up: bool) -> Response:
        language = language_asked(request)
        payment_id, claimed = await self._whose(request)
        if payment_id is None:
            return self._notice(language or LanguageCode.FR, "pay-left", 404 if claimed else 200)
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                payment = await self.hosting.came_back(payment_id)
        except (DatabaseUnavailable, TimeoutError):
            self.late.follow(payment_id)
            return self._notice(language or LanguageCode.FR, "pay-checked", 200)
        except LookupError:
            return self._notice(language or LanguageCode.FR, "pay-left", 404)
        link = self.links.of(payment_id)
        if gave_up and payment.receipt_token is None:
            return self._gave_up(payment, language or payment.language, link)
        return self._arrived(payment, language or payment.language, link)

    def _arrived(self, payment: Payment, language: LanguageCode, link: str) -> Response:
        """A page, and no redirect: a gateway whose own page allows forms to us alone would stop a redirect elsewhere.

        It leads on by itself, to a receipt at once and to anything else when it was read.
        """
        paid, open_ = self.receipts.of(payment), payment.state in PAYABLE or _on_page(payment)
        if paid is None and open_ and payment.state is not PaymentState.DECLINED:
            return self._gave_up(payment, language, link)
        notice = "paid" if paid else "declined" if open_ else "checked" if payment.state in UNDECIDED else "over"
        return self.pages.html(
            "pay-back.html",
            language,
            csp=CSP_SCRIPTLESS,
            known=notice,
            link=paid or link,
            amount=dh(payment.amount_centimes),
        )

    def _gave_up(self, payment: Payment, language: LanguageCode, link: str) -> Response:
        if payment.state in PAYABLE or _on_page(payment):
            amount = dh(payment.amount_centimes)
            return self.pages.html(
                "pay-left.html", language, csp=CSP_SCRIPTLESS, payment=payment, amount=amount, link=link
            )
        return self._standing(payment, language)

    async def _whose(self, request: Request) -> tuple[str | None, bool]:
        """The order of a browser that is back, and whether it claimed one at all. Raises nothing."""
        mark, acquirer = str(request.path_params.get("mark", "")), acquirer_of(request)
        if (payment_id := self.links.verify(mark)) is not None:
            return payment_id, True
        if acquirer not in self.hosting.urls:
            return None, True
        try:
            arrived = await incoming(request, "")
            spelled = self.hosting.readings(acquirer, arrived.body or arrived.query.encode("latin-1"))
        except (Malformed, UnreadablePost) as error:
            self._refused(error)
            return None, True
        references = (self._marked(fields) for fields in spelled)
        payment_id = next((one for one in references if one is not None), None) or await self._order(acquirer, spelled)
        return payment_id, bool(mark) or any("oid" in map(str.lower, fields) for fields in spelled)

    async def _order(self, acquirer: str, spelled: Sequence[Mapping[str, str]]) -> str | None:
        try:
            return await self.hosting.order_of(acquirer, *spelled)
        except DatabaseUnavailable:
            return None

    def _marked(self, fields: Mapping[str, str]) -> str | None:
        ways = (text for name, text in fields.items() if name.lower() in BACK_URLS)
        return next((reference for way in ways if (reference := self.links.verify(_last_part(way))) is not None), None)

    def _refused(self, error: Exception) -> None:
        log.warning("hosted page: a post is not read: %s", error)
        self.count(DOOR, "malformed")

    async def callback(self, request: Request) -> Response:
        """The acquirer's server; trouble is told to it, so that it asks again."""
        acquirer = acquirer_of(request)
        if acquirer not in self.hosting.urls:
            return PlainTextResponse(TROUBLE, 404, headers={"Cache-Control": "no-store"})
        try:
            spelled = self.hosting.readings(acquirer, (await incoming(request, "")).body)
            async with asyncio.timeout(ANSWER_MAX_S):
                word = await self.hosting.called_back(acquirer, *spelled)
        except (DatabaseUnavailable, TimeoutError) as error:
            log.warning("hosted page: a callback could not be written down: %s", type(error).__name__)
            word = TROUBLE
        except (Malformed, UnreadablePost) as error:
            self._refused(error)
            word = TROUBLE
        return PlainTextResponse(word, headers={"Cache-Control": "no-store"})

    async def _find(self, request: Request) -> Payment | None:
        payment_id = self.links.verify(pasted(str(request.path_params["token"])))
        return await self.finder.payment(payment_id or "")

    def _standing(self, payment: Payment, language: LanguageCode) -> Response:
        link = self.receipts.of(payment)
        if link is not None:
            return RedirectResponse(link, 303, headers={"Cache-Control": "no-store"})
        if (payment.state in PAYABLE and not self.hosting.over(payment)) or _on_page(payment):
            return self._basket(payment, language)
        return self._notice(language, "pay-checked" if payment.state in UNDECIDED else "pay-over", 200)

    def _basket(self, payment: Payment, language: LanguageCode) -> Response:
        """What is to be paid, until when, and the way to more time while there is any."""
        return self.pages.html(
            "pay.html",
            language,
            csp=CSP_SCRIPTLESS.replace("form-action 'none'", f"form-action 'self' {self.page_origins}"),
            payment=payment,
            amount=dh(payment.amount_centimes),
            dh=dh,
            until="" if _on_page(payment) else payment.expires_at.astimezone(ZONE).strftime("%H:%M"),
            longer=self.hosting.may_wait_longer(payment),
        )

    def _notice(self, language: LanguageCode, notice: str, status: int) -> Response:
        return self.pages.html("notice.html", language, csp=CSP_SCRIPTLESS, status=status, notice=notice)


def _on_page(payment: Payment) -> bool:
    return payment.state is PaymentState.SENDING and payment.page_until is not None


def acquirer_of(request: Request) -> str:
    """Whose way a request came by."""
    return str(request.path_params.get("acquirer", FIRST))


def root_of(acquirer_id: str) -> str:
    """Returns what the ways of an acquirer begin with."""
    return "/cmi" if acquirer_id == FIRST else f"/acquirers/{acquirer_id}"


def _origins(pages: Iterable[SplitResult]) -> str:
    """Where a form that leaves for a page may come to stand: an emulator's page in clear has neighbours in clear."""
    origins = list(dict.fromkeys(f"{page.scheme}://{page.netloc}" for page in pages))
    return " ".join([*origins, "https:", *(["http:"] if any(each.startswith("http:") for each in origins) else [])])


def _last_part(way: str) -> str:
    try:
        return urlsplit(way).path.rpartition("/")[2]
    except ValueError:
        return ""


def _uncounted(_door: str, _reason: str) -> None:
    """Where nobody counts."""


def routes(
    pages: Pages,
    finder: Finder,
    hosting: HostedPagePayments,
    links: PayLinks,
    receipts: ReceiptLinks,
    count: Count = _uncounted,
) -> list[BaseRoute]:
    """The basket's page, the ways back and the acquirer's callback."""
    origins = _origins(urlsplit(url) for url in hosting.urls.values())
    door = _HostedPageEndpoint(pages, finder, hosting, links, receipts, LateLooks(hosting), origins, count)
    both = ["GET", "POST"]
    return [
        Route("/pay/{token}", door.show, methods=["GET"]),
        Route("/pay/{token}", door.pressed, methods=["POST"]),
        *(
            route
            for root in ROOTS
            for route in (
                Route(root + BACK, door.back, methods=both),
                Route(root + BACK + "/{mark}", door.back, methods=both),
                Route(root + LEFT, door.left, methods=both),
                Route(root + LEFT + "/{mark}", door.left, methods=both),
                Route(root + CALLBACK, door.callback, methods=["POST"]),
            )
        ),
    ]
