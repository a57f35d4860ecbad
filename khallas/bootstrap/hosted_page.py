"""Paying in a browser, joined: a part of the composition root (khallas/server/app.py)."""

from collections.abc import Sequence

from starlette.routing import BaseRoute

from channels.http.receive import Count
from channels.links import PayLinks, ReceiptLinks
from channels.web.hosted_page import endpoint as hosted
from channels.web.pages import Pages
from core.acquirers.cmi_page import CmiPage
from core.acquirers.hosted import HostedShop
from core.cards import Secret
from core.payments.hosted_page import HostedPagePayments, Pace
from core.payments.service import PaymentService
from core.ports import IntentLimits
from khallas.settings.model import Settings


def pay_links(settings: Settings) -> PayLinks:
    """Links of baskets, under the keys that sign receipts."""
    return PayLinks(settings.signing_keys(), settings.public_url)


def hosting_of(settings: Settings, till: PaymentService, pace: Pace, visits: IntentLimits) -> HostedPagePayments | None:
    """The payments on the acquirer's own page; None where that page is not configured."""
    own, base = settings.cmi, settings.public_url.rstrip("/")
    if not own.page_url:
        return None
    back = base + hosted.BACK_PATH
    store_key = Secret(own.store_key.get_secret_value())
    left, callback, links = base + hosted.LEFT_PATH, base + hosted.CALLBACK_PATH, pay_links(settings)
    shop = HostedShop(own.client_id, store_key, back, back, left, callback)
    page = CmiPage(shop, own.page_url, links.make, frozenset(own.md_statuses.replace(" ", "").split(",")))
    return HostedPagePayments(till, page, pace=pace, visits=visits)


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
    return hosted.routes(pages, till, hosting, pay_links(settings), receipts, settings.cmi.page_url, count)
