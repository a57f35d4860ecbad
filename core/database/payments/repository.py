"""Payments in PostgreSQL. A change is one statement: the guarded UPDATE, its event, its locks and its messages.

No row back means a lost race: IllegalMove; or that this very change was committed by the try before, whose connection
was lost with the answer. Jobs that wake a worker are deferred on the same connection, in the same
transaction; they are hints, the rows' due times are the truth (core/payments/janitor.py).
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from psycopg import Rollback, errors
from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from core.database.archive.months import BRING_BACK
from core.database.payments import statements as sql
from core.database.pool import Connection, Database
from core.database.rows import bills_of, payment_of
from core.payments.table import ACTIVE, KEEPS_LOCKS, IllegalMove, Payment, PaymentEvent, PaymentState, sources, target
from core.repositories import BillsTaken, Change, KeyTaken, NewPayment, ReferenceTaken, RepositoryError
from core.subscribers.lines import ServiceType
from core.tracing import request_id

_TAKEN: dict[str, type[RepositoryError]] = {
    "payment_lines_active": BillsTaken,
    "payments_idempotency_key_key": KeyTaken,
    "payments_open_reference": ReferenceTaken,
    "wallet_attempts_open": BillsTaken,  # a wallet is being asked: no card is charged beside it
}
OWN_ROW = "payments_pkey"  # ids are random: nobody else has this one

# The money is back: billing hears of it. A telling under way when it ended is over by then.
_ENDED = frozenset({PaymentEvent.VOIDED, PaymentEvent.REFUNDED})
TOLD_WITHIN = timedelta(seconds=60)
# Events that say by which tender: the sending, and what takes money in.
_NAMES_TENDER = frozenset({PaymentEvent.SEND, PaymentEvent.APPROVED, PaymentEvent.MISMATCH})


class PgPayments:
    """Implements core.repositories.Payments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, payment_id: str) -> Payment | None:
        return _maybe(await self._live_first(sql.GET, id=payment_id))

    async def by_key(self, idempotency_key: str) -> tuple[Payment, str] | None:
        row = await self._live_first(sql.BY_KEY, key=idempotency_key)
        return None if row is None else (payment_of(row), row["fingerprint"])

    async def by_reference(self, reference: str, now: datetime) -> Payment | None:
        return _maybe(await self._database.one(sql.BY_REFERENCE, reference=reference, now=now))

    async def by_token(self, token: str) -> Payment | None:
        return _maybe(await self._live_first(sql.RECEIPT, token=token))

    async def open_of(self, msisdn: str, now: datetime) -> Payment | None:
        return _maybe(await self._database.one(sql.OPEN_OF, msisdn=msisdn, now=now))

    async def has_paid(self, msisdn: str, service: ServiceType, reference: str) -> bool:
        found = await self._live_first(sql.HAS_PAID, msisdn=msisdn, service=service, reference=reference)
        return found is not None

    async def add(self, draft: NewPayment) -> None:
        payment = draft.payment
        in_order = sorted(payment.invoices, key=lambda invoice: invoice.number)  # the same order for all: no deadlock
        try:
            added = await self._database.do(
                sql.ADD,
                id=payment.id,
                key=draft.idempotency_key,
                fingerprint=draft.fingerprint,
                reference=payment.reference,
                service=payment.service,
                line_reference=payment.line_reference,
                payer=payment.payer_msisdn,
                email=payment.email,
                email_typed=payment.email_typed,
                language=payment.language,
                channel=payment.channel,
                bills=Jsonb(bills_of(payment.invoices)),
                amount=payment.amount_centimes,
                currency=payment.currency,
                now=payment.created_at,
                expires_at=payment.expires_at,
                numbers=[invoice.number for invoice in in_order],
                amounts=[invoice.amount_centimes for invoice in in_order],
                request=request_id.get(),
            )
        except errors.UniqueViolation as error:
            if error.diag.constraint_name != OWN_ROW:  # else the try before put it in, and its answer was lost
                raise taken_by(error) from error
            return
        if not added:
            raise BillsTaken

    async def release(
        self, service: ServiceType, reference: str, numbers: Sequence[str], payer_msisdn: str, now: datetime
    ) -> int:
        rows = await self._database.all(
            sql.RELEASE,
            id="",  # nobody's: whoever holds them
            service=service,
            line_reference=reference,
            numbers=list(numbers),
            payer=payer_msisdn,
            now=now,
            request=request_id.get(),
        )
        return len(rows)

    async def held(self, service: ServiceType, reference: str) -> dict[str, PaymentState]:
        rows = await self._database.all(sql.HELD, service=service, reference=reference)
        return {row["invoice_number"]: PaymentState(row["state"]) for row in rows}

    async def move(self, payment_id: str, change: Change, now: datetime) -> Payment:
        return await self._change(sql.MOVE, payment_id, change, now, {})

    async def move_within(
        self,
        connection: Connection,
        payment_id: str,
        change: Change,
        now: datetime,
        *,
        statement: str = sql.MOVE,
        **more: object,
    ) -> Payment | None:
        """`move` in the caller's transaction; None for a lost race, the caller then rolls back. `statement`: sql.MOVED
        with what belongs to the same commit, and its values.
        """
        values = {**_values(payment_id, change, now), **more}
        return _maybe(await (await connection.execute(statement, values)).fetchone())

    async def resend(self, payment_id: str, refused: Change, send: Change, now: datetime) -> Payment:
        async def both(connection: Connection) -> DictRow | None:
            row = None
            async with connection.transaction():
                for change in (refused, send):
                    row = await (await connection.execute(sql.MOVE, _values(payment_id, change, now))).fetchone()
                    if row is None:
                        raise Rollback
            return row

        try:
            row = await self._database.run(_or_ours(both, _values(payment_id, send, now)), "RESEND")
        except errors.UniqueViolation as error:
            raise taken_by(error) from error
        if row is None:
            raise await self._illegal(payment_id, send.event)
        return payment_of(row)

    async def _live_first(self, statement: str, **values: object) -> DictRow | None:
        """The first row of the live tables, else of the months: what is live costs nobody the months."""
        row = await self._database.one(statement, **values)
        return row or await self._database.one(sql.WITH_MONTHS[statement], **values)

    async def free(self, payment_id: str, attempt: int) -> Payment | None:
        return _maybe(await self._database.one(sql.FREE, id=payment_id, attempt=attempt))

    async def capture(self, payment_id: str, change: Change, now: datetime, token: str) -> Payment:
        return await self._change(sql.CAPTURE, payment_id, change, now, {"token": token, "year": now.year})

    async def capture_within(
        self,
        connection: Connection,
        payment_id: str,
        change: Change,
        now: datetime,
        token: str,
        *,
        statement: str = sql.CAPTURE,
        **more: object,
    ) -> Payment | None:
        """`capture` in the caller's transaction, as `move_within` with sql.CAPTURED."""
        values = {**_values(payment_id, change, now), "token": token, "year": now.year, **more}
        return _maybe(await (await connection.execute(statement, values)).fetchone())

    async def look_again(self, payment_id: str, state: PaymentState, due_at: datetime | None) -> None:
        await self._database.do(sql.LOOK_AGAIN, id=payment_id, state=state, due_at=due_at)

    async def wait_until(self, payment_id: str, until: datetime, now: datetime) -> Payment | None:
        return _maybe(await self._database.one(sql.WAIT_UNTIL, id=payment_id, until=until, now=now))

    async def claim(self, payment_id: str, now: datetime, until: datetime) -> bool:
        return await self._database.do(sql.CLAIM, id=payment_id, now=now, until=until) > 0

    async def hanging(self, limit: int) -> list[str]:
        return [row["id"] for row in await self._database.all(sql.HANGING, limit=limit)]

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> list[str]:
        return [row["id"] for row in await self._database.all(sql.CLAIM_DUE, now=now, until=until, limit=limit)]

    async def _change(
        self, statement: str, payment_id: str, change: Change, now: datetime, more: dict[str, Any]
    ) -> Payment:
        values = {**_values(payment_id, change, now), **more}

        async def once(connection: Connection) -> DictRow | None:
            return await (await connection.execute(statement, values)).fetchone()

        try:
            row = await self._database.run(_or_ours(once, values), statement.split(None, 1)[0])
            if row is None and await self._brought_back(payment_id):
                row = await self._database.run(_or_ours(once, values), statement.split(None, 1)[0])
        except errors.UniqueViolation as error:
            raise taken_by(error) from error
        if row is None:
            raise await self._illegal(payment_id, change.event)
        return payment_of(row)

    async def _brought_back(self, payment_id: str) -> bool:
        """Whether it lay in a month until now; then it is live again."""
        row = await self._database.one(BRING_BACK, id=payment_id)
        return row is not None and bool(row["moved"])

    async def _illegal(self, payment_id: str, event: PaymentEvent) -> IllegalMove:
        payment = await self.get(payment_id)
        if payment is None:
            raise LookupError("no such payment")
        return IllegalMove(payment.state, event)


