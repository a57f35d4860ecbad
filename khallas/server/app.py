"""The composition root: the doors of a house, as one ASGI application."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from channels.card_caps import RedisVisitLimits
from channels.http import openapi
from channels.http.front import Front, RequestIds, hot
from channels.http.hosts import Hosts
from channels.http.json_door import JsonDoor
from channels.http.receive import Check
from channels.ivr import endpoint as ivr
from channels.ivr.pay_connector import endpoint as connector
from channels.ivr.pay_connector.tokens import RedisTokens
from channels.ivr.pay_connector.transactions import RedisTransactions
from channels.ivr.prompts import Prompts
from channels.ivr.speaker import IvrSpeaker
from channels.ivr.wires import WIRES as IVR_WIRES
from channels.ivr.wires.twilio import TwilioVoice
from channels.ivr.wires.twilio_pay import pay_of
from channels.limits import Limits
from channels.pace import RedisPace
from channels.sms import endpoint as sms
from channels.sms.wires import WIRES as SMS_WIRES
from channels.ussd import endpoint as ussd
from channels.ussd.callers import RedisCallers
from channels.ussd.wires import WIRES as USSD_WIRES
from channels.wallets import endpoint as wallets
from channels.web import health as operations
from channels.web.pages import Pages, checked_logo
from channels.web.receipts import endpoint as receipts
from core.clock import ZONE
from core.database.pool import Database
from core.messaging.call_ends import KeptCallEnds
from core.payments.schedule import Times
from core.ports import CallEnd
from core.repositories import Delivery
from core.tracing import NO_TRACER
from khallas.bootstrap import authentication as guards
from khallas.bootstrap.billers import biller_json_doors, biller_routes
from khallas.bootstrap.calls import SharedCalls
from khallas.bootstrap.container import Container, assemble
from khallas.bootstrap.desk import desk_routes
from khallas.bootstrap.gateways import base_of, operator_of
from khallas.bootstrap.hosted_page import PageParts, page_parts, page_routes
from khallas.bootstrap.wallets import wallet_names
from khallas.bootstrap.web_door import door_routes
from khallas.settings.model import BadSettings, Settings
from khallas.telemetry import otel
from khallas.telemetry.usage import UsageCounters

if TYPE_CHECKING:
    from channels.ivr.agi.server import AgiServer

W = TypeVar("W")

__all__ = ["Container", "assemble", "build"]


@dataclass(frozen=True, slots=True)
class VoiceBounds:
    """Seconds that Twilio's doors wait: for the bank, and between two looks for a call whose end was told early."""

    bank_wait_s: float = connector.BANK_WAIT_S
    look_pause_s: float = ivr.LOOK_PAUSE_S


VOICE_BOUNDS = VoiceBounds()


def build(
    settings: Settings,
    *,
    beside: bool = False,
    extra: Sequence[BaseRoute] = (),
    calls: SharedCalls | None = None,
    times: Times | None = None,
) -> Starlette:
    """The ASGI application. `beside` runs a worker in this process too; `extra` is the demo's phone; `calls` is where
    one of several workers hears Asterisk; `times` is for tests."""
    return application(assemble(settings, times=times), beside=beside, extra=extra, calls=calls)


def operations_only(house: Container) -> Starlette:
    """The application of a worker: whether it lives and is ready, and its metrics. The container is opened
    elsewhere.
    """
    return Starlette(routes=operations.routes(_probes(house), house.metrics.page, house.networks.states))


