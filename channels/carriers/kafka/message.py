"""Payments' events as Kafka messages: CloudEvents 1.0 in binary mode (docs/guides/events-kafka.md). Pure."""

from datetime import UTC, datetime
from typing import NamedTuple
from zlib import crc32

import msgspec

from core.events.catalogue import EventType, PaymentFact, data_of, lasting_of

_encoded = msgspec.json.Encoder().encode

Headers = list[tuple[str, bytes]]

VERSION = ("ce_specversion", b"1.0")
JSON_TYPE = ("content-type", b"application/json")
TYPES = {each: ("ce_type", each.encode()) for each in EventType}


class KafkaMessage(NamedTuple):
    """What the broker is given of one event."""

    key: bytes
    timestamp_ms: int
    headers: Headers
    value: bytes


class MessagePage:
    """Makes the messages of one page. What its facts share is made once: the lasting part of a payment, the text of a
    second. A page is bounded, and so is what this keeps.
    """

    def __init__(self, source: bytes, *, full: bool) -> None:
        """`source`: ce_source; `full`: numbers whole."""
        self._source = ("ce_source", source)
        self._full = full
        self._payments: dict[str, dict[str, object]] = {}
        self._seconds: dict[int, bytes] = {}

    def message(self, fact: PaymentFact) -> KafkaMessage:
        """Makes a fact's message; `ce_id` is the same whenever it is put out again."""
        timestamp_ms, time = self._moment(fact.at)
        return KafkaMessage(
            fact.payment_id.encode(),
            timestamp_ms,
            [VERSION, ("ce_id", fact.event_id.encode()), TYPES[fact.type], self._source, ("ce_time", time), JSON_TYPE],
            self._body(fact),
        )

    def _body(self, fact: PaymentFact) -> bytes:
        """What webhooks call `data`."""
        lasting = self._payments.get(fact.payment_id)
        if lasting is None:
            lasting = self._payments[fact.payment_id] = lasting_of(fact, full=self._full)
        return _encoded(data_of(fact, lasting))

    def _moment(self, at: datetime) -> tuple[int, bytes]:
        second, millisecond = int(at.timestamp()), at.microsecond // 1000
        text = self._seconds.get(second)
        if text is None:
            text = self._seconds[second] = datetime.fromtimestamp(second, UTC).isoformat()[:-6].encode()
        return second * 1000 + millisecond, b"%b.%03d+00:00" % (text, millisecond)


def partition_of(key: bytes, partitions: int) -> int:
    """Which of them a key's events go to, as librdkafka's `consistent` partitioner has it."""
    return crc32(key) % partitions
