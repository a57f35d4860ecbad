"""The relay's cursor over a real database: exactly the commits, in order, once where nothing dies and again where it
does; one relay at a time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg
import pytest

from core.database.events.stream import PgStreamBooks
from core.database.help_desk.audit import PgAudit
from core.events.catalogue import PaymentFact
from core.events.stream import BrokerAway, EventStream, StreamPage
from core.help_desk.audit import Chain
from core.repositories import DatabaseUnavailable
from khallas.bootstrap.events import linking
from tests.support.shop import Shop
from tests.support.waiting import until

ALL = ["payment.created", "payment.sending", "payment.captured", "bill.posted"]


@dataclass
class Kept:
    """A log in memory, and what is counted of its relay."""

    facts: list[PaymentFact] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    failures: int = 0
    counted: int = 0
    lags: list[tuple[int, float, bool]] = field(default_factory=list)

    async def put(self, facts: Sequence[PaymentFact]) -> None:
        self.before()
        self.facts += facts

    def put_out(self, events: int) -> None:
        self.counted += events

    def failed(self) -> None:
        self.failures += 1

    def stands(self, lag_events: int, lag_s: float, *, holds: bool) -> None:
        self.lags.append((lag_events, lag_s, holds))

    def types(self, payment_id: str) -> list[str]:
        return [str(each.type) for each in self.facts if each.payment_id == payment_id]


def relay_of(
    shop: Shop, out: Kept, holder: str = "a", *, page_max: int = 100, books: PgStreamBooks | None = None
) -> EventStream:
    return EventStream(
        books or PgStreamBooks(shop.database),
        out,
        out,
        shop.clock,
        linking(shop.database, shop.clock),
        holder=holder,
        page_max=page_max,
        put_max_s=1.0,
        look_every_s=0.02,
        pause_min_s=0.01,
    )


async def begun(shop: Shop, *, whole: bool = True) -> PgStreamBooks:
    books = PgStreamBooks(shop.database)
    await books.begin(whole=whole)
    return books


@pytest.mark.parametrize("page_max", [1, 3, 100])
async def test_every_event_comes_once_and_in_order_whatever_a_page_holds(shop: Shop, page_max: int) -> None:
    await begun(shop)
    out = Kept()
    relay = relay_of(shop, out, page_max=page_max)
    payment = await shop.paid()
    await shop.work()
    assert await relay.look() == await relay.look() + len(ALL)
    assert out.types(payment.id) == ALL
    assert [each.sequence for each in out.facts] == sorted({each.sequence for each in out.facts})
    captured, posted = out.facts[2:]
    assert captured.receipt_number
    assert posted.detail == "0000171682062019"
    assert out.counted == len(ALL)
    assert out.lags[-1] == (0, 0.0, True)
    other = await shop.paid(await shop.internet_order())
    await relay.look()
    assert out.types(other.id) == ALL[:3]


async def test_the_first_relay_begins_with_the_next_event_unless_all_is_asked_for(shop: Shop) -> None:
    out, before = Kept(), await shop.paid()
    await linking(shop.database, shop.clock)()
    books = await begun(shop, whole=False)
    relay = relay_of(shop, out)
    await relay.look()
    assert out.facts == []
    after = await shop.paid(await shop.internet_order())
    await relay.look()
    assert {each.payment_id for each in out.facts} == {after.id}
    await begun(shop)  # a later start changes nothing
    await relay.look()
    assert out.types(before.id) == []
    assert await books.forget()
    assert not await books.forget()
    assert await books.stands() is None
    assert await relay.look() == 0


async def test_what_the_broker_did_not_acknowledge_comes_again_and_nothing_overtakes_it(shop: Shop) -> None:
    await begun(shop)
    payment = await shop.paid()
    out, told = Kept(), 0

    def third_fails() -> None:
        nonlocal told
        told += 1
        if told == 3:
            raise BrokerAway("the broker is away")

    out.before = third_fails
    relay = relay_of(shop, out, page_max=1)
    with pytest.raises(BrokerAway):
        await relay.look()
    assert out.types(payment.id) == ALL[:2]
    assert out.lags[-1][0] > 0
    await relay.look()
    assert out.types(payment.id)[:3] == ALL[:3]


class Dying(PgStreamBooks):
    """Its process is gone before the cursor moves."""

    async def move(self, holder: str, page: StreamPage, cursor: int, lease_s: float) -> bool:
        raise KeyboardInterrupt


async def test_one_that_dies_before_its_note_repeats_under_the_same_ids(shop: Shop) -> None:
    await begun(shop)
    payment = await shop.paid()
    out = Kept()
    with pytest.raises(KeyboardInterrupt):
        await relay_of(shop, out, books=Dying(shop.database)).look()
    await relay_of(shop, out).look()
    assert out.types(payment.id)[:6] == ALL[:3] * 2
    assert len({each.event_id for each in out.facts}) == len(out.facts) // 2


async def test_one_works_and_the_other_stands_by_until_it_stops_or_is_lost(shop: Shop) -> None:
    books = await begun(shop)
    out, standing = Kept(), Kept()
    first, second = relay_of(shop, out), relay_of(shop, standing, "b")
    await first.look()
    await shop.paid()
    assert await second.look() == 0
    assert standing.lags == [(0, 0.0, False)]
    await books.release("b")  # another's is not given back
    assert await second.look() == 0
    await books.release("a")
    assert await second.look() == 3
    assert await first.look() == 0
    await shop.database.do("UPDATE event_streams SET leased_until = now() - interval '1 second'")  # b is lost
    await shop.paid(await shop.internet_order())
    assert await first.look() == 3


async def test_one_whose_place_was_taken_meanwhile_leaves_the_cursor_where_it_is(shop: Shop) -> None:
    books = await begun(shop)
    await shop.paid()
    out, other = Kept(), Kept()

    def overtaken() -> None:
        out.before = lambda: None
        asyncio.get_running_loop().create_task(take_over())

    async def take_over() -> None:
        await shop.database.do("UPDATE event_streams SET leased_until = NULL")
        taken.append(await relay_of(shop, other, "b").look())

    class Slow(Kept):
        async def put(self, facts: Sequence[PaymentFact]) -> None:
            overtaken()
            await until(lambda: bool(taken))
            self.facts += facts

    taken: list[int] = []
    slow = Slow()
    assert await relay_of(shop, slow).look() == 3  # put out twice, by two
    assert [each.event_id for each in slow.facts] == [each.event_id for each in other.facts]
    stands = await books.stands()
    assert stands is not None
    assert (stands["holder"], stands["delivered"]) == ("b", 3)


async def test_commits_that_overlap_leave_no_gap(shop: Shop, database_url: str) -> None:
    """The lower id commits after the higher one was put out."""
    await begun(shop)
    payment = await shop.paid()
    other = await shop.paid(await shop.internet_order())
    out = Kept()
    relay = relay_of(shop, out)
    await relay.look()
    insert = "INSERT INTO payment_events (payment_id, at, event, state) VALUES (%s, now(), 'voided', 'voided')"
    shop.by_hand = True
    slow = await psycopg.AsyncConnection.connect(database_url)
    async with slow, await psycopg.AsyncConnection.connect(database_url) as quick:
        for connection in (slow, quick):
            await connection.execute("SET session_replication_role = replica")  # the event alone, nothing follows it
        await slow.execute(insert, (payment.id,))
        await quick.execute(insert, (other.id,))
        await quick.commit()
        assert await relay.look() == 1
        await slow.commit()
    await PgAudit(shop.database).link(Chain.PAYMENT_EVENTS, shop.clock.now())  # the worker's, once a minute
    assert await relay.look() == 1
    assert out.types(payment.id)[-1] == out.types(other.id)[-1] == "payment.voided"


async def test_it_runs_until_it_is_stopped_and_tries_again_after_what_fails(shop: Shop) -> None:
    books = await begun(shop)
    out, stop, faults = Kept(), asyncio.Event(), [BrokerAway("away"), BrokerAway("away")]

    def fails() -> None:
        if faults:
            raise faults.pop()

    out.before = fails
    lost = [DatabaseUnavailable("away")]

    class Unsteady(PgStreamBooks):
        async def hold(self, holder: str, lease_s: float) -> int | None:
            if lost:
                raise lost.pop()
            return await super().hold(holder, lease_s)

    running = asyncio.create_task(relay_of(shop, out, books=Unsteady(shop.database)).run(stop))
    payment = await shop.paid()
    await until(lambda: len(out.types(payment.id)) >= 3)
    other = await shop.paid(await shop.internet_order())
    await until(lambda: len(out.types(other.id)) >= 3)
    stop.set()
    await asyncio.wait_for(running, 30)
    assert out.failures == 2
    stands = await books.stands()
    assert stands is not None
    assert stands["holder"] is None  # another goes on at once
