"""What the parts of a process hand to one another while it is joined (khallas/bootstrap/container.py)."""

from collections.abc import Mapping
from dataclasses import dataclass

from redis.asyncio import Redis

from channels.carriers.twilio.client import TwilioRest
from channels.links import ReceiptLinks
from channels.sms.deduplication import RedisDeduplication
from channels.sms.inbox import Inbox
from core.acquirers.registry import AcquirerRegistry
from core.billing.embedded import EmbeddedBilling
from core.billing.tmforum import TmForumBilling
from core.database.pool import Database
from core.messaging.outbox import Gateways
from core.messaging.texts import Texts
from core.payments.schedule import Times
from core.payments.service import PaymentService, Ports
from core.ports import Caller, Clock
from core.tracing import Tracer
from core.wallets.port import Wallet
from core.wallets.service import WalletPayments
from khallas.bootstrap.carriers import Networks
from khallas.settings.model import Settings
from khallas.telemetry.metrics import Metrics
from khallas.telemetry.payment_metrics import PaymentMetrics
from khallas.telemetry.transcripts import Transcripts
from sessions.turn.perform import EffectPerformer
from sessions.turn.turns import DialledNumbers, Turns
from sessions.vault import Seals


@dataclass(frozen=True, slots=True)
class SharedParts:
    """The parts that every part of a process stands on."""

    settings: Settings
    texts: Texts
    clock: Clock
    times: Times
    metrics: Metrics
    counted: PaymentMetrics
    tracer: Tracer
    database: Database
    anew: Database  # the same, where statements read much or little by their values
    redis: Redis


@dataclass(frozen=True, slots=True)
class MoneyParts:
    """The payment service, and who it asks. `registry` and `bills` are as they were joined, without what tests wrap."""

    world: Ports
    registry: AcquirerRegistry
    bills: EmbeddedBilling | TmForumBilling
    wallets: Mapping[str, Wallet]
    till: PaymentService
    by_wallet: WalletPayments


@dataclass(frozen=True, slots=True)
class ConversationParts:
    """The parts that answer a customer's turn."""

    performer: EffectPerformer
    turns: Turns
    numbers: DialledNumbers
    seals: Seals
    transcripts: Transcripts


@dataclass(frozen=True, slots=True)
class MessagingParts:
    """The parts that send to people, and that take the texts which come in."""

    twilio: TwilioRest
    caller: Caller
    networks: Networks
    gateways: Gateways
    inbox: Inbox
    links: ReceiptLinks
    memory: RedisDeduplication
