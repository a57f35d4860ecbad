"""What a process is joined of: the one place that names what stands behind each port. Nothing here is opened."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from channels.card_caps import RedisIntentLimits
from channels.carriers.twilio.client import TwilioRest, TwilioTexter
from channels.limits import Limits, RedisCardLimits, RedisCodeLimits
from channels.links import ReceiptLinks
from channels.sms.answers import Answers, code_text
from channels.sms.deduplication import SEALED_FOR, RedisDeduplication
from channels.sms.inbox import Inbox, InboxDependencies
from channels.sms.outbound.texts import PaymentTexts
from channels.web.bills.limits import LimitsByChannel, WebCodeLimits
from core.billing.embedded import EmbeddedBilling
from core.billing.posting import Poster
from core.billing.tmforum import TmForumBilling
from core.clock import ZONE, SystemClock
from core.database.archive.months import ArchiveJob, PgArchive
from core.database.help_desk.audit import PgAudit
from core.database.help_desk.kept import PgKeptEvidence
from core.database.help_desk.transcripts import PgTranscripts
from core.database.late import LateReads
from core.database.ledger.days import LedgerDays
from core.database.payments.repository import PgPayments
from core.database.plans import PlannedAnew
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
from core.ports import Acquirers, Caller, Clock
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
from khallas.bootstrap.acquirers import longest_timeout_s, registry_of
from khallas.bootstrap.carriers import Networks
from khallas.bootstrap.gateways import (
    base_of,
    caller_of,
    inbox_of,
    mailer_of,
    pay_link_of,
    twilio_of,
    words_of,
)
from khallas.bootstrap.money import billing_of
from khallas.bootstrap.parts import ConversationParts, MessagingParts, MoneyParts, SharedParts
from khallas.bootstrap.wallets import wallet_names, wallets_of
from khallas.settings.model import Settings
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
    anew: Database
    late: Database
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
            if self.late is not self.database:
                await stack.enter_async_context(self.late.pool)  # not waited for: it may be away
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
    card_limits: type[RedisCardLimits] = RedisCardLimits,
) -> Container:
    """Join the parts. Touches no network. Raises BadSettings, MissingText.

    `clock` stands in for the real one; `times`, `wallets`, `card_limits` and `around`, which wraps what stands behind
    the ports, are for tests.
    """
    shared = _shared(settings, clock or SystemClock(), times)
    database, anew, counted, clock = shared.database, shared.anew, shared.counted, shared.clock
    money = _money(shared, around, wallets)
    talk = _conversation(shared, money, card_limits)
    messaging = _messaging(shared, money, talk)
    books, words = money.world.books, words_of(settings, shared.texts)
    return Container(
        settings=settings,
        texts=shared.texts,
        metrics=shared.metrics,
        clock=clock,
        database=database,
        anew=anew,
        late=_late(settings, database),
        redis=shared.redis,
        books=books,
        till=money.till,
        performer=talk.performer,
        turns=talk.turns,
        numbers=talk.numbers,
        inbox=messaging.inbox,
        networks=messaging.networks,
        links=messaging.links,
        acquirers=money.registry,
        billing=money.bills,
        twilio=messaging.twilio,
        jobs=_jobs(shared, money, messaging),
        queues=Queues(anew, clock, counted),
        ledger=LedgerWatch(anew, clock, counted),
        tracer=shared.tracer,
        transcripts=talk.transcripts,
        caller=messaging.caller,
        seals=talk.seals,
        counted=counted,
        code_texts=CodeTexts(
            billing=money.world.billing,
            people=books.people,
            messages=books.messages,
            replies=messaging.memory,
            words=partial(code_text, words),
            clock=clock,
        ),
        wallets=money.by_wallet,
        heard=AcquirerWatch(database, money.registry, counted),
    )


def _shared(settings: Settings, clock: Clock, times: Times | None) -> SharedParts:
    metrics, tracer = Metrics(), otel.tracer(wanted=settings.traces)
    url = settings.redis_url.get_secret_value()
    pool = make_pool(settings.database_url.get_secret_value(), planned_once=True)
    database = Database(pool, tracer if settings.traces else None)
    return SharedParts(
        settings=settings,
        texts=load_texts(),
        clock=clock,
        times=times or waiting_for(Times(), longest_timeout_s(settings)),
        metrics=metrics,
        counted=PaymentMetrics(metrics.registry),
        tracer=tracer,
        database=database,
        anew=PlannedAnew(database),
        redis=connect(url, wait_s=REDIS_WAIT_S, connections_max=REDIS_CONNECTIONS_MAX),
    )


def _late(settings: Settings, database: Database) -> Database:
    url = settings.database_late_url.get_secret_value()
    return LateReads(make_pool(url, planned_once=True), database) if url else database


def _money(
    shared: SharedParts, around: Callable[[Ports], Ports] | None, wallets: Mapping[str, Wallet] | None
) -> MoneyParts:
    settings, database, clock, counted = shared.settings, shared.database, shared.clock, shared.counted
    registry = registry_of(settings, lambda named, client: WatchedAcquirer(client, counted, shared.tracer, named))
    bills = billing_of(settings, database, clock)
    books = replace(books_on(database), payments=CountedPayments(database, counted))
    codes = LimitsByChannel(RedisCodeLimits(shared.redis, counted.limit), WebCodeLimits(shared.redis, counted.limit))
    world = Ports(books=books, billing=bills, acquirers=registry, limits=codes, clock=clock)
    world = around(world) if around else world
    providers = dict(wallets_of(settings) if wallets is None else wallets)
    attempts = PgWalletAttempts(database, PgPayments(database))
    if providers:  # a wallet's money goes back to that wallet
        returns = WalletReturns(attempts, providers, clock, Ids())
        world = replace(world, acquirers=TenderAcquirers(world.acquirers, attempts, returns))
    till = PaymentService(world, times=shared.times, currency=settings.currency)
    by_wallet = WalletPayments(
        till=till, attempts=attempts, wallets=providers, clock=clock, times=shared.times, count=counted.wallet
    )
    return MoneyParts(world=world, registry=registry, bills=bills, wallets=providers, till=till, by_wallet=by_wallet)


def _conversation(shared: SharedParts, money: MoneyParts, card_limits: type[RedisCardLimits]) -> ConversationParts:
    settings, redis, counted = shared.settings, shared.redis, shared.counted
    seals = Seals(settings.vault(), memory_key())
    performer = EffectPerformer(
        money.till,
        seals,
        cards=card_limits(redis, seals.key("card limits"), counted.limit),
        refusals=RedisRefusals(redis),
        intents=RedisIntentLimits(redis, counted.limit),
        wallets=money.by_wallet,
    )
    ivr, code = national(settings.ivr.number), settings.ussd.service_code
    numbers = DialledNumbers(help=settings.help_number, voice=ivr, short_code=settings.short_code, service_code=code)
    turns = Turns(
        CountedStore(RedisStore(redis), counted),
        performer,
        shared.clock,
        numbers,
        zone=ZONE,
        check_luhn=settings.check_luhn,
        mail_utf8=settings.mail_utf8,
        wallets=tuple((name, wallet.terms) for name, wallet in money.wallets.items()),
    )
    return ConversationParts(
        performer=performer,
        turns=turns,
        numbers=numbers,
        seals=seals,
        transcripts=_transcripts(settings, shared.database, shared.clock),
    )


def _messaging(shared: SharedParts, money: MoneyParts, talk: ConversationParts) -> MessagingParts:
    settings, texts, clock, counted = shared.settings, shared.texts, shared.clock, shared.counted
    people, messages = money.world.books.people, money.world.books.messages
    links = ReceiptLinks(settings.signing_keys(), base_of(settings), settings.receipt_days)
    memory = RedisDeduplication(shared.redis, Sealer(settings.signing_keys(), SEALED_FOR))
    words, pay_link = words_of(settings, texts), pay_link_of(settings)
    limits = Limits(shared.redis, "sms", counted.limit)
    post = InboxDependencies(
        seen=memory,
        limits=limits,
        messages=messages,
        clock=clock,
        transcripts=talk.transcripts,
        counts=shared.metrics.texts_received,
    )
    terms = [wallet.terms for wallet in money.wallets.values()]
    answers = Answers(
        words=words,
        people=people,
        billing=money.world.billing,
        till=money.till,
        memory=memory,
        pay_link=pay_link,
        wallets=terms,
    )
    inbox = inbox_of(settings, answers, post)
    twilio = twilio_of(settings)
    texter = TwilioTexter(twilio, f"{base_of(settings)}/sms/twilio/status")
    by_smpp = talk.transcripts.door("ussd", "smpp", keys=True)
    doors = networks.Doors(
        inbox=inbox, turns=talk.turns, texts=texts, metrics=shared.metrics, seals=talk.seals, tell=by_smpp
    )
    outside = networks.join(settings, shared.redis, doors, texter)
    caller = caller_of(settings, twilio, KeptCallEnds(messages, clock))
    gateways = Gateways(
        texter=CountedTexter(outside.texter, counted),
        mailer=mailer_of(settings, texts, links, clock),
        caller=caller,
        texts=PaymentTexts(words, links.of, pay_link, wallet_names(settings)),
        replies=memory,
    )
    return MessagingParts(
        twilio=twilio,
        caller=caller,
        networks=outside,
        gateways=gateways,
        inbox=inbox,
        links=links,
        memory=memory,
    )


def _jobs(shared: SharedParts, money: MoneyParts, messaging: MessagingParts) -> "Callable[[], App]":
    settings, anew, clock, times = shared.settings, shared.anew, shared.clock, shared.times
    books, till = money.world.books, money.till
    sender = OutboxSender(books, messaging.gateways, clock, times)
    poster = Poster(books=books, billing=money.world.billing, acquirers=money.world.acquirers, clock=clock, times=times)
    sweep = Sweep(
        books=books,
        attendant=till.attendant,
        poster=poster,
        sender=sender,
        clock=clock,
        times=times,
        wallets=money.by_wallet,
    )
    periods = Periods(**settings.retention.model_dump())
    retention = RetentionJob(PgRetention(anew), clock, periods, PgKeptEvidence(anew, blind_of(settings)))

    def jobs() -> "App":
        # procrastinate is 2 MiB, and nothing to a process that answers customers only
        from core.database.jobs import Work, build_jobs
        from core.database.settlement.reconciliation import SettlementWatch

        watch = SettlementWatch(anew, clock, settings.settlement.overdue_days)
        audit, days = Audit(PgAudit(anew), clock), LedgerDays(anew)
        months = settings.archive.after_months
        archive = ArchiveJob(PgArchive(anew), clock, months) if months else None
        work = Work(
            attendant=till.attendant,
            poster=poster,
            sender=sender,
            sweep=sweep,
            retention=retention,
            settlement=watch,
            ledger_days=days,
            audit=audit,
            wallets=money.by_wallet,
            archive=archive,
        )
        return build_jobs(work, sweep_every_s=times.sweep_every_s, tracer=shared.tracer)

    return jobs


def blind_of(settings: Settings) -> Pseudonymiser:
    """The keyed digests that stand for people in transcripts."""
    return Pseudonymiser(settings.signing_keys())


def _transcripts(settings: Settings, database: Database, clock: Clock) -> Transcripts:
    blind = blind_of(settings)
    wanted = settings.retention.transcripts_days > 0
    return Transcripts(PgTranscripts(database, blind) if wanted else None, blind, clock)
