"""Customers rung by the operator's own switch: what Asterisk is told, and what is tried again."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from channels.carriers.asterisk import ami
from channels.carriers.asterisk.ami import Originate, originate
from channels.carriers.asterisk.caller import AmiCaller, CallFileCaller, DialRoute
from channels.ivr.wires.fastagi import CallTokens
from core.payments.table import Payment
from core.ports import DeliveryFailed
from tests.channels.carriers.ami_stand import AmiStand, manager
from tests.channels.ivr.fake_till import SALMA, Books, FakeTill

TOKENS = CallTokens(["a-key-that-signs-links"])
ROUTE = DialRoute("PJSIP/{digits}@trunk", "khallas-callback", "s", '"Khallas" <0537000777>')
ORDER = Originate("khallas-1", "PJSIP/1@trunk", "khallas-callback", "s", "0537000777", "KHALLAS_CALL=x")


@pytest.fixture
def payment() -> Payment:
    return FakeTill(Books()).put()


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami, "ANSWER_MAX_S", 0.5)
    monkeypatch.setattr(ami, "EARLY_MAX_S", 0.2)


async def test_a_customer_is_rung_with_the_payments_token(payment: Payment) -> None:
    async with manager(AmiStand()) as stand:
        call_id = await AmiCaller(stand.account(), ROUTE, TOKENS).call(payment)
    login, order = stand.heard
    assert (login["Username"], login["Events"]) == ("khallas", "call")
    assert order == {
        "Action": "Originate",
        "Channel": "PJSIP/212600000001@trunk",
        "ChannelId": call_id,
        "Context": "khallas-callback",
        "Exten": "s",
        "Priority": "1",
        "CallerID": '"Khallas" <0537000777>',
        "Timeout": "40000",
        "Async": "true",
        "Variable": f"KHALLAS_CALL={TOKENS.make(payment.id, SALMA)}",
        "ActionID": order["ActionID"],
    }
    assert re.fullmatch(r"khallas-01JDEMO-[0-9a-f]{8}", call_id)


@pytest.mark.parametrize("reason", ["4", "1", "3", None])
async def test_a_phone_that_rang_is_not_rung_again(reason: str | None) -> None:
    async with manager(AmiStand(reason=reason)) as stand:
        await originate(stand.account(), ORDER)
    assert len(stand.heard) == 2


@pytest.mark.parametrize("reason", ["0", "5", "8"])
async def test_a_phone_that_did_not_ring_is_tried_again(reason: str) -> None:
    async with manager(AmiStand(reason=reason)) as stand:
        await _fails(stand, retryable=True)


@pytest.mark.parametrize(
    ("stand", "retryable"),
    [
        (AmiStand(refuses="Login"), True),
        (AmiStand(refuses="Originate"), True),
        (AmiStand(greeting="SSH-2.0-OpenSSH\r\n"), True),
        (AmiStand(silent_at="Login"), True),
        (AmiStand(cut_at="Login"), True),
        (AmiStand(endless=True), True),
        (AmiStand(greeting="A" * 100_000), True),
        (AmiStand(silent_at="Originate"), False),
        (AmiStand(cut_at="Originate"), False),
    ],
)
async def test_what_is_tried_again(stand: AmiStand, retryable: bool) -> None:
    async with manager(replace(stand, heard=[])) as listening:
        await _fails(listening, retryable=retryable)


async def test_other_calls_events_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ami, "MESSAGES_MAX", 50)
    async with manager(AmiStand(events=60)) as stand:
        await _fails(stand, retryable=True)


async def test_a_switch_that_is_not_there(unused_port: int) -> None:
    stand = AmiStand(port=unused_port)
    await _fails(stand, retryable=True)


async def test_a_wrong_secret_is_told_and_not_repeated_in_words() -> None:
    async with manager(AmiStand()) as stand:
        with pytest.raises(DeliveryFailed, match="refuses our login") as failed:
            await originate(stand.account("a-wrong-secret"), ORDER)
    assert "a-wrong-secret" not in f"{failed.value!r} {stand.account('a-wrong-secret')!r}"


async def test_a_value_cannot_add_a_header() -> None:
    async with manager(AmiStand()) as stand:
        await originate(stand.account(), replace(ORDER, channel="PJSIP/1@trunk\r\nApplication: System"))
    assert stand.heard[1]["Channel"] == "PJSIP/1@trunk  Application: System"
    assert "Application" not in stand.heard[1]


async def test_who_hides_their_number_is_not_rung(payment: Payment, tmp_path: Path) -> None:
    hidden = replace(payment, payer_msisdn="anonymous:CA1")
    with pytest.raises(DeliveryFailed, match="hides") as failed:
        await CallFileCaller(tmp_path, ROUTE, TOKENS).call(hidden)
    assert not failed.value.retryable


@pytest.mark.parametrize(
    ("template", "channel"),
    [
        ("PJSIP/{e164}@trunk", "PJSIP/+212600000001@trunk"),
        ("PJSIP/{digits}@trunk", "PJSIP/212600000001@trunk"),
        ("Local/{national}@out", "Local/0600000001@out"),
    ],
)
def test_numbers_as_the_trunk_wants_them(template: str, channel: str) -> None:
    assert replace(ROUTE, channel=template).to(SALMA) == channel


async def test_a_call_file_appears_whole(payment: Payment, tmp_path: Path) -> None:
    for folder in ("tmp", "outgoing"):
        (tmp_path / folder).mkdir()
    name = await CallFileCaller(tmp_path, ROUTE, TOKENS).call(payment)
    file = tmp_path / "outgoing" / name
    assert file.read_text().splitlines() == [
        "Channel: PJSIP/212600000001@trunk",
        'CallerID: "Khallas" <0537000777>',
        "MaxRetries: 0",
        "WaitTime: 40",
        "Context: khallas-callback",
        "Extension: s",
        "Priority: 1",
        f"Setvar: KHALLAS_CALL={TOKENS.make(payment.id, SALMA)}",
        "Archive: no",
    ]
    assert file.stat().st_mode & 0o777 == 0o660
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_a_spool_that_is_not_there_is_tried_again(payment: Payment, tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    with pytest.raises(DeliveryFailed, match="spool") as failed:
        await CallFileCaller(tmp_path, ROUTE, TOKENS).call(payment)
    assert failed.value.retryable
    assert list((tmp_path / "tmp").iterdir()) == []


async def _fails(stand: AmiStand, *, retryable: bool) -> None:
    with pytest.raises(DeliveryFailed) as failed:
        await originate(stand.account(), ORDER)
    assert failed.value.retryable is retryable


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
