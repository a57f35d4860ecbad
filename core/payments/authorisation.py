"""The conversation with the acquirer: send in the background, wait a little, write the answer down.

The intent is committed before this room is entered. A charge under way is never cancelled; when the process dies with
it, the payment stays `sending` and the sweep asks the acquirer (docs/protocols/failure-points.md 4, 5).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from core.payments.choosing import knows_nothing
from core.payments.outcomes import OutcomeRecorder
from core.payments.schedule import Times, later
from core.payments.table import IllegalMove, Payment, PaymentEvent
from core.ports import (
    Acquirer,
    Acquirers,
    Authorisation,
    Clock,
    Decline,
    DeclineKind,
    NotSent,
    UnknownOutcome,
)
from core.repositories import BillsTaken, Change, DatabaseUnavailable

log = logging.getLogger(__name__)

FLIGHTS_MAX = 1_000  # charges under way in one process; more are refused before anything is sent

Ask = Callable[[Acquirer], Awaitable[Authorisation]]

HELD_UP = NotSent("held up after its commit")


def sending(acquirer: str, **more: Any) -> Change:
    """The commit that sends: whom it names is asked, and about it nobody else."""
    return Change(PaymentEvent.SEND, acquirer=acquirer, detail=acquirer, **more)


class Authoriser:
    """Charges under way in this process, by payment id."""

    def __init__(
        self,
        recorder: OutcomeRecorder,
        acquirers: Acquirers,
        clock: Clock,
        times: Times,
        flights_max: int = FLIGHTS_MAX,
    ) -> None:
        self._recorder = recorder
        self._acquirers = acquirers
        self._clock = clock
        self._times = times
        self._flights_max = flights_max
        self._latest: dict[str, asyncio.Task[Payment]] = {}
        self._under_way: set[asyncio.Task[Payment]] = set()  # an earlier attempt may still be flying; none is dropped

    @property
    def full(self) -> bool:
        """Returns whether no further charge may start here now."""
        return len(self._under_way) >= self._flights_max

    def send(self, payment: Payment, ask: Ask, others: Sequence[str] = ()) -> None:
        """Start asking; `payment` is the committed intent as of sending. `others` come after its acquirer."""
        task = asyncio.create_task(self._fly(payment, ask, others), name=f"charge {payment.id}")
        self._latest[payment.id] = task
        self._under_way.add(task)
        task.add_done_callback(lambda finished: self._landed(payment.id, finished))

    async def wait(self, payment_id: str, wait_s: float) -> Payment | None:
        """The payment when its charge lands within `wait_s`; None when it is still under way, or not under way here."""
        flight = self._latest.get(payment_id)
        if flight is None:
            return None
        await asyncio.wait({flight}, timeout=wait_s)
        return flight.result() if flight.done() and not flight.cancelled() and flight.exception() is None else None

    async def drain(self, grace_s: float) -> int:
        """Wait for what is under way, at a server's end; how many did not land (the sweep finds them)."""
        if self._under_way:
            await asyncio.wait(set(self._under_way), timeout=grace_s)
        return sum(not task.done() for task in self._under_way)

    async def _fly(self, payment: Payment, ask: Ask, others: Sequence[str]) -> Payment:
        answer = await self._asked(payment, ask)
        for other in others:
            if answer is HELD_UP or not await self._nothing_there(payment, answer):
                break
            resent = await self._resent(payment, answer, other)
            if resent is None:
                break
            payment, answer = resent, await self._asked(resent, ask)
        return await self._recorded(payment, answer)

    async def _asked(self, payment: Payment, ask: Ask) -> Authorisation:
        if not self._in_time(payment):
            return HELD_UP
        try:
            return await ask(self._acquirers.of(payment.acquirer))
        except Exception as error:  # noqa: BLE001 - whatever breaks in an acquirer: the payment is unknown, not failed
            log.error("payment %s: the acquirer's code broke: %s", payment.id, type(error).__name__)  # noqa: TRY400 - its traceback may show a card
            return UnknownOutcome(f"broken: {type(error).__name__}")

    async def _nothing_there(self, payment: Payment, answer: Authorisation) -> bool:
        """Whether nothing of a payment can be at the acquirer that was just asked, now or later."""
        if not payment.acquirer_free:
            return False
        if isinstance(answer, Decline) and answer.kind is DeclineKind.OUR_FAULT:
            return await knows_nothing(self._acquirers, payment)
        return isinstance(answer, NotSent)

    async def _resent(self, payment: Payment, answer: Authorisation, other: str) -> Payment | None:
        """The payment on its way to the next acquirer; None where that cannot be written down."""
        try:
            return await self._recorder.resent(payment, answer, other)
        except (BillsTaken, DatabaseUnavailable, IllegalMove) as error:
            log.warning("payment %s: it cannot go on to %s: %s", payment.id, other, type(error).__name__)
            return None

    async def _recorded(self, payment: Payment, answer: Authorisation) -> Payment:
        for pause_s in self._times.record_pauses_s:
            try:
                return await self._recorder.reply(payment, answer)
            except DatabaseUnavailable:
                await asyncio.sleep(pause_s)
        return await self._recorder.reply(payment, answer)

    def _in_time(self, payment: Payment) -> bool:
        """A process that was stopped for longer than the window must not wake up and charge for released bills."""
        committed_at = payment.sent_at or payment.created_at
        return self._clock.now() <= later(committed_at, self._times.send_within_s)

    def _landed(self, payment_id: str, task: asyncio.Task[Payment]) -> None:
        self._under_way.discard(task)
        if self._latest.get(payment_id) is task:
            del self._latest[payment_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("payment %s: its answer could not be recorded, the sweep will ask again: %r", payment_id, error)
