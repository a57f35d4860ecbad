"""Two workers on one database sweep at once, again and again: everything comes right, and nothing happens twice."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from core.payments.schedule import Times
from core.payments.service import Refusal
from core.payments.table import Payment, PaymentEvent, PaymentState
from core.ports import Undoing
from core.repositories import Change
from lab.chaos.customer import customer, order_of
from lab.chaos.till import OpenTill, open_till
from lab.chaos.world import give_bills
from lab.clocks import StillClock
from tests.support.bank import CARD, CVV, FakeBank, silent_after_charging

EACH = 6
ROUNDS = 6
PAUSE_S = 1_000.0  # past leases, pauses and the acquirer's window


@dataclass
class CountingBank(FakeBank):
    """Remembers every void that was asked for."""

    asked_to_void: Counter[str] = field(default_factory=Counter)

    async def void(self, order_id: str) -> Undoing:
        self.asked_to_void[order_id] += 1
        await asyncio.sleep(0.01)  # the other worker may come
        return await super().void(order_id)


async def started(worker: OpenTill, number: int) -> Payment:
    found = await worker.till.start(order_of(customer(number), f"+2127{number:08d}", f"swept:{number}"))
    assert not isinstance(found, Refusal), found
    return found


async def paid(worker: OpenTill, number: int) -> Payment:
    payment = await started(worker, number)
    outcome = await worker.till.authorise(payment.id, CARD, CVV, wait_s=60)
    assert isinstance(outcome, Payment)
    return outcome


async def test_two_workers_at_once(database_url: str) -> None:
    clock = StillClock()
    bank, times = CountingBank(clock), Times()
    async with (
        open_till(database_url, bank, clock, times) as one,
        open_till(database_url, bank, clock, times) as two,
    ):
        await give_bills(one.database, [customer(number) for number in range(4 * EACH)])
        undone = [await paid(one, number) for number in range(EACH)]
        for payment in undone:
            await one.till.undo(payment.id, "asked for")
        outstanding = [await paid(two, number) for number in range(EACH, 2 * EACH)]
        bank.scripts.extend([silent_after_charging] * EACH)
        unknown = [await paid(one, number) for number in range(2 * EACH, 3 * EACH)]
        stale = [await started(two, number) for number in range(3 * EACH, 4 * EACH)]
        for payment in stale:  # whoever sent it died before it could
            await two.till._payments.move(payment.id, Change(PaymentEvent.SEND, due_at=clock.now()), clock.now())
        for _ in range(ROUNDS):
            await asyncio.gather(*(worker.sweep.run() for worker in (one, two, one, two)))
            clock.forward(PAUSE_S)
        rows = await one.database.all("SELECT id, state FROM payments")
        states = {row["id"]: PaymentState(row["state"]) for row in rows}
        assert {states[payment.id] for payment in undone} == {PaymentState.VOIDED}
        assert {states[payment.id] for payment in [*outstanding, *unknown]} == {PaymentState.CAPTURED}
        assert {states[payment.id] for payment in stale} == {PaymentState.EXPIRED}
        assert bank.asked_to_void == Counter({payment.id: 1 for payment in undone})
        events = await one.database.all("SELECT payment_id, event FROM payment_events")
        per_payment = Counter((row["payment_id"], row["event"]) for row in events)
        once = ("approved", "voided", "bill_posted", "lost", "absent")
        assert {per_payment[payment_id, event] for payment_id in states for event in once} <= {0, 1}
        assert sum(count for (_, event), count in per_payment.items() if event == "bill_posted") == 2 * EACH
        messages = await one.database.all("SELECT status, attempts FROM messages")
        assert {(row["status"], row["attempts"]) for row in messages} == {("sent", 1)}
