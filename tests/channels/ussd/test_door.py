"""Africa's Talking's requests over real HTTP: answered, repeated, refused; what is refused changes nothing."""

import ipaddress
from collections.abc import AsyncIterator

import aiohttp
import pytest

from channels.http.receive import BODY_BYTES_MAX, Authentication
from channels.wire import FIELD_BYTES_MAX, FIELDS_MAX
from core.messaging.gsm7 import size
from tests.channels.ussd.conftest import PATH, RECORDED, Door, Opened

GOOD = "sessionId=AT-1&phoneNumber=%2B212600000001&text="


@pytest.mark.parametrize("name", ["journey", "arabic"])
async def test_recorded_journeys(opened: Opened, name: str) -> None:
    door = await opened()
    for step in RECORDED[name]:
        heard = await door.send(step["text"])
        assert heard.status == 200
        assert heard.text.startswith(step["then"]), heard.text
        assert heard.headers["x-screen"] == step["screen"]
        assert heard.headers["content-type"].startswith("text/plain")
        assert heard.headers["cache-control"] == "no-store"
        again = await door.send(step["text"])
        assert (again.text, again.headers["x-screen"]) == (heard.text, step["screen"])


async def test_arabic_pages_fit(opened: Opened) -> None:
    door = await opened()
    for step in RECORDED["arabic"]:
        heard = await door.send(step["text"])
        assert size(heard.text.removeprefix("CON ")) <= 80


async def test_a_repeat_after_the_end_is_the_same_end(opened: Opened) -> None:
    door = await opened()
    for step in RECORDED["journey"]:
        last = await door.send(step["text"])
    assert last.text.startswith("END ")
    for _ in range(3):
        assert (await door.send(RECORDED["journey"][-1]["text"])).text == last.text
    assert len(door.on.till.memory.payments) == 1
    assert door.on.till.calls["request_call"] == 1


async def test_the_end_event_is_received_and_changes_nothing(opened: Opened) -> None:
    door = await opened()
    await door.send("", session="AT-end")
    before = await door.on.values()
    heard = await door.post(RECORDED["events"][0]["request"]["body"])
    assert (heard.status, heard.text) == (200, "")
    assert await door.on.values() == before


@pytest.mark.parametrize(
    "body",
    [
        GOOD + "&x=" + "y" * (FIELD_BYTES_MAX + 1),
        GOOD + "".join(f"&f{n}=1" for n in range(FIELDS_MAX)),
        GOOD + "&x=" + "y" * BODY_BYTES_MAX,
        b"\x00\xff" * 1000,
        b"%" * 1000,
        b"&" * 10_000,
    ],
    ids=["long field", "many fields", "giant", "binary", "percent", "ampersands"],
)
async def test_what_is_too_much_is_refused(opened: Opened, body: bytes | str) -> None:
    door = await opened()
    heard = await door.post(body)
    assert heard.status == 400
    assert len(heard.text) < 100
    await nothing_changed(door)


async def test_a_giant_body_without_a_length_is_cut_off(opened: Opened) -> None:
    door = await opened()

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b"x" * 4096

    async with door.http.post(door.url + PATH, data=endless()) as response:
        assert response.status == 400
    await nothing_changed(door)


async def test_a_giant_length_is_refused_before_the_body(opened: Opened) -> None:
    door = await opened()
    heard = await door.post(b"x" * (BODY_BYTES_MAX + 1))
    assert (heard.status, heard.text) == (400, "the body is too large\n")


async def test_an_over_long_answer_is_no_choice(opened: Opened) -> None:
    door = await opened()
    await door.send("")
    heard = await door.send("1" * 2000)
    assert heard.status == 200
    assert "Choix incorrect" in heard.text
    assert heard.headers["x-screen"] == "Language"


@pytest.mark.parametrize("text", ["1", "1*", "*", "1**1", "é", "<b>", "%00", "1 ", "\U0001f600"])
async def test_odd_answers_are_answered(opened: Opened, text: str) -> None:
    door = await opened()
    await door.send("")
    heard = await door.send(text)
    assert heard.status == 200
    assert heard.text.startswith(("CON ", "END "))


async def test_any_spelling_of_the_caller_is_one_person(opened: Opened) -> None:
    door = await opened()
    await door.send("", caller="+212600000001")
    assert (await door.send("1", caller="212600000001")).headers["x-screen"] == "Service"
    assert (await door.send("1*2", caller="0600000001")).headers["x-screen"] == "Reference"
    # a plus that the gateway forgot to encode arrives as a space
    heard = await door.post("sessionId=AT-1&phoneNumber=+212600000001&text=1*2*0")
    assert heard.headers["x-screen"] == "Service"


