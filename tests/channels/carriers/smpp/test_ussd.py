"""USSD dialogs over SMPP in both dialects: 1 dial, 2 prompt, 18 answer, 17 last word; aborts, repeats, losses."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from channels.carriers.smpp.message import Address, ShortMessage
from channels.ussd.smpp.wire import UssdOperation, answer_to, asked_of, is_ussd
from core.messaging.gsm7 import coding_of, size
from lab.clocks import StillClock
from sessions.turn.inbound import REPEAT_MS
from tests.channels.carriers.smpp.conftest import until
from tests.channels.carriers.smpp.house import Running, binds, running, seed, settings_of
from tests.channels.carriers.smpp.outside import Smsc
from tests.channels.sms.conftest import SALMA

DIAL, PROMPT, LAST, ANSWER, ABORT = 1, 2, 17, 18, 0x81
DIALECTS = ("its_session_info", "user_message_reference")


@pytest.fixture
async def server(smsc: Smsc, redis_url: str, database_url: str) -> AsyncIterator[Running]:
    await seed(database_url)
    async with running(settings_of(redis_url, database_url, smpp=binds(smsc))) as server:
        yield server


@pytest.fixture
def clock() -> StillClock:
    return StillClock(datetime.now(UTC))


@pytest.fixture
async def standing(smsc: Smsc, redis_url: str, database_url: str, clock: StillClock) -> AsyncIterator[Running]:
    """A server whose clock stands until it is moved."""
    await seed(database_url)
    async with running(settings_of(redis_url, database_url, smpp=binds(smsc)), clock=clock) as server:
        yield server


class Handset:
    """A telephone behind a gateway of one dialect."""

    def __init__(self, smsc: Smsc, dialect: str, dialog: int, msisdn: str = SALMA[1:]) -> None:
        self.smsc = smsc
        self.dialect = dialect
        self.dialog = dialog
        self.msisdn = msisdn

    async def say(self, operation: int, text: str = "", *, ended: bool = False) -> None:
        named: dict[str, Any] = {"user_message_reference": self.dialog}
        if self.dialect == "its_session_info":
            named = {"its_session_info": (self.dialog << 1 | ended).to_bytes(2, "big")}
        status = await self.smsc.deliver(
            self.msisdn, text.encode("ascii"), to="1117", service_type="USSD", ussd_service_op=operation, **named
        )
        assert status == 0

    async def shown(self, count: int) -> dict[str, Any]:
        """The count-th screen, checked for its dialect."""

        async def there() -> bool:
            return len(await self.smsc.submits()) >= count

        await until(there)
        screens = await self.smsc.submits()
        assert len(screens) == count
        screen = screens[-1]
        assert (screen["service_type"], screen["to"], screen["from"]) == ("USSD", self.msisdn, "1117")
        if self.dialect == "its_session_info":
            info = int(screen["its_session_info"], 16)
            assert (info >> 1, info & 1) == (self.dialog, int(screen["ussd_service_op"] == LAST))
        else:
            assert screen["user_message_reference"] == self.dialog
        assert size(screen["text"]) <= (160 if coding_of(screen["text"]) == "gsm7" else 80)
        return screen


def key_of(screen: dict[str, Any], words: str) -> str:
    """The key before an option."""
    (line,) = [line for line in screen["text"].splitlines() if words.lower() in line.lower()]
    return str(line.partition(".")[0])


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_dialog_from_the_dial_to_the_last_word(smsc: Smsc, server: Running, dialect: str) -> None:
    phone = Handset(smsc, dialect, 4711)
    await phone.say(DIAL, "*1117#")
    screen = await phone.shown(1)
    assert screen["ussd_service_op"] == PROMPT
    assert "\n1. " in screen["text"]
    await phone.say(ANSWER, "x")
    wrong = await phone.shown(2)
    assert wrong["ussd_service_op"] == PROMPT
    seen = 2
    for words in ("fran", "aide"):
        await phone.say(ANSWER, key_of(screen, words))
        seen += 1
        screen = await phone.shown(seen)
    assert screen["ussd_service_op"] == LAST
    # the name comes round: another dialog
    await phone.say(DIAL, "*1117#")
    assert (await phone.shown(seen + 1))["ussd_service_op"] == PROMPT


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_repeat_gets_the_same_screen_and_presses_nothing(
    smsc: Smsc, clock: StillClock, standing: Running, dialect: str
) -> None:
    """However long this machine takes over two requests: by the server's clock the second comes at once."""
    phone = Handset(smsc, dialect, 12)
    await phone.say(DIAL)
    first = await phone.shown(1)
    await phone.say(DIAL)
    assert (await phone.shown(2))["text"] == first["text"]
    # the prompt is refused: the gateway has nothing new to answer, so the same answer again is a repeat
    await smsc.mode(statuses=[0x0A])
    await phone.say(ANSWER, "1")
    refused = await phone.shown(3)
    await phone.say(ANSWER, "1")
    assert (await phone.shown(4))["text"] == refused["text"]
    clock.forward(REPEAT_MS / 1000 + 1)
    await phone.say(ANSWER, "1")
    assert (await phone.shown(5))["text"] != refused["text"]  # a key of its own


