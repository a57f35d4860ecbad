"""What handsets and gateways make of a key, a number and a text: every wire meets tests/support/hostile.py.

A wire that is added to WIRES, and to lab/ussd_wires.py with the gateway's side of it, meets it by itself.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import pytest
from yarl import URL

from channels.ussd.wires import WIRES
from lab.caller import SAME_KEY_S, Shown, UssdPhone
from lab.twilio.webhooks import Answer, Line
from lab.ussd_wires import DIALECTS
from tests.channels.ussd.conftest import Door, Opened
from tests.support.hostile import CALLER, CALLERS, KEYS_OF_ONE, NUMBERS, PADDED, PADDING

wires = pytest.mark.parametrize("wire", WIRES)
STRANGERS = "+2126010"


@asynccontextmanager
async def phones(door: Door, wire: str) -> AsyncIterator["Phones"]:
    async with Line() as line:
        yield Phones(door, wire, line)


class Phones:
    """A customer each, so that no dialog resumes another's."""

    def __init__(self, door: Door, wire: str, line: Line) -> None:
        self._door, self._wire, self._line, self._count = door, wire, line, 0

    async def dial(self, *keys: str) -> tuple[UssdPhone, Shown]:
        """A new customer, who has dialled and pressed some keys."""
        self._count += 1

        async def wait(_: float) -> None:
            self._door.on.clock.forward(SAME_KEY_S)  # all of it: the machine's clock moves none here

        phone = UssdPhone(self._door.url, f"{STRANGERS}{self._count:05}", wire=self._wire, wait=wait)
        phone.line = self._line
        shown = await phone.dial()
        for key in keys:
            shown = await phone.send(key)
        return phone, shown


def key_of(shown: Shown, words: str) -> str:
    (line,) = [line for line in shown.text.splitlines() if words.lower() in line.lower()]
    return str(line.partition(".")[0])


@wires
async def test_every_spelling_of_a_key(opened: Opened, wire: str) -> None:
    door = await opened()
    async with phones(door, wire) as made:
        for typed in KEYS_OF_ONE:
            phone, _ = await made.dial()
            assert (await phone.send(typed)).screen == "Service", ascii(typed)


@wires
async def test_every_spelling_of_a_number(opened: Opened, wire: str) -> None:
    door = await opened()
    async with phones(door, wire) as made:
        for typed in NUMBERS:
            phone, shown = await made.dial("1")
            assert (await phone.send(key_of(shown, "mobile"))).screen == "Reference"
            shown = await phone.send(typed)
            assert shown.screen == "PaymentCode", ascii(typed)
            assert "0600000003" in shown.text


@wires
async def test_a_customer_is_one_however_the_gateway_writes_the_number(opened: Opened, wire: str) -> None:
    """Who has chosen Arabic once is spoken to in Arabic: the same person."""
    door = await opened()
    async with Line() as line:
        for written in (CALLER, *CALLERS):
            phone = UssdPhone(door.url, written, wire=wire)
            phone.line = line
            shown = await phone.dial()
            if written is CALLER and shown.screen == "Language":
                shown = await phone.send("2")
            assert shown.screen == "Service", ascii(written)
            assert re.search("[\u0600-\u06ff]", shown.text), ascii(written)


@wires
async def test_seven_and_fifteen_letters_come_with_an_eighth(opened: Opened, wire: str) -> None:
    door = await opened()
    async with phones(door, wire) as made:
        for digits in PADDED:
            for padding in PADDING:
                phone, shown = await made.dial("1")
                await phone.send(key_of(shown, "internet"))
                shown = await phone.send(digits + padding)
                told = ("PaymentCode", digits) if len(digits) <= 12 else ("Reference", "")
                assert shown.screen == told[0], ascii(digits + padding)
                assert told[1] in shown.text


@wires
async def test_a_star_is_part_of_what_was_typed(opened: Opened, wire: str) -> None:
    """The gateway that joins inputs by stars must not be taken for a customer who types one, nor the other way."""
    door = await opened()
    async with phones(door, wire) as made:
        phone, _ = await made.dial()
        for typed in ("9*1", "1*", "*1", "**"):
            assert (await phone.send(typed)).screen in {"Language", "Goodbye"}, typed
            if typed == "1*":  # two mistakes; a third would end it
                phone, _ = await made.dial()
        phone, _ = await made.dial()
        assert (await phone.send("9*1")).screen == "Language"
        shown = await phone.send("1")  # what comes after it is read again
        assert shown.screen == "Service"
        await phone.send(key_of(shown, "mobile"))
        assert (await phone.send("99*0600000003")).screen == "Reference"
        assert (await phone.send("0600000003")).screen == "PaymentCode"


