"""Wallets' attempts in PostgreSQL. What touches a payment and its attempt is one commit and locks the payment first."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from psycopg import Rollback, errors
from psycopg.rows import DictRow

from core.database.payments.repository import PgPayments, taken_by
from core.database.pool import Connection, Database
from core.database.rows import payment_of
from core.database.wallets import statements as sql
from core.languages import LanguageCode
from core.payments.table import IllegalMove, Payment, PaymentEvent, PaymentState
from core.repositories import Change, MessageKind
from core.tracing import request_id
from core.wallets.attempts import AttemptState, AttemptUpdate, WalletRecord, WalletReversal, WalletTaking, keeps
from core.wallets.port import WalletAttempt, WalletPaid

T = TypeVar("T")
_BEING_ASKED = frozenset({PaymentState.SENDING, PaymentState.UNKNOWN})


class PgWalletAttempts:
    """Implements core.wallets.attempts.WalletAttempts."""

    def __init__(self, database: Database, payments: PgPayments) -> None:
        self._database = database
        self._payments = payments

    async def begin(self, record: WalletRecord, send: Change, now: datetime, due_at: datetime) -> Payment:
        attempt, before = record.attempt, replace(send, attempt=record.payment_attempt - 1)
        values = {**_begun(record), "leaves_at": due_at}

        async def work(connection: Connection) -> Payment | None:
            return await self._payments.move_within(
                connection, attempt.payment_id, before, now, statement=sql.BEGIN, **values
            )

        try:
            payment = await self._database.run(work, "WALLET")
        except errors.UniqueViolation as error:
            raise taken_by(error) from error
        if payment is None:
            its_payment = await self._payments.get(attempt.payment_id)
            if its_payment is None:
                raise LookupError("no such payment")
            raise IllegalMove(its_payment.state, PaymentEvent.SEND)
        return payment

    async def leave(self, payment_id: str, due_at: datetime) -> None:
        await self._database.one(sql.LEAVE, payment_id=payment_id, due_at=due_at, request=request_id.get())

    async def get(self, reference: str) -> WalletRecord | None:
        return _maybe(await self._database.one(sql.GET, reference=reference))

    async def of(self, payment_id: str) -> list[WalletRecord]:
        return [_record_of(row) for row in await self._database.all(sql.OF, payment_id=payment_id)]

    async def provider_of(self, payer_msisdn: str) -> str | None:
        row = await self._database.one(sql.PROVIDER_OF, payer=payer_msisdn)
        return None if row is None else str(row["provider"])

    async def prompts(self, payer_msisdn: str, since: datetime) -> int:
        row = await self._database.one(sql.PROMPTS, payer=payer_msisdn, since=since)
        return int(row["prompts"]) if row else 0

    async def claim(self, reference: str, now: datetime, until: datetime) -> WalletRecord | None:
        return _maybe(await self._database.one(sql.CLAIM, reference=reference, now=now, until=until))

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> list[WalletRecord]:
        rows = await self._database.all(sql.CLAIM_DUE, now=now, until=until, limit=limit)
        return [_record_of(row) for row in rows]

    async def asking(self, record: WalletRecord, now: datetime, due_at: datetime) -> bool:
        return await self._database.do(sql.ASKING, reference=record.attempt.reference, now=now, due_at=due_at) > 0

    async def update(self, record: WalletRecord, update: AttemptUpdate) -> bool:
        return await self._handled(lambda values: self._database.do(sql.UPDATE, **values), record, update) > 0

    async def end(self, record: WalletRecord, update: AttemptUpdate, change: Change, now: datetime) -> bool:
        attempt = record.attempt

        async def work(connection: Connection) -> bool:
            async with connection.transaction():
                await connection.execute(sql.LOCK, {"payment_id": attempt.payment_id})
                if (await connection.execute(sql.UPDATE, _updated(record, update))).rowcount == 0:
                    return False
                # a payment that another tender moved on stays as it is
                await self._payments.move_within(connection, attempt.payment_id, change, now)
            return True

        return await self._database.run(work, "WALLET")

    async def land(self, record: WalletRecord, paid: WalletPaid, now: datetime, token: str) -> AttemptState | None:
        try:
            for land in (self._land_at_once, self._land):
                landed = await self._database.run(partial(land, record, paid, now, token), "WALLET")
                if landed is not None:
                    return landed
        except errors.UniqueViolation:  # its bills are another payment's by now: written down without them, given back
            return await self._database.run(partial(self._land, record, paid, now, None), "WALLET")
        return None

    async def _land_at_once(
        self, record: WalletRecord, paid: WalletPaid, now: datetime, token: str, connection: Connection
    ) -> AttemptState | None:
        """The usual success, in one statement: of the payment's latest sending, and of its amount. None: look."""
        attempt = record.attempt
        change = replace(_taking(attempt, paid, now, right=True, token=token), only=_BEING_ASKED)
        landed = {"reference": attempt.reference, "receipt": paid.receipt, "taken": paid.amount_centimes}
        async with connection.transaction():
            captured = await self._payments.capture_within(
                connection, attempt.payment_id, change, now, token, statement=sql.LAND_AND_CAPTURE, **landed
            )
            if captured is None:
                raise Rollback
        return AttemptState.PAID if captured else None

    async def _land(
        self, record: WalletRecord, paid: WalletPaid, now: datetime, token: str | None, connection: Connection
    ) -> AttemptState | None:
        """`token` None: its bills are gone."""
        attempt = record.attempt
        async with connection.transaction():
            row = await (await connection.execute(sql.PAYMENT, {"payment_id": attempt.payment_id})).fetchone()
            if row is None:
                return None
            payment = payment_of(row)
            state = AttemptState.PAID if keeps(payment, record) else AttemptState.SURPLUS
            values = {"reference": attempt.reference, "state": state, "receipt": paid.receipt}
            due_at = now if state is AttemptState.SURPLUS else None
            landed = await connection.execute(sql.LAND, {**values, "taken": paid.amount_centimes, "due_at": due_at})
            if landed.rowcount == 0:
                return None
            if state is AttemptState.SURPLUS:
                note = {"event": "wallet_surplus", "detail": f"{attempt.provider} w{record.n}"}
                await _note(connection, attempt.payment_id, now, note)
                return state
            if await self._take(connection, payment, attempt, paid, now, token) is None:
                raise AssertionError("a locked payment takes what its state takes")
        return state

    async def _take(
        self,
        connection: Connection,
        payment: Payment,
        attempt: WalletAttempt,
        paid: WalletPaid,
        now: datetime,
        token: str | None,
    ) -> Payment | None:
        right = paid.amount_centimes == payment.amount_centimes
        change = _taking(attempt, paid, now, right=right, token=token)
        if right and token:
            return await self._payments.capture_within(connection, payment.id, change, now, token)
        return await self._payments.move_within(connection, payment.id, change, now)

    async def to_people(self, record: WalletRecord, why: str, now: datetime) -> None:
        attempt = record.attempt

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute(sql.LOCK, {"payment_id": attempt.payment_id})
                values = {"reference": attempt.reference, "why": why}
                if (await connection.execute(sql.TO_PEOPLE, values)).rowcount == 0:
                    return
                values |= {"payment_id": attempt.payment_id, "provider": attempt.provider}
                await connection.execute(sql.PAYMENT_TO_PEOPLE, {**values, "payment_attempt": record.payment_attempt})
                note = {"event": "wallet_by_hand", "detail": f"{attempt.provider} w{record.n}: {why}"}
                await _note(connection, attempt.payment_id, now, note)

        await self._database.run(work, "WALLET")

    async def learn(self, provider: str, reference: str, handle: str | None, now: datetime) -> bool:
        values = {"provider": provider, "reference": reference, "now": now, "request": request_id.get()}
        try:
            return await self._database.one(sql.LEARN, handle=handle, **values) is not None
        except errors.UniqueViolation:  # two callbacks brought the same handle at once
            return await self._database.one(sql.LEARN, handle=None, **values) is not None
        except errors.InvalidTextRepresentation:  # no UUID
            return False

    async def reversing(
        self, record: WalletRecord, amount_centimes: int, fresh: str, now: datetime
    ) -> WalletReversal | None:
        values = {"attempt": record.attempt.reference, "amount": amount_centimes, "fresh": fresh, "now": now}

        async def work(connection: Connection) -> DictRow | None:
            async with connection.transaction():
                await connection.execute(sql.LOCK_ATTEMPT, values)
                row = await (await connection.execute(sql.REVERSAL, values)).fetchone()
                return row or await (await connection.execute(sql.REVERSING, values)).fetchone()

        row = await self._database.run(work, "WALLET")
        if row is None or row["amount_centimes"] != amount_centimes:
            return None
        return WalletReversal(str(row["reference"]), row["amount_centimes"])

    async def reversed_(self, reversal: WalletReversal, *, done: bool, detail: str, now: datetime) -> None:
        values = {"reference": reversal.reference, "state": "done" if done else "refused", "detail": detail, "now": now}

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                row = await (await connection.execute(sql.REVERSED, values)).fetchone()
                if row is None or not done:
                    return
                back = await (await connection.execute(sql.RETURNED, {"attempt": row["attempt"]})).fetchone()
                if back is not None:
                    note = {"event": "wallet_returned", "detail": back["detail"]}
                    await _note(connection, back["payment_id"], now, note)

        await self._database.run(work, "WALLET")

    async def paid_by(self, payment_id: str) -> WalletTaking | None:
        row = await self._database.one(sql.PAID_BY, payment_id=payment_id)
        if row is None:
            return None
        return WalletTaking(_record_of(row), row["taken_centimes"], row["back_centimes"], row["under_way_centimes"])

    @staticmethod
    async def _handled(do: Callable[[dict[str, Any]], Awaitable[T]], record: WalletRecord, update: AttemptUpdate) -> T:
        """A handle that is another attempt's already is not taken over: this one is asked about without."""
        values = _updated(record, update)
        try:
            return await do(values)
        except errors.UniqueViolation:
            return await do({**values, "handle": None})


