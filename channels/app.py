"""The composition root: the only place that joins rooms and names what stands behind each port."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from procrastinate import App
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from channels import asterisk, guards, networks, openapi, otel
from channels.callers import TwilioCaller
from channels.clock import ZONE, SystemClock
from channels.desk import desk_routes
from channels.front import Front, hot
from channels.hosted_page import page_routes
from channels.ivr import connector
from channels.ivr import endpoint as ivr
from channels.ivr.agi.server import AgiServer
from channels.ivr.speak import IvrSpeaker
from channels.ivr.transactions import RedisTransactions
from channels.ivr.wires import WIRES as IVR_WIRES
from channels.ivr.wires.twilio import TwilioVoice
from channels.ivr.wires.twilio_pay import pay_of
from channels.limits import Limits, RedisCardLimits, RedisCodeLimits
from channels.links import ReceiptLinks
from channels.logs import RequestIds
from channels.mail.compose import Composer
from channels.mail.compose import Sender as MailSender
from channels.mail.send import SmtpMailer, SmtpServer
from channels.metering import CountedPayments, CountedStore, CountedTexter, WatchedAcquirer
from channels.metrics import Metrics
from channels.metrics_till import TillMetrics
from channels.money import acquirer_of, billing_of
from channels.networks import Networks
from channels.queues import Queues
from channels.receipt_view import Operator
from channels.receive import Check
from channels.settings import BadSettings, Settings
from channels.sms import endpoint as sms
from channels.sms.answers import Answers
from channels.sms.inbox import Inbox, Post, SmsLimits
from channels.sms.memory import RedisMemory
from channels.sms.send import PaymentTexts
from channels.sms.wires import WIRES as SMS_WIRES
from channels.sms.words import Numbers as SmsNumbers
from channels.sms.words import Words
from channels.tally import Tally
from channels.twilio import TwilioAccount, TwilioRest, TwilioTexter
from channels.ussd import endpoint as ussd
from channels.ussd.callers import RedisCallers
from channels.ussd.wires import WIRES as USSD_WIRES
from channels.web import operations, receipts
from channels.web.pages import Pages
from core.acquirers.cmi import CmiAcquirer
from core.billing.embedded import EmbeddedBilling
from core.billing.tmforum import TmForumBilling
from core.billpay import Till, World
from core.books import Books
from core.database.books import books_on
from core.database.pool import Database, make_pool
from core.database.retention import PgRetention
from core.jobs import Work, build_jobs, worker_beside
from core.outbox import Gateways, Sender
from core.ports import Clock, Replies, Texter
from core.posting import Poster
from core.retention import Periods, Retention
from core.subscribers import national
from core.sweeps import Sweep
from core.texts import Texts, load_texts
from core.timing import Times
from core.tracing import NO_TRACER, Tracer
from sessions.cluster import connect
from sessions.perform import Performer
from sessions.redis_store import RedisStore
from sessions.turn import Numbers, Turns
from sessions.vault import Seals

W = TypeVar("W")

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
    jobs: App
    queues: Queues
    tracer: Tracer

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
    clock, texts, times = clock or SystemClock(), load_texts(), times or Times()
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
        [key.get_secret_value() for key in settings.secret_keys], _base(settings), settings.receipt_days
    )
    twilio = _twilio(settings)
    numbers = Numbers(settings.help_number, national(settings.ivr.number), settings.short_code)
    seals = Seals(settings.vault())
    performer = Performer(till, seals, RedisCardLimits(redis, seals.key("card limits"), counted.limit))
    turns = Turns(
        CountedStore(RedisStore(redis), counted), performer, clock, numbers, zone=ZONE, check_luhn=settings.check_luhn
    )
    memory = RedisMemory(redis)
    post = Post(memory, Limits(redis, "sms", counted.limit), books.messages, clock)
    inbox = _inbox(settings, Answers(_words(settings, texts), till, memory), post)
    texter = TwilioTexter(twilio, f"{_base(settings)}/sms/twilio/status")
    outside = networks.join(settings, redis, networks.Doors(inbox, turns, texts, metrics), texter)
    gateways = _gateways(settings, texts, links, twilio, clock, CountedTexter(outside.texter, counted), memory)
    sender, poster = Sender(books, gateways, clock, times), Poster(books, billing, acquirer, clock, times)
    sweep = Sweep(books, till.attendant, poster, sender, clock, times)
    retention = Retention(PgRetention(database), clock, Periods(**settings.retention.model_dump()))
    jobs = build_jobs(
        Work(till.attendant, poster, sender, sweep, retention), sweep_every_s=times.sweep_every_s, tracer=tracer
    )
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
        tracer,
    )


def build(settings: Settings, *, beside: bool = False, extra: Sequence[BaseRoute] = ()) -> Starlette:
    """The ASGI application. `beside` runs a worker in this process too; `extra` is the demo's phone."""
    return application(assemble(settings), beside=beside, extra=extra)


