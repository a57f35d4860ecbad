"""Giving money back at the help desk: who may propose, who may decide (docs/protocols/failure-points.md 18).

An agent proposes and a supervisor decides. A supervisor alone may give back up to a limit, counted over everything that
went back of a payment, and up to a sum and a number a day; above it the decision is another supervisor's. The books
count under their own locks, so that many requests at once do not pass together. What goes back is the whole payment,
or parts of its bills: never more than was paid for each. Two decisions at once are one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from core.help_desk.access_log import Actor
from core.payments.table import Payment, PaymentState
from core.ports import Clock
from core.refunds.model import RefundPart

ALONE_MAX_CENTIMES = 50_000
COMMENT_CHARS_MAX = 300
AT_ONCE_MAX = 4  # decisions a process makes: they wait for one another in the database, with a connection each
DAY = timedelta(hours=24)


class Reason(StrEnum):
    """Tells why a customer's money goes back; each has its words in locales/."""

    PAID_TWICE = "paid_twice"
    WRONG_LINE = "wrong_line"
    WRONG_AMOUNT = "wrong_amount"
    NOT_THE_PAYER = "not_the_payer"  # the card's holder did not order it
    OTHER = "other"  # wants a comment


class RefundRequestState(StrEnum):
    """The states of a request. What became of the money is the payment's own state."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class RefundRequestRefusal(StrEnum):
    """Tells why nothing was given back; each is the page's words, never an exception."""

    NOT_CAPTURED = "not_captured"  # nothing to give back, or somebody was faster
    OPEN_ALREADY = "open_already"  # a request for this payment waits
    PARTLY_CREDITED = "partly_credited"  # a bill went back by itself: the whole would be more than is left
    NOT_YET = "not_yet"  # billing has not answered for every bill, or one is being given back right now
    CHARGED_BACK = "charged_back"  # the cardholder's bank took it back: it would go back twice
    TOO_MUCH = "too_much"  # more than is left of a bill
    NOT_ALLOWED = "not_allowed"  # an agent decides nothing
    SECOND_PERSON = "second_person"  # somebody else must decide
    DAY_FULL = "day_full"  # somebody else must decide: enough went back by this person's word alone today
    DECIDED_ALREADY = "decided_already"
    NO_REASON = "no_reason"


@dataclass(frozen=True, slots=True)
class Bounds:
    """The centimes that a supervisor alone may give back: of one payment, and in any 24 hours. Above `watch` somebody
    is told.
    """

    payment_max_centimes: int = ALONE_MAX_CENTIMES
    day_max_centimes: int = 200_000
    day_max_count: int = 10
    watch_centimes: int = 1_000_000
    watch_count: int = 50


@dataclass(frozen=True, slots=True)
class Given:
    """The sums that one person's decisions gave back since a moment."""

    count: int = 0
    centimes: int = 0


class Sign(StrEnum):
    """The signs that somebody should look at; counted, never a reason to stop."""

    DAY_FULL = "alone_day"  # a supervisor asked for more than a day allows alone
    DAY_WATCH = "day_sum"  # a supervisor's decisions of a day come to much
    SAME_BROWSER = "same_browser"  # proposed and approved in one browser
    SAME_ADDRESS = "same_address"
    CONTACTS = "contacts"  # contacts are revealed faster than customers call


Alarm = Callable[[Sign, Actor], None]


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A request to give money back. `two_people`: whoever asked cannot be the one who approves."""

    id: int
    payment_id: str
    amount_centimes: int
    reason: Reason
    comment: str
    two_people: bool
    state: RefundRequestState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None = None
    decided_at: datetime | None = None
    parts: tuple[RefundPart, ...] = ()  # none: the whole
    address: str = ""  # of whoever asked
    browser: str = ""

    def signs(self, actor: Actor) -> tuple[Sign, ...]:
        """The signs that are odd about this person's approval."""
        if actor.name == self.proposed_by:
            return ()
        browser = bool(actor.browser) and actor.browser == self.browser
        address = bool(actor.address) and actor.address == self.address
        return (Sign.SAME_BROWSER,) * browser + (Sign.SAME_ADDRESS,) * address

    def may_approve(self, actor: Actor) -> bool:
        """Returns whether this person's yes would give the money back."""
        return actor.decides and not (self.two_people and actor.name == self.proposed_by)

    def may_reject(self, actor: Actor) -> bool:
        """Supervisors, and whoever asked."""
        return actor.decides or actor.name == self.proposed_by


@dataclass(frozen=True, slots=True)
class Proposal:
    """The refund that is asked for. Without parts it is the whole."""

    payment_id: str
    reason: Reason
    comment: str
    two_people: bool
    parts: tuple[RefundPart, ...] = ()


@dataclass(frozen=True, slots=True)
class BillLeft:
    """A paid bill: what went back of it or is on its way, and whether more can."""

    number: str
    amount_centimes: int
    returned_centimes: int
    returnable: bool

    @property
    def left_centimes(self) -> int:
        return self.amount_centimes - self.returned_centimes if self.returnable else 0


