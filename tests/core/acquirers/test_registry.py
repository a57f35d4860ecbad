"""The acquirers by their ids: who is asked, and who is not. Pure."""

from collections.abc import Sequence

import pytest

from core.acquirers.breaker import Breaker
from core.acquirers.cmi import CmiAcquirer
from core.acquirers.cmi_xml import CmiAccount
from core.acquirers.registry import AcquirerMember, AcquirerRegistry, ClosedAcquirer, breaker_of, only
from core.acquirers.terms import AcquirerState, AcquirerTerms
from core.cards import Card, Secret
from core.ports import Attempt, NotSent, Order, UnknownOutcome
from lab.clocks import NOON

PAID_BY_PHONE = Attempt("p1", 10_000, "MAD")
WHY = "no acquirer of this name is set up, or it is off"


class Closing(ClosedAcquirer):
    """Notes that it was closed."""

    closed = 0

    async def aclose(self) -> None:
        self.closed += 1


def member(name: str, state: AcquirerState = AcquirerState.ON, *, breaker: Breaker | None = None) -> AcquirerMember:
    return AcquirerMember(AcquirerTerms(name, state=state), Closing(), breaker)


def registry(*members: AcquirerMember) -> AcquirerRegistry:
    return AcquirerRegistry({each.terms.id: each for each in members})


def open_circuit() -> Breaker:
    breaker = Breaker(lambda: 0.0, failures_max=1)
    breaker.failed()
    return breaker


@pytest.mark.parametrize(
    ("state", "said", "asked"),
    [
        (AcquirerState.ON, {}, True),
        (AcquirerState.DRAINING, {}, True),
        (AcquirerState.OFF, {}, False),
        (AcquirerState.OFF, {"a": AcquirerState.DRAINING}, True),
        (AcquirerState.ON, {"a": AcquirerState.OFF}, False),
        (AcquirerState.ON, {"b": AcquirerState.OFF}, True),
    ],
)
async def test_who_is_off_is_not_asked(state: AcquirerState, said: dict[str, AcquirerState], asked: bool) -> None:
    own = member("a", state)
    house = registry(own)
    house.say(said)
    assert (house.of("a") is own.client) is asked
    assert [each.state for each in house.terms()] == [said.get("a", state)]
    assert isinstance(house.of("a"), ClosedAcquirer)


async def test_where_nobody_can_be_asked_nothing_is_sent_and_nothing_known() -> None:
    closed, order, card = registry().of("a"), Order("o", 1, "MAD", None, ""), Card(Secret("4"), 1, 2030)
    assert await closed.authorise(order, card, Secret("1")) == NotSent(WHY)
    assert await closed.answer_challenge(order, "c", Secret("1")) == NotSent(WHY)
    told = [
        await closed.inquire("o"),
        await closed.capture("o", 1),
        await closed.void("o"),
        await closed.refund("o", 1),
    ]
    assert told == [UnknownOutcome(WHY)] * 4
    assert await closed.credited_centimes("o") is None


@pytest.mark.parametrize(
    ("members", "asked"),
    [
        ([member("a"), member("b", breaker=open_circuit())], ("a", "b")),
        ([member("a", breaker=open_circuit()), member("b")], ("b", "a")),
        ([member("a", breaker=Breaker(lambda: 0.0)), member("b", breaker=open_circuit())], ("a", "b")),
        ([member("a", AcquirerState.DRAINING), member("b")], ("b",)),
    ],
)
def test_an_open_circuit_comes_last(members: Sequence[AcquirerMember], asked: tuple[str, ...]) -> None:
    house = registry(*members)
    for number in range(8):
        assert house.candidates(Attempt(f"p{number}", 10_000, "MAD"), NOON) == asked
    for each in members:
        assert house.shut(each.terms.id) is (each.breaker is not None and each.breaker.shut)
    assert house.shut("nobody")


async def test_a_house_with_one_takes_everything_and_closes_it() -> None:
    client = Closing()
    house = only(client, "a")
    by_page = Attempt("p1", 10_000, "MAD", telephone=False)
    assert [house.candidates(each, NOON) for each in (PAID_BY_PHONE, by_page)] == [("a",), ("a",)]
    assert (house.of("a"), house.shut("a")) == (client, False)
    await house.aclose()
    assert client.closed == 1


def test_a_clients_own_breaker_is_heard() -> None:
    breaker = open_circuit()
    client = CmiAcquirer(CmiAccount("http://peer.example", "1", "n", Secret("p")), breaker=breaker)
    assert (breaker_of(client), breaker_of(ClosedAcquirer())) == (breaker, None)
    assert only(client).shut("cmi")
