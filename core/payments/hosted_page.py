"""Paying on the acquirer's own page, in a browser: send the customer there, believe the callback, commit, then capture.

Rules of this file: the intent is `sending` before the browser leaves; "paid" is committed before the acquirer is told
to capture; a decline there is only noted, for another card may follow on the same page; nothing that a callback says
undoes "paid" (docs/protocols/failure-points.md 12, 13; docs/protocols/cmi.md, Hosted page).
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from core.ids import Randomness, SystemRandomness
from core.payments.hosted_page_port import HostedPage, PageAnswer, PageForm, PageWord
from core.payments.janitor import ASKABLE
from core.payments.refusal import Refusal
from core.payments.service import PaymentService
from core.payments.table import Payment, PaymentState
from core.ports import Approved, Decline, IntentLimits

log = logging.getLogger(__name__)
security = logging.getLogger("khallas.security")

NONCE_BITS = 128
PAYABLE = frozenset({PaymentState.CREATED, PaymentState.DECLINED})
PAGE_S = 600  # how long the acquirer's page takes a card; with its slack below the acquirer's window


class Pace(Protocol):
    """Says whether this is the first to ask about a payment in a while."""

    async def first(self, payment_id: str) -> bool: ...


class EveryTime:
    """Implements Pace where nobody counts: tests, and tools that ask once."""

    async def first(self, payment_id: str) -> bool:
        return True


class Unlimited:
    """Implements core.ports.IntentLimits where nobody counts: tests."""

    async def allow(self, payment: Payment) -> bool:
        return True


class HostedPagePayments:
    """The use cases of the hosted page. Raises DatabaseUnavailable."""

    def __init__(
        self,
        till: PaymentService,
        pages: Mapping[str, HostedPage],
        randomness: Randomness | None = None,
        pace: Pace | None = None,
        visits: IntentLimits | None = None,
    ) -> None:
        """`pages` by their acquirers. `visits` bounds how often somebody leaves for a page: the cards that are tried
        there are the bank's to count, and no telephone's caps see them."""
        self._till = till
        self._pages = pages
        self._randomness = randomness or SystemRandomness()
        self._pace = pace or EveryTime()
        self._visits = visits or Unlimited()

    async def leave(self, payment_id: str, *, known: Payment | None = None) -> PageForm | Payment | Refusal:
        """The form that takes a browser to the acquirer; the payment itself when there is nothing to pay there.

        A repeat gives a form of the same order. Refusals as Till.authorise, CARD_LOCKED past the visits. `known` as
        PaymentService says. Raises NoSuchPayment, LimitsDown.
        """
        before = known or await self._till.attendant.read(payment_id)
        if before.state in PAYABLE and not await self._visits.allow(before):
            security.warning("hosted page: payment %s: too many visits for its line", payment_id)
            return Refusal.CARD_LOCKED
        payment = await self._till.open_page(payment_id, PAGE_S, known=before)
        if isinstance(payment, Refusal) or payment.state is not PaymentState.SENDING:
            return payment
        page = self._pages.get(payment.acquirer)
        if page is None:
            log.error("payment %s: %s has no page here any more", payment.id, payment.acquirer)
            return Refusal.IN_PROGRESS
        return page.form(payment, f"{self._randomness.below(1 << NONCE_BITS):032x}", PAGE_S)

    async def wait_longer(self, payment_id: str) -> Payment:
        """See PaymentService.wait_longer. Raises NoSuchPayment."""
        return await self._till.wait_longer(payment_id)

    def may_wait_longer(self, payment: Payment) -> bool:
        """Returns whether asking for more time would give any, as PaymentService.may_wait_longer."""
        return self._till.may_wait_longer(payment)

    def over(self, payment: Payment) -> bool:
        """Returns whether a basket's time has ended, as PaymentService.over."""
        return self._till.over(payment)

    @property
    def urls(self) -> Mapping[str, str]:
        """The addresses where the forms of each acquirer go."""
        return {acquirer: page.url for acquirer, page in self._pages.items()}

    def readings(self, acquirer: str, posted: bytes) -> Sequence[Mapping[str, str]]:
        """The ways in which a post of a browser or of the acquirer's server may be read. Raises UnreadablePost,
        KeyError for an acquirer without a page."""
        return self._pages[acquirer].readings(posted)

    async def called_back(self, acquirer: str, *readings: Mapping[str, str]) -> str:
        """The answer to the callback of the acquirer's server; a repeat is answered as before.

        A post whose alphabet is in doubt comes in several readings: the hash decides between them.
        """
        page = self._pages[acquirer]
        answer = _read(page, readings)
        if answer is None:
            security.warning("hosted page: a callback with a wrong hash")
            return page.word(PageWord.TROUBLE)
        payment = await self._till.payment(answer.order_id)
        if payment is None or payment.acquirer != acquirer or not _is_about(payment, answer):
            security.warning("hosted page: a callback about another order, amount, currency, shop or acquirer")
            return page.word(PageWord.TROUBLE)
        if isinstance(answer.outcome, Decline) and not answer.outcome.code:
            # the form that we gave the browser bears a right hash as well, and tells no ProcReturnCode
            security.warning("hosted page: a callback that tells no outcome")
            return page.word(PageWord.TROUBLE)
        if not isinstance(answer.outcome, Approved):
            log.info("payment %s: declined on the page (%s)", payment.id, answer.outcome.code)
            return page.word(PageWord.SEEN)
        attendant = self._till.attendant
        if not answer.vouched and not _kept(payment):
            security.warning("hosted page: payment %s: not vouched for: %s", payment.id, answer.proof)
            await attendant.refused_on_page(payment, answer.outcome, answer.proof)
            return page.word(PageWord.SEEN)
        if _kept(payment) and _another(payment, answer.outcome):
            security.error("hosted page: payment %s is paid, and approved once more", payment.id)
            await attendant.approved_again(payment, answer.outcome)
            return page.word(PageWord.SEEN)
        if not _kept(payment):
            payment = await attendant.paid_on_page(payment, answer.outcome, answer.proof)
        return page.word(PageWord.CAPTURE if _kept(payment) else PageWord.SEEN)

    async def order_of(self, acquirer: str, *readings: Mapping[str, str]) -> str | None:
        """Returns which order a browser that is back was sent for; None for a forgery, and for another acquirer's
        order.
        """
        answer = _read(self._pages[acquirer], readings)
        payment = None if answer is None else await self._till.payment(answer.order_id)
        return payment.id if payment is not None and payment.acquirer == acquirer else None

    async def came_back(self, payment_id: str) -> Payment:
        """The browser is back: ask the acquirer, whatever the browser says, at its pace. Raises NoSuchPayment."""
        payment = await self._till.attendant.read(payment_id)
        if payment.state in ASKABLE and payment.sent_at is not None and await self._pace.first(payment_id):
            return await self._till.attendant.page_over(payment_id)
        return payment


def _read(page: HostedPage, readings: Sequence[Mapping[str, str]]) -> PageAnswer | None:
    return next((answer for one in readings if (answer := page.read(one)) is not None), None)


def _another(payment: Payment, answer: Approved) -> bool:
    """Approved under another transaction number than the one that was written down."""
    return bool(answer.transaction_number) and answer.transaction_number != (payment.transaction_number or "")


def _kept(payment: Payment) -> bool:
    """Paid and written down, and not to be given back: the money may be taken."""
    return payment.state is PaymentState.CAPTURED and payment.receipt_number is not None


def _is_about(payment: Payment, answer: PageAnswer) -> bool:
    return answer.ours and answer.amount_centimes == payment.amount_centimes
