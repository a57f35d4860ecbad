"""What a process is joined of: the one place that names what stands behind each port. Nothing here is opened."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from channels.card_caps import RedisIntentLimits
from channels.carriers.twilio.caller import TwilioCaller
from channels.carriers.twilio.client import TwilioAccount, TwilioRest, TwilioTexter
from channels.email.compose import Composer, MailSender
from channels.email.smtp import SmtpMailer, SmtpServer
from channels.limits import Limits, RedisCardLimits, RedisCodeLimits
from channels.links import PayLinks, ReceiptLinks
from channels.receipt_view import Operator
from channels.sms.answers import Answers
from channels.sms.deduplication import SEALED_FOR, RedisDeduplication
from channels.sms.inbox import Inbox, InboxDependencies, SmsLimits
from channels.sms.outbound.texts import PaymentTexts
from channels.sms.words import SmsNumbers, Words
from channels.web.bills.limits import LimitsByChannel, WebCodeLimits
from core.billing.embedded import EmbeddedBilling
from core.billing.posting import Poster
from core.billing.tmforum import TmForumBilling
from core.clock import ZONE, SystemClock
from core.database.help_desk.audit import PgAudit
from core.database.help_desk.kept import PgKeptEvidence
from core.database.help_desk.transcripts import PgTranscripts
from core.database.ledger.days import LedgerDays
from core.database.payments.repository import PgPayments
from core.database.pool import Database, make_pool
from core.database.privacy.retention import PgRetention
from core.database.repositories import books_on
from core.database.wallets.repository import PgWalletAttempts
from core.help_desk.audit import Audit
from core.help_desk.transcripts import Pseudonymiser
from core.ids import Ids
from core.messaging.call_ends import KeptCallEnds
from core.messaging.code_texts import CodeTexts
from core.messaging.outbox import Gateways, OutboxSender
from core.messaging.texts import Texts, load_texts
from core.payments.schedule import Times, waiting_for
from core.payments.service import PaymentService, Ports
from core.payments.sweeps import Sweep
from core.ports import Acquirers, CallEnds, Caller, Clock
from core.privacy.retention import Periods, RetentionJob
from core.repositories import Repositories
from core.sealing import Sealer
from core.subscribers.lines import national
from core.tracing import Tracer
from core.wallets.port import Wallet
from core.wallets.returns import WalletReturns
from core.wallets.service import WalletPayments
from core.wallets.tender import TenderAcquirers
from khallas.bootstrap import carriers as networks
from khallas.bootstrap.acquirer_watch import AcquirerWatch
from khallas.bootstrap.acquirers import has_page, longest_timeout_s, printed_names, registry_of
from khallas.bootstrap.carriers import Networks
from khallas.bootstrap.money import billing_of
from khallas.bootstrap.wallets import wallet_names, wallets_of
from khallas.settings.model import BadSettings, Settings
from khallas.telemetry import otel
from khallas.telemetry.ledger_watch import LedgerWatch
from khallas.telemetry.metering import CountedPayments, CountedStore, CountedTexter, WatchedAcquirer
from khallas.telemetry.metrics import Metrics
from khallas.telemetry.payment_metrics import PaymentMetrics
from khallas.telemetry.queues import Queues
from khallas.telemetry.transcripts import Transcripts
from sessions.store.client import connect
from sessions.store.redis import RedisStore
from sessions.turn.perform import EffectPerformer
from sessions.turn.refusals import RedisRefusals
from sessions.turn.turns import DialledNumbers, Turns
from sessions.vault import Seals
from sessions.vault_key import memory_key

if TYPE_CHECKING:
    from procrastinate import App

REDIS_CONNECTIONS_MAX = 100
REDIS_WAIT_S = 2.0
DRAIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Container:
    """Everything a process needs, joined and not yet opened."""

    settings: Settings
    texts: Texts
    metrics: Metrics
    clock: Clock
    database: Database
    redis: Redis
    books: Repositories
    till: PaymentService
    performer: EffectPerformer
    turns: Turns
    numbers: DialledNumbers
    inbox: Inbox
    networks: Networks
    links: ReceiptLinks
    acquirers: Acquirers
    billing: EmbeddedBilling | TmForumBilling
    twilio: TwilioRest
    jobs: "Callable[[], App]"  # made for a process that runs them
    queues: Queues
    ledger: LedgerWatch
    tracer: Tracer
    transcripts: Transcripts
    caller: Caller
    seals: Seals
    counted: PaymentMetrics
    code_texts: CodeTexts
    wallets: WalletPayments
    heard: AcquirerWatch

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Connections for as long as the block lasts; what was sent to the bank is waited for at its end."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.database.pool)
            await self.heard.look()
            await stack.enter_async_context(self.heard.watched())
            stack.push_async_callback(self.redis.aclose)
            stack.push_async_callback(self.twilio.aclose)
            stack.push_async_callback(self.caller.close)
            stack.push_async_callback(self.acquirers.aclose)
            stack.push_async_callback(self.wallets.aclose)
            if isinstance(self.billing, TmForumBilling):
                stack.push_async_callback(self.billing.aclose)
            stack.push_async_callback(self.till.drain, DRAIN_S)
            stack.push_async_callback(self.turns.close)
            yield


def assemble(
    settings: Settings,
    clock: Clock | None = None,
    *,
    times: Times | None = None,
    around: Callable[[Ports], Ports] | None = None,
    wallets: Mapping[str, Wallet] | None = None,
) -> Container:
    """Join the rooms. Touches no network. Raises BadSettings, MissingText.

    `clock` stands in for the real one; `times`, `wallets` and `around`, which wraps what stands behind the ports, are
    for tests.
    """
    clock, texts, times = (
        clock or SystemClock(),
        load_texts(),
        times or waiting_for(Times(), longest_timeout_s(settings)),
    )
    metrics, tracer = Metrics(), otel.tracer(wanted=settings.traces)
    counted = PaymentMetrics(metrics.registry)
    database = Database(make_pool(settings.database_url.get_secret_value()), tracer)
    redis = connect(settings.redis_url.get_secret_value(), wait_s=REDIS_WAIT_S, connections_max=REDIS_CONNECTIONS_MAX)
    charging = registry_of(settings, lambda named, client: WatchedAcquirer(client, counted, tracer, named))
    bills = billing_of(settings, database, clock)
    books = replace(books_on(database), payments=CountedPayments(database, counted))
    codes = LimitsByChannel(RedisCodeLimits(redis, counted.limit), WebCodeLimits(redis, counted.limit))
    world = Ports(books, bills, charging, codes, clock)
    world = around(world) if around else world
    asked_by = dict(wallets_of(settings) if wallets is None else wallets)
    attempts = PgWalletAttempts(database, PgPayments(database))
    if asked_by:  # a wallet's money goes back to that wallet
        returns = WalletReturns(attempts, asked_by, clock, Ids())
        world = replace(world, acquirers=TenderAcquirers(world.acquirers, attempts, returns))
    books, billing, acquirers = world.books, world.billing, world.acquirers
    till = PaymentService(world, times=times, currency=settings.currency)
    by_wallet = WalletPayments(till, attempts, asked_by, clock, times, told=counted.wallet)
    links = ReceiptLinks(settings.signing_keys(), base_of(settings), settings.receipt_days)
    twilio = _twilio(settings)
    ivr, code = national(settings.ivr.number), settings.ussd.service_code
    numbers = DialledNumbers(settings.help_number, ivr, settings.short_code, code)
    seals = Seals(settings.vault(), memory_key())
    cards = RedisCardLimits(redis, seals.key("card limits"), counted.limit)
    intents = RedisIntentLimits(redis, counted.limit)
    performer = EffectPerformer(till, seals, cards, RedisRefusals(redis), intents, by_wallet)
    turns = Turns(
        CountedStore(RedisStore(redis), counted),
        performer,
        clock,
        numbers,
        zone=ZONE,
        check_luhn=settings.check_luhn,
        mail_utf8=settings.mail_utf8,
        wallets=tuple((name, wallet.terms) for name, wallet in asked_by.items()),
    )
    keys = settings.signing_keys()
    memory = RedisDeduplication(redis, Sealer(keys, SEALED_FOR))
    transcripts = _transcripts(settings, database, clock)
    post = InboxDependencies(
        memory, Limits(redis, "sms", counted.limit), books.messages, clock, transcripts, metrics.message
    )
    inbox = inbox_of(settings, Answers(words_of(settings, texts), till, memory, pay_link=pay_link_of(settings)), post)
    texter = TwilioTexter(twilio, f"{base_of(settings)}/sms/twilio/status")
    doors = networks.Doors(inbox, turns, texts, metrics, seals, transcripts.door("ussd", "smpp", keys=True))
    outside = networks.join(settings, redis, doors, texter)
    caller = _caller(settings, twilio, KeptCallEnds(books.messages, clock))
    gateways = Gateways(
        CountedTexter(outside.texter, counted),
        _mailer(settings, texts, links, clock),
        caller,
        PaymentTexts(words_of(settings, texts), links.of, pay_link_of(settings), wallet_names(settings)),
        memory,
    )
    sender, poster = OutboxSender(books, gateways, clock, times), Poster(books, billing, acquirers, clock, times)
    sweep = Sweep(books, till.attendant, poster, sender, clock, times, by_wallet)
    retention = RetentionJob(
        PgRetention(database),
        clock,
        Periods(**settings.retention.model_dump()),
        PgKeptEvidence(database, blind_of(settings)),
    )

    def jobs() -> "App":
        # procrastinate is 2 MiB, and nothing to a process that answers customers only
        from core.database.jobs import Work, build_jobs
        from core.database.settlement.reconciliation import SettlementWatch

        watch = SettlementWatch(database, clock, settings.settlement.overdue_days)
        audit = Audit(PgAudit(database), clock)
        work = Work(till.attendant, poster, sender, sweep, retention, watch, LedgerDays(database), audit, by_wallet)
        return build_jobs(work, sweep_every_s=times.sweep_every_s, tracer=tracer)

    return Container(
        settings,
        texts,
        metrics,
        clock,
        database,
        redis,
        books,
        till,
        performer,
        turns,
        numbers,
        inbox,
        outside,
        links,
        charging,
        bills,
        twilio,
        jobs,
        Queues(database, clock, counted),
        LedgerWatch(database, clock, counted),
        tracer,
        transcripts,
        caller,
        seals,
        counted,
        CodeTexts(billing, books.people, books.messages, memory, words_of(settings, texts).code, clock),
        by_wallet,
        AcquirerWatch(database, charging),
    )


# --- what stands behind the ports ------------------------------------------------------------------------------------


def operator_of(settings: Settings) -> Operator:
    """The operator whose name and logo receipts and pages bear. Raises BadSettings."""
    logo = Path(settings.operator_logo) if settings.operator_logo else None
    try:
        names = wallet_names(settings), printed_names(settings)
        return Operator(settings.operator_name, settings.help_number, logo, *names)
    except ValueError as error:
        raise BadSettings(f"KHALLAS_OPERATOR_NAME: {error}") from None


def blind_of(settings: Settings) -> Pseudonymiser:
    """The keyed digests that stand for people in transcripts."""
    return Pseudonymiser(settings.signing_keys())


def _transcripts(settings: Settings, database: Database, clock: Clock) -> Transcripts:
    blind = blind_of(settings)
    wanted = settings.retention.transcripts_days > 0
    return Transcripts(PgTranscripts(database, blind) if wanted else None, blind, clock)


def _twilio(settings: Settings) -> TwilioRest:
    own = settings.twilio
    token = own.auth_tokens[0].get_secret_value() if own.auth_tokens else ""
    return TwilioRest(TwilioAccount(own.account_sid, token, own.from_ or settings.short_code, own.api_url))


def _caller(settings: Settings, twilio: TwilioRest, ended: CallEnds) -> Caller:
    by_twilio = TwilioCaller(twilio, base_of(settings), caller_id=settings.ivr.number or None)
    if settings.ivr.caller == "twilio":
        return by_twilio
    from khallas.bootstrap import asterisk

    return asterisk.caller(settings, ended) or by_twilio


def _mailer(settings: Settings, texts: Texts, links: ReceiptLinks, clock: Clock) -> SmtpMailer:
    try:
        server = SmtpServer.parse(settings.smtp_url.get_secret_value())
        composer = Composer(texts, operator_of(settings), MailSender.parse(settings.mail_from), links)
    except ValueError as error:
        raise BadSettings(f"KHALLAS_SMTP_URL, KHALLAS_MAIL_FROM: {error}") from None
    return SmtpMailer(server, composer, clock)


def inbox_of(settings: Settings, answers: Answers, post: InboxDependencies) -> Inbox:
    own = settings.sms
    limits = SmsLimits(own.sender_max, own.sender_day_max, own.prefix_max, own.everyone_max)
    return Inbox(answers, post, country_codes=own.countries, limits=limits)


def pay_link_of(settings: Settings) -> Callable[[str], str] | None:
    """The maker of links to the page where a basket is paid in a browser; None where no bank has a page."""
    if not has_page(settings):
        return None
    return PayLinks(settings.signing_keys(), base_of(settings)).of


def words_of(settings: Settings, texts: Texts) -> Words:
    return Words(texts, SmsNumbers(settings.ussd.service_code, settings.help_number, national(settings.ivr.number)))


def base_of(settings: Settings) -> str:
    return settings.public_url.rstrip("/")
