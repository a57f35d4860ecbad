"""What an acquirer's answer does to a payment: the one place where answers become events.

A reply to our own request speaks of that attempt only; an approval always wins; an inquiry's silence decides nothing
before the acquirer's window is over (docs/protocols/failure-points.md).
"""

import logging
from dataclasses import replace
from datetime import datetime

from core.ids import Ids
from core.payments.schedule import Times, later, next_look, window_open
from core.payments.table import IllegalMove, Payment, PaymentEvent, PaymentState
from core.ports import (
    Approved,
    Authorisation,
    AuthorisedOnly,
    ChallengeRequired,
    Clock,
    Decline,
    DeclineKind,
    Inquiry,
    NoSuchOrder,
    NotSent,
    Pending,
    Undone,
    UnknownOutcome,
)
from core.repositories import BillsTaken, Change, MessageKind, Repositories

log = logging.getLogger(__name__)

_SENDING = frozenset({PaymentState.SENDING})
_UNKNOWN = frozenset({PaymentState.UNKNOWN})
_ASKED = frozenset({PaymentState.SENDING, PaymentState.UNKNOWN})
# Not the customer's card: these never use up the tries.
_NOT_COUNTED = frozenset({DeclineKind.BANK_BUSY, DeclineKind.BANK_DOWN, DeclineKind.NO_CARD, DeclineKind.OUR_FAULT})
# Declined so before, no card of this order was ever refused.
_NO_CARD_BEFORE = frozenset({None, DeclineKind.BANK_DOWN, DeclineKind.NO_CARD})
# What may still come of an order that is refused here: it is asked about for a day.
_MAY_LAND = frozenset({DeclineKind.BANK_BUSY, DeclineKind.NO_CARD})

# An order that is over here is asked about until the acquirer says what became of it: never silence, and no "pending".
_ENDS_THE_LOOKS = NoSuchOrder | Decline | Undone


