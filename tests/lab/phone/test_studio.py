"""The phone page's server: what it gives a browser, and what it lets a browser order."""

import io
import wave
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import pytest

from lab.cmi.lies import Manner
from lab.twilio.server import Fault
from tests.lab.phone.conftest import Stage

NUMBER = "+212600000001"


async def ussd(stage: Stage, act: str, keys: str = "", wire: str = "africastalking") -> tuple[int, Any]:
    order = {"act": act, "keys": keys, "wire": wire}
    async with stage.http.post(f"/phone/api/ussd/{NUMBER}", json=order) as answer:
        return answer.status, await answer.json()


async def test_a_dialog_goes_as_a_gateway_sends_it(stage: Stage) -> None:
    status, shown = await ussd(stage, "dial", "*1117*4#")
    assert (status, shown["text"], shown["screen"]) == (200, "got 4", "Service")
    assert shown["room"] == {"used": 5, "most": 160, "unit": "gsm7"}
    assert (await ussd(stage, "send", "اب"))[1]["room"] == {"used": 8, "most": 80, "unit": "ucs2"}
    assert (await ussd(stage, "repeat"))[1]["text"] == "got 4*اب"
    status, shown = await ussd(stage, "send", "9")
    assert shown["ended"] is True
    assert (await ussd(stage, "send", "1"))[0] == 409
    assert [form["text"] for form in stage.ussd.forms] == ["4", "4*اب", "4*اب", "4*اب*9"]
    assert {form["phoneNumber"] for form in stage.ussd.forms} == {NUMBER}


async def test_a_dropped_dialog_is_told_and_over(stage: Stage) -> None:
    await ussd(stage, "dial")
    assert await ussd(stage, "drop") == (200, None)
    assert stage.ussd.forms[-1]["status"] == "Incomplete"
    assert (await ussd(stage, "send", "1"))[0] == 409


async def test_another_wire_is_dialled_and_its_trace_belongs_to_the_handset(stage: Stage) -> None:
    await ussd(stage, "dial")
    status, shown = await ussd(stage, "dial", wire="comviva")
    assert (status, shown["text"], shown["room"]["most"]) == (200, "pulled 1117", 160)
    assert (await ussd(stage, "send", "4000000000000010"))[1]["text"] == "pulled 4000000000000010"
    async with stage.http.get(f"/phone/api/feed/{NUMBER}?after=2") as answer:
        (entry,) = (await answer.json())["trace"]
    assert (entry["method"], entry["path"], entry["fields"]["input"]) == ("GET", "/ussd/comviva", "••••0010")


async def test_an_unknown_wire_and_a_repeat_of_nothing_are_the_pages_fault(stage: Stage) -> None:
    assert (await ussd(stage, "dial", wire="other"))[0] == 409
    assert (await ussd(stage, "repeat"))[0] == 409
    assert (await ussd(stage, "jump"))[0] == 422