def application(
    house: Container,
    *,
    beside: bool = False,
    extra: Sequence[BaseRoute] = (),
    calls: SharedCalls | None = None,
    voice: VoiceBounds = VOICE_BOUNDS,
) -> Starlette:
    """The doors of a house."""
    settings = house.settings
    switch, probes, states = _asterisk(house, calls), _probes(house), house.networks.states
    tally = UsageCounters(house.redis, house.clock, house.metrics)
    if switch is not None:
        probes["fastagi"] = switch.probe
        states = _with_sounds(house, switch)

    pages = _pages(house)
    visits = RedisVisitLimits(house.redis, house.counted.limit)
    hosted = page_parts(settings, house.till, RedisPace(Limits(house.redis, "page")), visits, house.clock)
    busiest = [*_ussd_routes(house), *_sms_routes(house), *_ivr_routes(house, voice)]
    routes = [
        *busiest,
        *openapi.routes(_enabled(settings.ussd.wires, USSD_WIRES, "USSD"), _other_json_doors(settings)),
        *biller_routes(house),
        *_wallet_routes(house),
        *receipts.routes(pages, house.till, house.books.refunds, house.links, house.clock),
        *page_routes(
            settings=settings,
            pages=pages,
            till=house.till,
            parts=hosted,
            receipts=house.links,
            count=house.metrics.refused,
        ),
        *_desk_routes(house, pages, tally),
        *pages.routes(),
        *operations.routes(probes, house.metrics.page, states),
        *_hub_routes(house),
        *extra,
        *door_routes(house, pages, hosted.hosting if hosted is not None else None),
    ]
    doors, layers = hot(busiest), [Middleware(RequestIds)]
    if house.tracer is not NO_TRACER:
        doors = {path: otel.Traced(door, house.tracer) for path, door in doors.items()}
        layers.insert(0, Middleware(otel.Traced, tracer=house.tracer))
    hosts = Hosts(base_of(settings), (*settings.hosts, settings.kannel.callback_url))
    app = Front(
        doors,
        hosts=hosts,
        count=house.metrics.refused,
        routes=routes,
        lifespan=lambda _: _running(house, tally, hosted, switch, beside=beside),
        middleware=layers,
    )
    app.state.refused = house.metrics.refused  # the protocol below counts whom it cuts
    app.state.leave = switch.leave if switch is not None else lambda: None  # what else lets nobody in at the stop
    return app