def _or_ours(
    change: Callable[[Connection], Awaitable[DictRow | None]], values: dict[str, Any]
) -> Callable[[Connection], Awaitable[DictRow | None]]:
    """Work that is tried again: what a try changed whose answer was lost is found by the next one, and is no lost
    race. Else a charge whose commit was not answered would never be sent, and its customer locked out.
    """
    tries = 0

    async def work(connection: Connection) -> DictRow | None:
        nonlocal tries
        tries += 1
        row = await change(connection)
        if row is None and tries > 1:
            row = await (await connection.execute(sql.OURS, values)).fetchone()
        return row

    return work


def _maybe(row: DictRow | None) -> Payment | None:
    return None if row is None else payment_of(row)


def taken_by(error: errors.UniqueViolation) -> RepositoryError:
    """Returns the error that a violated constraint means."""
    return _TAKEN.get(error.diag.constraint_name or "", RepositoryError)()


def _values(payment_id: str, change: Change, now: datetime) -> dict[str, Any]:
    """The parameters of MOVE and CAPTURE."""
    state = target(change.event)
    challenge = change.challenge
    return {
        "id": payment_id,
        "event": change.event,
        "state": state,
        "sources": [str(source) for source in sources(change.event) & (change.only or sources(change.event))],
        "attempt": change.attempt,
        "now": now,
        "due_at": change.due_at,
        "request": request_id.get(),
        "detail": change.detail,
        "sends": int(change.event is PaymentEvent.SEND),
        "ended": change.event in _ENDED,
        "told_within": TOLD_WITHIN,
        "holds": None if change.event in KEEPS_LOCKS else state in ACTIVE and not change.lets_go,
        "declines": int(change.counts_as_decline),
        "decline_kind": change.decline_kind,
        "challenge_id": challenge and challenge.id,
        "challenge_length": challenge and challenge.length,
        "challenge_attempts_left": challenge and challenge.attempts_left,
        "challenge_expires_at": challenge and challenge.expires_at,
        "card_brand": change.card_brand,
        "card_last4": change.card_last4,
        "card_unsure": change.card_unsure,
        "auth_code": change.auth_code,
        "transaction_number": change.transaction_number,
        "approved": change.approved_centimes,
        "facts": Jsonb(facts) if (facts := change.facts.told()) else None,
        "extend_to": change.extend_to,
        "page_until": change.page_until,
        "by_hand": change.by_hand,
        "names_tender": change.event in _NAMES_TENDER,
        "wallet": change.wallet,
        "wallet_payer": change.wallet_payer,
        "acquirer": change.acquirer,
        "frees": change.frees,
        "asked": change.asked,
        "messages": [str(kind) for kind in change.messages],
    }
