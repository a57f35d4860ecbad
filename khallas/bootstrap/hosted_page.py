"""Paying in a browser, joined: a part of the composition root (khallas/bootstrap/container.py)."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from channels.http.receive import Count
from channels.links import PayLinks, ReceiptLinks
from channels.web.hosted_page import endpoint as hosted
from channels.web.pages import Pages
from core.payments.hosted_page import HostedPagePayments, Pace
from core.payments.hosted_page_port import PageWays
from core.payments.service import PaymentService
from core.ports import IntentLimits
from khallas.bootstrap.acquirers import joined, page_of
from khallas.settings.model import Settings


def pay_links(settings: Settings) -> PayLinks:
    """Links of baskets, under the keys that sign receipts."""
    return PayLinks(settings.signing_keys(), settings.public_url)


def hosting_of(settings: Settings, till: PaymentService, pace: Pace, visits: IntentLimits) -> HostedPagePayments | None:
    """The payments on the acquirers' own pages; None where no page is configured."""
    pages = {
        each.id: page for each in joined(settings) if (page := page_of(each, _ways(settings, each.id))) is not None
    }
    return HostedPagePayments(till, pages, pace=pace, visits=visits) if pages else None


def _ways(settings: Settings, acquirer_id: str) -> PageWays:
    """The first one's are those that its bank knows from before there were several."""
    root = settings.public_url.rstrip("/") + hosted.root_of(acquirer_id)
    return PageWays(root + hosted.BACK, root + hosted.LEFT, root + hosted.CALLBACK, pay_links(settings).make)


def page_routes(
    settings: Settings,
    pages: Pages,
    till: PaymentService,
    hosting: HostedPagePayments | None,
    receipts: ReceiptLinks,
    count: Count,
) -> Sequence[BaseRoute]:
    """The basket's page and the ways back; nothing where nobody is hosted."""
    if hosting is None:
        return ()
    return hosted.routes(pages, till, hosting, pay_links(settings), receipts, count)
