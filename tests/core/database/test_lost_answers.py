"""Commits whose answer is lost with the connection: what was done is neither done twice nor taken for undone.

Every statement of these tests is committed, and its connection lost, before it is tried again.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
import pytest

from core.database.pool import Connection, Database
from core.payments.table import IllegalMove, Payment, PaymentEvent, PaymentState
from core.repositories import Change
from tests.support.bank import CARD, CVV
from tests.support.shop import Shop

T = TypeVar("T")
Work = Callable[[Connection], Awaitable[T]]
SEND = Change(PaymentEvent.SEND, acquirer="cmi", only=frozenset({PaymentState.CREATED}))


def lose_each_answer(database: Database) -> None:
    """The first try of each work is carried out, and nobody hears of it."""
    run = database._run

    async def losing(work: Work[T]) -> T:
        tries = 0

        async def lost(connection: Connection) -> T:
            nonlocal tries
            tries += 1
            done = await work(connection)
            if tries == 1:
                await connection.close()
                raise psycopg.OperationalError("server closed the connection unexpectedly")
            return done

        return await run(lost)

    database._run = losing  # type: ignore[method-assign]  # the network's part


async def test_a_payment_is_sent_once_and_paid_once(shop: Shop) -> None:
    lose_each_answer(shop.database)
    started = await shop.till.start(shop.order())
    assert isinstance(started, Payment)
    paid = await shop.till.authorise(started.id, CARD, CVV, wait_s=60)
    assert isinstance(paid, Payment)
    assert paid.state is PaymentState.CAPTURED
    assert len(shop.bank.orders) == len(shop.bank.charges) == 1
    rows = await shop.database.all("SELECT year, sequence FROM receipts")
    assert [row["sequence"] for row in rows] == [1]
    events = await shop.database.all("SELECT event FROM payment_events ORDER BY id")
    assert [row["event"] for row in events] == ["create", "send", "approved"]


async def test_a_change_of_somebody_else_is_not_taken_for_ones_own(shop: Shop) -> None:
    """Two workers send the same basket; the one whose connection is lost has lost the race all the same."""
    started = await shop.started()
    now = shop.clock.now()
    await shop.books.payments.move(started.id, SEND, now)
    lose_each_answer(shop.database)
    shop.clock.forward(1)
    with pytest.raises(IllegalMove):
        await shop.books.payments.move(started.id, SEND, shop.clock.now())


async def test_what_went_on_since_is_not_taken_back(shop: Shop) -> None:
    """A sweep that looked between the two tries has the last word: nothing is sent after it."""
    started, shop.by_hand = await shop.started(), True
    now = shop.clock.now()
    run = shop.database._run
    tries = 0

    async def losing(work: Work[T]) -> T:
        async def lost(connection: Connection) -> T:
            nonlocal tries
            tries += 1
            done = await work(connection)
            if tries == 1:
                await connection.execute(
                    "WITH moved AS (UPDATE payments SET state = 'unknown' RETURNING id)"
                    " INSERT INTO payment_events (payment_id, at, event, state) SELECT id, now(), 'lost', 'unknown'"
                    " FROM moved"
                )
                await connection.close()
                raise psycopg.OperationalError
            return done

        return await run(lost)

    shop.database._run = losing  # type: ignore[method-assign]
    with pytest.raises(IllegalMove):
        await shop.books.payments.move(started.id, SEND, now)
    assert tries >= 2
