"""Chargebacks as rows: the entry, each step, the payment's event and the ledger's transfer are one commit."""

from datetime import datetime
from typing import Any

from psycopg.rows import DictRow

from core.acquirers.terms import FIRST
from core.chargebacks.service import Chargeback, ChargebackRefusal, ChargebackState, Claim
from core.database.ledger.transfers import post_within
from core.database.pool import Connection, Database
from core.ledger.transfers import LedgerOccasion, Transfer, chargeback_lost, chargeback_received, chargeback_won
from core.payments.table import PaymentState

# The lock keeps a refund that is decided at the same moment from going out too.
PAYMENT = """
SELECT p.state, COALESCE(p.approved_centimes, p.amount_centimes) AS taken,
       (SELECT COALESCE(sum(CASE WHEN l.posting IN ('crediting', 'credited', 'stuck') THEN l.amount_centimes
                            ELSE l.returned_centimes END), 0) FROM payment_lines l WHERE l.payment_id = p.id) AS back,
       (SELECT COALESCE(sum(c.amount_centimes), 0) FROM chargebacks c
        WHERE c.payment_id = p.id AND c.state <> 'won') AS claimed
FROM payments p WHERE p.id = %(payment_id)s FOR NO KEY UPDATE OF p
"""

KNOWN = "SELECT * FROM chargebacks WHERE case_id = %(case_id)s"

RECEIVE = """
INSERT INTO chargebacks (case_id, payment_id, reason_code, amount_centimes, state, received_on, deadline, entered_by,
    entered_at)
VALUES (%(case_id)s, %(payment_id)s, %(reason)s, %(amount)s, 'received', %(received_on)s, %(deadline)s, %(who)s,
    %(now)s)
RETURNING *
"""

MOVE = """
UPDATE chargebacks SET state = %(after)s,
    decided_by = CASE WHEN %(after)s = 'evidence_sent' THEN decided_by ELSE %(who)s END,
    decided_at = CASE WHEN %(after)s = 'evidence_sent' THEN decided_at ELSE %(now)s END
WHERE id = %(id)s AND state = %(before)s
RETURNING id
"""

NOTE = """
WITH noted AS (
    INSERT INTO chargeback_events (chargeback_id, at, who, state, note)
    VALUES (%(id)s, %(now)s, %(who)s, %(after)s, %(note)s)
)
INSERT INTO payment_events (payment_id, at, event, state, detail)
SELECT id, %(now)s, 'chargeback_' || %(after)s, state, %(detail)s FROM payments WHERE id = %(payment_id)s
"""

GET = "SELECT * FROM chargebacks WHERE id = %(id)s"
OF_PAYMENT = "SELECT * FROM chargebacks WHERE payment_id = %(id)s ORDER BY id"
OPEN = """
SELECT * FROM chargebacks WHERE state IN ('received', 'evidence_sent') ORDER BY deadline, id LIMIT %(limit)s
"""

_TAKEN = frozenset({PaymentState.CAPTURED})
_BACK = frozenset({PaymentState.VOIDING, PaymentState.VOIDED, PaymentState.REFUNDING, PaymentState.REFUNDED})

WHOSE = "SELECT acquirer FROM payments WHERE id = %(payment_id)s"