class OutcomeRecorder:
    """Writes answers down. Raises DatabaseUnavailable; a lost race is no error: the payment comes back as it stands."""

    def __init__(self, books: Repositories, clock: Clock, ids: Ids, times: Times) -> None:
        self._payments = books.payments
        self._messages = books.messages
        self._clock = clock
        self._ids = ids
        self._times = times

    async def reply(self, payment: Payment, answer: Authorisation) -> Payment:
        """Record the answer to what was just sent; `payment` is as it was then."""
        try:
            match answer:
                case Approved():
                    ours = replace(answer, brand=answer.brand or payment.card_brand)
                    last4 = answer.facts.last4 or payment.card_last4  # of this attempt, whatever was sent since
                    return await self._approved(payment, ours, capture_at=self._confirm_at(), last4=last4)
                case Decline():
                    return await self._declined(payment, answer)
                case ChallengeRequired():
                    return await self._challenged(payment, answer, _ASKED)
                case NotSent():
                    return await self._not_sent(payment, answer)
            return await self._lost(payment, answer)
        except IllegalMove:
            return await self._as_it_stands(payment)

    async def resent(self, payment: Payment, answer: Authorisation, acquirer: str) -> Payment:
        """Moves a payment on to the next acquirer, in one commit with what the one before said; nothing of it can be
        there. Raises IllegalMove, BillsTaken.
        """
        now = self._clock.now()
        decline = answer if isinstance(answer, Decline) else Decline("", DeclineKind.BANK_DOWN)
        log.warning("payment %s: %s did not take it: on to %s", payment.id, payment.acquirer, acquirer)
        refused = self._refusal(payment, decline, _SENDING, frees=True)
        send = Change(
            PaymentEvent.SEND,
            due_at=later(now, self._times.stale_sending_s),
            attempt=payment.attempts,
            acquirer=acquirer,
            detail=acquirer,
        )
        sent = await self._payments.resend(payment.id, refused, send, now)
        return replace(sent, acquirer_free=True)

    async def found(self, payment: Payment, answer: Inquiry, *, page_over: bool = False) -> Payment:
        """Record what an inquiry found; `payment` is as it was before asking. `page_over`: it could only be paid on a
        page that has ended, where nothing more can land."""
        try:
            if isinstance(answer, Approved):
                unstated = self._confirm_at() if answer.amount_centimes is None else None
                return await self._approved(payment, answer, capture_at=unstated)
            if isinstance(answer, AuthorisedOnly):
                approved = Approved(answer.auth_code, answer.transaction_number, answer.amount_centimes)
                return await self._approved(payment, approved, capture_at=self._clock.now())
            if payment.state is PaymentState.UNKNOWN:
                return await self._found_unknown(payment, answer, page_over=page_over)
        except IllegalMove:
            return await self._as_it_stands(payment)
        if payment.state in {PaymentState.EXPIRED, PaymentState.DECLINED}:
            await self._look_again(payment, settled=isinstance(answer, _ENDS_THE_LOOKS))
        return payment

    async def paid_on_page(self, payment: Payment, answer: Approved, proof: str = "") -> Payment:
        """Record what a hosted page said; whether the money was taken then is looked at a little later."""
        try:
            return await self._approved(payment, answer, capture_at=self._confirm_at(), detail=proof or None)
        except IllegalMove:
            return await self._as_it_stands(payment)

    async def confirmed(self, payment: Payment, took_centimes: int) -> Payment:
        """Returns what the acquirer says of a paid order when it is looked at once more. Raises IllegalMove."""
        now, asked_centimes = self._clock.now(), payment.amount_centimes
        if took_centimes != asked_centimes:
            log.error(
                "payment %s: %d centimes taken, %d asked: it is voided", payment.id, took_centimes, asked_centimes
            )
            change = Change(PaymentEvent.MISMATCH, approved_centimes=took_centimes)
            return await self._undo_at_once(
                payment, change, PaymentEvent.MISMATCH, f"took {took_centimes}, asked {asked_centimes}"
            )
        if payment.by_hand == "unconfirmed":
            return await self._payments.move(payment.id, Change(PaymentEvent.CONFIRMED), now)
        await self._payments.look_again(payment.id, payment.state, None)
        return payment

    def _confirm_at(self) -> datetime:
        return later(self._clock.now(), self._times.confirm_after_s)

    async def left_page(self, payment: Payment) -> Payment:
        """Back from the page, and the acquirer knows of no card: the bills are free, another try may follow. What is
        typed on a page that is still open is only held there, and is taken or given back when it is told."""
        try:
            return await self._refuse(payment, Decline("", DeclineKind.NO_CARD), _SENDING)
        except IllegalMove:
            return await self._as_it_stands(payment)

    async def refused_on_page(self, payment: Payment, answer: Approved, proof: str) -> Payment:
        """Gives back what a page holds as we do not accept it, and returns the payment."""
        change = Change(
            PaymentEvent.MISMATCH,
            asked=payment.acquirer,
            auth_code=answer.auth_code,
            transaction_number=answer.transaction_number,
            approved_centimes=answer.amount_centimes,
            facts=answer.facts,
        )
        try:
            return await self._undo_at_once(payment, change, PaymentEvent.MISMATCH, f"not vouched for: {proof}")
        except IllegalMove:
            return await self._as_it_stands(payment)

    async def _approved(
        self,
        payment: Payment,
        answer: Approved,
        capture_at: datetime | None = None,
        detail: str | None = None,
        last4: str | None = None,
    ) -> Payment:
        """`capture_at`: when to look what was taken, and whether what is held was captured too. `last4`: of the card
        that pays, where its own reply said so."""
        now = self._clock.now()
        asked_centimes, took_centimes = payment.amount_centimes, answer.amount_centimes
        last4 = last4 or answer.facts.last4
        # another card was refused before: an order's status does not tell which of them it took
        unsure = not last4 and payment.attempts > 1 and payment.decline_kind is not None
        change = Change(
            PaymentEvent.APPROVED,
            auth_code=answer.auth_code,
            transaction_number=answer.transaction_number,
            card_brand=answer.brand,
            card_last4=last4,
            card_unsure=unsure,
            approved_centimes=took_centimes,
            facts=answer.facts,
            asked=payment.acquirer,
            detail=detail,
            due_at=capture_at,
            messages=(MessageKind.RECEIPT_SMS, MessageKind.RECEIPT_MAIL),
        )
        if took_centimes is not None and took_centimes != asked_centimes:
            log.error(
                "payment %s: %d centimes approved, %d asked: it is voided", payment.id, took_centimes, asked_centimes
            )
            return await self._undo_at_once(
                payment, change, PaymentEvent.MISMATCH, f"approved {took_centimes}, asked {asked_centimes}"
            )
        try:
            return await self._payments.capture(payment.id, change, now, self._ids.token())
        except BillsTaken:
            log.warning("payment %s: approved after its bills were paid otherwise: it is given back", payment.id)
            return await self._undo_at_once(payment, change, PaymentEvent.APPROVED, "late landing")

    async def _undo_at_once(self, payment: Payment, change: Change, event: PaymentEvent, detail: str) -> Payment:
        """Write down what was taken without a receipt; due now, so that core/payments/janitor.py gives it back."""
        now = self._clock.now()
        lets_go = event is PaymentEvent.APPROVED
        undoing = replace(change, event=event, due_at=now, detail=detail, lets_go=lets_go, messages=())
        try:
            return await self._payments.move(payment.id, undoing, now)
        except BillsTaken:
            return await self._payments.move(payment.id, replace(undoing, lets_go=True), now)

    async def _declined(self, payment: Payment, answer: Decline) -> Payment:
        """From `sending` the customer is there and hears it; from `unknown` a message says it."""
        try:
            return await self._refuse(payment, answer, _SENDING)
        except IllegalMove:
            return await self._refuse(payment, answer, _UNKNOWN, messages=(MessageKind.DECLINED_SMS,))

    async def _refuse(
        self,
        payment: Payment,
        answer: Decline,
        only: frozenset[PaymentState],
        messages: tuple[MessageKind, ...] = (),
        *,
        frees: bool = False,
    ) -> Payment:
        if answer.kind is DeclineKind.OUR_FAULT:
            log.error("payment %s: the acquirer refuses our configuration: code %s", payment.id, answer.code)
        change = self._refusal(payment, answer, only, messages, frees=frees)
        return await self._payments.move(payment.id, change, self._clock.now())

    def _refusal(
        self,
        payment: Payment,
        answer: Decline,
        only: frozenset[PaymentState],
        messages: tuple[MessageKind, ...] = (),
        *,
        frees: bool,
    ) -> Change:
        return Change(
            PaymentEvent.REFUSED,
            only=only,
            attempt=payment.attempts,
            detail=f"{answer.kind} {answer.code}",
            decline_kind=answer.kind,
            counts_as_decline=answer.kind not in _NOT_COUNTED,
            extend_to=later(self._clock.now(), self._times.basket_ttl_s),
            due_at=self._next_look(payment, settled=True) if only == _UNKNOWN or answer.kind in _MAY_LAND else None,
            messages=messages,
            frees=frees,
        )

    async def _challenged(self, payment: Payment, answer: ChallengeRequired, only: frozenset[PaymentState]) -> Payment:
        challenge = answer.challenge
        change = Change(
            PaymentEvent.CHALLENGED,
            only=only,
            attempt=payment.attempts,
            challenge=challenge,
            due_at=challenge.expires_at,
            detail=f"{challenge.attempts_left} left",
        )
        return await self._payments.move(payment.id, change, self._clock.now())

    async def _not_sent(self, payment: Payment, answer: NotSent) -> Payment:
        """Nothing can have been charged. An unsent PIN leaves the question open, an unsent card the basket."""
        log.warning("payment %s: not sent: %s", payment.id, answer.why)
        if payment.challenge is not None:
            return await self._challenged(payment, ChallengeRequired(payment.challenge), _SENDING)
        down = Decline("", DeclineKind.BANK_DOWN)
        return await self._refuse(payment, down, _SENDING, frees=payment.acquirer_free)

    async def _lost(self, payment: Payment, answer: Pending | UnknownOutcome) -> Payment:
        change = Change(
            PaymentEvent.LOST,
            only=_SENDING,
            attempt=payment.attempts,
            due_at=self._next_look(payment, settled=False),
            detail="pending" if isinstance(answer, Pending) else answer.why,
        )
        return await self._payments.move(payment.id, change, self._clock.now())

    async def _found_unknown(self, payment: Payment, answer: Inquiry, *, page_over: bool) -> Payment:
        """An order that is undecided here: what the acquirer says of it, or silence until the next look."""
        settled_there = page_over or not self._in_window(payment)
        match answer:
            # an earlier card of the same order was declined: inside the window the later one may still be on its way
            case Decline() if settled_there or payment.decline_kind in _NO_CARD_BEFORE:
                return await self._refuse(payment, answer, _UNKNOWN, messages=(MessageKind.DECLINED_SMS,))
            case ChallengeRequired():
                return await self._challenged(payment, answer, _UNKNOWN)
            case Undone():
                gone = Decline("voided", DeclineKind.OUR_FAULT)
                return await self._refuse(payment, gone, _UNKNOWN, messages=(MessageKind.DECLINED_SMS,))
            case NoSuchOrder() if settled_there:
                due_at = self._next_look(payment, settled=True)
                change = Change(
                    PaymentEvent.ABSENT,
                    only=_UNKNOWN,
                    attempt=payment.attempts,
                    due_at=due_at,
                    messages=(MessageKind.DECLINED_SMS,),
                )
                return await self._payments.move(payment.id, change, self._clock.now())
        await self._tell_undecided(payment)
        await self._look_again(payment, settled=False)
        return payment

    async def _tell_undecided(self, payment: Payment) -> None:
        now = self._clock.now()
        if now >= later(_sent_at(payment), self._times.undecided_sms_after_s):
            await self._messages.queue(payment, MessageKind.UNDECIDED_SMS, now)

    def _in_window(self, payment: Payment) -> bool:
        return window_open(self._times, _sent_at(payment), self._clock.now())

    def _next_look(self, payment: Payment, *, settled: bool) -> datetime | None:
        return next_look(self._times, _sent_at(payment), self._clock.now(), settled=settled)

    async def _look_again(self, payment: Payment, *, settled: bool) -> None:
        await self._payments.look_again(payment.id, payment.state, self._next_look(payment, settled=settled))

    async def _as_it_stands(self, payment: Payment) -> Payment:
        stands = await self._payments.get(payment.id) or payment
        if stands.acquirer != payment.acquirer:
            log.error("payment %s: %s answered, and %s has it", payment.id, payment.acquirer, stands.acquirer)
        return stands


def _sent_at(payment: Payment) -> datetime:
    """When it was last sent; whoever comes here was."""
    return payment.sent_at or payment.created_at
