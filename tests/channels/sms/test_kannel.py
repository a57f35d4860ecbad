"""Kannel's door and sendsms over real HTTP: kept before it is answered, told to come again when it cannot be kept."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.carriers.kannel.client import KannelAccount, KannelTexter
from core.ports import DeliveryFailed, OutgoingSms
from lab.servers.serving import serving
from tests.channels.sms.conftest import KANNEL_SECRET, SALMA, STRANGER, Counter


async def get(counter: Counter, path: str, **params: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as client, client.get(counter.url + path, params=params) as response:
        return response.status, await response.text()


async def bring(counter: Counter, identity: str, text: str, sender: str = SALMA, secret: str = KANNEL_SECRET) -> int:
    values = {"from": sender, "to": "1117", "text": text, "id": identity, "charset": "UTF-8", "secret": secret}
    status, body = await get(counter, "/sms/kannel", **values)
    assert body == "" or status != 200
    return status


async def queue(counter: Counter) -> list[tuple[str, str, str]]:
    """Reference, kind and route of answers that wait."""
    rows = await counter.database.all(
        "SELECT reference, kind, route FROM messages WHERE due_at IS NOT NULL AND status = 'queued' ORDER BY reference"
    )
    return [(row["reference"], row["kind"], row["route"]) for row in rows]


async def test_an_answer_waits_in_the_outbox_once(counter: Counter) -> None:
    assert [await bring(counter, "id-1", "CODE") for _ in range(2)] == [200, 200]
    assert await queue(counter) == [("kannel-id-1", "code_sms", "kannel")]
    assert await bring(counter, "id-2", "CODE", STRANGER) == 200
    assert await bring(counter, "id-3", "CODE", "777") == 200
    assert [reference for reference, _, _ in await queue(counter)] == ["kannel-id-1", "kannel-id-2"]


async def test_only_kannel_may_knock(counter: Counter) -> None:
    assert await bring(counter, "id-1", "CODE", secret="a-guess") == 403
    assert (await get(counter, "/sms/kannel/dlr", ref="kannel-id-1", type="1"))[0] == 403
    assert await queue(counter) == []


async def test_what_cannot_be_kept_comes_again(counter: Counter) -> None:
    counter.billing.down = True
    assert await bring(counter, "id-1", "CODE") == 503
    assert await queue(counter) == []
    counter.billing.down = False
    assert await bring(counter, "id-1", "CODE") == 200
    assert len(await queue(counter)) == 1


async def test_reports_find_their_message(counter: Counter) -> None:
    await bring(counter, "id-1", "CODE")
    for bits in ("8", "1", "4"):
        answered = await get(counter, "/sms/kannel/dlr", ref="kannel-id-1", type=bits, secret=KANNEL_SECRET)
        assert answered == (200, "")
    assert await counter.messages() == [("code_sms", SALMA, "delivered")]


@dataclass
class Smsbox:
    """Kannel's sendsms as docs/protocols/sms.md describes it."""

    answer: tuple[int, str] = (202, "0: Accepted for delivery")
    asked: list[dict[str, str]] = field(default_factory=list)

    async def sendsms(self, request: Request) -> Response:
        self.asked.append(dict(request.query_params))
        return PlainTextResponse(self.answer[1], self.answer[0])


@pytest.fixture
async def smsbox() -> AsyncIterator[tuple[Smsbox, KannelTexter]]:
    box = Smsbox()
    async with serving(Starlette(routes=[Route("/cgi-bin/sendsms", box.sendsms)])) as url:
        dlr_url = f"https://pay.example.ma/sms/kannel/dlr?secret={KANNEL_SECRET}"
        texter = KannelTexter(KannelAccount(f"{url}/cgi-bin/sendsms", "khallas", "pass word&", "1117", dlr_url))
        yield box, texter
        await texter.aclose()


async def test_messages_out(smsbox: tuple[Smsbox, KannelTexter]) -> None:
    box, texter = smsbox
    assert await texter.send(OutgoingSms("kannel-id-1", SALMA, "Code : 012345 + 5 % & €")) == "kannel:kannel-id-1"
    box.answer = (202, "3: Queued for later delivery")
    await texter.send(OutgoingSms("kannel-id-2", SALMA, "الرمز"))
    first, second = box.asked
    assert first == {
        "username": "khallas",
        "password": "pass word&",
        "from": "1117",
        "to": SALMA,
        "text": "Code : 012345 + 5 % & €",
        "charset": "UTF-8",
        "coding": "0",
        "dlr-mask": "31",
        "dlr-url": f"https://pay.example.ma/sms/kannel/dlr?secret={KANNEL_SECRET}&ref=kannel-id-1&type=%d&answer=%A",
    }
    assert (second["text"], second["coding"]) == ("الرمز", "2")


async def test_errors_say_whether_to_try_again_and_where(smsbox: tuple[Smsbox, KannelTexter]) -> None:
    box, texter = smsbox
    told = {}
    for status in (400, 403, 500, 503):
        box.answer = (status, "no")
        with pytest.raises(DeliveryFailed) as failed:
            await texter.send(OutgoingSms("r", SALMA, "x"))
        told[status] = (failed.value.retryable, failed.value.maybe_sent, failed.value.again_in_s is not None)
    assert told == {
        400: (False, False, False),
        403: (True, False, False),
        500: (True, True, False),
        503: (True, False, True),
    }


async def test_an_smsbox_that_is_away_has_taken_nothing() -> None:
    texter = KannelTexter(KannelAccount("http://127.0.0.1:1/cgi-bin/sendsms", "u", "p", "1117", "https://x/dlr"))
    with pytest.raises(DeliveryFailed) as failed:
        await texter.send(OutgoingSms("r", SALMA, "x"))
    await texter.aclose()
    assert (failed.value.retryable, failed.value.maybe_sent) == (True, False)
