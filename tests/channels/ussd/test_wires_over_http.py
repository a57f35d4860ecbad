"""Whole journeys over every wire: real HTTP, real Valkey, a till in memory; only the clock is the test's."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from channels.http.receive import Authentication
from channels.ussd.wires import WIRES
from core.messaging.gsm7 import Coding, coding_of, size
from lab.caller import SAME_KEY_S, Shown, UssdPhone
from lab.twilio.webhooks import WebhookFailed
from sessions.turn.inbound import REPEAT_MS
from tests.channels.ussd.conftest import Door, Opened
from tests.channels.ussd.test_wires import NAMES, of

CALLER = "+212600000001"
JOURNEY = ["Language", "Service", "Terms", "PickInvoices", "ConfirmTotal", "HandOver"]
UNCOUNTED = ["comviva", "madapi", "infobip"]
Phone = Callable[[str], Awaitable[UssdPhone]]

wires = pytest.mark.parametrize("wire", WIRES)


@asynccontextmanager
async def handset(door: Door, wire: str, **more: Any) -> AsyncIterator[UssdPhone]:
    """A phone whose waiting moves the server's clock."""

    async def wait(_: float) -> None:
        door.on.clock.forward(SAME_KEY_S)  # all of it: the machine's clock moves none here

    async with UssdPhone(door.url, CALLER, wire=wire, wait=wait, **more) as phone:
        yield phone


def fits(shown: Shown, wire: str) -> bool:
    limits, coding = WIRES[wire].limits, coding_of(shown.text)
    return size(shown.text) <= (limits.septets if coding is Coding.GSM7 else limits.units)


@wires
async def test_from_the_dial_to_the_hand_over(opened: Opened, wire: str) -> None:
    door = await opened()
    async with handset(door, wire) as phone:
        seen = [await phone.dial()]
        while not seen[-1].ended:
            seen.append(await phone.send("1"))
    assert [shown.screen for shown in seen] == JOURNEY
    assert all(fits(shown, wire) for shown in seen)
    payment = door.on.till.only_payment()
    assert payment.reference in seen[-1].text
    assert door.on.till.calls["request_call"] == 1


@wires
async def test_a_repeat_of_every_step_gets_the_same_answer_and_does_nothing(opened: Opened, wire: str) -> None:
    door = await opened()
    async with handset(door, wire) as phone:
        shown = await phone.dial()
        while True:
            done = door.on.till.calls.copy()
            door.on.clock.forward(0.3)
            again = await phone.repeat()
            assert (again.text, again.ended, again.screen) == (shown.text, shown.ended, shown.screen)
            assert door.on.till.calls == done
            if shown.ended:
                break
            door.on.clock.forward(SAME_KEY_S)
            shown = await phone.send("1")
    assert shown.screen == "HandOver"
    assert len(door.on.till.memory.payments) == 1


@wires
async def test_copies_at_once_are_one_step(opened: Opened, wire: str) -> None:
    door = await opened()
    async with handset(door, wire) as phone:
        await phone.dial()
        door.on.clock.forward(SAME_KEY_S)
        await phone.send("1")
        copies = await asyncio.gather(*(phone.repeat() for _ in range(12)))
    assert {shown.screen for shown in copies} == {"Service"}


@pytest.mark.parametrize("wire", UNCOUNTED)
async def test_without_numbers_a_key_counts_again_after_three_seconds(opened: Opened, wire: str) -> None:
    door = await opened()
    async with handset(door, wire) as phone:
        await phone.dial()
        assert (await phone.send("1")).screen == "Service"
        door.on.clock.forward(0.3)
        assert (await phone.repeat()).screen == "Service"
        door.on.clock.forward(3)
        assert (await phone.repeat()).screen == "Terms"  # for the application it is the customer's next key


@pytest.mark.parametrize("wire", [wire for wire in WIRES if wire not in UNCOUNTED])
async def test_with_numbers_a_repeat_may_come_late(opened: Opened, wire: str) -> None:
    door = await opened()
    async with handset(door, wire) as phone:
        await phone.dial()
        await phone.send("1")
        door.on.clock.forward(30)
        assert (await phone.repeat()).screen == "Service"


@wires
async def test_wrong_keys_and_endless_ones_are_said_so(opened: Opened, wire: str) -> None:
    door = await opened()
    async with handset(door, wire) as phone:
        await phone.dial()
        for typed in ("7", "1" * 2000):
            shown = await phone.send(typed)
            assert (shown.screen, shown.ended) == ("Language", False)
            assert shown.text.startswith("Choix incorrect")


