"""A whole server in this process, for tests of security: real Valkey, PostgreSQL, HTTP, SMTP and XML; a fixed clock."""

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.applications import Starlette

from khallas.server.app import Container, application, assemble
from khallas.settings.model import Settings
from lab.cmi.stand import EmulatedCmi, emulated_cmi
from lab.mailsink import MailSink
from lab.servers.serving import serving
from lab.twilio.rest import rest
from lab.twilio.server import Twilio

PUBLIC_URL = "https://pay.example.ma"
VOICE_NUMBER = "+212520001117"
BANK_TIMEOUT_S = 10.0
BEGINS = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)  # before any real day this runs on: due jobs are due there too

Change = Callable[[Settings], Settings]


class Clock:
    """Stands still."""

    def now(self) -> datetime:
        return BEGINS


@dataclass(frozen=True, slots=True)
class World:
    """The server and what stands in for the world. `url` is where it listens; signatures are over PUBLIC_URL."""

    url: str
    app: Starlette
    house: Container
    twilio: Twilio
    cmi: EmulatedCmi
    mails: MailSink


def unchanged(settings: Settings) -> Settings:
    return settings


@asynccontextmanager
async def world(
    redis_url: str,
    database_url: str,
    *,
    bank_timeout_s: float = BANK_TIMEOUT_S,
    change: Change = unchanged,
    beside: bool = True,
) -> AsyncIterator[World]:
    """Open for as long as the block lasts, a worker beside it unless told otherwise."""
    async with AsyncExitStack() as stack:
        mails = await stack.enter_async_context(MailSink())
        cmi = await stack.enter_async_context(emulated_cmi(now=Clock().now))
        twilio = await stack.enter_async_context(Twilio(ivr_number=VOICE_NUMBER))
        rest_url = await stack.enter_async_context(serving(rest(twilio)))
        settings = _settings(redis_url, database_url, cmi, rest_url, mails.url, bank_timeout_s)
        house = assemble(change(settings), Clock())
        app = application(house, beside=beside)
        url = await stack.enter_async_context(serving(app))
        twilio.connect(url, PUBLIC_URL)
        yield World(url, app, house, twilio, cmi, mails)


def changed(settings: Settings, **parts: dict[str, object]) -> Settings:
    """The settings with parts of them set anew: changed(settings, ivr={"card_mode": "pay"})."""
    told = settings.model_dump(by_alias=True)
    return Settings.model_validate(told | {part: told[part] | own for part, own in parts.items()})


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
            "secret_keys": "a-key-of-the-tests-alone",
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