async def _note(connection: Connection, payment_id: str, now: datetime, note: dict[str, str]) -> None:
    await connection.execute(sql.NOTE, {"payment_id": payment_id, "now": now, "request": request_id.get(), **note})


def _taking(attempt: WalletAttempt, paid: WalletPaid, now: datetime, *, right: bool, token: str | None) -> Change:
    receipts = (MessageKind.RECEIPT_SMS, MessageKind.RECEIPT_MAIL)
    return Change(
        PaymentEvent.APPROVED if right else PaymentEvent.MISMATCH,
        auth_code=paid.receipt,
        transaction_number=paid.receipt,
        approved_centimes=paid.amount_centimes,
        card_unsure=True,  # an earlier card's name is not this tender's
        detail=f"wallet {attempt.provider}" + ("" if right else f": took {paid.amount_centimes}"),
        due_at=None if right and token else now,
        lets_go=token is None,
        messages=receipts if right and token else (),
        wallet=attempt.provider,
        wallet_payer=attempt.payer_msisdn,
    )


def _begun(record: WalletRecord) -> dict[str, Any]:
    attempt = record.attempt
    return {
        "reference": attempt.reference,
        "provider": attempt.provider,
        "payer": attempt.payer_msisdn,
        "amount": attempt.amount_centimes,
        "currency": attempt.currency,
    }