async def test_an_abort_ends_the_dialog_and_a_redial_begins(smsc: Smsc, server: Running) -> None:
    for dialect, ended, operation in ((DIALECTS[0], True, ANSWER), (DIALECTS[1], False, ABORT)):
        phone = Handset(smsc, dialect, 30)
        before = len(await smsc.submits())
        await phone.say(DIAL)
        first = await phone.shown(before + 1)
        await phone.say(ANSWER, "1")
        await phone.shown(before + 2)
        await phone.say(operation, ended=ended)
        await phone.say(DIAL)
        again = await phone.shown(before + 3)  # nothing was said to the abort
        assert again["ussd_service_op"] == PROMPT
        assert first["text"]


async def test_two_callers_with_one_reference(smsc: Smsc, server: Running) -> None:
    one, other = Handset(smsc, DIALECTS[1], 7), Handset(smsc, DIALECTS[1], 7, "212600000002")
    await one.say(DIAL)
    menu = await one.shown(1)
    await other.say(DIAL)
    assert (await other.shown(2))["text"] == menu["text"]
    await one.say(ANSWER, key_of(menu, "english"))
    english = await one.shown(3)
    await other.say(ANSWER, key_of(menu, "fran"))
    assert (await other.shown(4))["text"] != english["text"]


async def test_arabic_screens_are_ucs2(smsc: Smsc, server: Running) -> None:
    phone = Handset(smsc, DIALECTS[0], 99)
    await phone.say(DIAL)
    menu = await phone.shown(1)
    arabic = next(line for line in menu["text"].splitlines() if line[:1].isdigit() and "Fran" not in line)
    await phone.say(ANSWER, arabic[0])
    screen = await phone.shown(2)
    if any("\u0600" <= char <= "\u06ff" for char in screen["text"]):
        assert screen["data_coding"] == 8
    else:
        raise AssertionError(screen)


async def test_a_till_that_is_away_says_so_and_ends(smsc: Smsc, server: Running) -> None:
    await server.house.redis.set("kh:{+212600000001}:ussd:smpp:atlas", "not a dialog")
    phone = Handset(smsc, DIALECTS[1], 5)
    await phone.say(DIAL)
    screen = await phone.shown(1)
    assert screen["ussd_service_op"] == LAST
    assert screen["text"]


# --- the dialect by itself -------------------------------------------------------------------------------------------


def message(**more: Any) -> ShortMessage:
    return ShortMessage(Address("212600000001", 1, 1), Address("1117"), b"1", **more)


def test_what_is_ussd() -> None:
    assert is_ussd(message(service_type="USSD"))
    assert is_ussd(message(tlvs={0x0501: b"\x01"}))
    assert not is_ussd(message())


@pytest.mark.parametrize(
    ("operation", "event"),
    [
        (0, UssdOperation.DIAL),
        (1, UssdOperation.DIAL),
        (18, UssdOperation.ANSWER),
        (0x81, UssdOperation.END),
        (17, UssdOperation.END),
        (19, UssdOperation.END),
    ],
)
def test_every_operation(operation: int, event: UssdOperation) -> None:
    asked = asked_of(message(tlvs={0x0501: bytes((operation,))}))
    assert asked is not None
    assert (asked.event, asked.msisdn) == (event, "+212600000001")
    assert "typed" not in repr(asked)


def test_odd_parameters_break_nothing() -> None:
    for tlvs in (
        {0x0501: b""},
        {0x1383: b"\x01"},
        {0x1383: b""},
        {0x0204: b""},
        {0x0501: b"\x12\x01", 0x0204: b"\1\2\3"},
    ):
        odd = message(service_type="USSD", tlvs=tlvs)
        assert asked_of(odd) is not None
        assert answer_to(odd, "x", ends=True).tlvs[0x0501] == b"\x11"
    assert asked_of(ShortMessage(Address("MAROCTEL", 5), Address("1117"))) is None
