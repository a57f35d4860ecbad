"""SMS over SMPP: recorded PDUs read, and played as one conversation before the real till. npm's smpp wrote them."""

import json
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from channels.carriers.smpp.account import account_of
from channels.carriers.smpp.ids import fold_id
from channels.carriers.smpp.message import ShortMessage, decode_message
from channels.carriers.smpp.metrics import SmppMetrics
from channels.carriers.smpp.pdu import HEADER_BYTES, Broken, decode
from channels.carriers.smpp.reassembly import Reassembly
from channels.carriers.smpp.receipts import receipt_of
from channels.sms.inbox import Inbox
from channels.sms.message import MoMessage
from channels.sms.outbound.smpp_parts import SentParts
from channels.sms.smpp_endpoint import MoDeduplication, SmppTexts
from sessions.vault import Seals
from tests.channels.sms.conftest import Counter, memory_on

RECORDED = json.loads((Path(__file__).parents[2] / "wires" / "sms-smpp.json").read_text(encoding="utf-8"))
ATLAS = account_of("smpp://a:b@127.0.0.1/atlas")


def message_of(pdu: str) -> ShortMessage:
    frame = bytes.fromhex(pdu)
    read = decode(frame[:HEADER_BYTES], frame[HEADER_BYTES:])
    return decode_message(read.command, read.body)


def every(part: str) -> list[Any]:
    return [pytest.param(entry, id=entry["name"]) for entry in RECORDED[part]]


class Heard(Inbox):
    """Hands on what it stores, and keeps it."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.last: MoMessage | None = None

    async def store(self, message: MoMessage) -> None:
        self.last = message
        await self.inbox.store(message)


@pytest.fixture
async def heard(counter: Counter) -> tuple[Heard, SmppTexts]:
    inbox, seals, redis = Heard(counter.inbox), Seals({"t": bytes(32)}), counter.redis
    parts, metrics = Reassembly(redis, seals), SmppMetrics(CollectorRegistry())
    return inbox, SmppTexts(inbox, parts, SentParts(redis), MoDeduplication(redis), seals.mark, metrics)


async def test_a_recorded_conversation(counter: Counter, heard: tuple[Heard, SmppTexts]) -> None:
    inbox, door = heard
    answered: set[str] = set()
    for entry in RECORDED["texts"]:
        connection = "another" if entry.get("case") == "repeat" else "one"
        assert (await door.take(ATLAS, connection, message_of(entry["pdu"]))).status == 0
        told = inbox.last
        assert told is not None
        assert {"sender": told.sender, "to": told.to, "text": told.text} == entry["heard"], entry["name"]
        rows = await counter.database.all("SELECT reference FROM messages")
        fresh = {row["reference"] for row in rows} - answered
        answered |= fresh
        says = [await memory_on(counter.redis).reply_of(reference) for reference in fresh]
        assert [entry["says"] in (text or "") for text in says] == ([True] if entry["says"] else []), entry["name"]


@pytest.mark.parametrize("entry", every("reports"))
def test_reports(entry: dict[str, Any]) -> None:
    message = message_of(entry["pdu"])
    assert message.is_receipt
    told = receipt_of(message)
    assert told is not None
    wanted = entry["told"] | {"message_id": fold_id(entry["told"]["message_id"])}
    assert {"message_id": told.message_id, "state": told.state, "error": told.error} == wanted


@pytest.mark.parametrize("entry", every("malformed"))
def test_what_is_cut_off(entry: dict[str, Any]) -> None:
    with pytest.raises(Broken):
        message_of(entry["pdu"])
