"""Recorded conversations: each wire's requests in their order, over real HTTP, and what is said to each."""

import json
from collections.abc import Sequence
from typing import Any
from xml.etree.ElementTree import Element

import aiohttp
import pytest
from defusedxml.ElementTree import fromstring

from channels.sms.wires import WIRES
from tests.channels.sms.conftest import KANNEL_SECRET, Counter, memory_on
from tests.channels.sms.test_wires import RECORDED


def conversation(wire: str) -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((RECORDED / f"sms-{wire}.json").read_text(encoding="utf-8"))[
        "conversation"
    ]
    return found


async def answered(counter: Counter, wire: str, request: dict[str, Any]) -> list[str]:
    """What is said to it: in the answer, or left in the outbox."""
    headers = request["headers"] | ({"x-khallas-secret": KANNEL_SECRET} if wire == "kannel" else {})
    before = await _queued(counter)
    async with aiohttp.ClientSession() as session:
        sent = request["body"].encode() if request["method"] == "POST" else None
        url = counter.url + request["path"]
        async with session.request(request["method"], url, data=sent, headers=headers) as response:
            assert response.status == 200
            body = await response.text()
    if wire == "kannel":
        assert body == ""
        fresh = [reference for reference in await _queued(counter) if reference not in before]
        texts = [await memory_on(counter.redis).reply_of(reference) for reference in fresh]
        return [text or "" for text in texts]
    root: Element = fromstring(body)
    return [message.text or "" for message in root]


async def _queued(counter: Counter) -> list[str]:
    rows = await counter.database.all("SELECT reference FROM messages ORDER BY created_at")
    return [row["reference"] for row in rows]


@pytest.mark.parametrize("wire", WIRES)
async def test_a_recorded_conversation(counter: Counter, wire: str) -> None:
    said: list[str] = []
    for entry in conversation(wire):
        last, said = said, await answered(counter, wire, entry["request"])
        if entry.get("case") == "repeat":
            assert said == (last if wire == "twilio" else []), "a repeat is answered as before, or not at all"
            said = last
        assert len(said) == 1, entry["name"]
        assert entry["says"] in said[0], entry["name"]
