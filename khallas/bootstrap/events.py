"""Events out, joined: endpoints, the relay beside the jobs, and what it sends with."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

from starlette.routing import Route

from channels.carriers.webhooks.addresses import allowed, host_of, literal, networks_of
from channels.carriers.webhooks.client import WebhookClient
from channels.http.receive import Count
from channels.hub import endpoint as hub
from core.database.events.deliveries import PgEventBooks
from core.database.events.endpoints import SEALED_FOR, PgEventEndpoints
from core.database.help_desk.audit import PgAudit
from core.database.pool import Database
from core.events.endpoints import EndpointError
from core.events.endpoints import url_of as spelled_url
from core.events.relay import RELAY_BOUNDS, EventRelay, RelayBounds
from core.help_desk.audit import ROUNDS_MAX, Chain
from core.ports import Clock
from core.sealing import Sealer
from khallas.bootstrap.authentication import bearer
from khallas.settings.model import BadSettings, Settings
from khallas.telemetry.periodic import repeated

LOOK_EVERY_S = 2.0

# Rows that committed out of their order are linked by the audit's own minute.
UNLINKED = """
SELECT (SELECT max(id) FROM payment_events)
       > COALESCE((SELECT max(row_id) FROM audit_links WHERE chain = 'payment_events'), 0) AS more
"""


def endpoints_on(database: Database, settings: Settings) -> PgEventEndpoints:
    """Builds the endpoints' repository. Raises BadSettings: without a key no secret can be sealed."""
    return PgEventEndpoints(database, _sealer(settings))


def relay_on(
    database: Database, settings: Settings, clock: Clock, client: WebhookClient, bounds: RelayBounds = RELAY_BOUNDS
) -> EventRelay:
    """Builds the relay that sends events over HTTPS."""
    chance = random.SystemRandom().random
    books = PgEventBooks(database, _sealer(settings))
    return EventRelay(
        books=books, poster=client, clock=clock, chance=chance, link=linking(database, clock), bounds=bounds
    )


def linking(database: Database, clock: Clock) -> Callable[[], Awaitable[None]]:
    """Grows the chain before a look, so that what was just committed has its place."""
    chain = PgAudit(database)

    async def link() -> None:
        row = await database.one(UNLINKED)
        for _ in range(ROUNDS_MAX if row and row["more"] else 0):
            if not await chain.link(Chain.PAYMENT_EVENTS, clock.now()):
                return

    return link


def url_of(url: str, settings: Settings) -> str:
    """An address that may be called; http:// to a listed private address alone. Raises EndpointError."""
    listed = networks_of(settings.events.private_networks)
    host = host_of(url)
    private = not allowed(host, ())
    if literal(host) and not allowed(host, listed):
        raise EndpointError("an address is of the open Internet, or of KHALLAS_EVENTS__PRIVATE_NETWORKS")
    return spelled_url(url, plain=private and allowed(host, listed))


def hub_routes(database: Database, settings: Settings, clock: Clock, count: Count, public_url: str) -> list[Route]:
    """POST /hub and DELETE /hub/{id}, where a token opens them."""
    if not settings.events.hub_tokens:
        return []
    check = bearer(settings)
    endpoints = endpoints_on(database, settings)
    return hub.routes(endpoints, partial(url_of, settings=settings), clock.now, check, count, public_url=public_url)


@asynccontextmanager
async def events_out(database: Database, settings: Settings, clock: Clock) -> AsyncIterator[None]:
    """The relay, for as long as the block lasts."""
    client = WebhookClient(networks_of(settings.events.private_networks))
    relay = relay_on(database, settings, clock, client)
    try:
        async with repeated(relay.look, LOOK_EVERY_S, "events"):
            yield
    finally:
        await client.aclose()


def _sealer(settings: Settings) -> Sealer:
    keys = settings.signing_keys()
    if not keys:
        raise BadSettings("KHALLAS_SECRET_KEYS is missing: webhooks' secrets are sealed under it")
    return Sealer(keys, SEALED_FOR)