def operations_only(house: House) -> Starlette:
    """What a worker answers: whether it lives and is ready, and its metrics. The house is opened elsewhere."""
    return Starlette(routes=operations.routes(_probes(house), house.metrics.page, house.networks.states))


def application(house: House, *, beside: bool = False, extra: Sequence[BaseRoute] = ()) -> Starlette:
    """The doors of a house."""
    settings = house.settings
    switch, probes = _asterisk(house), _probes(house)
    tally = Tally(house.redis, house.clock, house.metrics)
    if switch is not None:
        probes["fastagi"] = switch.probe

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(house.open())
            await stack.enter_async_context(tally.running())
            await stack.enter_async_context(house.networks.open(serving=True))
            if switch is not None:
                await stack.enter_async_context(switch.open())
            if beside:
                await stack.enter_async_context(worker_beside(house.jobs, house.database.pool))
                await stack.enter_async_context(house.queues.watched())
            yield

    pages = Pages(house.texts, Operator(settings.operator_name, settings.help_number))
    busiest = _ussd_routes(house)
    routes = [
        *busiest,
        *openapi.routes(_enabled(settings.ussd.wires, USSD_WIRES, "USSD")),
        *_sms_routes(house),
        *_ivr_routes(house),
        *receipts.routes(pages, house.till, house.links, house.clock),
        *page_routes(settings, pages, house.till, house.links),
        *desk_routes(settings, pages, house.database, house.redis, house.till, house.clock, tally),
        *pages.routes(),
        *operations.routes(probes, house.metrics.page, house.networks.states),
        *extra,
    ]
    doors, layers = hot(busiest), [Middleware(RequestIds)]
    if house.tracer is not NO_TRACER:
        doors = {path: otel.Traced(door, house.tracer) for path, door in doors.items()}
        layers.insert(0, Middleware(otel.Traced, tracer=house.tracer))
    app = Front(doors, routes=routes, lifespan=lifespan, middleware=layers)
    app.state.refused = house.metrics.refused  # the protocol below counts whom it cuts
    return app


# --- doors -----------------------------------------------------------------------------------------------------------


def _ussd_routes(house: House) -> Sequence[BaseRoute]:
    settings = house.settings
    wires = _enabled(settings.ussd.wires, USSD_WIRES, "USSD")
    checks: dict[str, Check] = {name: guards.gate(settings, name) for name in wires}
    return ussd.routes(
        house.turns,
        house.texts,
        wires,
        checks,
        house.metrics,
        public_url=_base(settings),
        expose_screens=settings.expose_screens,
        callers=RedisCallers(house.redis),
    )


def _sms_routes(house: House) -> Sequence[BaseRoute]:
    settings = house.settings
    wires = _enabled(settings.sms.wires, SMS_WIRES, "SMS")
    checks = {name: guards.signed(settings) if name == "twilio" else guards.gate(settings, name) for name in wires}
    return sms.routes(house.inbox, wires, checks, house.metrics.refused, public_url=_base(settings))


