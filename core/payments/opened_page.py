"""Pages that we open at the acquirer before a browser goes there, and the signed notices of their servers.

Rule of this file: a notice is believed in nothing but which order to ask about; what is asked is the acquirer, and a
charge that is on its way by telephone is left to whoever sent it (docs/protocols/payment-intents.md, Webhooks).
"""

import logging
from collections.abc import Mapping

from core.payments.hosted_page_port import HostedPage, OpenedPage
from core.payments.janitor import ASKABLE
from core.payments.service import PaymentService
from core.payments.table import Payment, PaymentState
from core.ports import Clock

log = logging.getLogger(__name__)
security = logging.getLogger("khallas.security")


class OpenedPages:
    """The use cases of such pages. Raises DatabaseUnavailable."""

    def __init__(self, till: PaymentService, pages: Mapping[str, HostedPage], clock: Clock) -> None:
        """`pages` by their acquirers: those that are opened by us are asked, no others."""
        self._till = till
        self._pages = {named: page for named, page in pages.items() if isinstance(page, OpenedPage)}
        self._clock = clock

    async def aclose(self) -> None:
        """Close the pages' connections."""
        for page in self._pages.values():
            await page.aclose()

    def has(self, acquirer: str) -> bool:
        """Whether this acquirer's page is opened by us."""
        return acquirer in self._pages

    def opens(self, acquirer: str, payment: Payment) -> bool:
        """Whether a browser may be sent to this acquirer's page for it now."""
        on_page = payment.state is PaymentState.SENDING and payment.page_until is not None
        mine = payment.acquirer == acquirer and acquirer in self._pages
        return mine and on_page and payment.page_until is not None and self._clock.now() < payment.page_until

    async def open(self, acquirer: str, payment: Payment) -> str | None:
        """Where the browser goes, of a payment that `opens`. None where no page could be opened: the acquirer was asked
        then, and where it has none, the next press is a try of its own."""
        url = await self._pages[acquirer].open(payment)
        if url is None:
            await self._till.attendant.page_over(payment.id)
        return url

    async def noticed(self, acquirer: str, body: bytes, headers: Mapping[str, str]) -> bool:
        """Ask about the order that a notice speaks of; a repeat, or one that comes late, changes nothing. False for a
        forgery, an old one, and one about another acquirer's order."""
        notice = self._pages[acquirer].noticed(body, headers, self._clock.now())
        if notice is None:
            security.warning("hosted page: a notice to %s with a wrong or old signature", acquirer)
            return False
        payment = None if notice.order_id is None else await self._till.payment(notice.order_id)
        if payment is None:
            return True
        if payment.acquirer != acquirer:
            security.warning("hosted page: a notice to %s about an order of %s", acquirer, payment.acquirer)
            return False
        by_telephone = payment.state is PaymentState.SENDING and payment.page_until is None
        if payment.state in ASKABLE and payment.sent_at is not None and not by_telephone:
            await self._till.attendant.page_over(payment.id)
        return True
