"""Whole conversations on a real three-node cluster: everything of one turn lies in one slot, whoever's turn it is."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis

from channels.limits import Limit, Limits
from core.messaging.texts import Texts
from core.payments.table import PaymentState
from sessions.store.client import connect
from sessions.store.forget import RedisConversations
from sessions.store.protocol import Key, StoreDown
from sessions.vault import EXPIRY, NUMBER
from tests.sessions.cards import CVV, to_cvv
from tests.sessions.cluster import NODES, Node, cluster, node_of, slot_of
from tests.sessions.fakes import CALLER, Converse, Stage, stage

FAILOVER_MAX_S = 60.0
CALLERS = [f"+2126000001{n:02d}" for n in range(12)]


@pytest.fixture(scope="module")
def nodes(servers_folder: Path) -> Iterator[list[Node]]:
    with cluster(servers_folder / "cluster") as joined:
        yield joined


def to(node: Node) -> Redis:
    """The cluster as a process sees it: told of one node, it finds the others."""
    return connect(f"redis+cluster://:{node.password}@127.0.0.1:{node.port}/0", wait_s=2, connections_max=20)


@pytest.fixture
async def redis(nodes: list[Node]) -> AsyncIterator[Redis]:
    """The cluster, emptied."""
    for node in nodes:
        with node.client() as client:
            client.flushall()
    async with to(nodes[1]) as client:
        yield client


@pytest.fixture
async def on(redis: Redis, texts: Texts) -> AsyncIterator[Stage]:
    made = stage(redis, texts)
    yield made
    await made.turns.close()


async def _to_total(phone: Converse) -> str:
    await phone.dial()
    await phone.choose("fr")
    await phone.choose("mobile")
    await phone.key("0600000001", "482913")
    return (await phone.choose("accept")).screen  # the one bill of another line is confirmed at once


def test_keys_of_one_turn_share_a_slot_and_callers_do_not() -> None:
    key = Key(CALLER, "ivr", "CA1")
    names = {key.record, key.pointer, key.sealed(NUMBER), key.sealed(EXPIRY), key.hung_up}
    assert len({slot_of(name) for name in names}) == 1
    assert {node_of(Key(caller, "ussd", "d").record) for caller in CALLERS} == set(range(NODES))


async def test_conversations_at_once_on_all_nodes(on: Stage, nodes: list[Node]) -> None:
    phones = [on.ussd(caller) for caller in CALLERS]
    assert await asyncio.gather(*(_to_total(phone) for phone in phones)) == ["ConfirmTotal"] * len(CALLERS)
    for node in nodes:
        with node.client() as client:
            assert client.dbsize() > 0


async def test_a_node_that_forgot_the_scripts_is_given_them_again(on: Stage, nodes: list[Node]) -> None:
    phones = [on.ussd(caller) for caller in CALLERS]
    await asyncio.gather(*(phone.dial() for phone in phones))
    for node in nodes:
        with node.client() as client:
            client.script_flush()
    answers = await asyncio.gather(*(phone.choose("ar") for phone in phones))
    assert {answer.screen for answer in answers} == {"Service"}


async def test_copies_at_once_are_answered_alike(on: Stage) -> None:
    phone = on.ussd()
    await phone.dial()
    heard = phone.next_heard("1")
    answers = await asyncio.gather(*(on.turns.take(heard, phone.speaker) for _ in range(8)))
    assert len({answer.page.text for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1


async def test_a_card_is_held_paid_with_and_gone(on: Stage) -> None:
    call = await to_cvv(on)
    assert await on.vault() == {NUMBER, EXPIRY}
    await call.key(CVV)
    await on.turns.close()
    assert on.till.only_payment().state is PaymentState.CAPTURED
    assert await on.vault() == set()


async def test_a_call_that_ends_leaves_no_card(on: Stage) -> None:
    call = await to_cvv(on)
    await on.turns.hang_up(call.dialog, call.msisdn, "ivr")
    assert await on.vault() == set()


async def test_a_lost_node_takes_nobody_else_along_and_its_replica_stands_in(texts: Texts, tmp_path: Path) -> None:
    with cluster(tmp_path, spare=True) as nodes:
        async with to(nodes[0]) as redis:
            on = stage(redis, texts)
            phones = [on.ussd(caller) for caller in CALLERS]
            await asyncio.gather(*(phone.dial() for phone in phones))
            nodes[NODES - 1].kill()
            for phone in phones:
                if node_of(Key(phone.msisdn, "ussd", phone.dialog).record) == NODES - 1:
                    with pytest.raises(StoreDown):
                        await phone.key("1")
                else:
                    assert (await phone.key("1")).screen == "Service"
            lost = [phone for phone in phones if phone.screen != "Service"]
            assert lost
            assert {await _answered(phone) for phone in lost} == {"Service"}


async def _answered(phone: Converse) -> str:
    """The screen, once somebody serves the caller again."""
    deadline = time.monotonic() + FAILOVER_MAX_S
    while time.monotonic() < deadline:
        with suppress(StoreDown):
            return (await phone.again()).screen
        await asyncio.sleep(0.1)
    raise AssertionError("the replica never stood in")


async def test_limits_of_one_scope_are_spent_together(redis: Redis) -> None:
    limits = Limits(redis, "sms")
    asked = [Limit("sender", CALLERS[0], 2, 60), Limit("everyone", "all", 100, 60)]
    assert [await limits.spend(asked) for _ in range(3)] == [None, None, asked[0]]


async def test_one_number_is_forgotten_on_whichever_node(on: Stage, redis: Redis) -> None:
    for caller in CALLERS[:3]:
        await on.ussd(caller).dial()
    conversations = RedisConversations(redis)
    assert await conversations.forget(CALLERS[0]) == 2
    assert await conversations.held(CALLERS[0]) == []
    assert len(await conversations.held(CALLERS[1])) == 2
