"""Kafka as a log of events: acknowledged by all in-sync replicas, in order within a key. aiokafka is the extra `relay`.

Each partition's batches go one after the other: none leaves before the one in front of it is acknowledged, so that a
batch which fails leaves no later one behind it in the log. Whatever fails ends the producer; the next put begins with
a new one, in which nothing old waits.
"""

import asyncio
import logging
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from channels.carriers.kafka.account import KafkaAccount
from channels.carriers.kafka.message import KafkaMessage, MessagePage, partition_of
from core.events.catalogue import PaymentFact
from core.events.stream import BrokerAway

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

CLOSE_MAX_S = 2.0
METADATA_MAX_AGE_MS = 60_000
RETRY_PAUSE_MS = 200
MISSING = "the relay's client is not installed: requirements/relay.lock (docs/guides/events-kafka.md)"


class RelayNotInstalled(Exception):
    """The extra `relay` is missing; the words say how to get it."""


class KafkaLog:
    """Implements core.events.stream.EventLog. Use it inside one loop, and aclose() it there."""

    def __init__(self, account: KafkaAccount) -> None:
        """Raises RelayNotInstalled, OSError and ssl.SSLError when its files cannot be read."""
        installed()
        self._account = account
        self._source = account.source.encode()
        self._tls = tls_of(account)
        self._producer: AIOKafkaProducer | None = None

    async def put(self, facts: Sequence[PaymentFact]) -> None:
        """Puts facts out, as stream.EventLog.put says. Raises BrokerAway."""
        from aiokafka.errors import KafkaError

        done = False
        try:
            async with asyncio.timeout(self._account.timeout_s):
                producer = await self._open()
                await self._put(producer, facts)
            done = True
        except (KafkaError, TimeoutError, OSError) as error:
            raise BrokerAway(why(error, self._account)) from None
        finally:
            if not done:
                await self.aclose()

    async def partitions(self) -> int:
        """How many partitions the topic has. Raises BrokerAway."""
        from aiokafka.errors import KafkaError

        try:
            async with asyncio.timeout(self._account.timeout_s):
                return len(await (await self._open()).partitions_for(self._account.topic))
        except (KafkaError, TimeoutError, OSError) as error:
            await self.aclose()
            raise BrokerAway(why(error, self._account)) from None

    async def aclose(self) -> None:
        """Ends the producer; what it still had in hand is put out again by whoever goes on."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(Exception):  # it is being left: whatever it says changes nothing
                async with asyncio.timeout(CLOSE_MAX_S):
                    await producer.stop()

    async def _open(self) -> "AIOKafkaProducer":
        if self._producer is None:
            self._producer = _producer(self._account, self._tls)
            await self._producer.start()
        return self._producer

    async def _put(self, producer: "AIOKafkaProducer", facts: Sequence[PaymentFact]) -> None:
        topic, page = self._account.topic, MessagePage(self._source, full=self._account.full_numbers)
        partitions = sorted(await producer.partitions_for(topic))
        lanes: dict[int, list[Any]] = {}
        for fact in facts:
            message = page.message(fact)
            partition = partitions[partition_of(message.key, len(partitions))]
            batches = lanes.setdefault(partition, [])
            if not batches or not _appended(batches[-1], message):  # full
                batches.append(producer.create_batch())
                _appended(batches[-1], message)
        sending = [_one_after_the_other(producer, topic, each, batches) for each, batches in lanes.items()]
        for answer in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(answer, BaseException):
                raise answer


def _appended(batch: Any, message: KafkaMessage) -> bool:
    added = batch.append(timestamp=message.timestamp_ms, key=message.key, value=message.value, headers=message.headers)
    return added is not None


async def _one_after_the_other(
    producer: "AIOKafkaProducer", topic: str, partition: int, batches: Sequence[Any]
) -> None:
    for batch in batches:
        await (await producer.send_batch(batch, topic, partition=partition))


def _producer(account: KafkaAccount, tls: ssl.SSLContext | None) -> "AIOKafkaProducer":
    from aiokafka import AIOKafkaProducer

    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it would say, BrokerAway says in our words
    login = {
        "sasl_mechanism": account.sasl,
        "sasl_plain_username": account.username,
        "sasl_plain_password": account.password,
    }
    return AIOKafkaProducer(
        bootstrap_servers=list(account.brokers),
        client_id=account.client_id,
        acks="all",
        enable_idempotence=account.idempotence,
        max_batch_size=account.batch_bytes,
        request_timeout_ms=int(account.timeout_s * 1000),
        retry_backoff_ms=RETRY_PAUSE_MS,
        metadata_max_age_ms=METADATA_MAX_AGE_MS,
        security_protocol=account.protocol,
        ssl_context=tls,
        **(login if account.sasl else {}),
    )


def installed() -> None:
    """Raises RelayNotInstalled."""
    try:
        import aiokafka  # noqa: F401 - whether it is there
    except ModuleNotFoundError:
        raise RelayNotInstalled(MISSING) from None


def tls_of(account: KafkaAccount) -> ssl.SSLContext | None:
    """TLS as the account has it; the broker's name is always verified. Raises OSError, ssl.SSLError."""
    if not account.tls:
        return None
    context = ssl.create_default_context(cafile=account.ca_file or None)
    if account.certificate_file:
        context.load_cert_chain(account.certificate_file, account.key_file or None)
    return context


def why(error: BaseException, account: KafkaAccount) -> str:
    """In our words: the other side's may hold anything."""
    if isinstance(error, TimeoutError):
        return f"the broker did not answer within {account.timeout_s:.0f} s"
    name = type(error).__name__
    told = {
        "UnknownTopicOrPartitionError": f"there is no topic {account.topic}: make it, the relay makes none",
        "TopicAuthorizationFailedError": f"the broker lets us not write to {account.topic}",
        "KafkaConnectionError": "no broker can be reached, or none took our login",
        "AuthenticationFailedError": "the broker refuses our login",
        "UnsupportedVersionError": "the broker knows no idempotent producers: KHALLAS_RELAY__IDEMPOTENCE=0",
        "MessageSizeTooLargeError": "the broker takes no batches of so many bytes: KHALLAS_RELAY__BATCH_BYTES",
    }.get(name)
    return told or f"the broker did not take events ({name})"
