"""What waits, looked at every LOOK_EVERY_S by whoever works jobs: how much is due and for how long."""

import logging
from contextlib import AbstractAsyncContextManager

from psycopg import Error

from core.database.pool import Database
from core.ports import Clock
from core.repositories import DatabaseUnavailable
from khallas.telemetry.payment_metrics import PaymentMetrics
from khallas.telemetry.periodic import repeated

log = logging.getLogger(__name__)

LOOK_EVERY_S = 15.0

# Each by a partial index; `since` is when the oldest became due, of an unknown payment when it was sent,
# of a wallet's attempt when its window was over (core/wallets/attempts.py). The relay's by the chain's own index; there
# is no such row where no relay ever ran.
LOOK = """
SELECT 'outbox' AS queue, count(*) AS due, min(due_at) AS since FROM ONLY messages WHERE due_at <= %(now)s
UNION ALL
SELECT 'postings', count(*), min(posting_due_at) FROM ONLY payment_lines WHERE posting_due_at <= %(now)s
UNION ALL
SELECT 'payments', count(*), min(due_at) FROM ONLY payments WHERE due_at <= %(now)s
UNION ALL
SELECT 'unknown', count(*), min(sent_at) FROM ONLY payments WHERE due_at IS NOT NULL AND state = 'unknown'
UNION ALL
SELECT 'undoing', count(*), min(sent_at) FROM ONLY payments
WHERE due_at IS NOT NULL AND state IN ('voiding', 'refunding', 'integrity_failure')
UNION ALL
SELECT 'refunds', count(*), min(due_at) FROM refunds WHERE due_at <= %(now)s
UNION ALL
SELECT 'settlement_' || q.queue, count(f.id), min(f.found_at)
FROM unnest(ARRAY['missing_here', 'missing_there', 'different', 'unreadable', 'no_file']) AS q (queue)
LEFT JOIN reconciliation_findings f ON f.queue = q.queue AND f.closed_at IS NULL AND f.resolved_at IS NULL
GROUP BY q.queue
UNION ALL
SELECT 'stuck', (SELECT count(*) FROM ONLY payment_lines WHERE posting = 'stuck')
    + (SELECT count(*) FROM refunds WHERE state IN ('stuck', 'untold') OR state = 'refused' AND closed_at IS NULL)
    + (SELECT count(*) FROM ONLY payments WHERE by_hand IS NOT NULL)
    + (SELECT count(*) FROM ONLY wallet_attempts WHERE state = 'surplus' AND by_hand IS NOT NULL), NULL
UNION ALL
SELECT 'wallet_unknown', count(*), min(ended_at) FROM (
    SELECT COALESCE(expires_at + interval '120 seconds', COALESCE(asked_at, sent_at) + interval '600 seconds')
        AS ended_at
    FROM ONLY wallet_attempts WHERE state IN ('asking', 'asked', 'unknown')
) open_attempts WHERE ended_at <= %(now)s
UNION ALL
SELECT 'outside_left', count(*), min(at) FROM outside_payments WHERE left_centimes > 0 AND given_back_at IS NULL
UNION ALL
SELECT 'events', count(*), min(due_at) FROM event_deliveries WHERE dead_at IS NULL AND due_at <= %(now)s
UNION ALL
SELECT 'events_dead', count(*), min(dead_at) FROM event_deliveries WHERE dead_at IS NOT NULL
UNION ALL
SELECT 'relay', COALESCE((SELECT max(number) FROM audit_links WHERE chain = 'payment_events') - s.cursor, 0),
    (SELECT row_at FROM audit_links WHERE chain = 'payment_events' AND number > s.cursor ORDER BY number LIMIT 1)
FROM event_streams s
UNION ALL
SELECT 'chargebacks', count(*), min(entered_at) FROM chargebacks
WHERE state IN ('received', 'evidence_sent') AND deadline <= (%(now)s + interval '3 days')::date
"""


class Queues:
    """Looks, and tells the metrics."""

    def __init__(self, database: Database, clock: Clock, metrics: PaymentMetrics) -> None:
        self._database = database
        self._clock = clock
        self._metrics = metrics

    async def look(self) -> None:
        """Looks once. Raises DatabaseUnavailable."""
        now = self._clock.now()
        for row in await self._database.all(LOOK, now=now):
            age_s = (now - row["since"]).total_seconds() if row["since"] else 0.0
            self._metrics.queue(row["queue"], row["due"], age_s)

    def watched(self, every_s: float = LOOK_EVERY_S) -> AbstractAsyncContextManager[None]:
        """Watches the queues for as long as the block lasts."""
        return repeated(self._tried, every_s, "queues")

    async def _tried(self) -> None:
        try:
            await self.look()
        except (DatabaseUnavailable, Error) as error:
            log.warning("queues could not be looked at: %s", type(error).__name__)
