"""The same in the mode where Twilio takes the card: the connector's request is the only place where it ever is."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from lab.call import Call
from lab.caller import VoicePhone
from lab.cmi_lies import Manner
from lab.pay import PayTaker, Typed
from lab.postgres import Postgres
from lab.valkey import Valkey
from tests.security.callers import (
    APPROVED,
    ASKS_PIN,
    CARDS,
    CHARGES_SILENTLY,
    CVV,
    DECLINED,
    EXPIRY,
    MISTYPED,
    PACE,
    PIN,
    WRONG_PIN,
    subscribe,
)
from tests.security.leaks import Remains, leaks
from tests.security.remains import Left, Logs, gathered
from tests.security.world import PUBLIC_URL, World, changed, world

USER, PASSWORD = "twilio", "a-long-password-of-twilio"
SECRETS = {**{f"card {n}": card for n, card in enumerate(CARDS)}, "code": CVV, "PIN": PIN, "wrong PIN": WRONG_PIN}
NUMBERS = [f"+2126{n:08d}" for n in range(20)]
ENDS = {APPROVED: "Paid", DECLINED: "Declined", ASKS_PIN: "BankPin", CHARGES_SILENTLY: "Unknown", MISTYPED: "Declined"}


@pytest.fixture(scope="module")
def bank() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lab.cmi_cards.APPROVED_CARDS", frozenset({APPROVED}))
        patch.setattr("lab.cmi_cards.PIN_CARD", ASKS_PIN)
        patch.setattr("lab.cmi_bank.PIN", PIN)
        patch.setattr("lab.cmi_cards.SILENT_CARDS", {CHARGES_SILENTLY: Manner.SILENT_AFTER_CHARGING})
        patch.setattr("channels.ivr.connector.BANK_WAIT_S", 0.5)
        yield


async def _to_pay(phone: VoicePhone, number: int) -> Call:
    call = await phone.dial()
    for keys in ("1", "2", f"07{number:08d}#", "482913#", "1", "1"):
        call.press(keys)
        await call.settled()
    assert call.paying is not None
    return call


async def _paid_with(here: World, number: int, card: str, answers: list[str]) -> str | None:
    twilio = PayTaker(f"{here.url}/ivr/pay-connector", USER, PASSWORD)
    async with VoicePhone(here.url, NUMBERS[number], public_url=PUBLIC_URL, pace=PACE) as phone:
        phone.line.watcher = lambda exchange: answers.append(exchange.body)
        call = await _to_pay(phone, number)
        await twilio.pay(call, Typed(card, EXPIRY, CVV))
        await call.settled()
        screen = call.screen
        if screen == "BankPin":
            for pin in (WRONG_PIN, PIN):
                call.press(f"{pin}#")
                await call.settled()
            assert call.screen == "Paid"
        answers += [str(answer) for answer in twilio.answers]
    return screen


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def remains(bank: None, valkey: Valkey, postgres: Postgres, template_database: str) -> AsyncIterator[Left]:
    url = postgres.create("canary_pay", template_database)
    await subscribe(url, len(NUMBERS))
    own: dict[str, object] = {
        "card_mode": "pay",
        "pay_connector": "khallas",
        "pay_user": USER,
        "pay_passwords": PASSWORD,
    }
    with Logs() as logs:
        async with world(valkey.url, url, bank_timeout_s=2, change=lambda told: changed(told, ivr=own)) as here:
            await here.house.redis.flushall()
            answers: list[str] = []
            for number, card in enumerate(ENDS):
                assert await _paid_with(here, number, card, answers) == ENDS[card]
            left = await gathered(here, "".join(answers), NUMBERS)
            left["logs"] = logs.raw.getvalue().encode()
            await _broken(here)
            left["written logs"] = logs.written.getvalue().encode()
            after = await gathered(here, "", NUMBERS)
            left |= {medium: left[medium] + after[medium] for medium in after}
    yield left
    postgres.drop("canary_pay")


async def _broken(here: World) -> None:
    """Our own code breaks while it has the card in its hands, and quotes it."""

    def quoting(*args: object, **kwargs: object) -> None:
        raise ValueError(" ".join(str(getattr(each, "reveal", lambda each=each: repr(each))()) for each in args))

    for number, target in enumerate(
        ("channels.ivr.connector.pan_plausible", "core.acquirers.cmi_xml.auth_request"), 10
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(target, quoting)
            assert await _paid_with(here, number, APPROVED, []) in {"Declined", "Unknown"}


def test_all_of_it_was_there_to_be_looked_at(remains: Left) -> None:
    assert b"kh:pay:" in remains["Redis values"]
    assert b"other_card" in remains["answers"]
    assert b"captured" in remains["tables"]
    assert b"ValueError" in remains["written logs"]
    assert APPROVED[-4:].encode() in remains["tables"]


@pytest.mark.parametrize("name", SECRETS)
def test_nothing_of_a_card_is_left(remains: Left, name: str) -> None:
    for medium, data in remains.items():
        text = medium != "Redis values"
        assert leaks(Remains(data, text), SECRETS[name]) == [], medium
