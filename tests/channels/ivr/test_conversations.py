"""Recorded conversations: Twilio's signed webhooks in their order, and a switch's greeting with the keys after it."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from core.messaging.texts import Texts
from tests.channels.ivr.agi.agi_line import memory_line
from tests.channels.ivr.agi.switch import HANG_UP
from tests.channels.ivr.conftest import House

RECORDED = Path(__file__).parents[2] / "wires"


def of(wire: str, mark: str) -> Sequence[Mapping[str, Any]]:
    """The entries of a wire's recording that tell what came of them."""
    entries: list[dict[str, Any]] = json.loads((RECORDED / f"ivr-{wire}.json").read_text(encoding="utf-8"))
    return [entry for entry in entries if mark in entry]


async def test_twilios_webhooks_are_one_call(house: House) -> None:
    last = b""
    for entry in of("twilio", "screen"):
        headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": entry["signature"]}
        async with (
            aiohttp.ClientSession() as session,
            session.post(house.url + entry["target"], data=entry["body"].encode(), headers=headers) as response,
        ):
            body = await response.read()
        assert response.status == (204 if "hung_up" in entry else 200), entry["name"]
        assert response.headers.get("X-Screen") == entry["screen"], entry["name"]
        assert entry["says"] in " ".join(re.sub("<[^>]*>", " ", body.decode()).split()), entry["name"]
        if entry["case"] == "repeat":
            assert body == last
        last = body


@pytest.mark.parametrize("entry", of("fastagi", "steps"), ids=lambda entry: entry["case"])
async def test_a_switchs_call(redis_url: str, texts: Texts, entry: Mapping[str, Any]) -> None:
    async with memory_line(redis_url, texts) as line:
        call = await line.switch(greeting=entry["greeting"]).call([(said, keys) for said, keys in entry["steps"]])
        await line.over()
        assert call.variables == entry["left"]
        assert call.hung_up == entry["steps"][-1][1].endswith(HANG_UP)
        assert await line.held() == []
