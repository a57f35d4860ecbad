"""The operator's SMSCs, joined: what they bring goes to the SMS and USSD doors, and each is a way out for messages.

Part of the composition root, loaded where there is an SMSC (networks.py).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis

from channels.assembly.networks import Doors
from channels.settings import Settings
from channels.smpp.account import Account
from channels.smpp.link import Links
from channels.smpp.message import ShortMessage
from channels.smpp.metrics import SmppMetrics
from channels.smpp.pdu import Command
from channels.smpp.reassembly import Reassembly
from channels.smpp.session import Answered, Handled
from channels.sms.smpp_door import Arrivals, SmppTexts
from channels.sms.smpp_memory import SentParts
from channels.sms.smpp_texter import SmppTexter
from channels.ussd.smpp_dialogs import Dialogs
from channels.ussd.smpp_door import SmppUssd
from channels.ussd.smpp_wire import is_ussd
from core.ports import Texter
from core.tracing import request


@dataclass(frozen=True, slots=True)
class Smscs:
    """Links to every SMSC, not yet bound, and the ways out by them."""

    links: Links
    ways: Mapping[str, Texter]

    @asynccontextmanager
    async def bound(self, *, serving: bool) -> AsyncIterator[None]:
        """For as long as the block lasts."""
        async with self.links.running(Command.BIND_TRANSCEIVER if serving else Command.BIND_TRANSMITTER):
            yield


def joined(settings: Settings, redis: Redis, doors: Doors, metrics: SmppMetrics) -> Smscs:
    """Touches no network."""
    sent = SentParts(redis)
    seals = doors.seals
    texts = SmppTexts(doors.inbox, Reassembly(redis, seals), sent, Arrivals(redis), seals.mark, metrics)

    async def submit(smsc: str, message: ShortMessage) -> Answered:
        return await links[smsc].submit(message, urgent=True)

    code = settings.ussd.service_code
    ussd = SmppUssd(doors.turns, doors.texts, Dialogs(redis), submit, doors.metrics, doors.tell, service_code=code)

    async def take(account: Account, session_id: str, message: ShortMessage) -> Handled:
        door = ussd if is_ussd(message) else texts
        with request():
            return await door.take(account, session_id, message)

    accounts = settings.smpp.accounts()
    links = Links(accounts, take, metrics)
    ways = {
        account.name: SmppTexter(links[account.name], sent, settings.short_code, texts.receipt) for account in accounts
    }
    return Smscs(links, ways)