@asynccontextmanager
async def _running(
    house: Container, tally: UsageCounters, hosted: PageParts | None, switch: "AgiServer | None", *, beside: bool
) -> AsyncIterator[None]:
    """What is open and at work beside the doors, for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(house.open())
        if hosted is not None:
            stack.push_async_callback(hosted.opened.aclose)
        await stack.enter_async_context(tally.running())
        await stack.enter_async_context(house.transcripts.running())
        if switch is not None:
            await stack.enter_async_context(switch.open())
        await stack.enter_async_context(house.networks.open(serving=True))  # ends before calls are waited for
        if beside:
            from core.database.jobs import worker_beside  # as in the house: for those that run jobs
            from khallas.bootstrap.events import events_out
            from khallas.bootstrap.service_hours import hours_of

            await stack.enter_async_context(worker_beside(house.jobs(), house.database.pool))
            await stack.enter_async_context(house.queues.watched())
            await stack.enter_async_context(house.ledger.watched())
            await stack.enter_async_context(events_out(house.anew, house.settings, house.clock))
            await stack.enter_async_context(hours_of(house).running())
        yield


# --- doors -----------------------------------------------------------------------------------------------------------


def _desk_routes(house: Container, pages: Pages, tally: UsageCounters) -> Sequence[BaseRoute]:
    settings, database = house.settings, house.anew
    return desk_routes(
        settings=settings,
        pages=pages,
        database=database,
        redis=house.redis,
        till=house.till,
        clock=house.clock,
        tally=tally,
        hit=house.counted.limit,
        late=house.late,
    )


def _pages(house: Container) -> Pages:
    for named, logo in operator_of(house.settings).logos:
        try:
            checked_logo(logo)
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise BadSettings(f"KHALLAS_ACQUIRERS__{named.upper()}__LOGO: {why}") from None
    try:
        return Pages(house.texts, operator_of(house.settings))
    except OSError as error:
        raise BadSettings(f"KHALLAS_OPERATOR_LOGO: {error.strerror}") from None
    except ValueError as error:
        raise BadSettings(f"KHALLAS_OPERATOR_LOGO: {error}") from None


def _ussd_routes(house: Container) -> Sequence[BaseRoute]:
    settings = house.settings
    wires = _enabled(settings.ussd.wires, USSD_WIRES, "USSD")
    checks: dict[str, Check] = {name: guards.gate(settings, name) for name in wires}
    return ussd.routes(
        house.turns,
        house.texts,
        wires,
        checks,
        house.metrics,
        public_url=base_of(settings),
        expose_screens=settings.expose_screens,
        callers=RedisCallers(house.redis),
        transcripts=house.transcripts,
    )


def _sms_routes(house: Container) -> Sequence[BaseRoute]:
    settings = house.settings
    wires = _enabled(settings.sms.wires, SMS_WIRES, "SMS")
    checks = {name: guards.signed(settings) if name == "twilio" else guards.gate(settings, name) for name in wires}
    return sms.routes(house.inbox, wires, checks, house.metrics.refused, public_url=base_of(settings))


def _hub_routes(house: Container) -> Sequence[BaseRoute]:
    if not house.settings.events.hub_tokens:
        return ()
    from khallas.bootstrap.events import hub_routes

    return hub_routes(house.anew, house.settings, house.clock, house.metrics.refused, base_of(house.settings))


def _other_json_doors(settings: Settings) -> Sequence[JsonDoor]:
    by_connector = "twilio" in settings.ivr.wires and settings.ivr.card_mode == "pay"
    doors = (connector.JSON_DOOR,) if by_connector else ()
    return (*doors, *biller_json_doors(settings))


def _wallet_routes(house: Container) -> Sequence[BaseRoute]:
    """Where wallets call back; no door where there is none."""
    if not house.wallets.any:
        return ()
    return wallets.routes(house.wallets.called_back, house.metrics.refused, public_url=base_of(house.settings))


def _ivr_routes(house: Container, bounds: VoiceBounds) -> Sequence[BaseRoute]:
    settings, base = house.settings, base_of(house.settings)
    if "twilio" not in _enabled(settings.ivr.wires, dict.fromkeys(IVR_WIRES), "IVR"):
        return ()
    by_connector = settings.ivr.card_mode == "pay"
    pay = pay_of(settings.ivr.pay_connector, house.texts) if by_connector else None
    tokens = RedisTokens(house.redis, house.seals)
    doors = ivr.routes(
        house.turns,
        IvrSpeaker(house.texts, connector=by_connector),
        TwilioVoice(base, settings.ivr.help_dial or settings.help_number, pay=pay, currency=settings.currency),
        guards.signed(settings),
        house.metrics,
        public_url=base,
        expose_screens=settings.expose_screens,
        tell=house.transcripts.door("ivr", "twilio"),
        kept=tokens if by_connector else None,
        report=partial(_call_ended, house),
        look_pause_s=bounds.look_pause_s,
    )
    if not by_connector:
        return doors
    charging = connector.Connector(
        house.till.payment,
        house.performer,
        RedisTransactions(house.redis),
        tokens,
        lambda: house.clock.now().astimezone(ZONE).date(),
        check_luhn=settings.check_luhn,
        bank_wait_s=bounds.bank_wait_s,
    )
    refuse = house.metrics.refused
    return [*doors, *connector.routes(charging, guards.connector(settings), refuse, public_url=base)]


async def _call_ended(house: Container, status: Delivery, *, provider_id: str, error: str | None) -> bool:
    """Nobody can tell a busy telephone that rang from one that did not: none is rung again by itself."""
    end = CallEnd.ANSWERED if status is Delivery.DELIVERED else CallEnd.RANG
    return await KeptCallEnds(house.books.messages, house.clock)(provider_id, end, error or "")


def _asterisk(house: Container, calls: SharedCalls | None) -> "AgiServer | None":
    """The FastAGI server, where its wire is enabled; it listens beside HTTP."""
    settings = house.settings
    if "fastagi" not in settings.ivr.wires:
        return None
    from khallas.bootstrap import asterisk

    gate, tell = guards.gate_of(settings, "fastagi"), house.transcripts.door("ivr", "fastagi")
    return asterisk.agi_server(
        settings=settings,
        texts=house.texts,
        turns=house.turns,
        metrics=house.metrics,
        gate=gate,
        tell=tell,
        calls=calls,
    )


def _with_sounds(house: Container, switch: "AgiServer") -> Callable[[], Mapping[str, str]]:
    """The states of the networks, and whether every prompt has its sound."""
    from khallas.bootstrap.sounds import PromptSounds, sounds_folder

    folder = sounds_folder(house.settings)
    sounds = PromptSounds(Prompts(house.texts, wallet_names(house.settings)).pieces, folder, lambda: switch.unheard)
    return lambda: {**house.networks.states(), "sounds": sounds.state()}


def _enabled(names: Sequence[str], wires: Mapping[str, W], kind: str) -> dict[str, W]:
    unknown = [name for name in names if name not in wires]
    if unknown:
        known = ", ".join(wires)
        raise BadSettings(f"KHALLAS_{kind}__WIRES: {', '.join(unknown)} is no wire; known are {known}")
    return {name: wires[name] for name in names}


def _probes(house: Container) -> dict[str, operations.Probe]:
    async def redis() -> None:
        await house.redis.ping()

    async def database() -> None:
        await house.database.one("SELECT 1 AS up")

    async def migrations() -> None:
        await _migrated(house.database)

    return {"redis": redis, "database": database, "migrations": migrations}


async def _migrated(database: Database) -> None:
    from core.database.migrate import lags

    row = await database.one("SELECT version_num FROM alembic_version")
    if await asyncio.to_thread(lags, row["version_num"] if row else None):
        raise LookupError("the database lacks a migration of this release")
