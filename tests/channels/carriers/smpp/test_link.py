"""A link against an SMSC from outside: binds, windows, throttling, silence, drops, unbinds, and coming back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from channels.carriers.smpp.account import SmscAccount, account_of
from channels.carriers.smpp.ids import SmscIds
from channels.carriers.smpp.link import Link, Links, Pauses, Throttled
from channels.carriers.smpp.message import Address, ShortMessage
from channels.carriers.smpp.metrics import SmppMetrics
from channels.carriers.smpp.pdu import Command
from channels.carriers.smpp.session import Handled, NotBound, SubmitAnswer, Unresolved
from tests.channels.carriers.smpp.conftest import until
from tests.channels.carriers.smpp.outside import Smsc

QUICK = Pauses(first_s=0.05, most_s=0.2, refused_s=0.2, throttle_first_s=0.2, throttle_most_s=0.4)
MESSAGE = ShortMessage(Address("1117"), Address("212600000001", 1, 1), b"CODE")
THROTTLED, QUEUE_FULL, VENDOR = 0x58, 0x14, 0x4A1


class Desk:
    """What came, and how it is answered."""

    def __init__(self) -> None:
        self.came: list[bytes] = []
        self.answer: Callable[[ShortMessage], Awaitable[Handled]] = self.ok
        self.registry = CollectorRegistry()

    async def ok(self, message: ShortMessage) -> Handled:
        return Handled()

    async def take(self, account: SmscAccount, session_id: str, message: ShortMessage) -> Handled:
        self.came.append(message.octets)
        return await self.answer(message)

    def counted(self, line: str) -> bool:
        return line in generate_latest(self.registry).decode()


Bind = Callable[..., AbstractAsyncContextManager[Link]]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def bind(smsc: Smsc, desk: Desk) -> Bind:
    @asynccontextmanager
    async def bound(options: str = "", *, wait: bool = True) -> AsyncIterator[Link]:
        account = account_of(f"{smsc.url}/atlas?enquire_s=0.2&response_s=0.4{options}")
        links = Links([account], desk.take, SmppMetrics(desk.registry), QUICK)
        async with links.running(Command.BIND_TRANSCEIVER):
            if wait:
                await until(is_bound(links))
            yield links["atlas"]

    return bound


def is_bound(links: Links) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        return links.states() == {"atlas": "bound"}

    return look


async def test_binds_submits_and_unbinds(smsc: Smsc, bind: Bind, desk: Desk) -> None:
    async with bind() as link:
        answer = await link.submit(MESSAGE)
        assert answer == SubmitAnswer(0, answer.message_id)
        assert answer.message_id
        assert desk.counted('khallas_smpp_bound{smsc="atlas"} 1.0')
        assert desk.counted('khallas_smpp_submits_total{outcome="accepted",smsc="atlas"} 1.0')
    state = await smsc.tell("state")
    assert state["binds"] == [{"command": "bind_transceiver", "system_id": "khallas", "password": "secret"}]
    assert [(each["from"], each["to"], each["text"]) for each in state["submits"]] == [("1117", "212600000001", "CODE")]
    assert state["unbinds"] == 1
    assert desk.counted('khallas_smpp_bound{smsc="atlas"} 0.0')


@pytest.mark.parametrize("status", [0x0E, 0x05], ids=["wrong password", "another process holds the bind"])
async def test_a_refused_bind_is_tried_again(smsc: Smsc, bind: Bind, status: int) -> None:
    await smsc.mode(bind=status)
    async with bind(wait=False) as link:
        with pytest.raises(NotBound):
            await link.submit(MESSAGE)

        async def refused_twice() -> bool:
            return len((await smsc.tell("state"))["binds"]) >= 2

        await until(refused_twice)
        await smsc.mode(bind=0)

        async def bound() -> bool:
            return link.state == "bound"

        await until(bound)


async def test_what_comes_is_answered_as_the_handler_says(smsc: Smsc, bind: Bind, desk: Desk) -> None:
    async def full(message: ShortMessage) -> Handled:
        return Handled(QUEUE_FULL)

    async def fails(message: ShortMessage) -> Handled:
        raise LookupError

    async with bind():
        assert await smsc.deliver("212600000001", b"one") == 0
        desk.answer = full
        assert await smsc.deliver("212600000001", b"two") == QUEUE_FULL
        desk.answer = fails
        assert await smsc.deliver("212600000001", b"three") == QUEUE_FULL
        desk.answer = desk.ok
        for coding in (0, 1, 2, 3, 4, 8, 13, 15, 72, 0x99, 245, 255):
            assert await smsc.deliver("212600000001", b"CO", data_coding=coding) == 0
    assert desk.came[:3] == [b"one", b"two", b"three"]


async def test_unknown_statuses_pass(smsc: Smsc, bind: Bind) -> None:
    await smsc.mode(statuses=[VENDOR, 0x0B])
    async with bind() as link:
        assert await link.submit(MESSAGE) == SubmitAnswer(VENDOR, "")
        assert await link.submit(MESSAGE) == SubmitAnswer(0x0B, "")
        assert (await link.submit(MESSAGE)).status == 0


async def test_throttling_slows_us_down_and_passes(smsc: Smsc, bind: Bind, desk: Desk) -> None:
    await smsc.mode(statuses=[THROTTLED])
    async with bind() as link:
        with pytest.raises(Throttled):
            await link.submit(MESSAGE)
        assert link.state == "throttled"
        assert desk.counted('khallas_smpp_throttled{smsc="atlas"} 1.0')
        with pytest.raises(Throttled) as slow:
            await link.submit(MESSAGE)
        assert len(await smsc.submits()) == 1  # told to slow down, we do not even ask
        assert (await link.submit(MESSAGE, urgent=True)).status == 0  # a dialog cannot wait
        await asyncio.sleep(slow.value.again_in_s)
        assert (await link.submit(MESSAGE)).status == 0
        assert link.state == "bound"


async def test_the_window_bounds_what_is_unanswered(smsc: Smsc, bind: Bind) -> None:
    await smsc.mode(submit="late")
    async with bind("&window=3&response_s=5") as link:
        submits = [asyncio.create_task(link.submit(MESSAGE)) for _ in range(5)]

        async def three_arrived() -> bool:
            return len(await smsc.submits()) == 3

        await until(three_arrived)
        assert len(await smsc.submits()) == 3
        await smsc.mode(submit="ok")
        await smsc.tell("answer")
        assert [answer.status for answer in await asyncio.gather(*submits)] == [0] * 5


async def test_a_mute_smsc_is_left_and_its_submits_are_unresolved(smsc: Smsc, bind: Bind, desk: Desk) -> None:
    async with bind() as link:
        await smsc.mode(submit="mute", enquire="mute")
        with pytest.raises(Unresolved):
            await link.submit(MESSAGE)
        assert desk.counted('khallas_smpp_submits_total{outcome="unresolved",smsc="atlas"} 1.0')
        await smsc.mode(submit="ok", enquire="ok")
        await until(lambda: bound_again(link))
        assert (await link.submit(MESSAGE)).status == 0


async def test_a_submit_alone_unanswered_ends_in_time(smsc: Smsc, bind: Bind) -> None:
    await smsc.mode(submit="mute")
    async with bind() as link:
        with pytest.raises(Unresolved):
            await link.submit(MESSAGE)
        assert link.state == "bound"  # it answered enquire_link all the while


async def test_a_drop_in_mid_submit_is_unresolved_and_we_come_back(smsc: Smsc, bind: Bind) -> None:
    await smsc.mode(submit="drop")
    async with bind() as link:
        with pytest.raises(Unresolved):
            await link.submit(MESSAGE)
        await smsc.mode(submit="ok")
        await until(lambda: bound_again(link))
        assert (await link.submit(MESSAGE)).status == 0
    assert len((await smsc.tell("state"))["binds"]) == 2


async def test_unbound_by_the_smsc_we_come_back(smsc: Smsc, bind: Bind) -> None:
    async with bind() as link:
        await smsc.tell("unbind")

        async def bound_twice() -> bool:
            return bool(len((await smsc.tell("state"))["binds"]) == 2 and link.state == "bound")

        await until(bound_twice)
        assert (await link.submit(MESSAGE)).status == 0


async def test_an_idle_link_asks_whether_the_other_side_lives(smsc: Smsc, bind: Bind) -> None:
    async with bind():

        async def asked() -> bool:
            return bool((await smsc.tell("state"))["enquiries"] >= 2)

        await until(asked)


async def bound_again(link: Link) -> bool:
    return link.state == "bound"


# --- peers that are no SMSC ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(16), b"\xff" * 64, b"\0\0\0\x10"])
async def test_a_peer_that_is_no_smsc_is_left(said: bytes, desk: Desk) -> None:
    knocks = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal knocks
        knocks += 1
        await reader.read(64)
        writer.write(said)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    links = Links([account_of(f"smpp://a:b@127.0.0.1:{port}/odd")], desk.take, SmppMetrics(desk.registry), QUICK)
    async with server, links.running(Command.BIND_TRANSCEIVER):

        async def twice() -> bool:
            return knocks >= 2

        await until(twice)
        assert links.states() == {"odd": "down"}


def test_pauses_grow_jittered_and_bounded() -> None:
    for failures in range(40):
        pause_s = Pauses().reconnect_s(failures)
        assert min(60, 2**failures) / 2 <= pause_s <= min(60, 2**failures)


@pytest.mark.parametrize(
    "url",
    [
        "http://a:b@host/name",
        "smpp://host:2775/name",
        "smpp://a:b@host:2775",
        "smpp://a:b@host:99999/name",
        "smpp://a:b@host/Name!",
        "smpp://a:b@host/name?window=0",
        "smpp://a:b@host/name?window=x",
        "smpp://a:b@host/name?enquire_s=nan",
        "smpp://a:b@host/name?alphabet=klingon",
        "smpp://a:b@host/name?color=red",
        "smpp://a-system-id-of-too-many:b@host/name",
    ],
)
def test_accounts_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="SMSC") as refused:
        account_of(url)
    assert ":b@" not in str(refused.value)
    assert "password@" in str(refused.value) or "a:b" not in str(refused.value)


def test_an_account_in_full() -> None:
    account = account_of("smpps://me:p%40ss%2C@smsc.example/north?window=50&source=1118&source_ton=3&ids=hex")
    assert (account.name, account.host, account.port, account.tls) == ("north", "smsc.example", 3550, True)
    assert (account.system_id, account.password, account.window) == ("me", "p@ss,", 50)
    assert (account.source, account.source_ton, account.ids) == ("1118", 3, SmscIds.HEX)
    assert "p@ss" not in repr(account)
