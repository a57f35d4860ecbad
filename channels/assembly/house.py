"""What a process is joined of: the one place that names what stands behind each port. Nothing here is opened."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from channels.assembly import networks
from channels.assembly.money import acquirer_of, billing_of
from channels.assembly.networks import Networks
from channels.card_caps import RedisIntentLimits
from channels.clock import ZONE, SystemClock
from channels.gateways.callers import TwilioCaller
from channels.gateways.twilio import TwilioAccount, TwilioRest, TwilioTexter
from channels.limits import Limits, RedisCardLimits, RedisCodeLimits
from channels.links import ReceiptLinks
from channels.mail.compose import Composer
from channels.mail.compose import Sender as MailSender
from channels.mail.send import SmtpMailer, SmtpServer
from channels.observe import otel
from channels.observe.ledger_watch import LedgerWatch
from channels.observe.metering import CountedPayments, CountedStore, CountedTexter, WatchedAcquirer
from channels.observe.metrics import Metrics
from channels.observe.metrics_till import TillMetrics
from channels.observe.queues import Queues
from channels.observe.transcripts import Transcripts
from channels.receipt_view import Operator
from channels.settings import BadSettings, Settings
from channels.sms.answers import Answers
from channels.sms.inbox import Inbox, Post, SmsLimits
from channels.sms.memory import RedisMemory
from channels.sms.send import PaymentTexts
from channels.sms.words import Numbers as SmsNumbers
from channels.sms.words import Words
from core.acquirers.cmi import CmiAcquirer
from core.audit import Audit
from core.billing.embedded import EmbeddedBilling
from core.billing.tmforum import TmForumBilling
from core.billpay import Till, World
from core.books import Books
from core.database.audit import PgAudit
from core.database.books import books_on
from core.database.ledger_days import LedgerDays
from core.database.pool import Database, make_pool
from core.database.retention import PgRetention
from core.database.transcripts import PgTranscripts
from core.outbox import Gateways, Sender
from core.ports import Caller, Clock, Replies, Texter
from core.posting import Poster
from core.retention import Periods, Retention
from core.subscribers import national
from core.sweeps import Sweep
from core.texts import Texts, load_texts
from core.timing import Times, waiting_for
from core.tracing import Tracer
from core.transcripts import Blind
from sessions.connecting import connect
from sessions.memory_key import memory_key
from sessions.perform import Performer
from sessions.redis_store import RedisStore
from sessions.refusals import RedisRefusals
from sessions.turn import Numbers, Turns
from sessions.vault import Seals

if TYPE_CHECKING:
    from procrastinate import App

REDIS_CONNECTIONS_MAX = 100
REDIS_WAIT_S = 2.0
DRAIN_S = 15.0


@dataclass(frozen=True, slots=True)
class House:
    """Everything a process needs, joined and not yet opened."""

    settings: Settings
    texts: Texts
    metrics: Metrics
    clock: Clock
    database: Database
    redis: Redis
    books: Books
    till: Till
    performer: Performer
    turns: Turns
    inbox: Inbox
    networks: Networks
    links: ReceiptLinks
    acquirer: CmiAcquirer
    billing: EmbeddedBilling | TmForumBilling
    twilio: TwilioRest
    jobs: "Callable[[], App]"  # made for a process that runs them
    queues: Queues
    ledger: LedgerWatch
    tracer: Tracer
    transcripts: Transcripts
    seals: Seals
    counted: TillMetrics

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Connections for as long as the block lasts; what was sent to the bank is waited for at its end."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.database.pool)
            stack.push_async_callback(self.redis.aclose)
            stack.push_async_callback(self.twilio.aclose)
            stack.push_async_callback(self.acquirer.aclose)
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
    around: Callable[[World], World] | None = None,
) -> House:
    """Join the rooms. Touches no network. Raises BadSettings, MissingText.

    `clock` stands in for the real one; `times` and `around`, which wraps what stands behind the ports, are for tests.
    """
    clock, texts, times = clock or SystemClock(), load_texts(), times or waiting_for(Times(), settings.cmi.timeout_s)
    metrics, tracer = Metrics(), otel.tracer(wanted=settings.traces)
    counted = TillMetrics(metrics.registry)
    database = Database(make_pool(settings.database_url.get_secret_value()), tracer)
    redis = connect(settings.redis_url.get_secret_value(), wait_s=REDIS_WAIT_S, connections_max=REDIS_CONNECTIONS_MAX)
    cmi, bills = acquirer_of(settings), billing_of(settings, database, clock)
    books = replace(books_on(database), payments=CountedPayments(database, counted))
    bank = WatchedAcquirer(cmi, counted, tracer)
    world = World(books, bills, bank, RedisCodeLimits(redis, counted.limit), clock)
    world = around(world) if around else world
    books, billing, acquirer = world.books, world.billing, world.acquirer
    till = Till(world, times=times, currency=settings.currency)
    links = ReceiptLinks(
        [key.get_secret_value() for key in settings.secret_keys], base_of(settings), settings.receipt_days
    )
    twilio = _twilio(settings)
    ivr, code = national(settings.ivr.number), settings.ussd.service_code
    numbers = Numbers(settings.help_number, ivr, settings.short_code, code)
    seals = Seals(settings.vault(), memory_key())
    cards = RedisCardLimits(redis, seals.key("card limits"), counted.limit)
    intents = RedisIntentLimits(redis, counted.limit)
    performer = Performer(till, seals, cards, RedisRefusals(redis), intents)
    turns = Turns(
        CountedStore(RedisStore(redis), counted), performer, clock, numbers, zone=ZONE, check_luhn=settings.check_luhn
    )
    memory = RedisMemory(redis)
    transcripts = _transcripts(settings, database, clock)
    post = Post(memory, Limits(redis, "sms", counted.limit), books.messages, clock, transcripts, metrics.message)
    inbox = inbox_of(settings, Answers(words_of(settings, texts), till, memory), post)
    texter = TwilioTexter(twilio, f"{base_of(settings)}/sms/twilio/status")
    doors = networks.Doors(inbox, turns, texts, metrics, seals, transcripts.door("ussd", "smpp", keys=True))
    outside = networks.join(settings, redis, doors, texter)
    gateways = _gateways(settings, texts, links, twilio, clock, CountedTexter(outside.texter, counted), memory)
    sender, poster = Sender(books, gateways, clock, times), Poster(books, billing, acquirer, clock, times)
    sweep = Sweep(books, till.attendant, poster, sender, clock, times)
    retention = Retention(PgRetention(database), clock, Periods(**settings.retention.model_dump()))

    def jobs() -> "App":
        # procrastinate is 2 MiB, and nothing to a process that answers customers only
        from core.jobs import Work, build_jobs
        from core.reconciling import SettlementWatch

        watch = SettlementWatch(database, clock, settings.settlement.overdue_days)
        audit = Audit(PgAudit(database), clock)
        work = Work(till.attendant, poster, sender, sweep, retention, watch, LedgerDays(database), audit)
        return build_jobs(work, sweep_every_s=times.sweep_every_s, tracer=tracer)

    return House(
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
        inbox,
        outside,
        links,
        cmi,
        bills,
        twilio,
        jobs,
        Queues(database, clock, counted),
        LedgerWatch(database, clock, counted),
        tracer,
        transcripts,
        seals,
        counted,
    )


# --- what stands behind the ports ------------------------------------------------------------------------------------


def operator_of(settings: Settings) -> Operator:
    """Whose receipts and pages these are. Raises BadSettings."""
    logo = Path(settings.operator_logo) if settings.operator_logo else None
    try:
        return Operator(settings.operator_name, settings.help_number, logo)
    except ValueError as error:
        raise BadSettings(f"KHALLAS_OPERATOR_NAME: {error}") from None


def blind_of(settings: Settings) -> Blind:
    """Names people in transcripts."""
    return Blind([key.get_secret_value() for key in settings.secret_keys])


def _transcripts(settings: Settings, database: Database, clock: Clock) -> Transcripts:
    blind = blind_of(settings)
    wanted = settings.retention.transcripts_days > 0
    return Transcripts(PgTranscripts(database, blind) if wanted else None, blind, clock)


def _twilio(settings: Settings) -> TwilioRest:
    own = settings.twilio
    token = own.auth_tokens[0].get_secret_value() if own.auth_tokens else ""
    return TwilioRest(TwilioAccount(own.account_sid, token, own.from_ or settings.short_code, own.api_url))


def _gateways(
    settings: Settings,
    texts: Texts,
    links: ReceiptLinks,
    twilio: TwilioRest,
    clock: Clock,
    texter: Texter,
    replies: Replies,
) -> Gateways:
    base = base_of(settings)
    return Gateways(
        texter,
        _mailer(settings, texts, links, clock),
        _caller(settings, twilio, base),
        PaymentTexts(words_of(settings, texts), links.of),
        replies,
    )


def _caller(settings: Settings, twilio: TwilioRest, base: str) -> Caller:
    by_twilio = TwilioCaller(twilio, base, caller_id=settings.ivr.number or None)
    if settings.ivr.caller == "twilio":
        return by_twilio
    from channels.assembly import asterisk  # half a MiB, for those whose own switch it is

    return asterisk.caller(settings) or by_twilio


def _mailer(settings: Settings, texts: Texts, links: ReceiptLinks, clock: Clock) -> SmtpMailer:
    try:
        server = SmtpServer.parse(settings.smtp_url.get_secret_value())
        composer = Composer(texts, operator_of(settings), MailSender.parse(settings.mail_from), links)
    except ValueError as error:
        raise BadSettings(f"KHALLAS_SMTP_URL, KHALLAS_MAIL_FROM: {error}") from None
    return SmtpMailer(server, composer, clock)


def inbox_of(settings: Settings, answers: Answers, post: Post) -> Inbox:
    own = settings.sms
    limits = SmsLimits(own.sender_max, own.sender_day_max, own.prefix_max, own.everyone_max)
    return Inbox(answers, post, country_codes=own.countries, limits=limits)


def words_of(settings: Settings, texts: Texts) -> Words:
    return Words(texts, SmsNumbers(settings.ussd.service_code, settings.help_number, national(settings.ivr.number)))


def base_of(settings: Settings) -> str:
    return settings.public_url.rstrip("/")
