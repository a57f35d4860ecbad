"""Endpoints' rows: added, listed, rotated, switched off and on. Secrets are sealed under the settings' keys."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import errors

from core.database.pool import Database
from core.events.catalogue import EventType
from core.events.endpoints import ENDPOINTS_MAX, EndpointError, EndpointKind, EndpointSecret, EventEndpoint
from core.sealing import Sealer

SEALED_FOR = "webhooks"

# Behind what is linked so far, or behind nothing: whole history.
ADD = """
INSERT INTO event_endpoints (name, kind, url, query, types, full_numbers, sealed_secrets, cursor, created_at)
SELECT %(name)s, %(kind)s, %(url)s, %(query)s, %(types)s, %(full)s, %(sealed)s,
       CASE WHEN %(whole)s THEN 0 ELSE (SELECT COALESCE(max(number), 0) FROM audit_links
                                        WHERE chain = 'payment_events') END, %(now)s
WHERE (SELECT count(*) FROM event_endpoints) < %(most)s
RETURNING cursor
"""

LIST = """
SELECT e.*, d.waiting, d.oldest_at, d.dead FROM event_endpoints e
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE dead_at IS NULL) AS waiting, count(*) FILTER (WHERE dead_at IS NOT NULL) AS dead,
           min(planned_at) FILTER (WHERE dead_at IS NULL) AS oldest_at
    FROM event_deliveries WHERE endpoint = e.name
) d ORDER BY e.name
"""

GET = "SELECT * FROM event_endpoints WHERE name = %(name)s"
REMOVE = "DELETE FROM event_endpoints WHERE name = %(name)s"
REMOVE_HUB = "DELETE FROM event_endpoints WHERE name = %(name)s AND kind = 'tmf'"
SECRETS = "UPDATE event_endpoints SET sealed_secrets = %(sealed)s WHERE name = %(name)s"
RESEAL = "UPDATE event_endpoints SET sealed_secrets = %(fresh)s WHERE name = %(name)s AND sealed_secrets = %(sealed)s"
SWITCH_ON = """
UPDATE event_endpoints SET disabled_at = NULL, disabled_why = NULL, quiet_until = NULL WHERE name = %(name)s
"""
RESEND = """
UPDATE event_deliveries SET dead_at = NULL, due_at = %(now)s, attempts = 0
WHERE endpoint = %(name)s AND dead_at IS NOT NULL AND (%(sequence)s::bigint IS NULL OR sequence = %(sequence)s)
"""
DEAD = """
SELECT endpoint, sequence, row_id, payment_id, type, attempts, dead_at, error FROM event_deliveries
WHERE dead_at IS NOT NULL AND (%(name)s = '' OR endpoint = %(name)s)
ORDER BY dead_at DESC, sequence DESC LIMIT %(limit)s
"""


class PgEventEndpoints:
    """The endpoints as the command line, the hub and the desk read and change them. Raises DatabaseUnavailable."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def add(self, endpoint: EventEndpoint, now: datetime, *, whole: bool = False) -> EventEndpoint:
        """`whole`: with everything that ever happened. Raises EndpointError."""
        values = {
            "name": endpoint.name,
            "kind": endpoint.kind,
            "url": endpoint.url,
            "query": endpoint.query,
            "types": sorted(endpoint.types),
            "full": endpoint.full_numbers,
            "sealed": self._sealed(endpoint.name, endpoint.secrets),
            "whole": whole,
            "now": now,
            "most": ENDPOINTS_MAX,
        }
        try:
            row = await self._database.one(ADD, **values)
        except errors.UniqueViolation:
            raise EndpointError(f"{endpoint.name} is there already") from None
        if row is None:
            raise EndpointError(f"there are {ENDPOINTS_MAX} endpoints, the most there can be")
        return await self.get(endpoint.name)

    async def every(self) -> Sequence[EventEndpoint]:
        return [endpoint_of(row, self._sealer) for row in await self._database.all(LIST)]

    async def get(self, name: str) -> EventEndpoint:
        """Reads an endpoint. Raises EndpointError."""
        row = await self._database.one(GET, name=name)
        if row is None:
            raise EndpointError(f"there is no endpoint {name}")
        return endpoint_of(row, self._sealer)

    async def remove(self, name: str, *, hub: bool = False) -> bool:
        """Removes an endpoint with what it was not told. `hub`: one of the hub's alone."""
        return await self._database.do(REMOVE_HUB if hub else REMOVE, name=name) > 0

    async def keep_secrets(self, name: str, secrets: Sequence[EndpointSecret]) -> None:
        await self._database.do(SECRETS, name=name, sealed=self._sealed(name, secrets))

    async def switch_on(self, name: str) -> None:
        await self._database.do(SWITCH_ON, name=name)

    async def resend(self, name: str, now: datetime, sequence: int | None = None) -> int:
        """Dead letters, all or one, are due again; how many."""
        return await self._database.do(RESEND, name=name, now=now, sequence=sequence)

    async def dead(self, limit: int, name: str = "") -> Sequence[Mapping[str, Any]]:
        """The newest dead letters."""
        return await self._database.all(DEAD, name=name, limit=limit)

    def _sealed(self, name: str, secrets: Sequence[EndpointSecret]) -> bytes:
        rows = [[each.value, each.until.isoformat() if each.until else None] for each in secrets]
        return self._sealer.seal(name, json.dumps(rows).encode())


def resealed(row: Mapping[str, Any], sealer: Sealer) -> bytes | None:
    """A row's secrets under the first key, where a former one sealed them: that one can then be taken away."""
    opened = sealer.open(row["name"], bytes(row["sealed_secrets"]))
    return sealer.seal(row["name"], opened[0]) if opened and opened[1] else None


def endpoint_of(row: Mapping[str, Any], sealer: Sealer) -> EventEndpoint:
    """A row; secrets that no key opens are none: nothing would be signed, and the poster says so."""
    opened = sealer.open(row["name"], bytes(row["sealed_secrets"]))
    rows = json.loads(opened[0]) if opened else []
    secrets = tuple(EndpointSecret(value, datetime.fromisoformat(until) if until else None) for value, until in rows)
    return EventEndpoint(
        name=row["name"],
        kind=EndpointKind(row["kind"]),
        url=row["url"],
        types=frozenset(EventType(each) for each in row["types"]),
        full_numbers=row["full_numbers"],
        secrets=secrets,
        query=row["query"],
        cursor=row["cursor"],
        disabled_why=row["disabled_why"] or "",
        delivered=row["delivered"],
        delivered_at=row["delivered_at"],
        waiting=row.get("waiting", 0),
        oldest_at=row.get("oldest_at"),
        dead=row.get("dead", 0),
    )
