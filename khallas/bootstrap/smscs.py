"""The operator's SMSCs, joined: what they bring goes to the SMS and USSD doors, and each is a way out for messages.

Part of the composition root, loaded where there is an SMSC (networks.py).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from channels.carriers.smpp.account import SmscAccount
from channels.carriers.smpp.link import Links
from channels.carriers.smpp.message import ShortMessage
from channels.carriers.smpp.metrics import SmppMetrics
from channels.carriers.smpp.pdu import Command
from channels.carriers.smpp.reassembly import Reassembly
from channels.carriers.smpp.session import Handled, SubmitAnswer
from channels.sms.outbound.smpp import SmppTexter
from channels.sms.outbound.smpp_parts import SentParts
from channels.sms.smpp_endpoint import MoDeduplication, SmppTexts
from channels.ussd.smpp.dialogs import Dialogs
from channels.ussd.smpp.endpoint import SmppUssd
from channels.ussd.smpp.wire import is_ussd
from core.ports import Texter
from core.tracing import request
from khallas.bootstrap.carriers import Doors
from khallas.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Smscs:
    """Links to every SMSC, not yet bound, and the ways out by them."""

    links: Links
    ways: Mapping[str, Texter]

    @asynccontextmanager
    async def bound(self, *, serving: bool) -> AsyncIterator[None]:
        """Links to the SMSCs, bound for as long as the block lasts."""
        async with self.links.running(Command.BIND_TRANSCEIVER if serving else Command.BIND_TRANSMITTER):
            yield


def joined(settings: Settings, redis: Redis, doors: Doors, metrics: SmppMetrics) -> Smscs:
    """Builds the links to the SMSCs, and touches no network."""
    sent = SentParts(redis)
    seals = doors.seals
    texts = SmppTexts(
        inbox=doors.inbox,
        reassembly=Reassembly(redis, seals),
        sent=sent,
        arrivals=MoDeduplication(redis),
        mark=seals.mark,
        metrics=metrics,
    )

    async def submit(smsc: str, message: ShortMessage) -> SubmitAnswer:
        return await links[smsc].submit(message, urgent=True)

    code = settings.ussd.service_code
    ussd = SmppUssd(
        turns=doors.turns,
        texts=doors.texts,
        dialogs=Dialogs(redis),
        submit=submit,
        metrics=doors.metrics,
        tell=doors.tell,
        service_code=code,
    )

    async def take(account: SmscAccount, session_id: str, message: ShortMessage) -> Handled:
        door = ussd if is_ussd(message) else texts
        with request():
            return await door.take(account, session_id, message)

    accounts = settings.smpp.accounts()
    links = Links(accounts, take, metrics)
    ways = {
        account.name: SmppTexter(links[account.name], sent, settings.short_code, texts.receipt) for account in accounts
    }
    return Smscs(links, ways)
