"""The table of a payment's life, and that the database keeps to it and to nothing else."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.payments.table import (
    ACTIVE,
    KEEPS_LOCKS,
    TABLE,
    UNDECIDED,
    IllegalMove,
    PaymentEvent,
    PaymentState,
    after,
    sources,
    target,
)
from core.repositories import Change
from lab.clocks import NOON
from tests.support.shop import Shop

PAIRS = list(itertools.product(PaymentState, PaymentEvent))


@given(st.sampled_from(PAIRS))
def test_a_pair_is_in_the_table_or_illegal(pair: tuple[PaymentState, PaymentEvent]) -> None:
    state, event = pair
    if pair in TABLE:
        assert after(state, event) is TABLE[pair] is target(event)
        assert state in sources(event)
    else:
        assert state not in sources(event)
        with pytest.raises(IllegalMove, match=f"{state} cannot take {event}"):
            after(state, event)


def test_every_state_is_reached_and_every_event_means_something() -> None:
    assert {PaymentState.CREATED, *TABLE.values()} == set(PaymentState)
    assert {event for _, event in TABLE} == set(PaymentEvent)
    assert UNDECIDED <= ACTIVE


def test_what_may_happen_in_a_state_stands_in_one_place() -> None:
    runs = [state for state, _ in itertools.groupby(TABLE, key=lambda pair: pair[0])]
    assert len(runs) == len(set(runs)), runs


async def test_an_amount_is_the_sum_of_its_bills(shop: Shop) -> None:
    with pytest.raises(ValueError, match="the sum of its bills"):
        replace(await shop.started(), amount_centimes=1)


def test_what_is_over_is_over() -> None:
    for state in (PaymentState.VOIDED, PaymentState.REFUNDED):
        assert not any(source is state for source, _ in TABLE)


async def test_the_database_takes_what_the_table_lists_and_refuses_the_rest(shop: Shop) -> None:
    payment = await shop.started()
    for state, event in PAIRS:
        values = {"id": payment.id, "state": state, "active": state in ACTIVE}
        await shop.database.do("UPDATE payments SET state = %(state)s WHERE id = %(id)s", **values)
        await shop.database.do("UPDATE payment_lines SET active = %(active)s", **values)
        before = await shop.till.payment(payment.id)
        if (state, event) in TABLE:
            moved = await shop.books.payments.move(payment.id, Change(event), NOON)
            assert moved.state is TABLE[state, event]
            keeps = event in KEEPS_LOCKS
            assert bool(await shop.active()) is (values["active"] if keeps else moved.state in ACTIVE)
        else:
            with pytest.raises(IllegalMove):
                await shop.books.payments.move(payment.id, Change(event), NOON)
            assert await shop.till.payment(payment.id) == before
    with pytest.raises(LookupError):
        await shop.books.payments.move("nobody", Change(PaymentEvent.SEND), NOON)
