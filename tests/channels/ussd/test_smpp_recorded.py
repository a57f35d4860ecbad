"""USSD over SMPP: recorded PDUs heard, answered and played as one dialog. npm's smpp wrote them, not we."""

import json
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from channels.carriers.smpp import coding
from channels.carriers.smpp.account import account_of
from channels.carriers.smpp.message import ShortMessage, decode_message, encode_submit
from channels.carriers.smpp.pdu import HEADER_BYTES, Broken, decode
from channels.carriers.smpp.session import SubmitAnswer
from channels.ussd.smpp.dialogs import Dialogs
from channels.ussd.smpp.endpoint import SmppUssd
from channels.ussd.smpp.wire import answer_to, asked_of, is_ussd
from core.messaging.texts import load_texts
from khallas.telemetry.metrics import Metrics
from tests.sessions.fakes import stage

RECORDED = json.loads((Path(__file__).parents[2] / "wires" / "ussd-smpp.json").read_text(encoding="utf-8"))
REFUSED = 0x0A
ATLAS = account_of("smpp://a:b@127.0.0.1/atlas")


def message_of(pdu: str) -> ShortMessage:
    frame = bytes.fromhex(pdu)
    read = decode(frame[:HEADER_BYTES], frame[HEADER_BYTES:])
    assert int.from_bytes(frame[:4], "big") == len(frame)
    return decode_message(read.command, read.body)


def every(*parts: str) -> list[Any]:
    return [pytest.param(entry, id=entry["name"]) for part in parts for entry in RECORDED[part]]


@pytest.mark.parametrize("entry", every("requests", "dialects", "events"))
def test_what_is_heard(entry: dict[str, Any]) -> None:
    message = message_of(entry["pdu"])
    assert is_ussd(message)
    asked = asked_of(message)
    assert asked is not None
    told = {"event": asked.event.value, "msisdn": asked.msisdn, "dialog": asked.dialog, "typed": asked.typed}
    assert told == entry["asked"]


@pytest.mark.parametrize("entry", every("answers"))
def test_what_is_answered(entry: dict[str, Any]) -> None:
    (asked,) = (
        one["pdu"] for part in ("requests", "dialects") for one in RECORDED[part] if one["name"] == entry["after"]
    )
    ours = answer_to(message_of(asked), entry["text"], ends=entry["ends"])
    theirs = message_of(entry["pdu"])
    assert decode_message(decode_command(entry["pdu"]), encode_submit(ours)) == theirs


def decode_command(pdu: str) -> int:
    return int.from_bytes(bytes.fromhex(pdu)[4:8], "big")


@pytest.mark.parametrize("entry", every("malformed"))
def test_what_is_cut_off(entry: dict[str, Any]) -> None:
    with pytest.raises(Broken):
        message_of(entry["pdu"])


async def test_recorded_requests_are_one_dialog(redis_url: str) -> None:
    """Before a repeat our screen is refused: the gateway has nothing newer, so it brings the same again."""
    shown: list[str] = []
    status = 0

    async def submit(smsc: str, message: ShortMessage) -> SubmitAnswer:
        assert message.destination.digits == "212600000001"
        shown.append(coding.decode(message.data_coding, message.octets))
        return SubmitAnswer(status, "1")

    async with Redis.from_url(redis_url) as redis:
        on = stage(redis, load_texts())
        door = SmppUssd(on.turns, on.texts, Dialogs(redis), submit, Metrics())
        following = [entry["name"] for entry in RECORDED["requests"][1:]]
        for entry, after in zip(RECORDED["requests"], [*following, ""], strict=True):
            repeats = entry["name"].startswith("repeat")
            on.clock.forward(0.2 if repeats else 4)
            done = on.till.calls.copy()
            handled = await door.take(ATLAS, "s", message_of(entry["pdu"]))
            assert not repeats or on.till.calls == done
            assert handled.then is not None
            status = REFUSED if after.startswith("repeat") else 0
            await handled.then()
            assert entry["says"] in shown[-1], entry["name"]
            assert not repeats or shown[-1] == shown[-2]
        aborted = await door.take(ATLAS, "s", message_of(RECORDED["events"][0]["pdu"]))
        assert aborted.then is None
        assert len(shown) == len(RECORDED["requests"])
        assert [key async for key in redis.scan_iter("*ussd:smpp*")] == []
