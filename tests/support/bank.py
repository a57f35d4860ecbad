"""A bank with a ledger, scripted: what it answers, what it charges, and what tests pay with."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from core.cards import Card, Secret
from core.payments.table import Challenge
from core.ports import (
    Approved,
    Authorisation,
    ChallengeRequired,
    Decline,
    DeclineKind,
    Inquiry,
    NoSuchOrder,
    Order,
    Undoing,
    Undone,
    UnknownOutcome,
)
from lab.clocks import StillClock
from tests.support.waiting import WAIT_MAX_S

CARD = Card(Secret("4000000000000010"), 12, 2030)
CVV = Secret("000")
PIN = Secret("123")


Script = Callable[["FakeBank", Order], Awaitable[Authorisation]]


async def approves(bank: "FakeBank", order: Order) -> Authorisation:
    return bank.charge(order)


async def silent_after_charging(bank: "FakeBank", order: Order) -> Authorisation:
    bank.charge(order)
    return UnknownOutcome("time-out")


async def silent(bank: "FakeBank", order: Order) -> Authorisation:
    return UnknownOutcome("time-out")


async def declines(bank: "FakeBank", order: Order) -> Authorisation:
    bank.declined.add(order.id)
    return Decline("51", DeclineKind.OTHER_CARD)


async def asks_pin(bank: "FakeBank", order: Order) -> Authorisation:
    return bank.ask_pin(order.id)


def says(answer: Authorisation) -> Script:
    """Answers this and charges nothing."""

    async def script(bank: "FakeBank", order: Order) -> Authorisation:
        return answer

    return script


def takes(amount_centimes: int) -> Script:
    """Approves another amount than was asked, and says so: kinder than CC5."""

    async def script(bank: "FakeBank", order: Order) -> Authorisation:
        answer = bank.charge(order, amount_centimes)
        return replace(answer, amount_centimes=amount_centimes) if isinstance(answer, Approved) else answer

    return script


@dataclass
class FakeBank:
    """An acquirer with a ledger: one success at most per order, and every charge is remembered.

    An approval states no amount, as CC5's does not: only an order's status tells what was taken. `states_amounts`
    makes it kinder.
    """

    clock: StillClock
    scripts: deque[Script] = field(default_factory=deque)
    pin_scripts: deque[Script] = field(default_factory=deque)
    charges: dict[str, Approved] = field(default_factory=dict)
    declined: set[str] = field(default_factory=set)
    pins: dict[str, Challenge] = field(default_factory=dict)
    voided: set[str] = field(default_factory=set)
    refunds: list[tuple[str, int]] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    inquiries: deque[Inquiry] = field(default_factory=deque)
    voids: deque[Undoing] = field(default_factory=deque)
    refund_answers: deque[Undoing] = field(default_factory=deque)
    lands_anyway: deque[Undoing] = field(default_factory=deque)  # answered so to credits that land all the same
    sums_unreadable: bool = False
    states_amounts: bool = False
    asked: int = 0
    crowd: asyncio.Barrier | None = None  # inquiries wait here for each other: a race that is run every time

    def charge(self, order: Order, amount_centimes: int | None = None) -> Authorisation:
        if order.id in self.charges:
            return UnknownOutcome("CORE-2507")  # charged before: the truth is in the order's status
        self.charges[order.id] = Approved(
            f"{len(self.charges) + 1:06d}",
            f"26327{len(self.charges) + 1:07d}",
            amount_centimes or order.amount_centimes,
        )
        taken = self.charges[order.id]
        return taken if self.states_amounts else replace(taken, amount_centimes=None)

    def ask_pin(self, order_id: str, attempts_left: int = 3) -> ChallengeRequired:
        expires_at = self.clock.now() + timedelta(seconds=300)
        self.pins[order_id] = Challenge(f"pin-{order_id}", 3, attempts_left, expires_at)
        return ChallengeRequired(self.pins[order_id])

    async def aclose(self) -> None:
        """Nothing is open."""

    async def authorise(self, order: Order, card: Card, cvv: Secret) -> Authorisation:
        self.orders.append(order)
        script = self.scripts.popleft() if self.scripts else approves
        return await script(self, order)

    async def answer_challenge(self, order: Order, challenge_id: str, pin: Secret) -> Authorisation:
        if self.pin_scripts:
            return await self.pin_scripts.popleft()(self, order)
        left = self.pins[order.id].attempts_left - 1
        if pin.reveal() == "123":
            del self.pins[order.id]
            return self.charge(order)
        if left:
            return self.ask_pin(order.id, left)
        del self.pins[order.id]
        return Decline("pin", DeclineKind.PIN)

    async def inquire(self, order_id: str) -> Inquiry:
        self.asked += 1
        if self.crowd is not None:
            async with asyncio.timeout(WAIT_MAX_S):
                await self.crowd.wait()
        if self.inquiries:
            return self.inquiries.popleft()
        taken = self.charges[order_id].amount_centimes if order_id in self.charges else None
        credited = self._credited(order_id)
        if order_id in self.voided or (taken is not None and credited >= taken):
            return Undone()
        if order_id in self.charges:
            return self.charges[order_id]
        if order_id in self.pins:
            return ChallengeRequired(self.pins[order_id])
        return Decline("51", DeclineKind.OTHER_CARD) if order_id in self.declined else NoSuchOrder()

    async def capture(self, order_id: str, amount_centimes: int) -> Authorisation:
        return self.charges.get(order_id, UnknownOutcome("nothing is held"))

    async def void(self, order_id: str) -> Undoing:
        if self.voids:
            answer = self.voids.popleft()
            if not isinstance(answer, Undone):
                return answer
        self.voided.add(order_id)
        return Undone()

    async def refund(self, order_id: str, amount_centimes: int) -> Undoing:
        if self.refund_answers:
            answer = self.refund_answers.popleft()
            if not isinstance(answer, Undone):
                return answer
        self.refunds.append((order_id, amount_centimes))
        return self.lands_anyway.popleft() if self.lands_anyway else Undone()

    async def credited_centimes(self, order_id: str) -> int | None:
        return None if self.sums_unreadable else self._credited(order_id)

    def _credited(self, order_id: str) -> int:
        return sum(amount for refunded, amount in self.refunds if refunded == order_id)

    @property
    def kept(self) -> set[str]:
        """Orders whose money the merchant keeps."""
        return set(self.charges) - self.voided
