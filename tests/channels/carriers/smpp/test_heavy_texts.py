"""200 texts with many characters of two septets (docs/protocols/sms.md), both ways through an SMSC from outside."""

import asyncio
import random
from collections.abc import AsyncIterator

import gsm0338
import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from channels.carriers.smpp.account import account_of
from channels.carriers.smpp.link import Links
from channels.carriers.smpp.metrics import SmppMetrics
from channels.carriers.smpp.pdu import Command
from channels.carriers.smpp.reassembly import Reassembly
from channels.sms.inbox import Inbox
from channels.sms.message import MoMessage
from channels.sms.outbound.smpp_parts import SentParts
from channels.sms.smpp_endpoint import MoDeduplication, SmppTexts
from core.messaging.gsm7 import parts as cut
from core.ports import OutgoingSms
from sessions.vault import Seals
from tests.channels.carriers.smpp.conftest import until
from tests.channels.carriers.smpp.house import Running, binds, running, settings_of
from tests.channels.carriers.smpp.outside import Smsc


@pytest.fixture
async def server(smsc: Smsc, redis_url: str, database_url: str) -> AsyncIterator[Running]:
    async with running(settings_of(redis_url, database_url, smpp=binds(smsc))) as server:
        yield server


def heavy() -> list[str]:
    """200 texts with many characters of two septets, in up to five parts."""
    rng = random.Random(200)
    return ["".join(rng.choice("€[]{}^~|\\aZ 9é") for _ in range(rng.randrange(1, 330))) for _ in range(200)]


class Reader(Inbox):
    """Keeps what customers wrote, as the door read it."""

    def __init__(self) -> None:
        self.read: dict[str, str] = {}

    async def store(self, message: MoMessage) -> None:
        assert message.sender not in self.read
        self.read[message.sender] = message.text


async def test_two_hundred_heavy_texts_survive_on_the_way_in(smsc: Smsc, redis_url: str) -> None:
    """Encoded by another codec than ours, cut wherever 153 septets end: through a pair too. Parts come in any order."""
    texts, inbox, arriving = heavy(), Reader(), list[tuple[str, bytes, int]]()
    for number, text in enumerate(texts):
        septets, sender = gsm0338.Codec().encode(text)[0], f"2126{number:08d}"
        parts = [septets[at : at + 153] for at in range(0, len(septets), 153)]
        if len(septets) <= 160:
            arriving.append((sender, septets, 0))
            continue
        for place, part in enumerate(parts, 1):
            arriving.append((sender, bytes((5, 0, 3, 7, len(parts), place)) + part, 0x40))
    random.Random(7).shuffle(arriving)
    async with Redis.from_url(redis_url) as redis:
        metrics, seals = SmppMetrics(CollectorRegistry()), Seals({"t": bytes(32)})
        parts_of = Reassembly(redis, seals)
        door = SmppTexts(inbox, parts_of, SentParts(redis), MoDeduplication(redis), seals.mark, metrics)
        links = Links([account_of(f"{smsc.url}/atlas")], door.take, metrics)
        async with links.running(Command.BIND_TRANSCEIVER):

            async def bound() -> bool:
                return links.states() == {"atlas": "bound"}

            await until(bound)
            gate = asyncio.Semaphore(20)

            async def deliver(sender: str, data: bytes, esm_class: int) -> None:
                async with gate:
                    assert await smsc.deliver(sender, data, esm_class=esm_class) == 0

            await asyncio.gather(*(deliver(*each) for each in arriving))
    assert [inbox.read[f"+2126{number:08d}"] for number in range(200)] == texts


async def test_two_hundred_heavy_texts_survive_on_the_way_out(smsc: Smsc, server: Running) -> None:
    texts = heavy()
    texter = server.house.networks.texter
    gate = asyncio.Semaphore(20)

    async def send(number: int) -> None:
        async with gate:
            await texter.send(OutgoingSms(f"heavy-{number}", f"+2126{number:08d}", texts[number]))

    await asyncio.gather(*(send(number) for number in range(200)))
    got: dict[str, list[tuple[str, str]]] = {}
    for each in await smsc.submits():
        assert each["data_coding"] == 0
        got.setdefault(each["to"], []).append((each["udh"] or "", each["text"]))
    assert ["".join(text for _, text in sorted(got[f"2126{number:08d}"])) for number in range(200)] == texts
    assert sum(len(each) for each in got.values()) == sum(len(cut(text)) for text in texts)
