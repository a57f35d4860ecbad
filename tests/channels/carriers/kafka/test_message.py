"""An event as a message: CloudEvents' attributes as headers, and to the letter what webhooks call `data`."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from channels.carriers.kafka.message import KafkaMessage, MessagePage, partition_of
from channels.carriers.webhooks.client import _body
from core.events.catalogue import EventType, PaymentFact
from core.events.endpoints import EndpointKind, EventEndpoint
from tests.channels.carriers.webhooks.test_client import FACT

FIRST, LAST = datetime(1971, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 - bounds of clocks in any zone
POSTED = replace(FACT, type=EventType.BILL_POSTED, detail="0000171682062019", state="captured")
CAPTURED = replace(FACT, type=EventType.CAPTURED, state="captured", receipt_number="2026-00000042")


def made(*facts: PaymentFact, full: bool = False) -> list[KafkaMessage]:
    """A page's messages."""
    page = MessagePage(b"https://pay.example.ma", full=full)
    return [page.message(fact) for fact in facts]


def test_the_attributes_are_headers() -> None:
    at = datetime(2026, 11, 29, 12, 0, 0, 123_456, tzinfo=UTC)
    (message,) = made(replace(FACT, at=at))
    assert message.key == FACT.payment_id.encode()
    assert message.timestamp_ms == 1_795_953_600_123
    assert dict(message.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"evt_7",
        "ce_type": b"payment.created",
        "ce_source": b"https://pay.example.ma",
        "ce_time": b"2026-11-29T12:00:00.123+00:00",
        "content-type": b"application/json",
    }


@given(st.lists(st.datetimes(FIRST, LAST, timezones=st.timezones()), max_size=6))
def test_the_time_is_the_event_s_own_to_the_millisecond_whatever_the_zone(times: list[datetime]) -> None:
    for at, message in zip(times, made(*(replace(FACT, at=at) for at in times)), strict=True):
        told = datetime.fromisoformat(dict(message.headers)["ce_time"].decode())
        assert told == at.astimezone(UTC).replace(microsecond=at.microsecond // 1000 * 1000)
        assert message.timestamp_ms == round(told.timestamp() * 1000)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("fact", [FACT, POSTED, CAPTURED, replace(FACT, reference='é"\\', channel="ussd\n")])
def test_the_body_is_what_webhooks_send(fact: PaymentFact, *, full: bool) -> None:
    endpoint = EventEndpoint("here", EndpointKind.WEBHOOK, "https://crm.example", full_numbers=full)
    (message,) = made(fact, full=full)
    assert json.loads(message.value) == _body(endpoint, fact)["data"]
    assert (FACT.payer_msisdn.encode() in message.value) is full


def test_what_a_page_s_facts_share_is_each_one_s_own() -> None:
    """A payment's events between those of another: states, bills and receipts stay with theirs."""
    other = replace(CAPTURED, payment_id="01ARZ3NDEKTSV4RRFFQ69G5FAW", payer_msisdn="+212611111112", reference="7")
    facts = (FACT, other, CAPTURED, POSTED, replace(other, type=EventType.CREATED, state="created"))
    endpoint = EventEndpoint("here", EndpointKind.WEBHOOK, "https://crm.example")
    assert [json.loads(message.value) for message in made(*facts)] == [_body(endpoint, fact)["data"] for fact in facts]


def test_a_key_s_partition_is_librdkafka_s_consistent_one() -> None:
    assert [partition_of(key, 6) for key in (b"123456789", b"", b"01ARZ3NDEKTSV4RRFFQ69G5FAV")] == [
        0xCBF43926 % 6,
        0,
        partition_of(b"01ARZ3NDEKTSV4RRFFQ69G5FAV", 12) % 6,
    ]
