"""The operator's own networks, joined: SMSCs behind the SMS and USSD doors, and every way out behind one Texter.

Part of the composition root (channels/app.py). `serve` binds as transceiver, `worker` as transmitter: texts and
receipts come where the doors are, and whoever holds a message sends it by a connection of its own.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlencode

from redis.asyncio import Redis

from channels.gateways.kannel import KannelAccount, KannelTexter
from channels.gateways.secrets import gateway_of
from channels.http.receive import SECRET_FIELD
from channels.observe.metrics import Metrics
from channels.observe.transcripts import Tells, untold
from channels.settings import BadSettings, Settings
from channels.smpp.account import Account
from channels.smpp.link import Links, Pauses
from channels.smpp.message import ShortMessage
from channels.smpp.metrics import SmppMetrics
from channels.smpp.pdu import Command
from channels.smpp.reassembly import Reassembly
from channels.smpp.session import Answered, Handled
from channels.sms.inbox import Inbox
from channels.sms.routes import Route, Routes
from channels.sms.sends import Sends
from channels.sms.smpp_door import Arrivals, SmppTexts
from channels.sms.smpp_memory import SentParts
from channels.sms.smpp_texter import SmppTexter
from channels.ussd.smpp_dialogs import Dialogs
from channels.ussd.smpp_door import SmppUssd
from channels.ussd.smpp_wire import is_ussd
from core.ports import Texter
from core.texts import Texts
from core.tracing import request
from sessions.turn import Turns
from sessions.vault import Seals

log = logging.getLogger(__name__)

KANNEL, TWILIO = "kannel", "twilio"


@dataclass(frozen=True, slots=True)
class Doors:
    """Who takes what the SMSCs bring."""

    inbox: Inbox
    turns: Turns
    texts: Texts
    metrics: Metrics
    tell: Tells = untold  # of USSD that SMSCs bring


@dataclass(frozen=True, slots=True)
class Networks:
    """Joined and not yet opened. `texter` is how the outbox sends."""

    links: Links
    texter: Routes
    kannel: KannelTexter | None

    def states(self) -> Mapping[str, str]:
        """Per SMSC: down, bound or throttled."""
        return {f"smsc {name}": state for name, state in self.links.states().items()}

    @asynccontextmanager
    async def open(self, *, serving: bool) -> AsyncIterator[None]:
        """Bound for as long as the block lasts."""
        log.info("ways out for SMS: %s", ", ".join(self.texter.ways()))
        try:
            async with self.links.running(Command.BIND_TRANSCEIVER if serving else Command.BIND_TRANSMITTER):
                yield
        finally:
            if self.kannel is not None:
                await self.kannel.aclose()


def join(settings: Settings, redis: Redis, doors: Doors, twilio: Texter, *, pauses: Pauses | None = None) -> Networks:
    """Touches no network. Raises BadSettings."""
    metrics = SmppMetrics(doors.metrics.registry)
    sent = SentParts(redis)
    seals = Seals(settings.vault())
    texts = SmppTexts(doors.inbox, Reassembly(redis, seals), sent, Arrivals(redis), seals.mark, metrics)

    async def submit(smsc: str, message: ShortMessage) -> Answered:
        return await links[smsc].submit(message, urgent=True)

    ussd = SmppUssd(doors.turns, doors.texts, Dialogs(redis), submit, doors.metrics, doors.tell)

    async def take(account: Account, session_id: str, message: ShortMessage) -> Handled:
        door = ussd if is_ussd(message) else texts
        with request():
            return await door.take(account, session_id, message)

    accounts = settings.smpp.accounts()
    links = Links(accounts, take, metrics, pauses)
    kannel = _kannel(settings)
    ways: dict[str, Texter] = {
        account.name: SmppTexter(links[account.name], sent, settings.short_code, texts.receipt) for account in accounts
    }
    if kannel is not None:
        ways[KANNEL] = kannel
    if settings.twilio.account_sid or not ways:
        ways[TWILIO] = twilio
    return Networks(links, Routes(_routes(settings, ways), Sends(redis)), kannel)


def _routes(settings: Settings, ways: Mapping[str, Texter]) -> list[Route]:
    """In the order of KHALLAS_SMS__ROUTES; ways that are not named there carry replies to what came by them."""
    routes: list[Route] = []
    for entry in settings.sms.routes:
        name, _, rate = entry.partition(":")
        if name not in ways or name in {route.name for route in routes}:
            raise BadSettings(f"KHALLAS_SMS__ROUTES: {name} is no way out, or named twice; known are {', '.join(ways)}")
        try:
            per_s = float(rate) if rate else None
        except ValueError:
            per_s = 0.0
        if per_s is not None and not 0 < per_s < float("inf"):
            raise BadSettings(f"KHALLAS_SMS__ROUTES: the rate of {name} is no number of messages a second")
        routes.append(Route(name, ways[name], per_s))
    named = {route.name for route in routes}
    others = [Route(name, way, reply_only=bool(named)) for name, way in ways.items() if name not in named]
    return [*routes, *others]


def _kannel(settings: Settings) -> KannelTexter | None:
    own = settings.kannel
    if not own.url:
        return None
    base = (own.callback_url or settings.public_url).rstrip("/")
    secret = settings.gateway_secrets.get(KANNEL)
    secrets = gateway_of(secret.get_secret_value(), KANNEL).secrets if secret is not None else ()
    query = "?" + urlencode({SECRET_FIELD: secrets[0]}) if secrets else ""
    dlr_url = f"{base}/sms/kannel/dlr{query}"
    account = KannelAccount(own.url, own.username, own.password.get_secret_value(), settings.short_code, dlr_url)
    return KannelTexter(account)
