"""Events into real brokers: Tansu, and librdkafka's mock cluster of three, which knows idempotent producers."""

import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from aiokafka import errors
from confluent_kafka import Producer
from msgspec import structs

from channels.carriers.kafka.account import KafkaAccount
from channels.carriers.kafka.log import KafkaLog, RelayNotInstalled, tls_of
from core.events.catalogue import EventType, PaymentFact
from core.events.stream import BrokerAway
from lab.chaos.relay.topics import make_topic, read_all
from lab.servers.kafka import Tansu
from lab.servers.processes import free_port
from tests.channels.carriers.webhooks.test_client import FACT
from tests.support.certificates import self_signed

PARTITIONS = 3
BROKERS = 3
KINDS = (EventType.CREATED, EventType.SENDING, EventType.CAPTURED, EventType.BILL_POSTED)


def facts_of(payments: int) -> list[PaymentFact]:
    """Events of so many payments, one after the other of each payment and of all payments mixed."""
    made = []
    for step, kind in enumerate(KINDS):
        for number in range(payments):
            row = step * payments + number
            at = FACT.at + timedelta(milliseconds=row)
            payment_id = f"01ARZ3NDEKTSV4RRFFQ69{number:05d}"
            made.append(
                structs.replace(FACT, row_id=row + 1, sequence=row + 1, at=at, type=kind, payment_id=payment_id)
            )
    return made


async def arrived(account: KafkaAccount, facts: Sequence[PaymentFact], partitions: int = PARTITIONS) -> None:
    """All of them, each payment's in order and in one partition, with whole headers."""
    found = await read_all(account.brokers[0], account.topic, partitions)
    assert sorted(each.headers["ce_id"] for each in found) == sorted(each.event_id for each in facts)
    assert {each.partition for each in found} == set(range(partitions))
    for payment_id in {each.payment_id for each in facts}:
        its = sorted((each for each in found if each.key == payment_id), key=lambda each: each.offset)
        assert [each.headers["ce_type"] for each in its] == [str(kind) for kind in KINDS]
        assert len({each.partition for each in its}) == 1
        assert {json.loads(each.body)["payment"]["id"] for each in its} == {payment_id}


async def test_events_come_to_a_broker_in_order_and_whole(account: KafkaAccount) -> None:
    await make_topic(account.brokers[0], account.topic, PARTITIONS)
    facts, log = facts_of(150), KafkaLog(replace(account, batch_bytes=4_096))  # several batches a partition
    assert await log.partitions() == PARTITIONS
    for begin in range(0, len(facts), 250):
        await log.put(facts[begin : begin + 250])
    await log.put([])
    await log.aclose()
    await log.aclose()
    await arrived(account, facts)


@pytest.fixture(scope="module")
def mock_cluster() -> Iterator[str]:
    """Brokers of librdkafka's own, reached over TCP; they end with their owner."""
    owner = Producer({"test.mock.num.brokers": BROKERS, "bootstrap.servers": "127.0.0.1:1"})
    named = list(owner.list_topics(timeout=30).brokers.values())
    assert len(named) == BROKERS
    yield ",".join(f"{each.host}:{each.port}" for each in named)
    owner.flush(1)


async def test_an_idempotent_producer_is_what_it_is_unless_told_otherwise(
    mock_cluster: str, account: KafkaAccount
) -> None:
    own = replace(account, brokers=tuple(mock_cluster.split(",")), idempotence=True, topic_prefix="mock.")
    facts, log = facts_of(30), KafkaLog(own)
    partitions = await log.partitions()  # the cluster makes the topic when it is asked
    await log.put(facts)
    await log.aclose()
    await arrived(own, facts, partitions)


