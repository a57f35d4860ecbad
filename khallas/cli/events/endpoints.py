"""What `khallas events` does: endpoints of the settings' database, each change logged with who made it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from core.clock import SystemClock
from core.database.events.endpoints import PgEventEndpoints
from core.database.help_desk.access_log import PgAccessLog
from core.database.pool import Database, open_database
from core.events.endpoints import EndpointError, EndpointKind, EndpointSecret, EventEndpoint, name_of, rotated, types_of
from core.events.signing import new_secret
from core.help_desk.access_log import Access, Action
from core.privacy.requests import OPERATOR
from khallas.bootstrap.events import endpoints_on, url_of
from khallas.cli import at_hand
from khallas.cli.user import operator
from khallas.settings.model import Settings, load


async def add(
    name: str, url: str, types: Sequence[str], *, full_numbers: bool = False, whole: bool = False
) -> EventEndpoint:
    """Adds an endpoint with its secret. Raises EndpointError, BadSettings, DatabaseUnavailable."""
    settings = load(at_hand.environ())
    endpoint = EventEndpoint(
        name_of(name),
        EndpointKind.WEBHOOK,
        url_of(url, settings),
        types_of(types),
        full_numbers,
        (EndpointSecret(new_secret()),),
    )
    async with _opened(settings) as (database, endpoints):
        added = await endpoints.add(endpoint, SystemClock().now(), whole=whole)
        await _log(database, f"add {name}{' with full numbers' if full_numbers else ''}")
        return added


async def every() -> Sequence[EventEndpoint]:
    async with _opened(load(at_hand.environ())) as (_, endpoints):
        return await endpoints.every()


async def rotate(name: str) -> str:
    """The new secret. Raises EndpointError."""
    async with _opened(load(at_hand.environ())) as (database, endpoints):
        endpoint = await endpoints.get(name)
        if endpoint.kind is not EndpointKind.WEBHOOK:
            raise EndpointError(f"{name} is the hub's: it has no secret")
        secret = new_secret()
        await endpoints.keep_secrets(name, rotated(endpoint.secrets, secret, SystemClock().now()))
        await _log(database, f"rotate {name}")
        return secret


async def enable(name: str) -> EventEndpoint:
    """Switches an endpoint on. Raises EndpointError."""
    async with _opened(load(at_hand.environ())) as (database, endpoints):
        await endpoints.get(name)
        await endpoints.switch_on(name)
        await _log(database, f"enable {name}")
        return await endpoints.get(name)


async def remove(name: str) -> None:
    """Removes an endpoint. Raises EndpointError."""
    async with _opened(load(at_hand.environ())) as (database, endpoints):
        if not await endpoints.remove(name):
            raise EndpointError(f"there is no endpoint {name}")
        await _log(database, f"remove {name}")


async def dead(name: str, limit: int) -> Sequence[Mapping[str, Any]]:
    async with _opened(load(at_hand.environ())) as (_, endpoints):
        return await endpoints.dead(limit, name)


async def resend(name: str, sequence: int | None) -> int:
    """Sends dead letters again. Returns how many. Raises EndpointError."""
    async with _opened(load(at_hand.environ())) as (database, endpoints):
        await endpoints.get(name)
        count = await endpoints.resend(name, SystemClock().now(), sequence)
        await _log(database, f"resend {name}: {count}")
        return count


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Database, PgEventEndpoints]]:
    async with open_database(settings.require_database_url()) as database:
        yield database, endpoints_on(database, settings)


async def _log(database: Database, detail: str) -> None:
    line = Access(SystemClock().now(), operator(), OPERATOR, Action.EVENTS, detail=detail)
    await PgAccessLog(database).write(line)
