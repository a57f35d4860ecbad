"""Tell billing of each paid bill, and give back what billing refuses because it was paid elsewhere meanwhile.

Posting is repeated until billing answers: its key is payment and invoice, a repeat is harmless. A credit is not: see
core/refunds/crediting.py. A bill is CREDITED only when its money is back (docs/protocols/failure-points.md 10, 16).
"""

import logging
from dataclasses import replace

from core.payments.schedule import Times, later
from core.payments.table import IllegalMove, Payment, PaymentEvent, PaymentState
from core.ports import (
    Acquirers,
    BillingDown,
    BillingSystem,
    Clock,
    Posting,
)
from core.refunds.crediting import Crediter
from core.refunds.credits import CreditEnd, Outcome
from core.refunds.service import Refunder
from core.repositories import Change, LinePosting, PostingState, Repositories

log = logging.getLogger(__name__)

PAUSES_S = (5, 15, 60, 300, 900, 3_600)  # the last one for ever


class Poster:
    """Posts the bills of captured payments. Raises DatabaseUnavailable."""

    def __init__(
        self, books: Repositories, billing: BillingSystem, acquirers: Acquirers, clock: Clock, times: Times
    ) -> None:
        self._payments = books.payments
        self._postings = books.postings
        self._billing = billing
        self._clock = clock
        self._times = times
        self._crediter = Crediter(books.credits, acquirers, clock, times)
        self._refunder = Refunder(books.refunds, billing, self._crediter, clock, times)

    async def refund(self, payment_id: str) -> None:
        """Does what is due for the parts of one payment that go back, unless another worker does."""
        payment = await self._payments.get(payment_id)
        if payment is not None:
            await self._refunder.attend(payment)

    async def post(self, payment_id: str) -> None:
        """Does what is due for the bills of one payment, unless another worker does."""
        now = self._clock.now()
        claimed = await self._postings.claim(payment_id, now, later(now, self._times.lease_s))
        payment = await self._payments.get(payment_id) if claimed else None
        if payment is None:
            return
        taken = [await self._attend(payment, line) for line in claimed]
        if not all(taken):  # where billing took what was claimed, nothing of it goes back
            await self._give_back(payment, {line.invoice.number for line in claimed})

    async def _attend(self, payment: Payment, line: LinePosting) -> bool:
        """Whether billing took it now, as it does with nearly every bill."""
        if line.state in {PostingState.CREDITING, PostingState.STUCK}:
            outcome = await self._crediter.compare(payment, line.invoice.number)
            await self._settle(payment, line, outcome)
        elif payment.state in {PaymentState.VOIDED, PaymentState.REFUNDED}:  # given back with the whole
            await self._turn(payment, line, line.state, PostingState.CREDITED)
        elif line.state is PostingState.PENDING:
            return await self._post_line(payment, line)
        return False

    async def _post_line(self, payment: Payment, line: LinePosting) -> bool:
        pause_s = PAUSES_S[min(line.attempts, len(PAUSES_S)) - 1]
        if payment.state is not PaymentState.CAPTURED:
            await self._postpone(payment, line, PostingState.PENDING, pause_s)
            return False
        try:
            answer = await self._billing.post(payment, line.invoice)
        except BillingDown:
            await self._postpone(payment, line, PostingState.PENDING, pause_s)
            return False
        after = PostingState.POSTED if answer is Posting.POSTED else PostingState.REFUSED
        return await self._turn(payment, line, PostingState.PENDING, after) and after is PostingState.POSTED

    async def _give_back(self, payment: Payment, claimed: set[str]) -> None:
        """Once billing has answered for every bill: void the whole when all are refused, else credit the refused."""
        lines = await self._postings.of(payment.id)
        refused = [line for line in lines if line.state is PostingState.REFUSED]
        if payment.state is not PaymentState.CAPTURED:  # the whole goes back, or a person decides
            for line in refused:
                await self._postings.postpone(payment.id, line.invoice.number, PostingState.REFUSED, None)
            return
        if any(line.state is PostingState.PENDING for line in lines):
            for line in refused:
                await self._postpone(payment, line, PostingState.REFUSED, self._times.undo_pause_s)
            return
        if refused and len(refused) == len(lines):
            await self._void(payment, refused)
            return
        for line in refused:
            if line.invoice.number in claimed:
                await self._credit(payment, line)

    async def _void(self, payment: Payment, refused: list[LinePosting]) -> None:
        """The lines become CREDITED in the commit that says that the money is back (books.Payments.move)."""
        now = self._clock.now()
        try:
            await self._payments.move(payment.id, Change(PaymentEvent.VOID, due_at=now, detail="billing refused"), now)
        except IllegalMove:
            log.info("payment %s is being given back already", payment.id)
        for line in refused:
            await self._postings.postpone(payment.id, line.invoice.number, PostingState.REFUSED, None)

    async def _credit(self, payment: Payment, line: LinePosting) -> None:
        credit = await self._crediter.begin(payment, line.invoice.number, line.invoice.amount_centimes)
        if credit is None:
            await self._postpone(payment, line, PostingState.REFUSED, self._times.undo_pause_s)
        elif await self._turn(payment, line, PostingState.REFUSED, PostingState.CREDITING, self._times.lease_s):
            begun = replace(line, state=PostingState.CREDITING)
            await self._settle(payment, begun, await self._crediter.ask(payment, credit))

    async def _settle(self, payment: Payment, line: LinePosting, outcome: Outcome) -> None:
        """Write down what is known of a credit that is under way."""
        match outcome.end:
            case CreditEnd.GIVEN:
                await self._turn(payment, line, line.state, PostingState.CREDITED)
            case CreditEnd.NOT_ASKED:
                await self._turn(payment, line, line.state, PostingState.REFUSED, outcome.again_s)
            case CreditEnd.UNDECIDED if outcome.again_s is not None:
                await self._postpone(payment, line, line.state, outcome.again_s)
            case CreditEnd.REFUSED:
                await self._crediter.end(payment.id, line.invoice.number)
                await self._stick(payment, line, None)
            case _:
                await self._stick(payment, line, outcome.again_s)

    async def _stick(self, payment: Payment, line: LinePosting, again_s: float | None) -> None:
        if line.state is PostingState.STUCK and again_s is not None:
            await self._postpone(payment, line, PostingState.STUCK, again_s)
            return
        log.error("payment %s: bill %s: an operator must credit it", payment.id, line.invoice.number)
        await self._turn(payment, line, line.state, PostingState.STUCK, again_s)

    async def _turn(
        self,
        payment: Payment,
        line: LinePosting,
        before: PostingState,
        after: PostingState,
        again_s: float | None = None,
    ) -> bool:
        now = self._clock.now()
        due_at = None if again_s is None else later(now, again_s)
        return await self._postings.turn(payment.id, line.invoice.number, before, after, now, due_at)

    async def _postpone(self, payment: Payment, line: LinePosting, state: PostingState, pause_s: float) -> None:
        due_at = later(self._clock.now(), pause_s)
        await self._postings.postpone(payment.id, line.invoice.number, state, due_at)