async def test_orders_of_other_sites_are_refused(stage: Stage) -> None:
    for path in (f"/phone/api/ussd/{NUMBER}", "/phone/api/troubles"):
        async with stage.http.post(path, data="{}", headers={"Content-Type": "text/plain"}) as answer:
            assert answer.status == 415
        async with stage.http.post(path, data="9" * 5_000, headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == 413


async def test_the_feed_shows_the_wire_from_where_one_was(stage: Stage) -> None:
    await ussd(stage, "dial")
    await ussd(stage, "send", "2")
    async with stage.http.get(f"/phone/api/feed/{NUMBER}?after=1") as answer:
        feed = await answer.json()
    assert [entry["fields"]["text"] for entry in feed["trace"]] == ["2"]
    assert feed["trace"][0]["screen"] == "Service"
    assert (feed["last"], feed["texts"], feed["calls"], feed["mails"]) == (2, [], [], [])
    async with stage.http.get(f"/phone/api/feed/{NUMBER}?after=many") as answer:
        assert len((await answer.json())["trace"]) == 2


@pytest.mark.parametrize(
    ("trouble", "manner"), [("slow-bank", Manner.SLOW), ("silent-bank", Manner.SILENT_AFTER_CHARGING)]
)
async def test_the_bank_is_troubled_once_and_calmed(stage: Stage, trouble: str, manner: Manner) -> None:
    async def turn(on: bool) -> dict[str, bool]:
        async with stage.http.post("/phone/api/troubles", json={"trouble": trouble, "on": on}) as answer:
            told: dict[str, bool] = await answer.json()
            return told

    assert (await turn(True))[trouble] is True
    assert (await turn(True))[trouble] is True
    assert [(lie.manner, lie.times) for lie in stage.cmi.gateway.lies.lies] == [(manner, 1)]
    assert (await turn(False))[trouble] is False
    assert stage.cmi.gateway.lies.lies == []


async def test_a_muted_smsc_is_seen_and_unmuted(stage: Stage) -> None:
    async with stage.http.post("/phone/api/troubles", json={"trouble": "mute-smsc", "on": True}) as answer:
        assert (await answer.json())["mute-smsc"] is True
    assert stage.twilio.messages_fault is Fault.MUTE
    async with stage.http.post("/phone/api/troubles", json={"trouble": "mute-smsc", "on": False}) as answer:
        assert (await answer.json())["mute-smsc"] is False


async def test_captions_are_said_in_their_language(stage: Stage) -> None:
    said = [("Tapez 1.", "fr-FR"), ("اضغط 1.", "arb"), ("Press 1.", "en-GB")]
    for text, tag in said:
        async with stage.http.get("/phone/api/voice", params={"text": text, "tag": tag}) as answer:
            assert (answer.status, answer.content_type) == (200, "audio/wav")
            with wave.open(io.BytesIO(await answer.read())) as wav:
                assert wav.getnframes() > wav.getframerate() // 4
    for text, tag in (("", "fr-FR"), ("a" * 1_001, "fr-FR"), ("Hallo", "de-DE")):
        async with stage.http.get("/phone/api/voice", params={"text": text, "tag": tag}) as answer:
            assert answer.status == 422


async def test_a_letter_is_shown_in_a_frame_without_rights(stage: Stage) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "recus@khallas.example", "salma@example.com", "Reçu"
    mail["Date"] = "Mon, 23 Nov 2026 04:00:00 +0000"
    mail.set_content("texte")
    mail.add_alternative("<html><head><title>x</title></head><body>Payé</body></html>", subtype="html")
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=stage.mail.port, start_tls=False)
    async with stage.http.get(f"/phone/api/feed/{NUMBER}") as answer:
        (told,) = (await answer.json())["mails"]
    assert (told["subject"], told["to"], told["at"]) == ("Reçu", "salma@example.com", "2026-11-23T04:00:00+00:00")
    async with stage.http.get(f"/phone/mails/{told['id']}") as answer:
        assert '<head><base target="_blank"><title>' in await answer.text()
        policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert "allow-scripts" not in policy
    async with stage.http.get("/phone/api/feed/%2B212600000002") as answer:
        assert (await answer.json())["mails"] == []
    async with stage.http.get("/phone/mails/none") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("asked", "language", "direction"),
    [("en-GB,fr;q=0.5", "en", "ltr"), ("ar-MA", "ar", "rtl"), ("de,fr", "fr", "ltr"), ("", "fr", "ltr")],
)
async def test_the_page_speaks_the_browsers_language(stage: Stage, asked: str, language: str, direction: str) -> None:
    async with stage.http.get("/phone", headers={"Accept-Language": asked}) as answer:
        page = await answer.text()
    assert f'<html lang="{language}" dir="{direction}">' in page
    assert "other" not in page.partition('id="wire"')[2].partition("</select>")[0]
    async with stage.http.get("/phone?lang=en", headers={"Accept-Language": asked}) as answer:
        assert answer.headers["Content-Language"] == "en"


async def dialog(stage: Stage) -> Any:
    async with stage.http.get(f"/phone/api/feed/{NUMBER}") as answer:
        return (await answer.json())["dialog"]


async def test_the_feed_tells_a_dialog_that_goes_on(stage: Stage) -> None:
    assert await dialog(stage) is None
    await ussd(stage, "dial")
    _, shown = await ussd(stage, "send", "2")
    assert await dialog(stage) == shown
    async with stage.http.get("/phone/api/feed/%2B212600000002") as answer:
        assert (await answer.json())["dialog"] is None
    await ussd(stage, "send", "9")
    assert await dialog(stage) is None
    await ussd(stage, "dial")
    await ussd(stage, "drop")
    assert await dialog(stage) is None


async def test_a_dialog_without_an_answer_is_over(stage: Stage) -> None:
    await ussd(stage, "dial")
    assert (await ussd(stage, "send", "down"))[0] == 502
    assert await dialog(stage) is None
    assert (await ussd(stage, "send", "1"))[0] == 409
