"""A line whose cards are typed at Twilio, a caller up to <Pay>, and Twilio's side of the connector."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from core.payments.table import Payment
from khallas.settings.model import Settings
from lab.caller import VoicePhone
from lab.twilio.call import Call
from lab.twilio.dialled import Pace
from lab.twilio.pay import PayTaker, Typed
from tests.support.world import PUBLIC_URL, World, changed, load_demo_data, world

USER, PASSWORD, OLD_PASSWORD = "twilio", "a-long-password-of-twilio", "the-password-before-it"
PACE = Pace(pause_factor=0.02)
GOOD = Typed("4000000000000010", "1228", "123")
DECLINED = Typed("4000009900005102", "1228", "123")
ASKS_PIN = Typed("5191630100004896", "1228", "123")
CHARGES_SILENTLY = Typed("4000009900009203", "1228", "123")
CENTIMES = 76920


def by_connector(settings: Settings) -> Settings:
    """Cards are typed at Twilio, and charged by the connector."""
    passwords = f"{PASSWORD},{OLD_PASSWORD}"
    own = {"card_mode": "pay", "pay_connector": "khallas", "pay_user": USER, "pay_passwords": passwords}
    return changed(settings, ivr={**own})


@pytest.fixture
async def line(redis_url: str, database_url: str) -> AsyncIterator[World]:
    await load_demo_data(database_url)
    async with world(redis_url, database_url, bank_timeout_s=30, change=by_connector) as here:
        yield here


@pytest.fixture
def twilio(line: World) -> PayTaker:
    return PayTaker(f"{line.url}/ivr/pay-connector", USER, PASSWORD)


@asynccontextmanager
async def caller(line: World, language: str = "1") -> AsyncIterator[Call]:
    """A call up to <Pay>."""
    async with VoicePhone(line.url, "+212600000099", public_url=PUBLIC_URL, pace=PACE) as phone:
        call = await phone.dial()
        for keys in (language, "2", "0600000001#", "482913#", "1"):
            call.press(keys)
            await call.settled()
        assert (call.error, call.screen) == (None, "CardNumber")
        assert call.paying is not None
        yield call


async def only_payment(line: World) -> Payment:
    row = await line.house.database.one("SELECT id FROM payments")
    assert row is not None
    payment = await line.house.till.payment(row["id"])
    assert payment is not None
    return payment


async def ended(call: Call, result: str) -> str | None:
    """<Pay> is over with this result, nothing was charged."""
    call.finish_pay({"Result": result})
    await call.settled()
    return call.screen
