"""The simulated acquirer: true to one success an order, false in everything else, by seeded chance.

It says no more than a real one: approvals state no amount, a credit that landed may be answered by "busy", sums and
histories cannot always be read, an order may stay pending for hours, and what was lost may land after every window.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from core.acquirers.breaker import Breaker
from core.acquirers.registry import AcquirerMember, AcquirerRegistry
from core.acquirers.terms import AcquirerTerms
from core.cards import Card, Secret
from core.payments.table import Challenge
from core.ports import (
    Approved,
    Authorisation,
    ChallengeRequired,
    Clock,
    Decline,
    DeclineKind,
    Inquiry,
    NoSuchOrder,
    NotSent,
    NotSettled,
    Order,
    Pending,
    TooLate,
    Undoing,
    Undone,
    UnknownOutcome,
)
from lab.chaos.faults import Instead

LANDS_WITHIN_S = 800  # below the till's window
LANDS_LATE_S = 3_000  # and above it
PENDING_MAX_S = 7_200
CREDIT_LATE_S = 20_000
BUSY_CODES = ("91", "96", "19", "09", "99")
CLIENT_TIMEOUT_S = 30
PIN_TTL_S = 300


@dataclass
class Account:
    """What the bank knows of one order."""

    approved: Approved | None = None
    declined: Decline | None = None
    challenge: Challenge | None = None
    voided: bool = False
    settled: bool = False
    credited_centimes: int = 0
    landed_late: bool = False  # after every window
    refused_last: bool = False  # a refused duplicate is the latest row: the history alone knows more
    pending_until: datetime | None = None
    never_ends: bool = False  # its status says nothing for ever: the bank's letter alone tells people what it took

    @property
    def kept_centimes(self) -> int:
        """What the customer has paid and not got back."""
        taken = self.approved.amount_centimes if self.approved and not self.voided else 0
        return (taken or 0) - self.credited_centimes


@dataclass
class SimBank:
    """Implements core.ports.Acquirer. `calm` ends its tricks."""

    chance: random.Random
    clock: Clock
    accounts: dict[str, Account] = field(default_factory=dict)
    calm: bool = False
    unreached: float = 0.04  # of the cards: certainly never sent
    landing: set[asyncio.Task[None]] = field(default_factory=set)

    def _account(self, order_id: str) -> Account:
        return self.accounts.setdefault(order_id, Account())

    async def authorise(self, order: Order, card: Card, cvv: Secret) -> Authorisation:
        if self._trick(self.unreached):
            return NotSent("no connection")
        return await self._decide(order, asks_pin=self._trick(0.1))

    async def answer_challenge(self, order: Order, challenge_id: str, pin: Secret) -> Authorisation:
        if self._trick(self.unreached):
            return NotSent("no connection")
        challenge = self._account(order.id).challenge
        if challenge is None or challenge.id != challenge_id or challenge.expires_at <= self.clock.now():
            return await self._refuse(order, "05", DeclineKind.OTHER_CARD)
        return await self._decide(order, asks_pin=False)

    async def _decide(self, order: Order, *, asks_pin: bool) -> Authorisation:
        await self._pass(2)
        if self._trick(0.08):  # lost on the way there, or late
            if self.chance.random() < 0.5:
                self._land_later(order, self._account(order.id).challenge)
            await asyncio.sleep(CLIENT_TIMEOUT_S)
            return UnknownOutcome("no answer in time")
        answer: Authorisation
        if asks_pin:
            expires_at = self.clock.now() + timedelta(seconds=PIN_TTL_S)
            challenge = Challenge(f"pin-{self.chance.getrandbits(32)}", 3, 3, expires_at)
            self._account(order.id).challenge = challenge
            answer = ChallengeRequired(challenge)
        elif self._trick(0.15):
            answer = await self._refuse(order, "51", DeclineKind.OTHER_CARD)
        elif self._trick(0.08):
            answer = Decline("91", DeclineKind.BANK_BUSY)
        else:
            answer = self.charge(order)
        return await self._on_the_way_back(answer)

    async def _refuse(self, order: Order, code: str, kind: DeclineKind) -> Decline:
        account = self._account(order.id)
        account.challenge = None
        account.declined = Decline(code, kind)
        return account.declined

    async def _on_the_way_back(self, answer: Authorisation) -> Authorisation:
        if self._trick(0.12):
            await asyncio.sleep(CLIENT_TIMEOUT_S)
            return UnknownOutcome("no answer in time")
        if self._trick(0.04):
            await asyncio.sleep(self.chance.uniform(60, 200))  # whoever waited for it was stopped for that long
        else:
            await self._pass(3)
        return answer

    def charge(self, order: Order) -> Authorisation:
        account = self._account(order.id)
        if account.approved is not None:
            account.refused_last = True
            return UnknownOutcome("CORE-2507")
        number = self.chance.getrandbits(40)
        amount = order.amount_centimes + (100 if self._trick(0.03) else 0)
        account.approved = Approved(f"{number % 1_000_000:06d}", f"{number:012d}", amount)
        account.challenge = None
        if self._trick(0.03):
            account.pending_until = self.clock.now() + timedelta(seconds=self.chance.uniform(60, PENDING_MAX_S))
        account.never_ends = self._trick(0.08)
        return replace(account.approved, amount_centimes=None)

    def _land_later(self, order: Order, challenge: Challenge | None) -> None:
        """A card, or the answer to a question that nobody else answers meanwhile."""

        late = self._trick(0.2)

        async def land() -> None:
            await asyncio.sleep(self.chance.uniform(1, LANDS_LATE_S if late else LANDS_WITHIN_S))
            account = self._account(order.id)
            if account.challenge == challenge:
                account.landed_late = late and account.approved is None
                self.charge(order)

        task = asyncio.create_task(land())
        self.landing.add(task)
        task.add_done_callback(self.landing.discard)

    async def inquire(self, order_id: str) -> Inquiry:
        await self._pass(1)
        if self._trick(0.1):
            return UnknownOutcome("no answer in time")
        account = self.accounts.get(order_id)
        if account is None:
            return NoSuchOrder()
        pending = account.pending_until is not None and account.pending_until > self.clock.now()
        if pending or (account.never_ends and account.approved is not None and not account.voided):
            return self.chance.choice((Pending(), UnknownOutcome("ERR"), UnknownOutcome("R")))
        if account.refused_last and self._trick(0.3):
            return UnknownOutcome("the latest row is a refusal, and the history cannot be read")
        if account.approved is not None:
            gone = account.voided or account.kept_centimes <= 0
            return Undone() if gone else replace(account.approved)
        if account.challenge is not None and account.challenge.expires_at > self.clock.now():
            return ChallengeRequired(account.challenge)
        return account.declined or NoSuchOrder()

    async def capture(self, order_id: str, amount_centimes: int) -> Authorisation:
        raise NotImplementedError("nothing is only held here")

    async def void(self, order_id: str) -> Undoing:
        await self._pass(1)
        account = self._account(order_id)
        if account.settled:
            return TooLate()
        if self._trick(0.1):  # busy, and nothing came of it
            return self._busy()
        account.voided = True
        if self._trick(0.1):
            return self._busy()
        return UnknownOutcome("no answer in time") if self._trick(0.2) else Undone()

    async def refund(self, order_id: str, amount_centimes: int) -> Undoing:
        await self._pass(1)
        account = self._account(order_id)
        if not account.settled:
            return NotSettled()
        if amount_centimes > account.kept_centimes:
            return Decline("CORE-2503", DeclineKind.OUR_FAULT)
        if self._trick(0.15):  # busy, and nothing came of it
            return self._busy()
        if self._trick(0.1):  # no answer, and it lands later or never
            self._credit_later(account, amount_centimes)
            return UnknownOutcome("no answer in time")
        account.credited_centimes += amount_centimes
        if self._trick(0.15):
            return self._busy()
        return UnknownOutcome("no answer in time") if self._trick(0.15) else Undone()

    def _busy(self) -> Decline:
        return Decline(self.chance.choice(BUSY_CODES), DeclineKind.BANK_BUSY)

    def _credit_later(self, account: Account, amount_centimes: int) -> None:
        async def land() -> None:
            await asyncio.sleep(self.chance.uniform(1, CREDIT_LATE_S))
            if amount_centimes <= account.kept_centimes:
                account.credited_centimes += amount_centimes

        if self.chance.random() < 0.7:
            task = asyncio.create_task(land())
            self.landing.add(task)
            task.add_done_callback(self.landing.discard)

    async def credited_centimes(self, order_id: str) -> int | None:
        await self._pass(1)
        return None if self._trick(0.1) else self._account(order_id).credited_centimes

    def settle(self) -> None:
        """The end of the bank's day."""
        for account in self.accounts.values():
            account.settled = account.settled or (account.approved is not None and not account.voided)

    def _trick(self, probability: float) -> bool:
        return not self.calm and self.chance.random() < probability

    async def _pass(self, most_s: float) -> None:
        await asyncio.sleep(self.chance.uniform(0.01, most_s))


