"""A whole application in this process, joined as in the demo, with a clock that moves when told.

Everything is real or speaks the real wire: Valkey, PostgreSQL, HTTP, signed TwiML, CC5 XML, SMTP.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg.sql import SQL, Identifier
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from channels.limits import RedisCardLimits
from core.database.pool import Database
from core.database.wake import TaskName
from khallas.server.app import VOICE_BOUNDS, Container, VoiceBounds, application, assemble
from khallas.settings.model import Settings
from lab import demo
from lab.clocks import StillClock
from lab.cmi.cards import CARDS, CardTable
from lab.cmi.emulator import HANG_MAX_S, Gateway, app_of
from lab.cmi.ledger import Ledger
from lab.cmi.stand import DEMO_CREDENTIALS, EmulatedCmi
from lab.mailsink import MailSink
from lab.servers.serving import serving
from lab.twilio.rest import rest
from lab.twilio.server import Twilio
from tests.support.settings import PUBLIC_URL, changed, world_settings
from tests.support.wallet import FakeWallet

__all__ = ["BEGINS", "PUBLIC_URL", "Place", "World", "changed", "load_demo_data", "place", "stored_rows", "world"]

VOICE_NUMBER = "+212520001117"
BANK_TIMEOUT_S = 10.0
BEGINS = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)  # before any real day this runs on: due jobs are due there too

Change = Callable[[Settings], Settings]


@dataclass(frozen=True, slots=True)
class World:
    """The server and what stands in for the world. `url` is where it listens; customers know PUBLIC_URL."""

    url: str
    app: Starlette
    house: Container
    twilio: Twilio
    cmi: EmulatedCmi
    mails: MailSink
    clock: StillClock
    wallet: FakeWallet | None = None

    async def later(self, seconds: float) -> None:
        """So much time passes, and the sweep looks at what is due."""
        self.clock.forward(seconds)
        await self.house.jobs().tasks[TaskName.SWEEP](timestamp=0)


class Switch:
    """A server's place for one application after another: starting and stopping a server a world is slow."""

    def __init__(self) -> None:
        self.app: ASGIApp = Starlette()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":  # the lifespan is the world's own
            await self.app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parts listen, for one world after another."""

    app: Switch
    app_url: str
    rest: Switch
    rest_url: str
    cmi: Switch
    cmi_url: str


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    """Three servers for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        app, calls, cmi = Switch(), Switch(), Switch()
        app_url, rest_url, cmi_url = [await stack.enter_async_context(serving(each)) for each in (app, calls, cmi)]
        yield Place(app, app_url, calls, rest_url, cmi, cmi_url)


def unchanged(settings: Settings) -> Settings:
    return settings


@asynccontextmanager
async def world(
    redis_url: str,
    database_url: str,
    *,
    at: Place | None = None,
    bank_timeout_s: float = BANK_TIMEOUT_S,
    change: Change = unchanged,
    beside: bool = True,
    in_browser: bool = False,
    with_wallet: bool = False,
    bank_cards: CardTable = CARDS,
    voice: VoiceBounds = VOICE_BOUNDS,
    card_limits: type[RedisCardLimits] = RedisCardLimits,
) -> AsyncIterator[World]:
    """Open for as long as the block lasts, a worker beside it unless told otherwise; `at` a place that is kept, or at
    one of its own.

    `in_browser`: customers reach the server at its own address, and the bank has a page of its own.
    `with_wallet`: their numbers have one. `bank_cards`: what the bank knows of which card.
    """
    clock = StillClock(BEGINS)
    async with AsyncExitStack() as stack:
        here: Place = await stack.enter_async_context(place()) if at is None else at
        cmi = EmulatedCmi(here.cmi_url, Gateway(DEMO_CREDENTIALS, Ledger(), clock.now, HANG_MAX_S, bank_cards))
        here.cmi.app = app_of(cmi.gateway)
        mails = await stack.enter_async_context(MailSink())
        twilio = await stack.enter_async_context(Twilio(ivr_number=VOICE_NUMBER))
        here.rest.app = rest(twilio)
        settings = change(
            world_settings(
                redis_url, database_url, cmi, twilio, here.rest_url, mails.url, bank_timeout_s=bank_timeout_s
            )
        )
        wallet = FakeWallet(clock) if with_wallet else None
        if wallet:  # receipts know its name by the settings
            settings = settings.model_copy(update={"wallets": {"neqdi": {"name": SecretStr(wallet.terms.name)}}})
        house = assemble(
            _with_a_page(settings, cmi, here.app_url) if in_browser else settings,
            clock,
            wallets={"neqdi": wallet} if wallet else None,
            card_limits=card_limits,
        )
        app = application(house, beside=beside, voice=voice)
        await stack.enter_async_context(app.router.lifespan_context(app))
        stack.push_async_callback(_quiet, here, twilio)
        here.app.app = app
        twilio.connect(here.app_url, house.settings.public_url)
        yield World(here.app_url, app, house, twilio, cmi, mails, clock, wallet)


async def _quiet(at: Place, twilio: Twilio) -> None:
    """The last calls and reports come to their end before the application closes."""
    for call in twilio.calls.values():
        call.hang_up()
    await twilio.idle()
    at.app.app = Starlette()


def _with_a_page(settings: Settings, cmi: EmulatedCmi, url: str) -> Settings:
    return changed(settings.model_copy(update={"public_url": url}), cmi=dict(cmi.settings(page=True)))


async def load_demo_data(database_url: str) -> None:
    """As `khallas demo` does, when the clock begins."""
    await demo.load_demo_data(database_url, BEGINS)


async def stored_rows(database: Database) -> str:
    """All rows of all tables as text: to look for what must never be there."""
    tables = await database.all("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows: list[str] = []
    async with database.pool.connection() as connection:
        for table in tables:
            every_row = SQL("SELECT t::text AS row FROM {} t").format(Identifier(table["tablename"]))
            rows += [row["row"] for row in await (await connection.execute(every_row)).fetchall()]
    return "\n".join(rows)
