"""Paying in a browser, joined: a part of the composition root (khallas/bootstrap/container.py)."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute

from channels.http.receive import Count
from channels.links import PayLinks, ReceiptLinks
from channels.web.hosted_page import endpoint as hosted
from channels.web.hosted_page.opening import opening_routes
from channels.web.pages import Pages
from core.payments.hosted_page import HostedPagePayments, Pace
from core.payments.hosted_page_port import HostedPage, PageWays
from core.payments.opened_page import OpenedPages
from core.payments.service import PaymentService
from core.ports import Clock, IntentLimits
from khallas.bootstrap.acquirers import joined, page_of
from khallas.settings.model import Settings


def pay_links(settings: Settings) -> PayLinks:
    """Links of baskets, under the keys that sign receipts."""
    return PayLinks(settings.signing_keys(), settings.public_url)


@dataclass(frozen=True, slots=True)
class PageParts:
    """Paying on the acquirers' own pages, and those of them that we open."""

    hosting: HostedPagePayments
    opened: OpenedPages


def page_parts(
    settings: Settings, till: PaymentService, pace: Pace, visits: IntentLimits, clock: Clock
) -> PageParts | None:
    """None where no page is configured."""
    pages: dict[str, HostedPage] = {
        each.id: page for each in joined(settings) if (page := page_of(each, _ways(settings, each.id))) is not None
    }
    if not pages:
        return None
    return PageParts(HostedPagePayments(till, pages, pace=pace, visits=visits), OpenedPages(till, pages, clock))


def _ways(settings: Settings, acquirer_id: str) -> PageWays:
    """The first one's are those that its bank knows from before there were several."""
    root = settings.public_url.rstrip("/") + hosted.root_of(acquirer_id)
    mark_of = pay_links(settings).make
    return PageWays(root + hosted.BACK, root + hosted.LEFT, root + hosted.CALLBACK, mark_of, root + hosted.OPEN)


def page_routes(
    settings: Settings,
    pages: Pages,
    till: PaymentService,
    parts: PageParts | None,
    receipts: ReceiptLinks,
    count: Count,
) -> Sequence[BaseRoute]:
    """The basket's page, the ways there and back, and the doors of the acquirers' servers; nothing where nobody is
    hosted."""
    if parts is None:
        return ()
    links = pay_links(settings)
    return [
        *hosted.routes(pages=pages, finder=till, hosting=parts.hosting, links=links, receipts=receipts, count=count),
        *opening_routes(pages, till, parts.opened, links, count),
    ]
