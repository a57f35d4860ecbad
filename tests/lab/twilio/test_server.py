"""The Twilio stand-in, asked by Twilio's own client, calling a small application back over real HTTP."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from lab.caller import follow
from lab.servers.serving import serving
from lab.twilio.dialled import CallStatus, Pace
from lab.twilio.rest import rest
from lab.twilio.server import INVALID_NUMBER, Fault, Refused, Twilio
from lab.twilio.texts import TEXTS_PER_NUMBER_MAX
from tests.lab.ivr_app import TOKEN, IvrApp

CUSTOMER = "+212600000001"


class ToStandIn(AsyncTwilioHttpClient):  # type: ignore[misc] # twilio ships no types
    """Twilio's client has no base URL option."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    async def request(self, method: str, url: str, *, auth: tuple[str, str], headers: Any, **named: Any) -> Any:
        # written by hand: aiohttp 3.14 calls the way in which the client 9.13 does it deprecated
        headers = {**headers, "Authorization": aiohttp.encode_basic_auth(*auth)}
        url = url.replace("https://api.twilio.com", self._base_url)
        return await super().request(method, url, headers=headers, **named)


@pytest.fixture
async def app() -> AsyncIterator[IvrApp]:
    app = IvrApp()
    async with serving(app.asgi) as app.base_url:
        yield app


@pytest.fixture
async def twilio(app: IvrApp) -> AsyncIterator[Twilio]:
    async with Twilio(auth_token=TOKEN, pace=Pace(0.0), status_delay_s=0.0) as twilio:
        twilio.connect(app.base_url)
        yield twilio


@pytest.fixture
async def api_url(twilio: Twilio) -> AsyncIterator[str]:
    async with serving(rest(twilio)) as url:
        yield url


@pytest.fixture
async def client(api_url: str) -> AsyncIterator[Client]:
    async with ToStandIn(api_url) as http:
        yield Client("ACdemo", TOKEN, http_client=http)