@wires
async def test_arabic_pages(opened: Opened, wire: str) -> None:
    door = await opened()
    async with handset(door, wire) as phone:
        await phone.dial()
        shown = await phone.send("2")
        assert shown.screen == "Service"
        assert coding_of(shown.text) is Coding.UCS2
        assert fits(shown, wire)
        assert (await phone.send("١")).screen == "Terms"


@wires
async def test_a_dropped_dialog_changes_nothing_and_is_resumed(opened: Opened, wire: str) -> None:
    door = await opened()
    async with handset(door, wire) as phone:
        await phone.dial()
        for _ in range(3):
            shown = await phone.send("1")
        assert shown.screen == "PickInvoices"
        before, done = await door.on.values(), door.on.till.calls.copy()
        await phone.drop()
        assert (await door.on.values(), door.on.till.calls) == (before, done)
        door.on.clock.forward(60)
        assert (await phone.dial()).screen == "Resume"
        assert (await phone.send("1")).screen == "PickInvoices"


@wires
async def test_a_fault_is_said_and_ends_the_dialog(opened: Opened, wire: str) -> None:
    door = await opened()
    async with handset(door, wire) as phone:
        await phone.dial()
        door.on.till.memory.broken.add("remember_language")
        shown = await phone.send("1")
    assert (shown.screen, shown.ended) == ("Apology", True)
    assert shown.text.startswith("Service indisponible")


@wires
async def test_strangers_are_refused(opened: Opened, wire: str) -> None:
    door = await opened(gate=Authentication(secrets=("right",)))
    async with handset(door, wire) as stranger, handset(door, wire, headers={"X-Khallas-Secret": "right"}) as known:
        for act in (stranger.dial, stranger.drop):
            with pytest.raises(WebhookFailed, match="403 refused"):
                await act()
        assert not await door.on.keys()
        assert (await known.dial()).screen == "Language"


# --- recorded requests -----------------------------------------------------------------------------------------------


async def send(door: Door, request: dict[str, Any]) -> tuple[int, str, str | None]:
    """Status, text, screen."""
    body = request["body"].encode() if request["method"] == "POST" else None
    async with door.http.request(
        request["method"], door.url + request["path"], data=body, headers=request["headers"]
    ) as response:
        assert response.headers.get("Cache-Control") == "no-store" or response.status >= 400
        return response.status, await response.text(), response.headers.get("X-Screen")


@pytest.mark.parametrize("wire", NAMES)
async def test_recorded_requests_are_one_dialog(opened: Opened, wire: str) -> None:
    door = await opened()
    last = ""
    for entry in of(wire)["requests"]:
        # copies come at once, customers take their time
        door.on.clock.forward(0.2 if entry["name"].startswith("repeat") else 4)
        status, text, screen = await send(door, entry["request"])
        assert (status, screen) == (200, entry["screen"]), entry["name"]
        assert entry.get("says", "") in text, entry["name"]
        assert text == last or not entry["name"].startswith("repeat")
        last = text


@pytest.mark.parametrize("wire", NAMES)
async def test_what_is_malformed_changes_nothing(opened: Opened, wire: str) -> None:
    door = await opened()
    for entry in of(wire)["malformed"]:
        status, text, _ = await send(door, entry["request"])
        assert status == 400, entry["name"]
        assert len(text) < 100
    assert not await door.on.keys()
    assert not door.on.till.calls
    refused = f'khallas_refused_total{{door="ussd/{wire}",reason="malformed"}} {float(len(of(wire)["malformed"]))}'
    assert refused in door.metrics.page()[0].decode()


@pytest.mark.parametrize("wire", NAMES)
async def test_other_methods_press_no_key(opened: Opened, wire: str) -> None:
    door = await opened()
    first = of(wire)["requests"][0]["request"]
    for method in {"GET", "HEAD", "POST", "PUT", "DELETE"} - {WIRES[wire].method}:
        status, _, _ = await send(door, first | {"method": method})
        assert status == 405
    assert not await door.on.keys()


# --- RestComm: who is asking -----------------------------------------------------------------------------------------


async def test_restcomm_names_its_caller_once(opened: Opened) -> None:
    """No userObject, no msisdn: whoever began the dialog goes on with it, and nobody else."""
    door = await opened()
    begin = of("restcomm")["requests"][0]["request"]
    bare = next(one for one in of("restcomm")["requests"] if one["name"] == "no userObject came back")["request"]
    assert (await send(door, bare))[0] == 400
    await send(door, begin)
    door.on.clock.forward(REPEAT_MS / 1000 + 1)
    assert (await send(door, bare))[2] == "Service"
    other = bare | {"body": bare["body"].replace('localId="12"', 'localId="13"')}
    assert (await send(door, other))[0] == 400