# --- several of them, behind one process: whoever was asked and has not answered may have charged ---------------------

SECOND = "naps"
UNREACHED = 0.25  # of the cards, where another acquirer can be asked
FAILURES_MAX, OPEN_S, PROBE_S = 1, 300.0, 30.0
TERMS = {"cmi": AcquirerTerms("cmi", weight=2), SECOND: AcquirerTerms(SECOND, weight=1)}


@dataclass
class SentAway:
    """What outlives every process: by acquirer, how many sendings of an order nobody has answered explicitly."""

    unanswered: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    opened: int = 0  # circuits that opened
    rerouted: int = 0  # orders that a second acquirer was sent, with right

    def leaves(self, acquirer: str, order_id: str) -> None:
        for other, orders in self.unanswered.items():
            if other != acquirer and orders[order_id] > 0:
                self.faults.append(f"{order_id}: {other} has not answered, and it is sent to {acquirer}")
        if any(other != acquirer and order_id in orders for other, orders in self.unanswered.items()):
            self.rerouted += 1
        self.unanswered.setdefault(acquirer, Counter())[order_id] += 1

    def answered(self, acquirer: str, order_id: str) -> None:
        self.unanswered[acquirer][order_id] -= 1


class BreakingBank:
    """A client of one of several: refuses to send while its circuit is open."""

    def __init__(self, named: str, bank: Any, sent: SentAway) -> None:
        self.breaker = Breaker(lambda: asyncio.get_running_loop().time(), failures_max=FAILURES_MAX, open_s=OPEN_S)
        self._named, self._bank, self._sent = named, bank, sent

    async def authorise(self, order: Order, card: Card, cvv: Secret) -> Authorisation:
        return await self._charge(order, lambda: self._bank.authorise(order, card, cvv))

    async def answer_challenge(self, order: Order, challenge_id: str, pin: Secret) -> Authorisation:
        return await self._charge(order, lambda: self._bank.answer_challenge(order, challenge_id, pin))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bank, name)

    async def _charge(self, order: Order, ask: Callable[[], Any]) -> Authorisation:
        if not self.breaker.allows(PROBE_S):
            return NotSent("circuit open")
        self._sent.leaves(self._named, order.id)
        answer: Authorisation = await ask()
        if not isinstance(answer, UnknownOutcome):
            self._sent.answered(self._named, order.id)
        if isinstance(answer, UnknownOutcome | NotSent):
            shut = self.breaker.shut
            self.breaker.failed()
            self._sent.opened += self.breaker.shut and not shut
        else:
            self.breaker.succeeded()
        return answer


def registry_of(banks: Mapping[str, Any], asking: Callable[[Any], Any], sent: SentAway) -> AcquirerRegistry:
    """A process's own clients of the banks; `asking` is how it may die at each question."""
    asked = ("authorise", "answer_challenge", "inquire", "void", "refund", "credited_centimes")
    members = {}
    for named, bank in banks.items():
        client: Any = Instead(bank, **{name: asking(getattr(bank, name)) for name in asked})
        if len(banks) == 1:
            members[named] = AcquirerMember(AcquirerTerms(named), client)
            continue
        breaking: Any = BreakingBank(named, client, sent)
        members[named] = AcquirerMember(TERMS[named], breaking, breaking.breaker)
    return AcquirerRegistry(members)