async def test_a_broker_that_knows_no_idempotence_is_told_in_words(account: KafkaAccount) -> None:
    await make_topic(account.brokers[0], account.topic, PARTITIONS)
    log = KafkaLog(replace(account, idempotence=True, timeout_s=3.0))
    with pytest.raises(BrokerAway):
        await log.put(facts_of(1))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.UnknownTopicOrPartitionError, r"there is no topic told\.payment"),
        (errors.TopicAuthorizationFailedError, r"not write to told\.payment"),
        (errors.AuthenticationFailedError, "refuses our login"),
        (errors.MessageSizeTooLargeError, "KHALLAS_RELAY__BATCH_BYTES"),
        (errors.KafkaError, r"\(KafkaError\)"),
    ],
)
async def test_what_a_broker_says_is_told_in_our_words(
    account: KafkaAccount, monkeypatch: pytest.MonkeyPatch, error: type[errors.KafkaError], words: str
) -> None:
    async def says(self: object, topic: str) -> None:
        raise error("the broker's own words: hunter2")

    monkeypatch.setattr("aiokafka.AIOKafkaProducer.partitions_for", says)
    log = KafkaLog(replace(account, topic_prefix="told."))
    for asked in (log.put(facts_of(1)), log.partitions()):
        with pytest.raises(BrokerAway, match=words) as told:
            await asked
        assert "hunter2" not in str(told.value)


async def test_a_broker_that_is_away_is_given_up_in_time_and_found_again(tmp_path: Path, account: KafkaAccount) -> None:
    port = free_port()
    log = KafkaLog(replace(account, brokers=(f"127.0.0.1:{port}",), timeout_s=3.0))
    with pytest.raises(BrokerAway, match=r"no broker can be reached|did not answer"):
        await log.put(facts_of(1))
    with Tansu(tmp_path, port) as server:
        await make_topic(server.url, account.topic, PARTITIONS)
        facts = facts_of(60)
        await log.put(facts)
        server.pause()
        with pytest.raises(BrokerAway, match="did not answer"):
            await log.put(facts)
        server.resume()
        await log.put(facts)
        found = await read_all(server.url, account.topic, PARTITIONS)
        assert {each.headers["ce_id"] for each in found} == {each.event_id for each in facts}
        assert len(found) >= 2 * len(facts)
        await log.aclose()


async def test_without_its_extra_the_relay_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, account: KafkaAccount
) -> None:
    monkeypatch.setitem(sys.modules, "aiokafka", None)
    with pytest.raises(RelayNotInstalled, match=r"requirements/relay\.lock"):
        KafkaLog(account)


def test_tls_and_logins_are_kafka_s_words(account: KafkaAccount) -> None:
    assert [
        replace(account, tls=tls, sasl=sasl).protocol for tls in (False, True) for sasl in ("", "SCRAM-SHA-512")
    ] == ["PLAINTEXT", "SASL_PLAINTEXT", "SSL", "SASL_SSL"]
    assert tls_of(account) is None


@asynccontextmanager
async def speaking_tls(pem: Path, to: int, port: int) -> AsyncIterator[None]:
    """TLS before a broker that speaks none."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", to)

        async def one_way(source: asyncio.StreamReader, into: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while data := await source.read(65_536):
                    into.write(data)
                    await into.drain()
            into.close()

        await asyncio.gather(one_way(reader, inner_writer), one_way(inner_reader, writer))

    server = await asyncio.start_server(passed, "127.0.0.1", port, ssl=context)
    yield
    server.close()
    await asyncio.sleep(0.1)  # what it holds ends with the clients


async def test_a_broker_behind_tls_is_verified(tmp_path: Path, account: KafkaAccount) -> None:
    pem, port = self_signed(tmp_path), free_port()
    facts = facts_of(30)
    with Tansu(tmp_path / "broker", named_port=port) as server:
        async with speaking_tls(pem, server.port, port):
            own = replace(account, brokers=(f"127.0.0.1:{port}",), tls=True, ca_file=str(pem), timeout_s=20.0)
            await make_topic(server.url, own.topic, PARTITIONS, client_of=own)
            log = KafkaLog(own)
            await log.put(facts)
            await log.aclose()
            strange = KafkaLog(replace(own, ca_file="", timeout_s=3.0))
            with pytest.raises(BrokerAway, match=r"no broker can be reached|did not answer"):
                await strange.put(facts)
