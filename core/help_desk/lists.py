"""Lists of payments at the help desk: a day's, what is open or stuck, and what stands behind operations' numbers.

A filter holds nothing that names a person, so that it may stand in an address and in the log. Logged before it is read.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.help_desk.access_log import Access, AccessLog, Action, Actor
from core.payments.table import Payment, PaymentState
from core.ports import Clock
from core.zone import ZONE

PAGE_ROWS = 50
PAGES_MAX = 200
OTHERS_SHOWN = 5


class PaymentList(StrEnum):
    """Names what a list is of. The first four are of a period, which the filter tells."""

    BEGUN = "begun"
    PAID = "paid"
    BACK = "back"  # of which money went back then
    ANSWERED = "answered"  # of which the bank said `answer` then
    OPEN = "open"  # neither paid nor over
    UNKNOWN = "unknown"
    STUCK = "stuck"  # only a person goes on from there
    WAITING = "waiting"  # whose messages or postings wait, by `queue`
    FAILED = "failed"  # whose messages could not be delivered, by `queue`
    CUSTOMER = "customer"  # of the payer or the line of the payment `of`


PERIODS = frozenset({PaymentList.BEGUN, PaymentList.PAID, PaymentList.BACK, PaymentList.ANSWERED, PaymentList.FAILED})


class QueueName(StrEnum):
    """Names a queue of outgoing work."""

    SMS = "sms"
    MAIL = "mail"
    CALL = "call"
    POSTING = "posting"


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """Empty fields narrow nothing. `begins` and `ends` are told for lists of a period; without an end it is now."""

    kind: PaymentList
    begins: datetime | None = None
    ends: datetime | None = None
    channel: str = ""
    states: frozenset[PaymentState] = frozenset()
    tender: str = ""  # a card's brand or a wallet; "-" where none is known
    acquirer: str = ""  # whose account a card paid into, or was to
    low_centimes: int | None = None
    high_centimes: int | None = None
    answer: str = ""  # an event
    code: str = ""  # and its detail
    queue: QueueName | None = None
    of: str = ""

    def logged(self) -> str:
        """The filter as the access log keeps it."""
        amounts = [f"{name}{centimes}" for name, centimes in
                   ((">=", self.low_centimes), ("<=", self.high_centimes)) if centimes is not None]  # fmt: skip
        days = [f"{each.astimezone(ZONE):%Y-%m-%dT%H:%M}" for each in (self.begins, self.ends) if each]
        words = (self.channel, *sorted(self.states), self.tender, self.acquirer)
        more = (*words, *amounts, self.answer, self.code, self.queue or "")
        return " ".join(part for part in ("list", self.kind, *days, *more) if part)


@dataclass(frozen=True, slots=True)
class ListedPayment:
    """A payment and what the list counts of it: what was taken, what went back, or what was asked."""

    payment: Payment
    centimes: int


@dataclass(frozen=True, slots=True)
class ListedPayments:
    """A page of a list, and what all of the list comes to."""

    rows: tuple[ListedPayment, ...]
    count: int
    centimes: int


@dataclass(frozen=True, slots=True)
class HeadCounts:
    """The counts of what waits for somebody, as the head of every page tells them."""

    approvals: int = 0  # requests to give money back
    by_hand: int = 0  # requests to end something by hand
    findings: int = 0


class PaymentLists(Protocol):
    """Reads only. All methods raise DatabaseUnavailable."""

    async def listed(self, wanted: PaymentFilter, now: datetime, page: int) -> ListedPayments:
        """`page` counts from nought; the latest come first."""

    async def tenders(self, now: datetime) -> tuple[str, ...]:
        """Brands that cards had lately, and wallets that paid."""

    async def acquirers(self, now: datetime) -> tuple[str, ...]:
        """Returns the acquirers that took cards lately, by id."""

    async def head(self) -> HeadCounts: ...


@dataclass(frozen=True, slots=True)
class DeskLists:
    """Reads the desk's lists. Every method raises DatabaseUnavailable."""

    books: PaymentLists
    log: AccessLog
    clock: Clock

    async def listed(self, actor: Actor, wanted: PaymentFilter, page: int) -> ListedPayments:
        """Returns one page of a list."""
        now = self.clock.now()
        detail, of = wanted.logged(), wanted.of or None
        await self.log.write(Access(now, actor.name, actor.role, Action.QUEUE, of, detail, actor.address))
        return await self.books.listed(wanted, now, min(page, PAGES_MAX - 1))
