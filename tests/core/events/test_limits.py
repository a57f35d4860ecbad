"""The relay's bounds and its bad days: rounds of one look, endpoints at most, a cursor that moved, a database away."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.database.events.deliveries import PgEventBooks
from core.database.events.endpoints import SEALED_FOR
from core.events.catalogue import EventType
from core.events.endpoints import EndpointError
from core.events.relay import RelayBounds
from core.repositories import DatabaseUnavailable
from core.sealing import Sealer
from tests.core.events.test_relay import KEY, Post, posting
from tests.support.shop import Shop

ALL = ["payment.created", "payment.sending", "payment.captured"]


@pytest.fixture
async def post(shop: Shop) -> AsyncIterator[Post]:
    async with posting(shop) as post:
        yield post


def books_of(shop: Shop) -> PgEventBooks:
    return PgEventBooks(shop.database, Sealer([KEY], SEALED_FOR))


async def test_there_are_so_many_endpoints_at_most(shop: Shop, post: Post) -> None:
    first, now = await post.endpoint(), post.clock.now()
    for number in range(49):
        await post.endpoints.add(replace(first, name=f"e{number}"), now)
    with pytest.raises(EndpointError, match="50"):
        await post.endpoints.add(replace(first, name="one-more"), now)
    assert len(await post.endpoints.every()) == 50
    assert await post.endpoints.remove("e0")
    with pytest.raises(EndpointError, match="there already"):
        await post.endpoints.add(first, now)
    assert (await post.endpoints.add(replace(first, name="one-more"), now)).name == "one-more"


async def test_a_look_ends_after_so_many_rounds_and_the_next_goes_on(shop: Shop) -> None:
    payment = await shop.paid()
    async with posting(shop, bounds=RelayBounds(batch_max=1, rounds_max=2)) as post:
        assert await post.relay.look() == 2
        assert post.receiver.types(payment.id) == ALL[:2]
        assert await post.relay.look() == 1
        assert post.receiver.types(payment.id) == ALL


async def test_a_database_that_is_away_ends_one_endpoints_turn_alone(
    shop: Shop, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await shop.paid()
    await post.endpoints.add(replace(await post.endpoint(), name="other"), post.clock.now(), whole=True)
    due = PgEventBooks.due

    async def away(books: PgEventBooks, name: str, *args: object) -> object:
        if name == "billing":
            raise DatabaseUnavailable
        return await due(books, name, *args)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(PgEventBooks, "due", away)
        assert await post.relay.look() == 3  # the other one's
    assert (await post.endpoint()).waiting == 3
    assert await post.relay.look() == 3  # nothing was lost, and the lease was given back
    assert sorted(post.receiver.types(payment.id)) == sorted(ALL * 2)


async def test_events_that_an_endpoint_does_not_want_are_passed_and_not_kept(shop: Shop) -> None:
    async with posting(shop, types=[EventType.REFUNDED]) as post:
        await shop.paid()
        assert await post.relay.look() == 0
        found = await post.endpoint()
        assert (found.waiting, post.receiver.asked) == (0, [])
        (last,) = await shop.database.all("SELECT max(number) AS number FROM audit_links WHERE chain='payment_events'")
        assert found.cursor == last["number"] > 0


async def test_who_plans_from_an_old_cursor_plans_nothing(shop: Shop, post: Post) -> None:
    """Another relay has passed it meanwhile: nothing is planned twice, and its cursor is not set back."""
    old, books = await post.endpoint(), books_of(shop)
    payment = await shop.paid()
    await post.relay.look()
    moved = await post.endpoint()
    assert moved.cursor > old.cursor
    assert await books.plan(old, post.clock.now()) == 0
    assert (await post.endpoint()).cursor == moved.cursor
    assert (await post.endpoint()).waiting == 0
    await post.relay.look()
    assert post.receiver.types(payment.id) == ALL
