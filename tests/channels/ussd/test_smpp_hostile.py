"""USSD over SMPP against tests/support/hostile.py, and every way gateways name, or do not name, a dialog."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis

from channels.carriers.smpp import coding
from channels.carriers.smpp.account import Sessions, SmscAccount, account_of
from channels.carriers.smpp.message import Address, ShortMessage, Tag
from channels.carriers.smpp.session import SubmitAnswer
from channels.ussd.smpp.dialogs import Dialogs
from channels.ussd.smpp.endpoint import SmppUssd
from core.messaging.texts import load_texts
from khallas.telemetry.metrics import Metrics
from tests.sessions.fakes import Stage, stage
from tests.support.hostile import CALLER, CALLERS, KEYS_OF_ONE, NUMBERS, PADDED

DIAL, ANSWER = 1, 18
ATLAS = account_of("smpp://a:b@127.0.0.1/atlas")


@dataclass
class Gateway:
    """A gateway of any dialect, and what its telephones showed."""

    on: Stage
    door: SmppUssd
    account: SmscAccount = ATLAS
    sent: list[ShortMessage] = field(default_factory=list)
    customer: int = 0

    async def say(
        self, text: str | bytes, operation: int | None, *, info: bytes = b"", reference: bytes = b"", msisdn: str = ""
    ) -> str:
        tlvs: dict[int, bytes] = {Tag.ITS_SESSION_INFO: info} if info else {}
        tlvs |= {Tag.USER_MESSAGE_REFERENCE: reference} if reference else {}
        tlvs |= {Tag.USSD_SERVICE_OP: bytes((operation,))} if operation is not None else {}
        octets, data_coding = (text, 0) if isinstance(text, bytes) else (text.encode("utf-16-be"), 8)
        # a type of number that says more than its digits do is believed
        source = Address(msisdn or f"2126010{self.customer:05}", int(msisdn.startswith("+") or not msisdn), 1)
        message = ShortMessage(source, Address("1117"), octets, data_coding, 0, "USSD", 0, tlvs)
        self.on.clock.forward(4)
        handled = await self.door.take(self.account, "s", message)
        assert handled.then is not None
        await handled.then()
        return coding.decode(self.sent[-1].data_coding, self.sent[-1].octets)


@pytest.fixture
async def gateway(redis_url: str) -> AsyncIterator[Gateway]:
    async with Redis.from_url(redis_url) as redis:
        on = stage(redis, load_texts())
        sent: list[ShortMessage] = []

        async def submit(smsc: str, message: ShortMessage) -> SubmitAnswer:
            sent.append(message)
            return SubmitAnswer(0, "1")

        door = SmppUssd(on.turns, on.texts, Dialogs(redis), submit, Metrics(), service_code="*1117#")
        yield Gateway(on, door, sent=sent)


def key_of(shown: str, words: str) -> str:
    (line,) = [line for line in shown.splitlines() if words.lower() in line.lower()]
    return line.partition(".")[0]


async def test_every_spelling_of_a_key_and_a_number(gateway: Gateway) -> None:
    for typed in KEYS_OF_ONE:
        gateway.customer += 1
        await gateway.say("", DIAL)
        assert "Quelle facture" in await gateway.say(typed, ANSWER), ascii(typed)
    for typed in NUMBERS:
        gateway.customer += 1
        await gateway.say("", DIAL)
        menu = await gateway.say("1", ANSWER)
        await gateway.say(key_of(menu, "mobile"), ANSWER)
        assert "0600000003" in await gateway.say(typed, ANSWER), ascii(typed)


async def test_a_customer_is_one_however_the_gateway_writes_the_number(gateway: Gateway) -> None:
    await gateway.say("", DIAL, msisdn=CALLER)
    arabic = await gateway.say("2", ANSWER, msisdn=CALLER)
    for written in CALLERS:
        assert (await gateway.say("", DIAL, msisdn=written)).splitlines()[0] == arabic.splitlines()[0], ascii(written)


@pytest.mark.parametrize("padding", [b"\x00", b"\r", b"\x00\r"])
async def test_the_eighth_septet_is_nobodys(gateway: Gateway, padding: bytes) -> None:
    await gateway.say("", DIAL)
    menu = await gateway.say("1", ANSWER)
    await gateway.say(key_of(menu, "internet"), ANSWER)
    assert PADDED[0] in await gateway.say(PADDED[0].encode() + padding, ANSWER)


# how the second and third request name the dialog that the first began
NAMED = {
    "octet and count": [b"\x2a\x00", b"\x2a\x04", b"\x2a\x08", b"\x2a\xfe"],
    "15 bits": [b"\x24\xce"] * 4,
    "one octet": [b"\x2a"] * 4,
    "four octets": [b"\x00\x00\x2a\x02"] * 4,
    "nothing": [b""] * 4,
}


@pytest.mark.parametrize("infos", NAMED.values(), ids=NAMED)
@pytest.mark.parametrize("operations", [(DIAL, ANSWER), (None, None)], ids=["told", "untold"])
async def test_a_dialog_is_one_however_it_is_named(
    gateway: Gateway, infos: list[bytes], operations: tuple[int | None, int | None]
) -> None:
    dial, answer = operations
    shown = [await gateway.say(b"*1117#", dial, info=infos[0])]
    for typed, info in zip((b"1", b"1", b"0600000003"), infos[1:], strict=True):
        shown.append(await gateway.say(typed, answer, info=info))
        told = gateway.sent[-1].tlvs.get(Tag.ITS_SESSION_INFO, b"")
        assert told[:-1] == info[:-1], "the peer's own number goes back"
        assert not info or told[-1] & 0xFE == info[-1] & 0xFE
    assert "Quelle facture" in shown[1]
    assert len(set(shown)) == 4, shown


async def test_references_name_dialogs_too(gateway: Gateway) -> None:
    await gateway.say(b"*1117#", DIAL, reference=b"\x00\x07")
    assert "Quelle facture" in await gateway.say(b"1", ANSWER, reference=b"\x00\x07")
    assert gateway.sent[-1].tlvs[Tag.USER_MESSAGE_REFERENCE] == b"\x00\x07"


@pytest.mark.parametrize(
    ("by", "infos", "one"),
    [
        (Sessions.OCTET, (b"\x2a\x00", b"\x2a\x04"), True),
        (Sessions.OCTET, (b"\x2a\x00", b"\x2b\x00"), False),
        (Sessions.BITS15, (b"\x2a\x00", b"\x2a\x04"), False),
        (Sessions.BITS15, (b"\x2a\x00", b"\x2a\x00"), True),
        (Sessions.MSISDN, (b"\x2a\x00", b"\x77\x04"), True),
        (Sessions.AUTO, (b"\x2a\x00", b"\x77\x04"), False),
    ],
)
async def test_the_option_of_a_bind(gateway: Gateway, by: Sessions, infos: tuple[bytes, bytes], one: bool) -> None:
    gateway.account = account_of(f"smpp://a:b@127.0.0.1/atlas?sessions={by}")
    await gateway.say(b"*1117#", DIAL, info=infos[0])
    assert ("Quelle facture" in await gateway.say(b"1", ANSWER, info=infos[1])) is one


@pytest.mark.parametrize("operation", [None, ANSWER])
async def test_our_code_begins_a_dialog_wherever_it_comes(gateway: Gateway, operation: int | None) -> None:
    first = await gateway.say(b"*1117#", None)
    menu = await gateway.say(b"1", operation)
    await gateway.say(key_of(menu, "internet").encode(), operation)
    again = await gateway.say(b"*1117#", operation)
    assert "numéro client" not in again
    assert again in {first, menu}
    assert gateway.sent[-1].tlvs[Tag.USSD_SERVICE_OP] == b"\x02"


async def test_the_apology_is_in_the_customers_language(gateway: Gateway) -> None:
    await gateway.say("", DIAL)
    await gateway.say("2", ANSWER)
    gateway.on.till.memory.broken.add("person")
    shown = await gateway.say("", DIAL)
    assert any("\u0600" <= char <= "\u06ff" for char in shown)
