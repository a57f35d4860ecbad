"""The operator's own networks, joined: SMSCs behind the SMS and USSD doors, and every way out behind one Texter.

Part of the composition root (khallas/bootstrap/container.py). `serve` binds as transceiver, `worker` as transmitter:
texts and receipts come where the doors are, and whoever holds a message sends it by a connection of its own.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from redis.asyncio import Redis

from channels.carriers.kannel.client import KannelAccount, KannelTexter
from channels.carriers.smpp.metrics import SmppMetrics
from channels.http.authentication import gateway_of
from channels.http.receive import SECRET_FIELD
from channels.observer import TranscriptWriter, unrecorded
from channels.sms.inbox import Inbox
from channels.sms.outbound.attempts import SendAttempts
from channels.sms.outbound.routes import Routes, SmsRoute
from core.messaging.texts import Texts
from core.ports import Texter
from khallas.settings.model import BadSettings, Settings
from khallas.telemetry.metrics import Metrics
from sessions.turn.turns import Turns
from sessions.vault import Seals

if TYPE_CHECKING:
    from khallas.bootstrap.smscs import Smscs

log = logging.getLogger(__name__)

KANNEL, TWILIO = "kannel", "twilio"


@dataclass(frozen=True, slots=True)
class Doors:
    """Names who takes what the SMSCs bring."""

    inbox: Inbox
    turns: Turns
    texts: Texts
    metrics: Metrics
    seals: Seals
    tell: TranscriptWriter = unrecorded  # of USSD that SMSCs bring


@dataclass(frozen=True, slots=True)
class Networks:
    """Joined and not yet opened. `texter` is how the outbox sends; `smscs` None where there is none."""

    smscs: "Smscs | None"
    texter: Routes
    kannel: KannelTexter | None

    def states(self) -> Mapping[str, str]:
        """Per SMSC: down, bound or throttled."""
        states = self.smscs.links.states() if self.smscs is not None else {}
        return {f"smsc {name}": state for name, state in states.items()}

    @asynccontextmanager
    async def open(self, *, serving: bool) -> AsyncIterator[None]:
        """Bound for as long as the block lasts."""
        log.info("ways out for SMS: %s", ", ".join(self.texter.ways()))
        try:
            if self.smscs is None:
                yield
            else:
                async with self.smscs.bound(serving=serving):
                    yield
        finally:
            if self.kannel is not None:
                await self.kannel.aclose()


def join(settings: Settings, redis: Redis, doors: Doors, twilio: Texter) -> Networks:
    """Touches no network. Raises BadSettings."""
    metrics = SmppMetrics(doors.metrics.registry)
    smscs: Smscs | None = None
    ways: dict[str, Texter] = {}
    if settings.smpp.accounts():
        from khallas.bootstrap.smscs import joined  # half a MiB, for those who have one

        smscs = joined(settings, redis, doors, metrics)
        ways |= smscs.ways
    kannel = _kannel(settings)
    if kannel is not None:
        ways[KANNEL] = kannel
    if settings.twilio.account_sid or not ways:
        ways[TWILIO] = twilio
    return Networks(smscs, Routes(_routes(settings, ways), SendAttempts(redis)), kannel)


def _routes(settings: Settings, ways: Mapping[str, Texter]) -> list[SmsRoute]:
    """In the order of KHALLAS_SMS__ROUTES; ways that are not named there carry replies to what came by them."""
    routes: list[SmsRoute] = []
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
        routes.append(SmsRoute(name, ways[name], per_s))
    named = {route.name for route in routes}
    others = [SmsRoute(name, way, reply_only=bool(named)) for name, way in ways.items() if name not in named]
    return [*routes, *others]


def _kannel(settings: Settings) -> KannelTexter | None:
    kannel = settings.kannel
    if not kannel.url:
        return None
    base = (kannel.callback_url or settings.public_url).rstrip("/")
    secret = settings.gateway_secrets.get(KANNEL)
    secrets = gateway_of(secret.get_secret_value(), KANNEL).secrets if secret is not None else ()
    query = "?" + urlencode({SECRET_FIELD: secrets[0]}) if secrets else ""
    dlr_url = f"{base}/sms/kannel/dlr{query}"
    account = KannelAccount(
        kannel.url, kannel.username, kannel.password.get_secret_value(), settings.short_code, dlr_url
    )
    return KannelTexter(account)
