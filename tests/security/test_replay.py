"""Signed requests sent again: Twilio's signature has no nonce, so each is bound to its call and step
(protocols/sms.md).
"""

from collections.abc import AsyncIterator

import pytest

from channels.carriers.twilio.signature import sign
from core.payments.table import PaymentState
from lab.caller import VoicePhone
from lab.twilio.webhooks import Exchange, Line, WebhookFailed
from tests.security.callers import EXPIRY, PACE, subscribe
from tests.support.world import PUBLIC_URL, World, world

CARD, OTHER_CARD = "4000000000000010", "5453010000066100"
KEYS = ("1", "2", "0700000000#", "482913#", "1", f"{CARD}#", f"{EXPIRY}#", "1", "123#")


@pytest.fixture
async def here(redis_url: str, database_url: str) -> AsyncIterator[World]:
    await subscribe(database_url, 2)
    async with world(redis_url, database_url) as made:
        yield made


async def _called(here: World, keys: tuple[str, ...]) -> list[Exchange]:
    """A call, and every webhook of it."""
    heard: list[Exchange] = []
    async with VoicePhone(here.url, "+212699999999", public_url=PUBLIC_URL, pace=PACE) as phone:
        phone.line.watcher = heard.append
        call = await phone.dial()
        for each in keys:
            call.press(each)
            await call.settled()
    return heard


async def _state(here: World) -> tuple[object, ...]:
    keys = sorted([key async for key in here.house.redis.scan_iter("kh:{+*")])
    records = [await here.house.redis.get(key) for key in keys]
    row = await here.house.database.one("SELECT count(*) AS n, sum(attempts) AS attempts FROM payments")
    assert row is not None
    orders = [(order, here.cmi.captured_centimes(order)) for order, _ in here.cmi.ledger.orders()]
    return (keys, records, row["n"], row["attempts"], orders)


async def test_every_request_of_a_paid_call_sent_again_changes_nothing(here: World) -> None:
    heard = await _called(here, KEYS)
    payments = await here.house.database.all("SELECT state FROM payments")
    assert [row["state"] for row in payments] == [PaymentState.CAPTURED]
    await here.twilio.idle()
    before = await _state(here)
    line = Line("demo-token", PUBLIC_URL, here.url)
    async with line:
        for again in (heard, heard[::-1]):
            for exchange in again:
                answer = await line.signed(exchange.url, exchange.fields)
                if "/status" not in exchange.url:
                    # whatever is asked again, the end is told again: no card is asked for
                    assert answer.screen == "Paid"
                    assert b"<Gather" not in answer.body
    assert await _state(here) == before


async def test_a_cards_requests_sent_again_once_the_session_is_gone(here: World) -> None:
    """Ten minutes later, or after Redis was emptied: nothing is charged, whatever of it comes again."""
    heard = await _called(here, KEYS)
    await here.twilio.idle()
    await here.house.redis.flushall()
    line = Line("demo-token", PUBLIC_URL, here.url)
    async with line:
        for exchange in heard:
            answer = await line.signed(exchange.url, exchange.fields)
            assert answer.screen not in {"CardExpiry", "CardCvv", "Paying"}
    rows = await here.house.database.all("SELECT attempts FROM payments WHERE attempts > 0")
    assert [row["attempts"] for row in rows] == [1]


async def test_keys_of_one_call_do_nothing_in_another(here: World) -> None:
    heard = await _called(here, KEYS[:7])
    code = next(exchange for exchange in heard if exchange.fields.get("Digits") == EXPIRY)
    line = Line("demo-token", PUBLIC_URL, here.url)
    async with line:
        answer = await line.signed(code.url, {**code.fields, "CallSid": "CA" + "0" * 32})
        assert answer.screen in {"Resume", "Service", "Language"}
        # and the signature is over the call's id: another one's is none
        headers = {"X-Twilio-Signature": sign("demo-token", code.url, list(code.fields.items()))}
        other = {**code.fields, "CallSid": "CA" + "1" * 32}
        with pytest.raises(WebhookFailed, match="403"):
            await line.send(code.url, other, headers=headers)
        assert (await line.send(code.url, code.fields, headers=headers)).screen == "ConfirmTotal"
