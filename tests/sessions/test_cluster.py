"""Whole conversations on a real three-node cluster: everything of one turn lies in one slot, whoever's turn it is."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import RedisCluster

from channels.limits import Limit, Limits
from core.payment import State
from core.texts import Texts
from sessions.forget import RedisConversations
from sessions.store import Key
from sessions.vault import EXPIRY, NUMBER
from tests.sessions.cards import CVV, to_cvv
from tests.sessions.cluster import NODES, Node, cluster, node_of, slot_of
from tests.sessions.fakes import CALLER, Converse, Stage, stage

CALLERS = [f"+2126000001{n:02d}" for n in range(12)]


@pytest.fixture(scope="module")
def nodes(servers_folder: Path) -> Iterator[list[Node]]:
    with cluster(servers_folder / "cluster") as joined:
        yield joined


@pytest.fixture
async def redis(nodes: list[Node]) -> AsyncIterator[RedisCluster]:
    """The cluster as a process sees it: told of one node, it finds the others."""
    async with RedisCluster(host="127.0.0.1", port=nodes[1].port, password=nodes[1].password) as client:
        await client.flushall(target_nodes=RedisCluster.PRIMARIES)
        yield client


@pytest.fixture
async def on(redis: RedisCluster, texts: Texts) -> AsyncIterator[Stage]:
    made = stage(redis, texts)  # type: ignore[arg-type]  # what RedisStore needs of Redis, a cluster does as well
    yield made
    await made.turns.close()


async def _to_total(phone: Converse) -> str:
    await phone.dial()
    await phone.choose("fr")
    await phone.choose("mobile")
    await phone.key("0600000001", "482913")
    await phone.choose("accept")
    return (await phone.choose("pay")).screen


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
    assert on.till.only_payment().state is State.CAPTURED
    assert await on.vault() == set()


async def test_a_call_that_ends_leaves_no_card(on: Stage) -> None:
    call = await to_cvv(on)
    await on.turns.hang_up(call.dialog, call.msisdn, "ivr")
    assert await on.vault() == set()


async def test_limits_of_one_scope_are_spent_together(redis: RedisCluster) -> None:
    limits = Limits(redis, "sms")  # type: ignore[arg-type]
    asked = [Limit("sender", CALLERS[0], 2, 60), Limit("everyone", "all", 100, 60)]
    assert [await limits.spend(asked) for _ in range(3)] == [None, None, asked[0]]


async def test_one_number_is_forgotten_on_whichever_node(on: Stage, redis: RedisCluster) -> None:
    for caller in CALLERS[:3]:
        await on.ussd(caller).dial()
    conversations = RedisConversations(redis)  # type: ignore[arg-type]
    assert await conversations.forget(CALLERS[0]) == 2
    assert await conversations.held(CALLERS[0]) == []
    assert len(await conversations.held(CALLERS[1])) == 2
