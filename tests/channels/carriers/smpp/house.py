"""The whole server, with a worker beside it, bound to the outside SMSC; nothing else of the world is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from core.database.pool import open_database
from core.payments.schedule import Times
from core.ports import Clock
from khallas.server.app import Container, application, assemble
from khallas.settings.model import Settings
from lab.servers.serving import serving
from tests.channels.carriers.smpp.conftest import until
from tests.channels.carriers.smpp.outside import Smsc
from tests.channels.sms.conftest import INVOICES, LINES
from tests.support.settings import base_settings

AWAY = "http://127.0.0.1:1"
KANNEL_SECRET = "a-secret-of-kannel-in-tests"


@dataclass(frozen=True, slots=True)
class Running:
    """A running server."""

    url: str
    house: Container

    async def statuses(self) -> list[tuple[str, str, str]]:
        """Kind, recipient and status of every message, the oldest first."""
        rows = await self.house.database.all("SELECT kind, recipient, status FROM messages ORDER BY created_at")
        return [(row["kind"], row["recipient"], row["status"]) for row in rows]

    async def message(self, msisdn: str) -> dict[str, Any]:
        """The one message to somebody."""
        rows = await self.house.database.all("SELECT * FROM messages WHERE recipient = %(who)s", who=msisdn)
        (row,) = rows
        return row


async def seed(database_url: str) -> None:
    async with open_database(database_url) as database:
        await database.do(LINES)
        await database.do(INVOICES)


def settings_of(redis_url: str, database_url: str, **more: object) -> Settings:
    return Settings.model_validate(
        base_settings(redis_url, database_url)
        | {
            "smtp_url": "smtp://127.0.0.1:1",
            "cmi": {"url": AWAY, "client_id": "1", "name": "n", "password": "p"},
            "sms": {"wires": "kannel"},
            "gateway_secrets": {"kannel": KANNEL_SECRET},
        }
        | more
    )


@asynccontextmanager
async def running(settings: Settings, port: int = 0, clock: Clock | None = None) -> AsyncIterator[Running]:
    """Bound and working for as long as the block lasts; without a clock of its own by this machine's."""
    house = assemble(settings, clock, times=Times(sweep_every_s=1))
    async with serving(application(house, beside=True), port) as url:

        async def bound() -> bool:
            return "down" not in house.networks.states().values()

        await until(bound)
        yield Running(url, house)


def binds(smsc: Smsc, *names: str, options: str = "response_s=1&enquire_s=1") -> dict[str, object]:
    """Settings of binds to the outside SMSC."""
    return {"binds": ",".join(f"{smsc.url}/{name}?{options}" for name in names or ("atlas",))}
