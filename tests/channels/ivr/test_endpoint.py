"""What the voice doors let in, and what they say when something breaks."""

import functools
from urllib.parse import urlencode

import aiohttp
import pytest
from defusedxml.ElementTree import fromstring
from starlette.applications import Starlette

from channels.carriers.twilio.signature import guard, sign
from channels.ivr.endpoint import BODY_BYTES_MAX, routes
from channels.ivr.speaker import IvrSpeaker
from channels.ivr.wires.twilio import TwilioVoice
from core.languages import LanguageCode
from lab.caller import follow
from lab.servers.serving import serving
from sessions.store.protocol import StoreDown
from tests.channels.ivr.conftest import PUBLIC, TOKEN, House
from tests.support.till import SALMA

SID = "CA" + "0" * 32
FORM = {"CallSid": SID, "From": SALMA, "To": "+212537000777", "Direction": "inbound", "CallStatus": "in-progress"}
PATHS = ("/ivr/twilio", "/ivr/twilio/turn?v=1&l=fr", "/ivr/twilio/status")


async def post(
    house: House, target: str, form: dict[str, str] | bytes, *, token: str = TOKEN
) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers (names in lower case)."""
    body = form if isinstance(form, bytes) else urlencode(form).encode()
    pairs = list(form.items()) if isinstance(form, dict) else []
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if token:
        headers["X-Twilio-Signature"] = sign(token, PUBLIC + target, pairs)
    async with (
        aiohttp.ClientSession() as session,
        session.post(house.url + target, data=body, headers=headers) as answer,
    ):
        return answer.status, await answer.read(), {name.lower(): value for name, value in answer.headers.items()}


@pytest.mark.parametrize("target", PATHS)
@pytest.mark.parametrize("token", ["", "wrong"])
async def test_nobody_unsigned_comes_in(house: House, target: str, token: str) -> None:
    status, body, headers = await post(house, target, FORM, token=token)
    assert (status, body, headers["cache-control"]) == (403, b"refused\n", "no-store")
    assert b'khallas_refused_total{door="ivr/twilio",reason="forbidden"} 1.0' in house.metrics.page()[0]
    assert await house.redis.dbsize() == 0


@pytest.mark.parametrize("target", PATHS)
async def test_signed_nonsense_is_a_400_and_changes_nothing(house: House, target: str) -> None:
    status, _, headers = await post(house, target, {**FORM, "CallSid": "{}"} | {"CallStatus": ""})
    assert (status, headers["cache-control"]) == (400, "no-store")
    assert await house.redis.dbsize() == 0


async def test_a_body_has_a_bound(house: House) -> None:
    status, body, _ = await post(house, "/ivr/twilio", b"a" * (BODY_BYTES_MAX + 1))
    assert (status, body) == (400, b"the body is too large\n")


async def test_answers_are_never_stored_and_tell_their_screen(house: House) -> None:
    status, body, headers = await post(house, "/ivr/twilio", FORM)
    assert (status, headers["cache-control"], headers["x-screen"]) == (200, "no-store", "Language")
    assert headers["content-type"].startswith("text/xml")
    assert fromstring(body)[0].tag == "Gather"
    status, body, headers = await post(house, "/ivr/twilio/status", FORM | {"CallStatus": "completed"})
    assert (status, body, headers["cache-control"]) == (204, b"", "no-store")


async def test_a_till_that_breaks_is_an_apology_in_the_language_spoken(house: House) -> None:
    house.till.memory.broken |= {"person", "quoted"}
    async with house.phone() as phone:
        call = await phone.dial()
        await call.finished()
    assert b'outcome="failed",screen="Apology",wire="twilio"} 1.0' in house.metrics.page()[0]
    assert (call.screen, [caption.language for caption in call.captions]) == ("Apology", ["fr-FR", "arb", "en-GB"])
    assert call.error is None
    house.till.memory.broken.clear()
    house.till.basket(language=LanguageCode.AR)
    async with house.phone() as phone:
        call = await phone.dial()
        house.till.memory.broken |= {"person", "quoted"}
        await follow(call, [("أي فاتورة", "2"), ("", "345678#"), ("", "0600000001#")])
        await call.finished()
    assert call.screen == "Apology"
    assert "عذرا" in call.captions[-1].text


async def test_a_store_that_is_down(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def down(*_: object, **__: object) -> None:
        raise StoreDown("connection refused")

    monkeypatch.setattr(
        house.turns, "_store", type("Down", (), {"load": down, "save": down, "erase": down, "hang_up": down})()
    )
    status, body, headers = await post(house, "/ivr/twilio/turn?v=3&l=en", FORM | {"Digits": "1"})
    assert (status, headers["x-screen"]) == (200, "Apology")
    assert [verb.tag for verb in fromstring(body)] == ["Say", "Hangup"]
    assert "Sorry" in str(fromstring(body)[0].text)
    # the gateway may tell again that the line is dead
    status, _, _ = await post(house, "/ivr/twilio/status", FORM | {"CallStatus": "completed"})
    assert status == 503


async def test_screens_are_named_only_when_asked_for(house: House, speaker: IvrSpeaker) -> None:
    wire, check = TwilioVoice(PUBLIC, "777"), functools.partial(guard, (TOKEN,))
    doors = routes(house.turns, speaker, wire, check, house.metrics, public_url=PUBLIC, expose_screens=False)
    async with serving(Starlette(routes=doors)) as house.url:
        status, _, headers = await post(house, "/ivr/twilio", FORM)
    assert status == 200
    assert "x-screen" not in headers
