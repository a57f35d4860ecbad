"""Which acquirer is asked: a table of contracts and attempts, and what holds for any of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.acquirers.routing import route, takes
from core.acquirers.terms import AcquirerState, AcquirerTerms
from core.ports import Attempt
from lab.clocks import NOON

A = AcquirerTerms("a", page=True)
B = AcquirerTerms("b", page=True)
PAYMENTS = 4_000
CARD_BY_PHONE = Attempt("p1", 10_000, "MAD", "visa")
ON_A_PAGE = replace(CARD_BY_PHONE, brand=None, telephone=False)


@pytest.mark.parametrize(
    ("terms", "attempt", "shut", "asked"),
    [
        pytest.param([A], CARD_BY_PHONE, (), {"a"}, id="one"),
        pytest.param([A, B], CARD_BY_PHONE, (), {"a", "b"}, id="both, by weight"),
        pytest.param([replace(A, telephone_orders=False), B], CARD_BY_PHONE, (), {"b"}, id="no voice cards at a"),
        pytest.param([replace(A, telephone_orders=False), B], ON_A_PAGE, (), {"a", "b"}, id="its page takes them"),
        pytest.param([replace(A, page=False), B], ON_A_PAGE, (), {"b"}, id="no page at a"),
        pytest.param([replace(A, brands=frozenset({"mastercard"})), B], CARD_BY_PHONE, (), {"b"}, id="brand"),
        pytest.param([replace(A, brands=frozenset({"mastercard"})), B], ON_A_PAGE, (), {"a", "b"}, id="unknown brand"),
        pytest.param([replace(A, currencies=frozenset({"EUR"})), B], CARD_BY_PHONE, (), {"b"}, id="currency"),
        pytest.param([replace(A, min_centimes=10_001), B], CARD_BY_PHONE, (), {"b"}, id="too little for a"),
        pytest.param([replace(A, max_centimes=9_999), B], CARD_BY_PHONE, (), {"b"}, id="too much for a"),
        pytest.param([replace(A, max_centimes=10_000, min_centimes=10_000)], CARD_BY_PHONE, (), {"a"}, id="just right"),
        pytest.param([replace(A, state=AcquirerState.DRAINING), B], CARD_BY_PHONE, (), {"b"}, id="draining"),
        pytest.param([replace(A, state=AcquirerState.OFF), B], CARD_BY_PHONE, (), {"b"}, id="off"),
        pytest.param([replace(A, valid_until=NOON), B], CARD_BY_PHONE, (), {"b"}, id="over since this moment"),
        pytest.param([replace(A, valid_from=NOON)], CARD_BY_PHONE, (), {"a"}, id="from this moment"),
        pytest.param([replace(A, valid_from=NOON + timedelta(seconds=1)), B], CARD_BY_PHONE, (), {"b"}, id="not yet"),
        pytest.param([A], CARD_BY_PHONE, ("a",), {"a"}, id="its circuit is open, and there is no other"),
        pytest.param([A], replace(CARD_BY_PHONE, tied_to="b"), (), set(), id="its own is not here any more"),
        pytest.param([A, B], replace(CARD_BY_PHONE, tied_to="b"), ("b",), {"b"}, id="tied, open circuit"),
        pytest.param(
            [A, replace(B, state=AcquirerState.DRAINING, valid_until=NOON)],
            replace(CARD_BY_PHONE, tied_to="b"),
            (),
            {"b"},
            id="a draining one ends what it began",
        ),
        pytest.param(
            [A, replace(B, state=AcquirerState.OFF)], replace(CARD_BY_PHONE, tied_to="b"), (), set(), id="tied, off"
        ),
        pytest.param(
            [A, replace(B, brands=frozenset({"mastercard"}))],
            replace(CARD_BY_PHONE, tied_to="b"),
            (),
            set(),
            id="tied, another brand",
        ),
    ],
)
def test_who_is_asked(terms: Sequence[AcquirerTerms], attempt: Attempt, shut: Sequence[str], asked: set[str]) -> None:
    assert set(route(terms, attempt, NOON, shut)) == asked


def test_an_open_circuit_comes_last() -> None:
    for number in range(20):
        assert route([A, B], replace(CARD_BY_PHONE, payment_id=f"p{number}"), NOON, ("a",)) == ("b", "a")


def test_a_weight_is_a_share_of_the_payments() -> None:
    firsts: Counter[str] = Counter()
    for number in range(PAYMENTS):
        firsts[route([replace(A, weight=3), B], replace(CARD_BY_PHONE, payment_id=f"p{number}"), NOON)[0]] += 1
    assert 0.70 < firsts["a"] / PAYMENTS < 0.80


def test_without_a_weight_it_is_the_last_resort() -> None:
    for number in range(20):
        assert route([replace(A, weight=0), B], replace(CARD_BY_PHONE, payment_id=f"p{number}"), NOON) == ("b", "a")


NAMES = some.sampled_from("abcdef")
TERMS = some.builds(
    AcquirerTerms,
    id=NAMES,
    state=some.sampled_from(AcquirerState),
    weight=some.integers(0, 5),
    brands=some.frozensets(some.sampled_from(["visa", "mastercard", "card"])),
    min_centimes=some.integers(0, 100),
    max_centimes=some.none() | some.integers(1, 200),
    telephone_orders=some.booleans(),
    page=some.booleans(),
    valid_from=some.none() | some.sampled_from([NOON, NOON + timedelta(days=1)]),
    valid_until=some.none() | some.sampled_from([NOON, NOON + timedelta(days=1)]),
)
CONTRACTS = some.lists(TERMS, unique_by=lambda each: each.id, max_size=6)
ATTEMPTS = some.builds(
    Attempt,
    payment_id=some.text("0123456789abcdef", min_size=1, max_size=8),
    amount_centimes=some.integers(1, 250),
    currency=some.just("MAD"),
    brand=some.none() | some.sampled_from(["visa", "card"]),
    telephone=some.booleans(),
)


@given(CONTRACTS, ATTEMPTS, some.frozensets(NAMES))
def test_whoever_is_asked_takes_it_and_the_order_is_always_the_same(
    terms: list[AcquirerTerms], attempt: Attempt, shut: frozenset[str]
) -> None:
    by_id = {each.id: each for each in terms}
    asked = route(terms, attempt, NOON, shut)
    assert asked == route(list(reversed(terms)), attempt, NOON, shut)
    assert len(set(asked)) == len(asked)
    for each in asked:
        own = by_id[each]
        assert own.state is AcquirerState.ON
        assert own.valid(NOON)
        assert takes(own, attempt)
    open_ones = [each in shut for each in asked]
    assert open_ones == sorted(open_ones)


@given(CONTRACTS, ATTEMPTS, NAMES)
def test_taking_one_away_moves_nobody_elses_payments(terms: list[AcquirerTerms], attempt: Attempt, gone: str) -> None:
    rest = [each for each in terms if each.id != gone]
    assert route(rest, attempt, NOON) == tuple(each for each in route(terms, attempt, NOON) if each != gone)


@given(CONTRACTS, ATTEMPTS, NAMES, some.frozensets(NAMES))
def test_what_may_be_at_one_is_never_anothers(
    terms: list[AcquirerTerms], attempt: Attempt, own: str, shut: frozenset[str]
) -> None:
    assert route(terms, replace(attempt, tied_to=own), NOON, shut) in {(), (own,)}