@pytest.fixture
async def desk(api_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(api_url + "/lab/") as session:
        yield session


async def test_a_message_is_delivered_and_every_status_called_back(app: IvrApp, twilio: Twilio, client: Client) -> None:
    sent = await client.messages.create_async(
        to=CUSTOMER, from_="1117", body="Recu 769,20 DH", status_callback=app.base_url + "/sms/twilio/status?ref=7"
    )
    assert (sent.status, sent.direction) == ("queued", "outbound-api")
    (text,) = await twilio.wait_for_texts(CUSTOMER)
    assert (text.sid, text.body) == (sent.sid, "Recu 769,20 DH")
    await twilio.idle()
    statuses = [form["MessageStatus"] for form in app.forms("/sms/twilio/status")]
    assert statuses == ["queued", "sent", "delivered"]
    assert {form["MessageSid"] for form in app.forms("/sms/twilio/status")} == {sent.sid}
    assert (await client.messages(sent.sid).fetch_async()).status == "delivered"


@pytest.mark.parametrize(
    ("to", "body", "code"),
    [("0600000001", "x", 21211), (INVALID_NUMBER, "x", 21211), (CUSTOMER, "x" * 1601, 21617), (CUSTOMER, "", 21602)],
)
async def test_wrong_messages_get_twilios_errors(client: Client, to: str, body: str, code: int) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await client.messages.create_async(to=to, from_="1117", body=body)
    assert (caught.value.status, caught.value.code) == (400, code)


async def test_the_account_is_checked(api_url: str) -> None:
    async with ToStandIn(api_url) as http:
        for account, token, status in (("ACdemo", "wrong", 401), ("ACother", TOKEN, 401)):
            with pytest.raises(TwilioRestException) as caught:
                await Client(account, token, http_client=http).messages.create_async(to=CUSTOMER, from_="1", body="x")
            assert caught.value.status == status


@pytest.mark.parametrize(
    ("fault", "status", "code"), [(Fault.RATE_LIMIT, 429, 20429), (Fault.SERVER_ERROR, 500, 20500)]
)
async def test_refusals_on_request(twilio: Twilio, client: Client, fault: Fault, status: int, code: int) -> None:
    twilio.messages_fault = twilio.calls_fault = fault
    with pytest.raises(TwilioRestException) as caught:
        await client.messages.create_async(to=CUSTOMER, from_="1117", body="x")
    assert (caught.value.status, caught.value.code) == (status, code)
    with pytest.raises(TwilioRestException):
        await client.calls.create_async(to=CUSTOMER, from_="+212537000777", url="http://127.0.0.1:1/")
    assert (twilio.inboxes.of(CUSTOMER), twilio.calls) == ((), {})


async def test_faults_after_acceptance(app: IvrApp, twilio: Twilio, client: Client) -> None:
    twilio.messages_fault = Fault.MUTE
    await client.messages.create_async(to=CUSTOMER, from_="1117", body="lost")
    twilio.messages_fault = Fault.UNDELIVERED
    await client.messages.create_async(
        to=CUSTOMER, from_="1117", body="refused", status_callback=app.base_url + "/sms/status"
    )
    twilio.messages_fault, twilio.slow_s = Fault.SLOW, 0.01
    await client.messages.create_async(to=CUSTOMER, from_="1117", body="late")
    (late,) = await twilio.wait_for_texts(CUSTOMER)
    assert late.body == "late"
    await twilio.idle()
    last = app.forms("/sms/status")[-1]
    assert (last["MessageStatus"], last["ErrorCode"]) == ("undelivered", "30003")
    twilio.opted_out.add(CUSTOMER)
    twilio.messages_fault = Fault.NONE
    with pytest.raises(TwilioRestException, match="unsubscribed"):
        await client.messages.create_async(to=CUSTOMER, from_="1117", body="x")


async def test_a_customers_text_is_answered(app: IvrApp, twilio: Twilio) -> None:
    assert await twilio.deliver_mo(CUSTOMER, "CODE", sid="SM1") == ["Vu: CODE"]
    (reply,) = await twilio.wait_for_texts(CUSTOMER)
    assert (reply.body, reply.direction, reply.sender) == ("Vu: CODE", "outbound-reply", "1117")
    assert [text.direction for text in twilio.inboxes.of(CUSTOMER)] == ["inbound", "outbound-reply"]
    assert app.forms("/sms/twilio")[0]["MessageSid"] == "SM1"
    await twilio.idle()
    assert app.forms("/sms/twilio/status")[-1]["MessageStatus"] == "delivered"


async def test_an_inbox_is_bounded(twilio: Twilio) -> None:
    twilio.messages_fault = Fault.MUTE
    for number in range(TEXTS_PER_NUMBER_MAX + 1):
        await twilio.send_message({"To": CUSTOMER, "From": "1117", "Body": str(number)})
    assert [text.body for text in twilio.inboxes.of(CUSTOMER)][:1] == ["1"]


async def test_the_application_rings_a_customer(app: IvrApp, twilio: Twilio, client: Client) -> None:
    placed = await client.calls.create_async(
        to=CUSTOMER,
        from_="+212537000777",
        url=app.base_url + "/ivr/menu?reference=ABC",
        status_callback=app.base_url + "/ivr/twilio/status",
        status_callback_event=["answered", "completed"],
    )
    assert placed.status == "queued"
    call = await twilio.next_call(CUSTOMER)
    assert call.dialled.sid == placed.sid
    call.answer()
    await follow(call, [("numero de carte", "4000000000000010#")])
    await call.finished()
    assert (await client.calls(str(placed.sid)).fetch_async()).status == "completed"
    assert [form["CallStatus"] for form in app.forms("/ivr/twilio/status")] == ["in-progress", "completed"]
    with pytest.raises(TimeoutError):
        await twilio.next_call(CUSTOMER, timeout_s=0.02)


async def test_wrong_calls_get_twilios_errors(client: Client) -> None:
    with pytest.raises(TwilioRestException, match="not a valid URL"):
        await client.calls.create_async(to=CUSTOMER, from_="+212537000777", url="ftp://x")
    with pytest.raises(TwilioRestException, match="not a valid phone"):
        await client.calls.create_async(to="777", from_="+212537000777", url="http://127.0.0.1:1/")


async def test_the_public_url_is_signed_and_the_reachable_one_is_asked(app: IvrApp, twilio: Twilio) -> None:
    reachable, app.base_url = app.base_url, "https://khallas.example"
    twilio.connect(reachable, app.base_url)
    assert await twilio.deliver_mo(CUSTOMER, "CODE") == ["Vu: CODE"]


async def test_the_desk_plays_a_customer(desk: aiohttp.ClientSession) -> None:
    async with desk.post(f"texts/{CUSTOMER}", json={"body": "CODE"}) as response:
        assert await response.json() == {"replies": ["Vu: CODE"]}
    async with desk.get(f"texts/{CUSTOMER}") as response:
        assert [text["body"] for text in await response.json()] == ["CODE", "Vu: CODE"]
    async with desk.delete(f"texts/{CUSTOMER}") as response:
        assert response.status == 204
    async with desk.get(f"texts/{CUSTOMER}") as response:
        assert await response.json() == []


async def test_the_desk_plays_a_caller(twilio: Twilio, desk: aiohttp.ClientSession) -> None:
    async with desk.post(f"phones/{CUSTOMER}/calls", json={}) as response:
        call = twilio.calls[(await response.json())["sid"]]
    await call.settled()
    async with desk.get(f"phones/{CUSTOMER}/calls") as response:
        (told,) = await response.json()
    assert told["captions"][0] == {"text": "Pour payer, tapez 1.", "language": "fr-FR"}
    assert told["waiting"] == {
        "digits_max": 1, "finish_on_key": "#", "timeout_s": 8.0, "input": ["dtmf"], "pressed": 0,
    }  # fmt: skip
    async with desk.post(f"calls/{call.dialled.sid}/press", json={"keys": "1"}) as response:
        assert response.status == 200
    await call.settled()
    assert call.screen == "menu"
    async with desk.post(f"calls/{call.dialled.sid}/press", json={"keys": "40"}) as response:
        assert "40" not in str((await response.json())["waiting"])
    async with desk.post(f"calls/{call.dialled.sid}/hang-up", json={}) as response:
        assert response.status == 200
    await call.finished()
    async with desk.get(f"calls/{call.dialled.sid}") as response:
        assert (await response.json())["status"] == CallStatus.COMPLETED


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "calls/CA0/press", b"{}", 404),
        ("GET", "calls/CA0", b"", 404),
        ("PUT", "faults", b'{"messages": "mood"}', 400),
        ("PUT", "faults", b'{"messages": 1}', 400),
        ("PUT", "faults", b"[", 400),
        ("PUT", "faults", b"x" * 20_000, 413),
    ],
)
async def test_the_desk_refuses(desk: aiohttp.ClientSession, method: str, path: str, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    async with desk.request(method, path, data=body, headers=headers) as response:
        assert response.status == status


async def test_the_desk_orders_faults_and_takes_no_forms(twilio: Twilio, desk: aiohttp.ClientSession) -> None:
    async with desk.put("faults", json={"messages": "mute", "calls": "slow"}) as response:
        assert await response.json() == {"messages": "mute", "calls": "slow"}
    assert (twilio.messages_fault, twilio.calls_fault) == (Fault.MUTE, Fault.SLOW)
    async with desk.post(f"texts/{CUSTOMER}", data={"body": "CODE"}) as response:
        assert response.status == 415


@pytest.mark.parametrize("hangs", [False, True])
async def test_closing_ends_the_calls_in_progress(app: IvrApp, hangs: bool) -> None:
    """They are hung up and reported; an application that does not answer the report is not waited for long."""
    loop, complaints = asyncio.get_running_loop(), list[dict[str, Any]]()
    loop.set_exception_handler(lambda _, told: complaints.append(told))
    rung = {"To": CUSTOMER, "From": "1", "Url": app.base_url + "/ivr/menu", "StatusCallback": app.base_url + "/status"}
    try:
        async with Twilio(auth_token=TOKEN, pace=Pace(0.0), status_delay_s=0.0, stop_max_s=0.2) as twilio:
            twilio.connect(app.base_url)
            spoken = await twilio.dial(CUSTOMER)
            await spoken.settled()
            await twilio.place_call(rung)  # rings still
            app.reports = asyncio.Event() if hangs else None
        with pytest.raises(Refused, match="Unavailable"):
            await twilio.place_call(rung)
        assert all(call.over for call in twilio.calls.values())
        assert len(app.forms("/ivr/twilio/status") + app.forms("/status")) == 2
        if app.reports is not None:
            app.reports.set()
        del spoken, twilio
        gc.collect()
        await asyncio.sleep(0)
    finally:
        loop.set_exception_handler(None)
    assert complaints == []


async def test_a_report_after_the_line_was_closed_is_the_calls_error_and_no_more(app: IvrApp) -> None:
    twilio = Twilio(auth_token=TOKEN, pace=Pace(0.0))
    async with twilio:
        twilio.connect(app.base_url)
        call = await twilio.dial(CUSTOMER)
        await call.settled()
        await twilio._line.__aexit__(None, None, None)
        call.hang_up()
        await call.finished()
    assert "whoever called has left" in (call.error or "")
