"""What the help desk can do for a customer on the phone. Every method first writes who asks for what into the access
log: what cannot be logged is not shown and not done (docs/protocols/security.md 15).
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from core import card_numbers
from core.help_desk.access_log import Access, AccessLog, Action, Actor
from core.help_desk.looked_for import logged, numbers_in
from core.help_desk.timeline import TimelineEntry
from core.help_desk.transcripts import DialogTranscript, TranscriptRepository
from core.payments.janitor import NoSuchPayment
from core.payments.table import Payment, PaymentState
from core.ports import Clock
from core.refunds.model import RefundPart
from core.refunds.requests import BillLeft, Reason, RefundRequest, RefundRequestRefusal, RefundRequests
from core.repositories import MessageKind
from core.subscribers.emails import email_of
from core.subscribers.lines import mask_email, mask_msisdn, msisdn, reachable

ACCESSES_SHOWN = 50
QUEUE_MAX = 50
QUERY_CHARS_MAX = 128
NOTE_CHARS_MAX = 500
RESENDS_MAX = 5
RESENDS_S = 86_400
DIALOGS_S = 7 * 86_400  # what a number was shown
PayLink = Callable[[str], str]  # of a payment's id
_PAYABLE = frozenset({PaymentState.CREATED, PaymentState.DECLINED})
BY_MAIL = frozenset({MessageKind.RECEIPT_MAIL})
_GIVEN_BACK = frozenset({PaymentState.VOIDED, PaymentState.REFUNDED})


class WholeCard(ValueError):
    """The agent's mistake: a card's number was typed. It was written nowhere."""


@dataclass(frozen=True, slots=True)
class Case:
    """A payment as the help desk sees it. `accesses` are for supervisors only."""

    payment: Payment
    story: tuple[TimelineEntry, ...]
    undos: tuple[RefundRequest, ...]
    resendable: frozenset[MessageKind]
    accesses: tuple[Access, ...] = ()
    contact: bool = False
    dialogs: tuple[DialogTranscript, ...] = ()
    bills: tuple[BillLeft, ...] = ()
    pay_link: str = ""  # where this basket is paid in a browser, while it can be
    others: tuple[Payment, ...] = ()  # of the same payer or line, the latest first
    at: datetime | None = None  # when it was read

    @property
    def open_undo(self) -> RefundRequest | None:
        """The request that waits for a decision."""
        return next((undo for undo in self.undos if undo.decided_by is None), None)


class HelpDeskRepository(Protocol):
    """The notes, messages and names that the desk reads and writes besides payments. All methods raise
    DatabaseUnavailable.
    """

    async def find(self, text: str, today: date | None = None) -> tuple[Payment, ...]: ...

    async def story(self, payment_id: str) -> tuple[TimelineEntry, ...]: ...

    async def others(self, payment_id: str) -> tuple[Payment, ...]:
        """A few other payments of the same payer or line."""

    async def note(self, payment_id: str, who: str, text: str, now: datetime) -> None: ...

    async def looked_for(self, msisdns: Sequence[str], who: str, now: datetime) -> None:
        """Keeps whose number somebody searched for, apart from the log: it is told to the owner and erased with the
        rest.
        """

    async def resend(
        self, payment_id: str, kind: MessageKind, now: datetime, since: datetime, most: int, to: str = ""
    ) -> bool:
        """Queues one more message of this kind. Returns False when one is on its way or `most` were sent again since
        then. `to`: somebody else than the payer.
        """


class Inquirer(Protocol):
    """The till, as far as the desk asks it. Raises DatabaseUnavailable."""

    async def payment(self, payment_id: str) -> Payment | None: ...

    async def inquire(self, payment_id: str) -> Payment: ...


class HelpDesk:
    """What the help desk can do for a customer. Every method raises DatabaseUnavailable; those about one payment
    NoSuchPayment.
    """

    def __init__(
        self,
        books: HelpDeskRepository,
        transcripts: TranscriptRepository,
        log: AccessLog,
        till: Inquirer,
        undoing: RefundRequests,
        clock: Clock,
        pay_link: PayLink | None = None,
        *,
        mail_utf8: bool = False,
    ) -> None:
        """`pay_link`: where a basket is paid in a browser; None where nobody pays in one. `mail_utf8`: the mail server
        takes letters beyond ASCII in an address."""
        self._books = books
        self._pay_link = pay_link
        self._mail_utf8 = mail_utf8
        self._transcripts = transcripts
        self._log = log
        self._till = till
        self.undoing = undoing
        self._clock = clock

    async def record(self, who: str, role: str, action: Action, address: str) -> None:
        """A login, a logout, or one that was refused."""
        await self._log.write(Access(self._clock.now(), who, role, action, address=address))

    async def search(self, actor: Actor, text: str) -> tuple[Payment, ...]:
        """Payments a text could mean, the latest first. A number that does not fit is looked for before the text is
        cut. Raises WholeCard."""
        text = plain(text)
        if card_numbers.holds(text):
            await self._write(actor, Action.SEARCH, detail=card_numbers.MASK)
            raise WholeCard
        text = text[:QUERY_CHARS_MAX]
        await self._write(actor, Action.SEARCH, detail=logged(text))
        await self._books.looked_for(numbers_in(text), actor.name, self._clock.now())
        return await self._books.find(text, self._clock.now().date())

    async def open(self, actor: Actor, payment_id: str, *, contact: bool = False) -> Case:
        """Opens a payment with its story and its payer's dialogs then; `contact` shows number and address in full."""
        payment = await self._read(payment_id)
        await self._write(actor, Action.CONTACT if contact else Action.VIEW, payment.id)
        accesses = await self._log.of_payment(payment.id, ACCESSES_SHOWN) if actor.decides else ()
        return Case(
            payment,
            await self._books.story(payment.id),
            await self.undoing.of_payment(payment.id),
            self._resendable(payment),
            accesses,
            contact,
            await self._transcripts.of_payment(payment),
            await self.undoing.bills(payment.id),
            self._link_of(payment),
            await self._books.others(payment.id),
            self._clock.now(),
        )

    def _link_of(self, payment: Payment) -> str:
        """One link a basket, the same at every asking and in every text; empty where it leads to no payment."""
        return self._pay_link(payment.id) if self._pay_link is not None and payment.state in _PAYABLE else ""

    def _resendable(self, payment: Payment) -> frozenset[MessageKind]:
        texts_link = self._link_of(payment) and reachable(payment.payer_msisdn)
        return resendable(payment) | ({MessageKind.PAY_LINK_SMS} if texts_link else set())

    async def dialogs_of(self, actor: Actor, number: str) -> tuple[DialogTranscript, ...]:
        """Returns what a number was shown in the last DIALOGS_S, the oldest first. Raises ValueError for no number."""
        number = msisdn(number)
        await self._write(actor, Action.DIALOGS, detail=mask_msisdn(number))
        await self._books.looked_for((number,), actor.name, self._clock.now())
        return await self._lately(number)

    async def dialogs_of_payer(self, actor: Actor, payment_id: str) -> tuple[DialogTranscript, ...]:
        """The dialogs of a payment's payer, as `dialogs_of`."""
        payment = await self._read(payment_id)
        await self._write(actor, Action.DIALOGS, payment.id)
        return await self._lately(payment.payer_msisdn)

    async def _lately(self, number: str) -> tuple[DialogTranscript, ...]:
        now = self._clock.now()
        return await self._transcripts.of(number, now - timedelta(seconds=DIALOGS_S), now)

    async def resend(self, actor: Actor, payment_id: str, kind: MessageKind) -> bool:
        """Send a receipt, the news that money went back, or the link to pay. False: not now (see DeskBooks.resend)."""
        payment = await self._read(payment_id)
        await self._write(actor, Action.RESEND, payment.id, kind)
        if kind not in self._resendable(payment):
            return False
        now = self._clock.now()
        since = now - timedelta(seconds=RESENDS_S)
        return await self._books.resend(payment.id, kind, now, since, RESENDS_MAX)

    async def resend_to(self, actor: Actor, payment_id: str, kind: MessageKind, to: str) -> bool:
        """Sends a message again to a number or an address that the customer tells, which the log keeps masked. Raises
        ValueError for what is none, WholeCard.
        """
        mail = kind in BY_MAIL
        to = email_of(without_card(to), utf8=self._mail_utf8) if mail else msisdn(without_card(to))
        payment = await self._read(payment_id)
        masked = mask_email(to) if mail else mask_msisdn(to)
        await self._write(actor, Action.RESEND, payment.id, f"{kind} {masked}")
        await self._books.looked_for(() if mail else (to,), actor.name, self._clock.now())
        if kind not in sendable(payment):
            return False
        now = self._clock.now()
        since = now - timedelta(seconds=RESENDS_S)
        return await self._books.resend(payment.id, kind, now, since, RESENDS_MAX, to)

    async def inquire(self, actor: Actor, payment_id: str) -> Payment:
        """Ask the acquirer what became of the order; the payment as it stands then."""
        payment = await self._read(payment_id)
        await self._write(actor, Action.INQUIRE, payment.id)
        return await self._till.inquire(payment.id)

    async def note(self, actor: Actor, payment_id: str, text: str) -> bool:
        """A remark for whoever answers next; never changed. False for an empty one. Raises WholeCard."""
        text = without_card(text).strip()[:NOTE_CHARS_MAX]
        payment = await self._read(payment_id)
        await self._write(actor, Action.NOTE, payment.id)
        if text:
            await self._books.note(payment.id, actor.name, text, self._clock.now())
        return bool(text)

    # --- money back -------------------------------------------------------------------------------------------------

    async def payment(self, payment_id: str) -> Payment:
        """The payment that a form is about; nothing of it is shown."""
        return await self._read(payment_id)

    async def propose_undo(
        self, actor: Actor, payment_id: str, reason: Reason, comment: str, parts: tuple[RefundPart, ...] = ()
    ) -> RefundRequest | Payment | RefundRequestRefusal:
        """See undoing.Undoing.propose. Raises WholeCard."""
        comment = without_card(comment)
        payment = await self._read(payment_id)
        await self._write(actor, Action.UNDO_PROPOSE, payment.id, reason)  # the words are the request's
        return await self.undoing.propose(actor, payment, reason, comment, parts)

    async def approve_undo(self, actor: Actor, request_id: int) -> tuple[str, Payment | RefundRequestRefusal]:
        """The payment's id, and what came of it. Raises NoSuchPayment for an unknown request."""
        request = await self._request(request_id)
        await self._write(actor, Action.UNDO_APPROVE, request.payment_id, f"request {request.id}")
        return request.payment_id, await self.undoing.approve(actor, request)

    async def reject_undo(self, actor: Actor, request_id: int) -> tuple[str, RefundRequestRefusal | None]:
        """The payment's id, and why it was not rejected. Raises NoSuchPayment for an unknown request."""
        request = await self._request(request_id)
        await self._write(actor, Action.UNDO_REJECT, request.payment_id, f"request {request.id}")
        return request.payment_id, await self.undoing.reject(actor, request)

    async def queue(self, actor: Actor) -> tuple[tuple[RefundRequest, Payment], ...]:
        """Requests that wait for a decision, the oldest first, at most QUEUE_MAX."""
        await self._write(actor, Action.QUEUE)
        waiting = await self.undoing.open(QUEUE_MAX)
        return tuple([(request, await self._read(request.payment_id)) for request in waiting])

    async def _request(self, request_id: int) -> RefundRequest:
        request = await self.undoing.get(request_id)
        if request is None:
            raise NoSuchPayment(str(request_id))
        return request

    async def _read(self, payment_id: str) -> Payment:
        payment = await self._till.payment(payment_id)
        if payment is None:
            raise NoSuchPayment(payment_id)
        return payment

    async def _write(
        self, actor: Actor, action: Action, payment_id: str | None = None, detail: str | None = None
    ) -> None:
        now = self._clock.now()
        await self._log.write(Access(now, actor.name, actor.role, action, payment_id, detail, actor.address))


def sendable(payment: Payment) -> frozenset[MessageKind]:
    """The kinds of messages that are still true of a payment, to whomever they may go."""
    if payment.state is PaymentState.CAPTURED and payment.receipt_number is not None:
        return frozenset({MessageKind.RECEIPT_SMS, MessageKind.RECEIPT_MAIL})
    return frozenset({MessageKind.UNDONE_SMS}) if payment.state in _GIVEN_BACK else frozenset()


def resendable(payment: Payment) -> frozenset[MessageKind]:
    """The kinds of messages that can be sent to the payer again."""
    kinds = set(sendable(payment))
    if not payment.email:
        kinds.discard(MessageKind.RECEIPT_MAIL)
    if not reachable(payment.payer_msisdn):  # a browser has no telephone
        kinds -= {MessageKind.RECEIPT_SMS, MessageKind.UNDONE_SMS}
    return frozenset(kinds)


def plain(text: str) -> str:
    """The typed text without what only programs write (controls but line ends, halves of characters)."""
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in {"Cc", "Cs"})


def without_card(text: str) -> str:
    """What was typed, as it may be kept. Raises WholeCard: beside a card's number its code may stand as well."""
    text = plain(text)
    if card_numbers.holds(text):
        raise WholeCard
    return text
