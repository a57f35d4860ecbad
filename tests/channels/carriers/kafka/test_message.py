"""An event as a message: CloudEvents' attributes as headers, and to the letter what webhooks call `data`."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from channels.carriers.kafka.message import body_of, headers_of, partition_of
from channels.carriers.webhooks.client import _body
from core.events.catalogue import EventType
from core.events.endpoints import EndpointKind, EventEndpoint
from tests.channels.carriers.webhooks.test_client import FACT

POSTED = replace(FACT, type=EventType.BILL_POSTED, detail="0000171682062019", state="captured")
CAPTURED = replace(FACT, type=EventType.CAPTURED, state="captured", receipt_number="2026-00000042")


def test_the_attributes_are_headers() -> None:
    fact = replace(FACT, at=datetime(2026, 11, 29, 12, 0, 0, 123_456, tzinfo=UTC))
    assert dict(headers_of(fact, b"https://pay.example.ma")) == {
        "ce_specversion": b"1.0",
        "ce_id": b"evt_7",
        "ce_type": b"payment.created",
        "ce_source": b"https://pay.example.ma",
        "ce_time": b"2026-11-29T12:00:00.123+00:00",
        "content-type": b"application/json",
    }


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("fact", [FACT, POSTED, CAPTURED, replace(FACT, reference='é"\\', channel="ussd\n")])
def test_the_body_is_what_webhooks_send(fact: object, *, full: bool) -> None:
    endpoint = EventEndpoint("here", EndpointKind.WEBHOOK, "https://crm.example", full_numbers=full)
    assert json.loads(body_of(fact, full=full)) == _body(endpoint, fact)["data"]  # type: ignore[arg-type]
    assert (FACT.payer_msisdn.encode() in body_of(fact, full=full)) is full  # type: ignore[arg-type]


def test_a_key_s_partition_is_librdkafka_s_consistent_one() -> None:
    assert [partition_of(key, 6) for key in (b"123456789", b"", b"01ARZ3NDEKTSV4RRFFQ69G5FAV")] == [
        0xCBF43926 % 6,
        0,
        partition_of(b"01ARZ3NDEKTSV4RRFFQ69G5FAV", 12) % 6,
    ]
