"""The ports' counters and traces; the payment service, the sessions and the outbox know nothing of them.

Part of the composition root (khallas/bootstrap/container.py).
"""

import logging
import time
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from core.cards import Card, Secret
from core.database.payments.repository import PgPayments
from core.database.pool import Database
from core.messaging.gsm7 import segments
from core.payments.table import Payment, PaymentState
from core.ports import (
    Acquirer,
    Authorisation,
    DeliveryFailed,
    Inquiry,
    Order,
    OutgoingSms,
    Texter,
    Undoing,
)
from core.repositories import Change
from core.tracing import Tracer
from khallas.telemetry.payment_metrics import PaymentMetrics
from sessions.store.codec import Record
from sessions.store.protocol import Guessed, Key, Loaded, Store

log = logging.getLogger(__name__)

T = TypeVar("T")


class CountedPayments(PgPayments):
    """The books' payments; each move is counted once it is committed."""

    def __init__(self, database: Database, metrics: PaymentMetrics) -> None:
        super().__init__(database)
        self._metrics = metrics

    async def move(self, payment_id: str, change: Change, now: datetime) -> Payment:
        return self._counted(await super().move(payment_id, change, now), change)

    async def capture(self, payment_id: str, change: Change, now: datetime, token: str) -> Payment:
        return self._counted(await super().capture(payment_id, change, now, token), change)

    async def resend(self, payment_id: str, refused: Change, send: Change, now: datetime) -> Payment:
        return self._counted(await super().resend(payment_id, refused, send, now), send)

    def _counted(self, payment: Payment, change: Change) -> Payment:
        told = (change.detail or "").rpartition(" ")[2] if payment.state is PaymentState.DECLINED else ""
        code = "00" if payment.state is PaymentState.CAPTURED else told
        self._metrics.payment(payment.state, code, payment.acquirer)
        return payment


class WatchedAcquirer:
    """Wraps a core.ports.Acquirer: how long it took and how it ended is counted, traced and logged."""

    def __init__(self, acquirer: Acquirer, metrics: PaymentMetrics, tracer: Tracer, named: str) -> None:
        self._acquirer = acquirer
        self._metrics = metrics
        self._tracer = tracer
        self._named = named

    async def authorise(self, order: Order, card: Card, cvv: Secret) -> Authorisation:
        with self._asking("authorise", order.id) as outcome:
            return _named(await self._acquirer.authorise(order, card, cvv), outcome)

    async def answer_challenge(self, order: Order, challenge_id: str, pin: Secret) -> Authorisation:
        with self._asking("challenge", order.id) as outcome:
            return _named(await self._acquirer.answer_challenge(order, challenge_id, pin), outcome)

    async def inquire(self, order_id: str) -> Inquiry:
        with self._asking("inquire", order_id) as outcome:
            return _named(await self._acquirer.inquire(order_id), outcome)

    async def aclose(self) -> None:
        await self._acquirer.aclose()

    async def capture(self, order_id: str, amount_centimes: int) -> Authorisation:
        with self._asking("capture", order_id) as outcome:
            return _named(await self._acquirer.capture(order_id, amount_centimes), outcome)

    async def void(self, order_id: str) -> Undoing:
        with self._asking("void", order_id) as outcome:
            return _named(await self._acquirer.void(order_id), outcome)

    async def refund(self, order_id: str, amount_centimes: int) -> Undoing:
        with self._asking("refund", order_id) as outcome:
            return _named(await self._acquirer.refund(order_id, amount_centimes), outcome)

    async def credited_centimes(self, order_id: str) -> int | None:
        with self._asking("history", order_id) as outcome:
            credited = await self._acquirer.credited_centimes(order_id)
            outcome.append("unknown" if credited is None else "told")
            return credited

    @contextmanager
    def _asking(self, operation: str, order_id: str) -> Iterator[list[str]]:
        """The block appends the outcome, else it is "broken"."""
        outcome: list[str] = []
        began = time.perf_counter()
        try:
            with self._tracer.span(f"acquirer {operation}"):
                yield outcome
        finally:
            named, spent_s = outcome[0] if outcome else "broken", time.perf_counter() - began
            self._metrics.asked(self._named, operation, named, spent_s)
            log.info("payment %s: acquirer %s: %s: %s after %.3f s", order_id, self._named, operation, named, spent_s)


class CountedTexter:
    """Wraps a core.ports.Texter and counts the segments that went out."""

    def __init__(self, texter: Texter, metrics: PaymentMetrics) -> None:
        self._texter = texter
        self._metrics = metrics

    async def send(self, sms: OutgoingSms) -> str:
        try:
            sent = await self._texter.send(sms)
        except DeliveryFailed as error:
            self._metrics.not_texted(retryable=error.retryable)
            raise
        self._metrics.texted(segments(sms.text), urgent=sms.urgent)
        return sent


class CountedStore:
    """Wraps a sessions.store.protocol.Store and counts dialogs that begin, find a dropped one, or are lost."""

    def __init__(self, store: Store, metrics: PaymentMetrics) -> None:
        self._store = store
        self._metrics = metrics

    async def load(self, key: Key, *, begins: bool, with_card: bool) -> Loaded:
        loaded = await self._store.load(key, begins=begins, with_card=with_card)
        if loaded.record is None:
            self._metrics.session(key.channel, "begun" if begins else "lost")
            if begins and loaded.previous is not None:
                self._metrics.session(key.channel, "resumable")
        return loaded

    def save(
        self, key: Key, record: Record, *, expected: int, seal: Mapping[str, bytes], erase: bool
    ) -> Coroutine[Any, Any, bool]:
        return self._store.save(key, record, expected=expected, seal=seal, erase=erase)

    def guess(self, key: Key) -> Guessed | None:
        return self._store.guess(key)

    def save_over(self, key: Key, guessed: Guessed, record: Record) -> Coroutine[Any, Any, bool]:
        return self._store.save_over(key, guessed, record)

    async def erase(self, key: Key) -> None:
        await self._store.erase(key)

    async def hang_up(self, key: Key) -> Record | None:
        return await self._store.hang_up(key)


def _named(answer: T, outcome: list[str]) -> T:
    outcome.append(type(answer).__name__.lower())
    return answer
