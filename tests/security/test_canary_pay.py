"""The same in the mode where Twilio takes the card: it is in the connector's request, and sealed where it was kept."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from khallas.server.app import VoiceBounds
from khallas.settings.model import Settings
from lab.caller import VoicePhone
from lab.cmi.cards import CardTable
from lab.cmi.lies import Manner
from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey
from lab.twilio.call import Call
from lab.twilio.pay import PayTaker, Typed
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
from tests.security.faults import AWAITS_MAX, BY_CONNECTOR, NEVER, Broken, OneCardForAll, faults, told
from tests.security.leaks import Remains, leaks
from tests.security.remains import Left, Logs, gathered
from tests.support.world import PUBLIC_URL, World, changed, world

USER, PASSWORD = "twilio", "a-long-password-of-twilio"
SECRETS = {**{f"card {n}": card for n, card in enumerate(CARDS)}, "code": CVV, "PIN": PIN, "wrong PIN": WRONG_PIN}
NUMBERS = [f"+2126{n:08d}" for n in range(30 + AWAITS_MAX)]
LEAVES = ("charged", "hung up", "given up")
ENDS = {APPROVED: "Paid", DECLINED: "Declined", ASKS_PIN: "BankPin", CHARGES_SILENTLY: "Unknown", MISTYPED: "Declined"}


CANARIES = CardTable(
    approved=frozenset({APPROVED}),
    asks_pin=ASKS_PIN,
    pin=PIN,
    silent={CHARGES_SILENTLY: Manner.SILENT_AFTER_CHARGING},
)


def _by_connector(told: Settings) -> Settings:
    own = {"card_mode": "pay", "pay_connector": "khallas", "pay_user": USER, "pay_passwords": PASSWORD}
    return changed(told, ivr={**own})


async def _to_pay(phone: VoicePhone, number: int) -> Call:
    call = await phone.dial()
    for keys in ("1", "2", f"07{number:08d}#", "482913#", "1"):
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
async def remains(valkey: Valkey, postgres: Postgres, template_database: str) -> AsyncIterator[Left]:
    url = postgres.create("canary_pay", template_database)
    await subscribe(url, len(NUMBERS))
    with Logs() as logs:
        async with world(
            valkey.url,
            url,
            bank_timeout_s=2,
            change=_by_connector,
            bank_cards=CANARIES,
            voice=VoiceBounds(bank_wait_s=0.5),
            card_limits=OneCardForAll,
        ) as here:
            await here.house.redis.flushall()
            answers: list[str] = []
            ends = await asyncio.gather(*(_paid_with(here, n, card, answers) for n, card in enumerate(ENDS)))
            assert ends == list(ENDS.values())
            await asyncio.gather(*(_kept(here, 10 + n, leave, answers) for n, leave in enumerate(LEAVES)))
            left = await gathered(here, "".join(answers), NUMBERS)
            left["logs"] = logs.raw.getvalue().encode()
            await _broken(here)
            left["written logs"] = logs.written.getvalue().encode()
            after = await gathered(here, "", NUMBERS)
            left |= {medium: left[medium] + after[medium] for medium in after}
    yield left
    postgres.drop("canary_pay")


async def _kept(here: World, number: int, leave: str, answers: list[str]) -> None:
    """A card is kept; then it is charged, or the call ends in another way."""
    twilio = PayTaker(f"{here.url}/ivr/pay-connector", USER, PASSWORD)
    async with VoicePhone(here.url, NUMBERS[number], public_url=PUBLIC_URL, pace=PACE) as phone:
        call = await _to_pay(phone, number)
        answer = await twilio.charge(twilio.kept(call, Typed(APPROVED, EXPIRY, CVV), f"k{number}"))
        assert answer is not None
        assert answer["token_id"]
        answers.append(str(await here.house.redis.hgetall(f"kh:pay-token:{{{call.dialled.sid}}}")))
        if leave == "charged":
            charged = await twilio.charge(twilio.by_token(call, answer["token_id"], CVV, f"c{number}"))
            assert charged is not None
            assert charged["charge_id"]
        if leave == "hung up":
            call.hang_up()
            await call.finished()
        else:
            call.finish_pay({"Result": "success" if leave == "charged" else "too-many-failed-attempts"})
            await call.settled()
        answers += [str(answer) for answer in twilio.answers]
    assert not await here.house.redis.exists(f"kh:pay-token:{{{call.dialled.sid}}}")


async def _broken(here: World) -> None:
    """Our own code breaks while it has the card in its hands, and quotes it."""

    def quoting(*args: object, **kwargs: object) -> None:
        raise ValueError(told(args))

    for number, target in enumerate(
        (
            "channels.ivr.pay_connector.endpoint.pan_plausible",
            "core.acquirers.cmi_xml.auth_request",
            "sessions.vault.Seals.seal",
        ),
        20,
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(target, quoting)
            if target.endswith("seal"):
                await _left(here, {}, number, NEVER)
            else:
                assert await _paid_with(here, number, APPROVED, []) in {"Declined", "Unknown"}
    with faults() as callers:
        untouched = await _left(here, callers, 29, NEVER)
        assert set(untouched.names) == {name for _, name in BY_CONNECTOR}
        each = range(1, len(untouched.names) + 1)
        broken = await asyncio.gather(*(_left(here, callers, 29 + at, at) for at in each))
        assert all(one.struck for one in broken)


async def _left(here: World, callers: dict[str, Broken], number: int, at: int) -> Broken:
    """A card is kept and charged by the connector, of whose awaits one breaks; no card of it stays."""
    twilio = PayTaker(f"{here.url}/ivr/pay-connector", USER, PASSWORD)
    async with VoicePhone(here.url, NUMBERS[number], public_url=PUBLIC_URL, pace=PACE) as phone:
        call = await _to_pay(phone, number)
        callers[call.dialled.sid] = broken = Broken(at)
        kept = await twilio.charge(twilio.kept(call, Typed(APPROVED, EXPIRY, CVV), f"k{number}")) or {}
        await twilio.charge(twilio.by_token(call, kept.get("token_id") or "0", CVV, f"c{number}"))
        del callers[call.dialled.sid]
        call.finish_pay({"Result": "payment-connector-error"})
        await call.settled()
        assert not await here.house.redis.exists(f"kh:pay-token:{{{call.dialled.sid}}}")
    return broken


def test_all_of_it_was_there_to_be_looked_at(remains: Left) -> None:
    assert b"kh:pay:" in remains["Redis values"]
    assert remains["answers"].count(b"b'number'") == len(LEAVES)  # sealed
    assert b"other_card" in remains["answers"]
    assert b"captured" in remains["tables"]
    assert b"ValueError" in remains["written logs"]
    assert APPROVED[-4:].encode() in remains["tables"]


@pytest.mark.parametrize("name", SECRETS)
def test_nothing_of_a_card_is_left(remains: Left, name: str) -> None:
    for medium, data in remains.items():
        text = medium != "Redis values"
        assert leaks(Remains(data, text), SECRETS[name]) == [], medium
