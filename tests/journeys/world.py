"""The world of one transcript: the application joined as in the demo, its own database, a clock that moves when told.

Everything is real or speaks the real wire: Valkey, PostgreSQL, HTTP, signed TwiML, CC5 XML, SMTP.
"""

import base64
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources

from psycopg.sql import SQL, Identifier
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from core.database.pool import Database, open_database
from core.database.subscribers.importing import import_csv
from core.database.wake import TaskName
from khallas.server.app import Container, application, assemble
from khallas.settings.model import Settings
from lab.cmi.emulator import HANG_MAX_S, Gateway, app_of
from lab.cmi.ledger import Ledger
from lab.cmi.stand import DEMO_CREDENTIALS, EmulatedCmi
from lab.mailsink import MailSink
from lab.servers.serving import serving
from lab.twilio.rest import rest
from lab.twilio.server import Twilio
from tests.core.wallets.fakes import FakeWallet

PUBLIC_URL = "https://pay.example.ma"
VOICE_NUMBER = "+212520001117"
BANK_TIMEOUT_S = 10.0
BEGINS = datetime(
    2026, 11, 1, 9, 30, tzinfo=UTC
)  # before any real day this runs on, so that due jobs are due there too


class Clock:
    """Moves when told."""

    def __init__(self) -> None:
        self.time = BEGINS

    def now(self) -> datetime:
        return self.time

    def forward(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class World:
    """What a player acts on. `url` is where the application listens; customers know PUBLIC_URL."""

    url: str
    house: Container
    twilio: Twilio
    cmi: EmulatedCmi
    mails: MailSink
    clock: Clock
    wallet: FakeWallet | None = None

    async def later(self, seconds: float) -> None:
        """So much time passes, and the sweep looks at what is due."""
        self.clock.forward(seconds)
        await self.house.jobs().tasks[TaskName.SWEEP](timestamp=0)


class Switch:
    """A server's place for one application after another: starting and stopping a server a transcript is slow."""

    def __init__(self) -> None:
        self.app: ASGIApp = Starlette()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":  # the lifespan is the transcript's own
            await self.app(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parts listen, for all transcripts."""

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


@asynccontextmanager
async def world(
    at: Place,
    redis_url: str,
    database_url: str,
    *,
    bank_timeout_s: float = BANK_TIMEOUT_S,
    in_browser: bool = False,
    with_wallet: bool = False,
) -> AsyncIterator[World]:
    """Open for as long as the block lasts. The database holds the demo data.

    `in_browser`: customers reach the server at its own address, and the bank has a page of its own.
    `with_wallet`: their numbers have one.
    """
    clock, ledger = Clock(), Ledger()
    cmi = EmulatedCmi(at.cmi_url, Gateway(DEMO_CREDENTIALS, ledger, clock.now, HANG_MAX_S))
    at.cmi.app = app_of(cmi.gateway)
    async with AsyncExitStack() as stack:
        mails = await stack.enter_async_context(MailSink())
        twilio = await stack.enter_async_context(Twilio(ivr_number=VOICE_NUMBER))
        at.rest.app = rest(twilio)
        settings = _settings(redis_url, database_url, cmi, at.rest_url, mails.url, bank_timeout_s)
        wallet = FakeWallet(clock) if with_wallet else None
        wallets = {"neqdi": wallet} if wallet else None
        if wallet:  # receipts know its name by the settings
            settings = settings.model_copy(update={"wallets": {"neqdi": {"name": SecretStr(wallet.terms.name)}}})
        house = assemble(_with_a_page(settings, cmi, at.app_url) if in_browser else settings, clock, wallets=wallets)
        app = application(house, beside=True)
        await stack.enter_async_context(app.router.lifespan_context(app))
        stack.push_async_callback(_quiet, at, twilio)
        at.app.app = app
        twilio.connect(at.app_url, house.settings.public_url)
        yield World(at.app_url, house, twilio, cmi, mails, clock, wallet)


async def _quiet(at: Place, twilio: Twilio) -> None:
    """The last calls and reports come to their end before the application closes."""
    for call in twilio.calls.values():
        call.hang_up()
    await twilio.idle()
    at.app.app = Starlette()


def _settings(
    redis_url: str, database_url: str, cmi: EmulatedCmi, rest_url: str, smtp_url: str, bank_timeout_s: float
) -> Settings:
    account = cmi.account
    return Settings.model_validate(
        {
            "demo": True,
            "expose_screens": True,
            "redis_url": redis_url,
            "database_url": database_url,
            "public_url": PUBLIC_URL,
            "secret_keys": "a-key-of-the-journeys-alone",
            "vault_keys": "v1:" + base64.b64encode(bytes(32)).decode(),
            "smtp_url": smtp_url,
            "mail_from": "recus@khallas.example",
            "ivr": {"number": VOICE_NUMBER},
            "twilio": {"account_sid": "ACdemo", "auth_tokens": "demo-token", "from": "1117", "api_url": rest_url},
            "cmi": {
                "url": account.url,
                "client_id": account.client_id,
                "name": account.name,
                "password": account.password.reveal(),
                "timeout_s": bank_timeout_s,
            },
        }
    )


def _with_a_page(settings: Settings, cmi: EmulatedCmi, url: str) -> Settings:
    store_key = SecretStr(cmi.gateway.credentials.store_key.reveal())
    page = {"page_url": f"{cmi.url}/fim/est3Dgate", "store_key": store_key}
    return settings.model_copy(update={"public_url": url, "cmi": settings.cmi.model_copy(update=page)})


async def load_demo_data(database_url: str) -> None:
    """As `khallas demo` does."""
    demo = resources.files("lab").joinpath("demo")
    async with open_database(database_url) as database:
        for name in ("subscribers.csv", "invoices.csv"):
            with resources.as_file(demo / name) as file, file.open(encoding="utf-8-sig", newline="") as text:
                await import_csv(database, text, BEGINS)


async def everything_kept(database: Database) -> str:
    """All rows of all tables as text: to look for what must never be there."""
    tables = await database.all("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    kept: list[str] = []
    async with database.pool.connection() as connection:
        for table in tables:
            every_row = SQL("SELECT t::text AS row FROM {} t").format(Identifier(table["tablename"]))
            kept += [row["row"] for row in await (await connection.execute(every_row)).fetchall()]
    return "\n".join(kept)
