"""The acquirers by their ids: who is asked about a payment is who was asked for its money."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, runtime_checkable

from core.acquirers.breaker import Breaker
from core.acquirers.routing import route
from core.acquirers.terms import FIRST, AcquirerState, AcquirerTerms
from core.cards import Card, Secret
from core.ports import (
    Acquirer,
    Attempt,
    Authorisation,
    Inquiry,
    NotSent,
    Order,
    Undoing,
    UnknownOutcome,
)

_WHY = "no acquirer of this name is set up, or it is off"


@runtime_checkable
class HasBreaker(Protocol):
    """A client that stops sending when the other side is silent."""

    @property
    def breaker(self) -> Breaker: ...


class ClosedAcquirer:
    """Implements core.ports.Acquirer where nobody can be asked: nothing is sent, nothing is known."""

    async def aclose(self) -> None:
        """Closes nothing, for nothing is open."""

    async def authorise(self, order: Order, card: Card, cvv: Secret) -> Authorisation:
        return NotSent(_WHY)

    async def answer_challenge(self, order: Order, challenge_id: str, pin: Secret) -> Authorisation:
        return NotSent(_WHY)

    async def inquire(self, order_id: str) -> Inquiry:
        return UnknownOutcome(_WHY)

    async def capture(self, order_id: str, amount_centimes: int) -> Authorisation:
        return UnknownOutcome(_WHY)

    async def void(self, order_id: str) -> Undoing:
        return UnknownOutcome(_WHY)

    async def refund(self, order_id: str, amount_centimes: int) -> Undoing:
        return UnknownOutcome(_WHY)

    async def credited_centimes(self, order_id: str) -> int | None:
        return None


@dataclass(frozen=True, slots=True)
class AcquirerMember:
    """An acquirer with its contract. `breaker`: its client's, where it has one."""

    terms: AcquirerTerms
    client: Acquirer
    breaker: Breaker | None = None


class AcquirerRegistry:
    """Implements core.ports.Acquirers. What an operator says while we run comes over the settings' own states."""

    def __init__(self, members: Mapping[str, AcquirerMember]) -> None:
        self._members = dict(members)
        self._closed = ClosedAcquirer()
        self._said: Mapping[str, AcquirerState] = {}

    def say(self, states: Mapping[str, AcquirerState]) -> None:
        """States that an operator gave (`khallas acquirer drain`); the rest are as the settings have them."""
        self._said = dict(states)

    def terms(self) -> Iterator[AcquirerTerms]:
        """Returns each contract in its present state."""
        for member in self._members.values():
            member_terms = member.terms
            yield replace(member_terms, state=self._said.get(member_terms.id, member_terms.state))

    def of(self, acquirer_id: str) -> Acquirer:
        member = self._members.get(acquirer_id)
        if member is None or self._said.get(acquirer_id, member.terms.state) is AcquirerState.OFF:
            return self._closed
        return member.client

    def shut(self, acquirer_id: str) -> bool:
        member = self._members.get(acquirer_id)
        return member is None or (member.breaker is not None and member.breaker.shut)

    def candidates(self, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        return route(self.terms(), attempt, now, [each for each in self._members if self.shut(each)])

    async def aclose(self) -> None:
        for member in self._members.values():
            await member.client.aclose()


def breaker_of(client: Acquirer) -> Breaker | None:
    """A client's own, where it has one."""
    return client.breaker if isinstance(client, HasBreaker) else None


def only(client: Acquirer, acquirer_id: str = FIRST) -> AcquirerRegistry:
    """A house with one acquirer, which takes everything."""
    return AcquirerRegistry(
        {acquirer_id: AcquirerMember(AcquirerTerms(acquirer_id, page=True), client, breaker_of(client))}
    )