def _updated(record: WalletRecord, update: AttemptUpdate) -> dict[str, Any]:
    return {
        "reference": record.attempt.reference,
        "was": record.state,
        "state": update.state,
        "due_at": update.due_at,
        "handle": update.handle,
        "expires_at": update.expires_at,
        "accepted": update.accepted,
        "decline_kind": update.decline_kind,
        "decline_code": update.decline_code,
        "receipt": update.receipt,
        "taken": update.taken_centimes,
        "by_hand": update.by_hand,
    }


def _maybe(row: DictRow | None) -> WalletRecord | None:
    return None if row is None else _record_of(row)


def _record_of(row: DictRow) -> WalletRecord:
    attempt = WalletAttempt(
        reference=str(row["reference"]),
        payment_id=row["payment_id"],
        payment_reference=row["payment_reference"],
        provider=row["provider"],
        payer_msisdn=row["payer"],
        amount_centimes=row["amount_centimes"],
        currency=row["currency"],
        language=LanguageCode(row["language"]),
        sent_at=row["sent_at"],
        handle=row["handle"],
        receipt=row["receipt"],
        expires_at=row["expires_at"],
    )
    return WalletRecord(
        attempt,
        row["n"],
        row["payment_attempt"],
        AttemptState(row["state"]),
        row["asked_at"],
        row["accepted"],
        row["decline_kind"],
        row["taken_centimes"],
        row["by_hand"],
    )