def _ivr_routes(house: House) -> Sequence[BaseRoute]:
    settings, base = house.settings, _base(house.settings)
    if "twilio" not in _enabled(settings.ivr.wires, dict.fromkeys(IVR_WIRES), "IVR"):
        return ()
    by_connector = settings.ivr.card_mode == "pay"
    pay = pay_of(settings.ivr.pay_connector, house.texts) if by_connector else None
    doors = ivr.routes(
        house.turns,
        IvrSpeaker(house.texts, connector=by_connector),
        TwilioVoice(base, settings.help_number, pay=pay, currency=settings.currency),
        guards.signed(settings),
        house.metrics,
        public_url=base,
        expose_screens=settings.expose_screens,
    )
    if not by_connector:
        return doors
    charging = connector.Connector(
        house.till.payment,
        house.performer,
        RedisTransactions(house.redis),
        lambda: house.clock.now().astimezone(ZONE).date(),
        check_luhn=settings.check_luhn,
    )
    refuse = house.metrics.refused
    return [*doors, *connector.routes(charging, guards.connector(settings), refuse, public_url=base)]


def _asterisk(house: House) -> AgiServer | None:
    """The FastAGI server, where its wire is enabled; it listens beside HTTP."""
    settings = house.settings
    if "fastagi" not in settings.ivr.wires:
        return None
    return asterisk.agi_server(settings, house.texts, house.turns, house.metrics, guards.gate(settings, "fastagi"))


def _enabled(names: Sequence[str], wires: Mapping[str, W], kind: str) -> dict[str, W]:
    unknown = [name for name in names if name not in wires]
    if unknown:
        known = ", ".join(wires)
        raise BadSettings(f"KHALLAS_{kind}__WIRES: {', '.join(unknown)} is no wire; known are {known}")
    return {name: wires[name] for name in names}


# --- what stands behind the ports ------------------------------------------------------------------------------------


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
    base = _base(settings)
    return Gateways(
        texter,
        _mailer(settings, texts, links, clock),
        asterisk.caller(settings) or TwilioCaller(twilio, base, caller_id=settings.ivr.number or None),
        PaymentTexts(_words(settings, texts), links.of),
        replies,
    )


def _mailer(settings: Settings, texts: Texts, links: ReceiptLinks, clock: Clock) -> SmtpMailer:
    operator = Operator(settings.operator_name, settings.help_number)
    try:
        server = SmtpServer.parse(settings.smtp_url.get_secret_value())
        composer = Composer(texts, operator, MailSender.parse(settings.mail_from), links)
    except ValueError as error:
        raise BadSettings(f"KHALLAS_SMTP_URL, KHALLAS_MAIL_FROM: {error}") from None
    return SmtpMailer(server, composer, clock)


def _inbox(settings: Settings, answers: Answers, post: Post) -> Inbox:
    own = settings.sms
    limits = SmsLimits(own.sender_max, own.sender_day_max, own.prefix_max, own.everyone_max)
    return Inbox(answers, post, country_codes=own.countries, limits=limits)


def _words(settings: Settings, texts: Texts) -> Words:
    return Words(texts, SmsNumbers(settings.ussd.service_code, settings.help_number, national(settings.ivr.number)))


def _base(settings: Settings) -> str:
    return settings.public_url.rstrip("/")


def _probes(house: House) -> dict[str, operations.Probe]:
    async def redis() -> None:
        await house.redis.ping()

    async def database() -> None:
        await house.database.one("SELECT 1 AS up")

    async def migrations() -> None:
        await _at_head(house.database)

    return {"redis": redis, "database": database, "migrations": migrations}


async def _at_head(database: Database) -> None:
    from core.database.migrate import head

    row = await database.one("SELECT version_num FROM alembic_version")
    if row is None or row["version_num"] != await asyncio.to_thread(head):
        raise LookupError("the database is not at this release's migration")
