"""SMS gateways from their own side: each brings octets of a telephone to our door as it brings them in the field.

A wire that is added has to be added here: tests/channels/sms/test_hostile.py plays tests/support/hostile.py
over every wire of WIRES and over SMPP.
"""

from typing import Protocol
from urllib.parse import quote
from xml.etree.ElementTree import fromstring

import aiohttp
from yarl import URL

from channels.carriers.smpp import coding
from channels.carriers.smpp.account import account_of
from channels.carriers.smpp.message import Address, ShortMessage
from channels.carriers.smpp.metrics import SmppMetrics
from channels.carriers.smpp.reassembly import Reassembly
from channels.carriers.twilio.signature import sign
from channels.http.charset import text_of
from channels.sms.deduplication import RedisDeduplication
from channels.sms.outbound.smpp_parts import SentParts
from channels.sms.smpp_endpoint import MoDeduplication, SmppTexts
from khallas.telemetry.metrics import Metrics
from lab.caller import DEMO_TOKEN
from sessions.vault import Seals
from tests.channels.sms.conftest import KANNEL_SECRET, PUBLIC, Counter, memory_on

FORM = "application/x-www-form-urlencoded"
DATA_CODINGS = {"latin-1": 3, "utf-16-be": 8, "utf-16-le": 8, "utf-16": 8, "ascii": 8}


class SmsGateway(Protocol):
    """`bring` a text, told as Unicode or as octets of a charset. The same `number` is the same text again."""

    @property
    def charsets(self) -> tuple[str, ...]:
        """Those that come over it in the field."""

    async def bring(
        self, counter: Counter, text: str, *, number: int, sender: str, charset: str = "", slash: bool = False
    ) -> str:
        """The answer's words, "" for silence."""


class TwilioGateway:
    """A signed form; the answer is the response."""

    charsets = ("utf-8", "latin-1")

    async def bring(
        self, counter: Counter, text: str, *, number: int, sender: str, charset: str = "", slash: bool = False
    ) -> str:
        fields = {
            "MessageSid": f"SM{number}".encode(),
            "From": sender.encode(),
            "To": b"1117",
            "Body": text.encode(charset or "utf-8"),
        }
        body = "&".join(f"{name}={quote(octets, safe='')}" for name, octets in fields.items())
        signed = sign(DEMO_TOKEN, f"{PUBLIC}/sms/twilio{'/' * slash}", [(n, text_of(o)) for n, o in fields.items()])
        status, answer = await _asked(
            counter, "POST", f"/sms/twilio{'/' * slash}", body, {"x-twilio-signature": signed, "content-type": FORM}
        )
        assert status == 200, answer
        message = fromstring(answer).find("Message")  # noqa: S314 - our own server's
        return "" if message is None else message.text or ""


class KannelGateway:
    """A GET with the charset named; the answer waits in the outbox."""

    charsets = ("utf-8", "latin-1", "utf-16-be")

    def __init__(self) -> None:
        self._outbox = _Outbox()

    async def bring(
        self, counter: Counter, text: str, *, number: int, sender: str, charset: str = "", slash: bool = False
    ) -> str:
        named = {"latin-1": "ISO-8859-1", "utf-16-be": "UTF-16BE"}.get(charset, "UTF-8")
        fields = {"from": sender, "to": "1117", "id": f"id-{number}", "charset": named, "secret": KANNEL_SECRET}
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in fields.items())
        query += f"&text={quote(text.encode(charset or 'utf-8'), safe='')}"
        status, _ = await _asked(counter, "GET", f"/sms/kannel{'/' * slash}?{query}", "", {})
        assert status == 200
        return await self._outbox.words(counter, f"kannel-id-{number}")


class SmppGateway:
    """A deliver_sm; it bears no id: the same text over another connection is the same one."""

    charsets = tuple(DATA_CODINGS)

    def __init__(self) -> None:
        self._told: dict[int, int] = {}
        self._last, self._outbox = "", _Outbox()

    async def bring(
        self, counter: Counter, text: str, *, number: int, sender: str, charset: str = "", slash: bool = False
    ) -> str:
        seals = Seals({"k1": bytes(32)})
        arrivals = MoDeduplication(counter.redis)
        door = SmppTexts(
            counter.inbox, Reassembly(counter.redis, seals), SentParts(counter.redis), arrivals, seals.mark,
            SmppMetrics(Metrics().registry),
        )  # fmt: skip
        codings = (DATA_CODINGS[charset], text.encode(charset)) if charset else coding.encode(text)
        source = Address(sender.removeprefix("+"), 1, 1) if sender.startswith("+") else Address(sender)
        message = ShortMessage(source, Address("1117"), codings[1], codings[0])
        again = self._told.get(number, 0)
        self._told[number] = again + 1
        before = await _references(counter)
        session = f"s{number}-{again}" if again else "s"
        await door.take(account_of("smpp://a:b@127.0.0.1/atlas"), session, message)
        new = await _references(counter) - before
        if again:
            assert not new, "a repeat is no second text"
            return self._last
        self._last = await self._outbox.words(counter, new.pop()) if new else ""
        return self._last


GATEWAYS: dict[str, type[SmsGateway]] = {"twilio": TwilioGateway, "kannel": KannelGateway, "smpp": SmppGateway}


async def _asked(counter: Counter, method: str, path: str, body: str, headers: dict[str, str]) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, URL(counter.url + path, encoded=True), data=body or None, headers=headers, allow_redirects=False
        ) as response,
    ):
        return response.status, await response.text()


async def _references(counter: Counter) -> set[str]:
    return {row["reference"] for row in await counter.database.all("SELECT reference FROM messages")}


class _Outbox:
    """The words of answers that wait, read over one connection."""

    def __init__(self) -> None:
        self._memory: RedisDeduplication | None = None

    async def words(self, counter: Counter, reference: str) -> str:
        self._memory = self._memory or memory_on(counter.redis)
        return await self._memory.reply_of(reference) or ""
