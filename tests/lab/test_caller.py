"""The phones speak their gateways' wires: a small application records what it was sent."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from lab.caller import SmsPhone, UssdPhone
from lab.servers.serving import serving
from lab.twilio.webhooks import ANSWER_MAX_BYTES, WebhookFailed
from tests.lab.ivr_app import TOKEN, IvrApp
from tests.support.forms import posted

MSISDN = "+212600000001"


class Gateway:
    """Answers with `answers`, last one for ever."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, str]] = []
        self.asgi = Starlette(routes=[Route("/ussd/africastalking", self.respond, methods=["POST"])])

    async def respond(self, request: Request) -> PlainTextResponse:
        self.asked.append(await posted(request))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return PlainTextResponse(answer, headers={"X-Screen": f"Screen{len(self.asked)}"})


async def test_a_ussd_session_repeats_all_keys() -> None:
    gateway = Gateway("CON Khallas\n1. Mobile", "CON Code ?", "END Merci")
    async with serving(gateway.asgi) as url, UssdPhone(url, MSISDN) as phone:
        first = await phone.dial()
        assert (first.text, first.ended, first.screen) == ("Khallas\n1. Mobile", False, "Screen1")
        await phone.send("1")
        last = await phone.send("0123")
        assert (last.text, last.ended) == ("Merci", True)
        again = await phone.repeat()
        assert again.text == "Merci"
    assert [form["text"] for form in gateway.asked] == ["", "1", "1*0123", "1*0123"]
    assert len({form["sessionId"] for form in gateway.asked}) == 1
    assert gateway.asked[0]["phoneNumber"] == MSISDN
    assert gateway.asked[0]["serviceCode"] == "*1117#"


@pytest.mark.parametrize(
    ("code", "text"), [("", ""), ("*1117#", ""), ("*1117*2*1#", "2*1"), ("2", "2"), ("*2*1#", "2*1")]
)
async def test_a_dialled_code_may_go_further_at_once(code: str, text: str) -> None:
    gateway = Gateway("CON x")
    async with serving(gateway.asgi) as url, UssdPhone(url, MSISDN) as phone:
        await phone.dial(code)
        session = phone.session_id
        await phone.dial(code)
        assert phone.session_id != session
    assert [form["text"] for form in gateway.asked] == [text, text]


async def test_what_is_no_ussd_answer_is_refused() -> None:
    async with serving(Gateway("Hello").asgi) as url, UssdPhone(url, MSISDN) as phone:
        with pytest.raises(ValueError, match="neither CON nor END"):
            await phone.dial()
    async with serving(Gateway("CON " + "x" * ANSWER_MAX_BYTES).asgi) as url, UssdPhone(url, MSISDN) as phone:
        with pytest.raises(WebhookFailed, match="bytes"):
            await phone.dial()
    async with UssdPhone(url, MSISDN) as phone:
        with pytest.raises(WebhookFailed, match="Connect"):
            await phone.dial()


async def test_a_text_is_signed_and_a_repeat_keeps_its_id() -> None:
    app = IvrApp()
    async with serving(app.asgi) as app.base_url, SmsPhone(app.base_url, MSISDN, auth_token=TOKEN) as phone:
        assert await phone.send("كود ") == ["Vu: كود "]
        assert await phone.repeat() == ["Vu: كود "]
        async with SmsPhone(app.base_url, MSISDN, auth_token="wrong") as stranger:
            with pytest.raises(WebhookFailed, match="403"):
                await stranger.send("CODE")
    first, second = app.forms("/sms/twilio")
    assert first == second
    assert (first["From"], first["To"]) == (MSISDN, "1117")