class RefundRequestRepository(Protocol):
    """The refund requests' rows. Each method is one commit, guarded in itself. All raise DatabaseUnavailable."""

    async def get(self, request_id: int) -> RefundRequest | None: ...

    async def of_payment(self, payment_id: str) -> tuple[RefundRequest, ...]:
        """Returns the requests about a payment, the latest first."""

    async def open(self, limit: int) -> tuple[RefundRequest, ...]:
        """The requests that wait for a decision and can still be done, the oldest first."""

    async def bills(self, payment_id: str) -> tuple[BillLeft, ...]:
        """The centimes that can still go back of each bill."""

    async def propose(self, proposal: Proposal, who: Actor, now: datetime) -> RefundRequest | RefundRequestRefusal: ...

    async def approve(
        self, request: RefundRequest, who: Actor, now: datetime, bounds: Bounds
    ) -> Payment | RefundRequestRefusal:
        """The decision and the payment's move to `voiding`, or the refunds of its parts, in one commit: of two at once
        one is done. Whoever asked stays within the bounds, counted in that commit."""

    async def given(self, who: str, since: datetime) -> Given:
        """The sums that this person's decisions gave back since then."""

    async def reject(self, request_id: int, who: str, now: datetime) -> bool:
        """Rejects a request. Returns False when it was decided already."""


class RefundRequests:
    """The rules above. Every method raises DatabaseUnavailable."""

    def __init__(
        self, books: RefundRequestRepository, clock: Clock, bounds: Bounds | None = None, alarm: Alarm | None = None
    ) -> None:
        self._books = books
        self._clock = clock
        self.bounds = bounds or Bounds()
        self._alarm = alarm or (lambda _sign, _actor: None)
        self._deciding = asyncio.Semaphore(AT_ONCE_MAX)

    async def get(self, request_id: int) -> RefundRequest | None:
        return await self._books.get(request_id)

    async def of_payment(self, payment_id: str) -> tuple[RefundRequest, ...]:
        return await self._books.of_payment(payment_id)

    async def open(self, limit: int) -> tuple[RefundRequest, ...]:
        return await self._books.open(limit)

    async def bills(self, payment_id: str) -> tuple[BillLeft, ...]:
        return await self._books.bills(payment_id)

    def alone(self, actor: Actor, centimes: int) -> bool:
        """Returns whether this person's request for so much is also the decision; what went back before counts."""
        return actor.decides and centimes <= self.bounds.payment_max_centimes

    async def propose(
        self, actor: Actor, payment: Payment, reason: Reason, comment: str, parts: tuple[RefundPart, ...] = ()
    ) -> RefundRequest | Payment | RefundRequestRefusal:
        """The request that now waits, or the payment on its way back where one person is enough."""
        comment = " ".join(comment.split())[:COMMENT_CHARS_MAX]
        if reason is Reason.OTHER and not comment:
            return RefundRequestRefusal.NO_REASON
        if payment.state is not PaymentState.CAPTURED:
            return RefundRequestRefusal.NOT_CAPTURED
        if {(part.number, part.amount_centimes) for part in parts} == _everything(payment):
            parts = ()  # a void, today, instead of credits after settlement
        async with self._deciding:
            return await self._propose(actor, payment, reason, comment, parts)

    async def _propose(
        self, actor: Actor, payment: Payment, reason: Reason, comment: str, parts: tuple[RefundPart, ...]
    ) -> RefundRequest | Payment | RefundRequestRefusal:
        asked_centimes = sum(part.amount_centimes for part in parts) if parts else given_back(payment)
        before = await self._books.of_payment(payment.id)
        asked_centimes += sum(
            request.amount_centimes for request in before if request.state is RefundRequestState.APPROVED
        )
        alone = self.alone(actor, asked_centimes)
        proposal = Proposal(payment.id, reason, comment, two_people=not alone, parts=parts)
        request = await self._books.propose(proposal, actor, self._clock.now())
        if isinstance(request, RefundRequestRefusal) or not alone:
            return request
        outcome = await self._approve(actor, request)
        # the request stands: another supervisor decides on it
        return request if outcome in (RefundRequestRefusal.SECOND_PERSON, RefundRequestRefusal.DAY_FULL) else outcome

    async def approve(self, actor: Actor, request: RefundRequest) -> Payment | RefundRequestRefusal:
        """The payment on its way back."""
        if not actor.decides:
            return RefundRequestRefusal.NOT_ALLOWED
        if not request.may_approve(actor):
            return RefundRequestRefusal.SECOND_PERSON
        async with self._deciding:
            return await self._approve(actor, request)

    async def _approve(self, actor: Actor, request: RefundRequest) -> Payment | RefundRequestRefusal:
        now = self._clock.now()
        outcome = await self._books.approve(request, actor, now, self.bounds)
        if outcome is RefundRequestRefusal.DAY_FULL:
            self._alarm(Sign.DAY_FULL, actor)
        if isinstance(outcome, Payment):
            for sign in request.signs(actor):
                self._alarm(sign, actor)
            given_today = await self._books.given(actor.name, now - DAY)
            if given_today.centimes > self.bounds.watch_centimes or given_today.count > self.bounds.watch_count:
                self._alarm(Sign.DAY_WATCH, actor)
        return outcome

    async def reject(self, actor: Actor, request: RefundRequest) -> RefundRequestRefusal | None:
        """Rejects a request, so that the money stays. None where it is done, else why it is not."""
        if not request.may_reject(actor):
            return RefundRequestRefusal.NOT_ALLOWED
        rejected = await self._books.reject(request.id, actor.name, self._clock.now())
        return None if rejected else RefundRequestRefusal.DECIDED_ALREADY


def _everything(payment: Payment) -> set[tuple[str, int]]:
    return {(invoice.number, invoice.amount_centimes) for invoice in payment.invoices}


def given_back(payment: Payment) -> int:
    """Centimes that go back: what the acquirer took."""
    return payment.amount_centimes if payment.approved_centimes is None else payment.approved_centimes
