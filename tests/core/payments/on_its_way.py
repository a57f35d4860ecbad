"""A payment on its way and the acquirers that may be asked for it, in memory."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from core.payments.table import IllegalMove, Payment, PaymentEvent, PaymentState
from core.ports import Attempt, Decline, DeclineKind, UnknownOutcome
from lab.clocks import NOON
from tests.support.paid import paid
from tests.support.port import port

CREATED = replace(
    paid(), state=PaymentState.CREATED, receipt_number=None, attempts=0, sent_at=None, card_brand=None, card_last4=None,
    created_at=NOON, expires_at=NOON + timedelta(seconds=900), acquirer="amex",
)  # fmt: skip
SENDING: Payment = replace(CREATED, state=PaymentState.SENDING, attempts=1, sent_at=NOON)
DONE = paid()
LOST_RACE = IllegalMove(PaymentState.SENDING, PaymentEvent.SEND)
SILENCE, FAULT = UnknownOutcome("silence"), Decline("03", DeclineKind.OUR_FAULT)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Banks:
    """Acquirers in memory: `first`, then others; each answer as said, what was asked in `bank`."""

    def __init__(self, *chosen: str, answer: object = SILENCE, shut: bool = False, **said: Any) -> None:
        self.chosen, self.is_shut = chosen, shut
        self.tied: tuple[str, ...] | None = said.pop("tied", None)
        self.bank = port(authorise=answer, answer_challenge=answer, **said)
        self.asked: list[Attempt] = []
        self.named: list[str] = []

    def of(self, acquirer: str) -> Any:
        self.named.append(acquirer)
        return self.bank

    def shut(self, acquirer: str) -> bool:
        return self.is_shut

    def candidates(self, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        self.asked.append(attempt)
        return self.chosen if attempt.tied_to is None or self.tied is None else self.tied
