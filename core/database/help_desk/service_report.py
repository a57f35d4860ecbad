"""A month of service as statements: hours that were counted at the doors, and what the books say, day by day.

A day is found by the chain of hashes' index over the moments of payment_events, so that no statement walks a table
that grows for ever.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

from core.database.pool import Database
from core.help_desk.service_report import (
    RECEIPT_MAX_S,
    UNKNOWN_MAX_S,
    DoorCount,
    PeerMonth,
    ServiceCounts,
    ServiceReport,
    days_of,
    doors_of,
    peers_of,
)
from core.ledger.days import bounds
from core.repositories import MessageKind

HOUR = timedelta(hours=1)
DECIDING = ("approved", "refused", "challenged", "mismatch", "absent")
RECEIPTS = (MessageKind.RECEIPT_SMS, MessageKind.RECEIPT_MAIL)

# Hours' counts only grow: whoever copies one twice, or late, changes nothing.
KEEP = """
INSERT INTO service_hours (hour, channel, wire, outcome, bound, count)
SELECT %(hour)s, channel, wire, outcome, bound, count
FROM unnest(%(channels)s::text[], %(wires)s::text[], %(outcomes)s::text[], %(bounds)s::text[], %(counts)s::bigint[])
     AS counted (channel, wire, outcome, bound, count)
ORDER BY channel, wire, outcome, bound
ON CONFLICT (hour, channel, wire, outcome, bound) DO UPDATE SET count = GREATEST(service_hours.count, excluded.count)
"""
DOORS = """
SELECT channel, wire, outcome, bound, sum(count)::bigint AS count FROM service_hours
WHERE hour >= %(begins)s AND hour < %(ends)s GROUP BY 1, 2, 3, 4
"""
COUNTED = "SELECT count(DISTINCT hour) AS hours FROM service_hours WHERE hour >= %(begins)s AND hour < %(ends)s"

EVENTS = """
SELECT e.id, e.payment_id, e.at, e.event FROM audit_links l JOIN payment_events e ON e.id = l.row_id
WHERE l.chain = 'payment_events' AND l.row_at >= %(begins)s AND l.row_at < %(ends)s
"""
# Each sending with the first word that came after it; the wallet's, where that sending was a wallet's. What has no word
# yet is under way.
PEERS = f"""
SELECT COALESCE(w.provider, p.acquirer) AS name, w.provider IS NOT NULL AS wallet, count(*) AS asked,
       count(*) FILTER (WHERE n.event <> 'lost') AS answered
FROM ({EVENTS} AND e.event = 'send') s JOIN payments p ON p.id = s.payment_id
CROSS JOIN LATERAL (
    SELECT event FROM payment_events WHERE payment_id = s.payment_id AND id > s.id
    AND event = ANY(%(words)s) ORDER BY id LIMIT 1
) n
LEFT JOIN wallet_attempts w ON w.payment_id = s.payment_id AND w.payment_attempt = (
    SELECT count(*) FROM payment_events WHERE payment_id = s.payment_id AND id <= s.id AND event = 'send')
GROUP BY 1, 2
"""  # noqa: S608 - constants of this file
UNKNOWN = f"""
SELECT count(DISTINCT u.payment_id) AS unknown FROM ({EVENTS} AND e.event = 'lost') u
WHERE u.at + make_interval(secs => %(unknown_s)s) <= %(now)s AND NOT EXISTS (
    SELECT FROM payment_events n WHERE n.payment_id = u.payment_id AND n.id > u.id
    AND n.event = ANY(%(deciding)s) AND n.at <= u.at + make_interval(secs => %(unknown_s)s))
"""  # noqa: S608
RECEIVED = f"""
SELECT count(DISTINCT a.payment_id) AS paid, count(m.reference) AS receipts,
       count(*) FILTER (WHERE COALESCE(m.sent_at, CASE WHEN m.status IN ('queued', 'failed') THEN %(now)s END)
                              > m.created_at + make_interval(secs => %(receipt_s)s)) AS late,
       count(*) FILTER (WHERE m.sent_at IS NULL AND m.status IN ('sent', 'delivered')) AS untimed
FROM ({EVENTS} AND e.event = 'approved') a
LEFT JOIN messages m ON m.payment_id = a.payment_id AND m.kind = ANY(%(kinds)s) AND m.reference NOT LIKE '%%-again-%%'
"""  # noqa: S608


class PgServiceReports:
    """Reads months. Raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, hour: datetime, counts: Sequence[DoorCount]) -> None:
        """Writes an hour's counts down; the greater of what was there and what is told."""
        values: Mapping[str, list[object]] = {
            "channels": [each.channel for each in counts],
            "wires": [each.wire for each in counts],
            "outcomes": [each.outcome for each in counts],
            "bounds": [each.bound for each in counts],
            "counts": [each.count for each in counts],
        }
        await self._database.do(KEEP, hour=hour, **values)

    async def of(self, month: date, now: datetime) -> ServiceReport:
        """The month's report, as far as the month has come."""
        days = [bounds(day) for day in days_of(month)]
        begins, ends = days[0][0], days[-1][1]
        until = min(ends, now)
        peers, counts = list[PeerMonth](), ServiceCounts()
        for first, last in days:
            if first >= now:
                break
            peers += await self._peers(first, last)
            counts += await self._counts(first, last, now)
        doors = await self._database.all(DOORS, begins=begins, ends=ends)
        counted = await self._database.one(COUNTED, begins=begins, ends=ends)
        return ServiceReport(
            month.replace(day=1),
            now >= ends,
            max(0, -((begins - until) // HOUR)),
            counted["hours"] if counted else 0,
            doors_of(_doors(doors)),
            peers_of(iter(peers)),
            counts,
        )

    async def _peers(self, begins: datetime, ends: datetime) -> list[PeerMonth]:
        words = [*DECIDING, "lost"]
        rows = await self._database.all(PEERS, begins=begins, ends=ends, words=words)
        return [PeerMonth(row["name"], row["wallet"], row["asked"], row["answered"]) for row in rows]

    async def _counts(self, begins: datetime, ends: datetime, now: datetime) -> ServiceCounts:
        values = {"begins": begins, "ends": ends, "now": now}
        kinds = [str(kind) for kind in RECEIPTS]
        unknown = await self._database.one(UNKNOWN, **values, unknown_s=UNKNOWN_MAX_S, deciding=list(DECIDING))
        row = await self._database.one(RECEIVED, **values, receipt_s=RECEIPT_MAX_S, kinds=kinds)
        if row is None or unknown is None:  # counts are one row each
            return ServiceCounts()
        return ServiceCounts(row["paid"], unknown["unknown"], row["receipts"], row["late"], row["untimed"])


def _doors(rows: Sequence[Mapping[str, object]]) -> Iterator[DoorCount]:
    for row in rows:
        count = row["count"]
        assert isinstance(count, int)
        yield DoorCount(str(row["channel"]), str(row["wire"]), str(row["outcome"]), str(row["bound"]), count)