class PgChargebacks:
    """Implements core.chargebacks.service.ChargebackBooks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def receive(self, claim: Claim, who: str, now: datetime) -> Chargeback | ChargebackRefusal:
        async def work(connection: Connection) -> Chargeback | ChargebackRefusal:
            async with connection.transaction():
                values = {"case_id": claim.case_id, "payment_id": claim.payment_id}
                payment = await _one(connection, PAYMENT, values)
                known = await _one(connection, KNOWN, values)
                if known is not None:
                    known_chargeback = _chargeback_of(known)
                    return known_chargeback if known_chargeback.claim == claim else ChargebackRefusal.KNOWN
                refusal = _refusal(payment, claim)
                if refusal is not None:
                    return refusal
                more = {"reason": claim.reason_code, "amount": claim.amount_centimes, "who": who, "now": now}
                days = {"received_on": claim.received_on, "deadline": claim.deadline}
                row = await _one(connection, RECEIVE, {**values, **more, **days})
                assert row is not None, "an insert returns its row"
                received = _chargeback_of(row)
                await _noted(connection, received, ChargebackState.RECEIVED, who, "", now)
                return received

        return await self._database.run(work)

    async def move(
        self, chargeback: Chargeback, after: ChargebackState, who: str, note: str, now: datetime
    ) -> ChargebackRefusal | None:
        async def work(connection: Connection) -> ChargebackRefusal | None:
            async with connection.transaction():
                values = {"id": chargeback.id, "before": chargeback.state, "after": after, "who": who, "now": now}
                if await _one(connection, MOVE, values) is None:
                    return ChargebackRefusal.NOT_NOW
                await _noted(connection, chargeback, after, who, note, now)
                return None

        return await self._database.run(work)

    async def get(self, chargeback_id: int) -> Chargeback | None:
        row = await self._database.one(GET, id=chargeback_id)
        return None if row is None else _chargeback_of(row)

    async def of_payment(self, payment_id: str) -> tuple[Chargeback, ...]:
        return tuple(_chargeback_of(row) for row in await self._database.all(OF_PAYMENT, id=payment_id))

    async def open(self, limit: int) -> tuple[Chargeback, ...]:
        return tuple(_chargeback_of(row) for row in await self._database.all(OPEN, limit=limit))


def _refusal(payment: DictRow | None, claim: Claim) -> ChargebackRefusal | None:
    if payment is None:
        return ChargebackRefusal.NO_PAYMENT
    if payment["state"] in _BACK or payment["back"] >= payment["taken"]:
        return ChargebackRefusal.GONE_BACK
    if payment["state"] not in _TAKEN:
        return ChargebackRefusal.NOT_TAKEN
    if claim.amount_centimes > payment["taken"] - payment["back"] - payment["claimed"]:
        return ChargebackRefusal.GONE_BACK if payment["back"] else ChargebackRefusal.TOO_MUCH
    return None


async def _noted(
    connection: Connection, chargeback: Chargeback, after: ChargebackState, who: str, note: str, now: datetime
) -> None:
    claim = chargeback.claim
    detail = f"{claim.case_id} {claim.reason_code}"
    values = {"id": chargeback.id, "payment_id": claim.payment_id, "who": who, "after": str(after)}
    await connection.execute(NOTE, {**values, "note": note, "detail": detail, "now": now})
    whose = await _one(connection, WHOSE, {"payment_id": claim.payment_id})
    acquirer = whose["acquirer"] if whose else FIRST
    await post_within(connection, _transfers(chargeback, after, now, acquirer))


def _transfers(chargeback: Chargeback, after: ChargebackState, now: datetime, acquirer: str) -> tuple[Transfer, ...]:
    key = f"chargeback:{chargeback.id}:{after}"
    occasion = LedgerOccasion(key, now, chargeback.claim.payment_id, acquirer)
    match after:
        case ChargebackState.RECEIVED:
            return chargeback_received(occasion, chargeback.claim.amount_centimes)
        case ChargebackState.WON:
            return chargeback_won(occasion, chargeback.claim.amount_centimes)
        case ChargebackState.LOST | ChargebackState.ACCEPTED:
            return chargeback_lost(occasion, chargeback.claim.amount_centimes)
    return ()


async def _one(connection: Connection, statement: str, values: dict[str, Any]) -> DictRow | None:
    return await (await connection.execute(statement, values)).fetchone()


def _chargeback_of(row: DictRow) -> Chargeback:
    claim = Claim(
        row["case_id"],
        row["payment_id"],
        row["reason_code"],
        row["amount_centimes"],
        row["received_on"],
        row["deadline"],
    )
    return Chargeback(row["id"], claim, ChargebackState(row["state"]), row["entered_by"], row["decided_by"])