@wires
async def test_a_star_in_an_address_is_no_end_of_it(opened: Opened, wire: str) -> None:
    door = await opened()
    async with _owner(door, wire) as phone:
        for _ in range(4):
            shown = await phone.send("1")
        assert shown.screen == "ConfirmTotal"
        shown = await phone.send("2")
        assert shown.screen == "Email"
        for typed in ("sal*ma@example.com", "a*b*c"):
            assert (await phone.send(typed)).screen == "Email", typed
        assert (await phone.send("salma.two@example.com")).screen == "ConfirmTotal"
    values = await door.on.values()
    assert b"salma.two@example.com" in values
    assert b"ma@example.com" not in values.replace(b"salma.two@example.com", b"").replace(b"salma@example.com", b"")


@wires
async def test_no_octets_end_a_dialog(opened: Opened, wire: str) -> None:
    door = await opened()
    async with phones(door, wire) as made:
        for rewrite in (_latin1, _raw, _raw_latin1, _same):
            phone, _ = await made.dial()
            status, screen = await _send(door, phone, wire, "\u00e9", rewrite)
            assert (status, screen) == (200, "Language"), rewrite.__name__
            assert (await phone.send("1")).screen == "Service"


@wires
async def test_a_slash_at_the_end_is_the_same_door(opened: Opened, wire: str) -> None:
    door = await opened()
    async with phones(door, wire) as made:
        phone, _ = await made.dial()

        def slashed(path: str, body: bytes | None) -> tuple[str, bytes | None]:
            before, mark, query = path.partition("?")
            return f"{before}/{mark}{query}", body

        assert await _send(door, phone, wire, "1", slashed) == (200, "Service")


@wires
async def test_the_service_code_begins_a_dialog_wherever_it_comes(opened: Opened, wire: str) -> None:
    door = await opened()
    async with phones(door, wire) as made:
        for code in ("*1117#", " *1117# ", "\u200e*1117#", "*1117*1#"):
            phone, shown = await made.dial("1")
            await phone.send(key_of(shown, "internet"))
            shown = await phone.send(code)
            assert shown.screen in {"Service", "Language"}, ascii(code)
            assert not shown.ended


@wires
async def test_the_apology_is_in_the_customers_language(opened: Opened, wire: str) -> None:
    door = await opened()
    async with phones(door, wire) as made:
        phone, shown = await made.dial("2")
        assert shown.screen == "Service"
        door.on.till.memory.broken.add("person")
        door.on.till.memory.broken.add("identify")
        shown = await phone.dial()
        assert (shown.screen, shown.ended) == ("Apology", True)
        assert re.search("[\u0600-\u06ff]", shown.text), shown.text


# --- the gateway's side ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def _owner(door: Door, wire: str) -> AsyncIterator[UssdPhone]:
    """A customer with bills, at the first screen."""

    async def wait(_: float) -> None:
        door.on.clock.forward(SAME_KEY_S)  # all of it: the machine's clock moves none here

    async with UssdPhone(door.url, "+212600000001", wire=wire, wait=wait) as phone:
        await phone.dial()
        yield phone


def _same(path: str, body: bytes | None) -> tuple[str, bytes | None]:
    return path, body


def _latin1(path: str, body: bytes | None) -> tuple[str, bytes | None]:
    return path.replace("%C3%A9", "%E9"), body and body.replace(b"%C3%A9", b"%E9").replace(b"\xc3\xa9", b"\xe9")


def _raw(path: str, body: bytes | None) -> tuple[str, bytes | None]:
    return path, body and body.replace(b"%C3%A9", b"\xc3\xa9")


def _raw_latin1(path: str, body: bytes | None) -> tuple[str, bytes | None]:
    return _latin1(path, body)[0], body and body.replace(b"%C3%A9", b"\xe9").replace(b"\xc3\xa9", b"\xe9")


async def _send(door: Door, phone: UssdPhone, wire: str, typed: str, rewrite: Any) -> tuple[int, str | None]:
    """One answer as the gateway would send it, but for its octets."""
    dialog = phone._dialog
    dialog.keys.append(typed)
    ask = DIALECTS[wire].answer(dialog)
    dialog.sent += 1
    form = "&".join(f"{name}={quote(value, safe='')}" for name, value in ask.fields.items()).encode()
    path, body = rewrite(ask.path, (ask.body or form) if ask.method == "POST" else None)
    kind = ask.media_type or "application/x-www-form-urlencoded"
    url = URL(door.url + path, encoded=True)
    async with door.http.request(
        ask.method, url, data=body, headers={"content-type": kind}, allow_redirects=False
    ) as response:
        headers = {name.lower(): value for name, value in response.headers.items()}
        read = Answer(response.status, await response.read(), response.content_type, None, 0.0, headers)
        if response.status == 200:
            DIALECTS[wire].read(dialog, read)  # keeps what the gateway is to send back
        return response.status, response.headers.get("X-Screen")


def test_the_table_holds_what_it_says() -> None:
    assert unquote_to_bytes("%E9") == "\u00e9".encode("latin-1")
    assert len(set(KEYS_OF_ONE)) == len(KEYS_OF_ONE)
    assert len(set(NUMBERS)) >= 50
