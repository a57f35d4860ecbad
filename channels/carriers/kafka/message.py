"""A payment's event as a Kafka message: CloudEvents 1.0 in binary mode (docs/guides/events-kafka.md). Pure."""

from zlib import crc32

import msgspec

from core.events.catalogue import PaymentFact, data_of

_encoded = msgspec.json.Encoder().encode

Headers = list[tuple[str, bytes]]

VERSION = ("ce_specversion", b"1.0")
JSON_TYPE = ("content-type", b"application/json")


def headers_of(fact: PaymentFact, source: bytes) -> Headers:
    """The event's attributes; `ce_id` is the same whenever it is put out again."""
    return [
        VERSION,
        ("ce_id", fact.event_id.encode()),
        ("ce_type", fact.type.encode()),
        ("ce_source", source),
        ("ce_time", fact.at.isoformat(timespec="milliseconds").encode()),
        JSON_TYPE,
    ]


def body_of(fact: PaymentFact, *, full: bool) -> bytes:
    """What webhooks call `data`."""
    return _encoded(data_of(fact, full=full))


def partition_of(key: bytes, partitions: int) -> int:
    """Which of them a key's events go to, as librdkafka's `consistent` partitioner has it."""
    return crc32(key) % partitions
