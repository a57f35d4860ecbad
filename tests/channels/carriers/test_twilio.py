"""The REST client against a small stand-in over real HTTP: what is posted, and what each answer means."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.carriers.twilio.client import TOTAL_MAX_S, TwilioAccount, TwilioRest, TwilioTexter
from core.ports import DeliveryFailed, OutgoingSms, Texter
from lab.servers.serving import serving

SMS = OutgoingSms("01J-receipt_sms-1", "+212600000001", "Payé: 769,20 DH")
STATUS = "https://pay.example.ma/sms/twilio/status"


@dataclass
class Stand:
    """Answers as told and keeps what it was asked."""

    answer: Response = field(default_factory=lambda: JSONResponse({"sid": "SM1"}, 201))
    delay_s: float = 0.0
    asked: list[tuple[str, str, dict[str, list[str]]]] = field(default_factory=list)
    url: str = ""

    async def take(self, request: Request) -> Response:
        fields = parse_qs((await request.body()).decode(), keep_blank_values=True)
        self.asked.append((request.url.path, request.headers["authorization"], fields))
        await asyncio.sleep(self.delay_s)
        return self.answer


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    stand = Stand()
    app = Starlette(routes=[Route("/{path:path}", stand.take, methods=["POST"])])
    async with serving(app) as stand.url:
        yield stand


@pytest.fixture
def total_max_s() -> float:
    """As in production, unless a test says otherwise."""
    return TOTAL_MAX_S


@pytest.fixture
async def rest(stand: Stand, total_max_s: float) -> AsyncIterator[TwilioRest]:
    rest = TwilioRest(TwilioAccount("ACdemo", "demo-token", "1117", stand.url + "/"), total_max_s=total_max_s)
    yield rest
    await rest.aclose()


async def test_a_message(stand: Stand, rest: TwilioRest) -> None:
    texter: Texter = TwilioTexter(rest, STATUS)
    assert await texter.send(SMS) == "SM1"
    ((path, authorization, form),) = stand.asked
    assert path == "/2010-04-01/Accounts/ACdemo/Messages.json"
    assert authorization == "Basic " + base64.b64encode(b"ACdemo:demo-token").decode()
    assert form == {
        "To": ["+212600000001"],
        "From": ["1117"],
        "Body": ["Payé: 769,20 DH"],
        "StatusCallback": [f"{STATUS}?ref=01J-receipt_sms-1"],
    }


async def test_a_call(stand: Stand, rest: TwilioRest) -> None:
    stand.answer = JSONResponse({"sid": "CA1"}, 201)
    sid = await rest.place_call("+212600000001", "https://x/ivr", "https://x/status", caller_id="+212537000777")
    ((path, _, form),) = stand.asked
    assert (sid, path) == ("CA1", "/2010-04-01/Accounts/ACdemo/Calls.json")
    assert (form["To"], form["From"], form["Url"]) == (["+212600000001"], ["+212537000777"], ["https://x/ivr"])
    assert (form["StatusCallback"], form["StatusCallbackMethod"]) == (["https://x/status"], ["POST"])
    assert form["StatusCallbackEvent"] == ["initiated", "ringing", "answered", "completed"]


@pytest.mark.parametrize(
    ("status", "code", "again"),
    [
        (400, 21610, False),
        (400, 30001, True),
        (429, 20429, True),
        (429, None, True),
        (400, 14107, False),
        (400, 21211, False),
        (401, 20003, True),
        (400, 99999, False),
        (404, None, False),
        (302, None, False),
        (500, 20500, True),
        (503, None, True),
    ],
)
async def test_refusals(stand: Stand, rest: TwilioRest, status: int, code: int | None, again: bool) -> None:
    stand.answer = JSONResponse({"code": code, "message": f"to {SMS.to_msisdn}: {SMS.text}"}, status)
    with pytest.raises(DeliveryFailed) as failed:
        await TwilioTexter(rest, STATUS).send(SMS)
    assert failed.value.retryable is again
    assert SMS.to_msisdn not in str(failed.value)
    assert len(stand.asked) == 1


@pytest.mark.parametrize("answer", [b"", b"{", b"[]", b'{"sid": ""}', b'{"sid": 7}', b'{"sid":"' + b"x" * 70_000])
async def test_an_answer_without_a_sid_may_have_been_sent(stand: Stand, rest: TwilioRest, answer: bytes) -> None:
    stand.answer = Response(answer, 201)
    with pytest.raises(DeliveryFailed, match="maybe sent") as message:
        await rest.send_sms(SMS, STATUS)
    with pytest.raises(DeliveryFailed, match="maybe sent") as call:
        await rest.place_call("+212600000001", "https://x/ivr", "https://x/status")
    assert (message.value.retryable, call.value.retryable) == (True, False)


@pytest.mark.parametrize("total_max_s", [0.2])
async def test_silence_may_have_been_sent(stand: Stand, rest: TwilioRest) -> None:
    stand.delay_s = 0.6
    with pytest.raises(DeliveryFailed, match="maybe sent") as message:
        await rest.send_sms(SMS, STATUS)
    with pytest.raises(DeliveryFailed, match="maybe sent") as call:
        await rest.place_call("+212600000001", "https://x/ivr", "https://x/status")
    assert (message.value.retryable, call.value.retryable) == (True, False)
    assert len(stand.asked) == 2


async def test_a_5xx_rings_nobody_twice(stand: Stand, rest: TwilioRest) -> None:
    stand.answer = Response(b"", 502)
    with pytest.raises(DeliveryFailed) as call:
        await rest.place_call("+212600000001", "https://x/ivr", "https://x/status")
    assert not call.value.retryable


async def test_nobody_there_is_certainly_not_sent() -> None:
    rest = TwilioRest(TwilioAccount("ACdemo", "demo-token", "1117", "http://127.0.0.1:1"))
    with pytest.raises(DeliveryFailed, match="reached") as call:
        await rest.place_call("+212600000001", "https://x/ivr", "https://x/status")
    await rest.aclose()
    assert call.value.retryable


async def test_closed_and_used_again(stand: Stand, rest: TwilioRest) -> None:
    await rest.aclose()
    assert await rest.send_sms(SMS, STATUS) == "SM1"
    await rest.aclose()
    assert await rest.send_sms(SMS, STATUS) == "SM1"


def test_the_token_is_not_shown() -> None:
    assert "demo-token" not in repr(TwilioAccount("ACdemo", "demo-token", "1117"))