async def test_other_methods_and_wires(opened: Opened) -> None:
    door = await opened()
    async with door.http.get(door.url + PATH) as response:
        assert response.status == 405
    assert (await door.post(GOOD, path="/ussd/nowhere")).status == 404


async def test_screens_are_named_only_when_told(opened: Opened) -> None:
    door = await opened(expose_screens=False)
    assert "x-screen" not in (await door.send("")).headers
    door.on.till.memory.broken.add("person")
    assert "x-screen" not in (await door.send("", session="AT-2")).headers


async def test_a_fault_is_answered_with_words_and_an_end(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    door = await opened()
    await door.send("")
    door.on.till.memory.broken.add("remember_language")
    heard = await door.send("1")
    assert heard.status == 200
    assert heard.text.startswith("END Service indisponible")
    assert heard.headers["x-screen"] == "Apology"
    assert "a turn failed" in caplog.text
    door.on.till.memory.broken.clear()
    assert (await door.send("1")).headers["x-screen"] == "Service"


# --- the gate --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({}, "", 403),
        ({"x-khallas-secret": "wrong"}, "", 403),
        ({"x-khallas-secret": ""}, "", 403),
        ({"x-khallas-secret": "right"}, "", 200),
        ({}, "?secret=right", 200),
        ({}, "?secret=wrong", 403),
        ({"x-khallas-secret": "wrong"}, "?secret=right", 403),
        ({}, "?secret=%FF", 403),
    ],
)
async def test_the_shared_secret(opened: Opened, headers: dict[str, str], query: str, status: int) -> None:
    door = await opened(gate=Authentication(secrets=("right",)))
    heard = await door.send("", path=PATH + query, headers=headers)
    assert heard.status == status
    if status == 403:
        assert heard.text == "refused\n"
        await nothing_changed(door)


@pytest.mark.parametrize(("network", "status"), [("127.0.0.0/8", 200), ("192.0.2.0/24", 403), ("::1/128", 403)])
async def test_allowed_networks(opened: Opened, network: str, status: int) -> None:
    door = await opened(gate=Authentication(networks=(ipaddress.ip_network(network),)))
    assert (await door.send("")).status == status


async def test_strangers_learn_nothing_of_the_fields(opened: Opened) -> None:
    """The gate stands before the decoding: a malformed body from a stranger is refused, not explained."""
    door = await opened(gate=Authentication(secrets=("right",)))
    for entry in RECORDED["malformed"]:
        assert (await door.post(entry["request"]["body"])).status == 403


async def test_a_gate_without_a_key_lets_nobody_in(opened: Opened) -> None:
    door = await opened(gate=Authentication())
    assert (await door.send("", headers={"x-khallas-secret": ""})).status == 403


async def test_a_body_cut_off_changes_nothing(opened: Opened) -> None:
    door = await opened()

    async def breaks() -> AsyncIterator[bytes]:
        yield GOOD.encode()
        raise ConnectionError

    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await door.http.post(door.url + PATH, data=breaks())
    assert (await door.send("")).status == 200
    assert door.on.till.calls["person"] == 1


async def nothing_changed(door: Door) -> None:
    assert not await door.on.keys()
    assert not door.on.till.calls


async def test_what_happens_is_counted(opened: Opened) -> None:
    door = await opened(gate=Authentication(secrets=("right",)))
    await door.send("")
    await door.post("x=1", headers={"x-khallas-secret": "right"})
    for _ in range(2):
        await door.send("", headers={"x-khallas-secret": "right"})
    page = door.metrics.page()[0].decode()
    assert 'khallas_refused_total{door="ussd/africastalking",reason="forbidden"} 1.0' in page
    assert 'khallas_refused_total{door="ussd/africastalking",reason="malformed"} 1.0' in page
    for outcome in ("answered", "replayed"):
        assert f'outcome="{outcome}",screen="Language",wire="africastalking"}} 1.0' in page


async def test_a_multipart_form_is_a_form(opened: Opened) -> None:
    door = await opened()
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in (("sessionId", "AT-m"), ("phoneNumber", "+212600000001"), ("text", "")):
        form.add_field(name, value)
    async with door.http.post(door.url + PATH, data=form) as response:
        assert (response.status, response.headers["X-Screen"]) == (200, "Language")


async def test_a_form_behind_a_byte_order_mark(opened: Opened) -> None:
    door = await opened()
    assert (await door.post(b"\xef\xbb\xbf" + GOOD.encode())).status == 200


async def test_what_was_typed_rests_nowhere(opened: Opened) -> None:
    """The text of the request before is known by its length and a mark."""
    door = await opened()
    await door.send("")
    await door.send("1")
    await door.send("1*5*4000000000000010")
    values = await door.on.values()
    assert b"4000000000000010" not in values
    assert b"1*5" not in values
