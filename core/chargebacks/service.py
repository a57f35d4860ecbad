"""Chargebacks: a cardholder's bank takes a payment's money back through the acquirer.

What already went back is not charged back a second time: that it did is the first answer to the bank, and the entry is
refused with it. What is charged back is not given back by us either. A loss that is accepted without a fight is decided
by somebody else than who entered it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from core.amounts import NoAmount, read_unsigned_amount
from core.help_desk.access_log import Actor
from core.ports import Clock

CASE_CHARS_MAX = 64
REASON_CHARS_MAX = 20
NOTE_CHARS_MAX = 300
COLUMNS = ("case_id", "order_id", "reason_code", "amount", "received_on", "deadline")


class ChargebackState(StrEnum):
    """The state of a chargeback."""

    RECEIVED = "received"
    EVIDENCE_SENT = "evidence_sent"
    WON = "won"
    LOST = "lost"
    ACCEPTED = "accepted"


MOVES: Mapping[ChargebackState, frozenset[ChargebackState]] = {
    ChargebackState.RECEIVED: frozenset(ChargebackState) - {ChargebackState.RECEIVED},
    ChargebackState.EVIDENCE_SENT: frozenset({ChargebackState.WON, ChargebackState.LOST, ChargebackState.ACCEPTED}),
}
DECISIONS = frozenset({ChargebackState.WON, ChargebackState.LOST, ChargebackState.ACCEPTED})


class ChargebackRefusal(StrEnum):
    """Tells why nothing was written of a chargeback; each is the page's and the report's words."""

    NO_PAYMENT = "no_payment"
    NOT_TAKEN = "not_taken"  # nothing was taken for it here
    GONE_BACK = "gone_back"  # the money went back already: tell the bank so
    TOO_MUCH = "too_much"  # more than is left of what was taken
    KNOWN = "known"  # this case, with other words
    NOT_NOW = "not_now"  # decided already, or no such step
    NOT_ALLOWED = "not_allowed"  # a supervisor decides
    SECOND_PERSON = "second_person"  # whoever entered it does not accept it


class BadChargeback(ValueError):
    """The file's or the form's fault: this is no chargeback. Never quotes what it holds."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim as the acquirer's file states it."""

    case_id: str
    payment_id: str
    reason_code: str
    amount_centimes: int
    received_on: date
    deadline: date

    def __post_init__(self) -> None:
        if not _is_text(self.case_id, CASE_CHARS_MAX):
            raise BadChargeback("case_id: 1 to 64 characters")
        if not _is_text(self.reason_code, REASON_CHARS_MAX):
            raise BadChargeback("reason_code: 1 to 20 characters")
        if self.amount_centimes <= 0:
            raise BadChargeback("amount: more than nothing")
        if self.deadline < self.received_on:
            raise BadChargeback("deadline: not before received_on")


@dataclass(frozen=True, slots=True)
class Chargeback:
    """A chargeback as the tables hold it."""

    id: int
    claim: Claim
    state: ChargebackState
    entered_by: str
    decided_by: str | None = None

    @property
    def open(self) -> bool:
        return self.state in MOVES


class ChargebackBooks(Protocol):
    """The chargebacks' rows. Each method is one commit, guarded in itself and posted in the ledger. All raise
    DatabaseUnavailable.
    """

    async def receive(self, claim: Claim, who: str, now: datetime) -> Chargeback | ChargebackRefusal: ...

    async def move(
        self, chargeback: Chargeback, after: ChargebackState, who: str, note: str, now: datetime
    ) -> ChargebackRefusal | None: ...

    async def get(self, chargeback_id: int) -> Chargeback | None: ...

    async def of_payment(self, payment_id: str) -> tuple[Chargeback, ...]: ...

    async def open(self, limit: int) -> tuple[Chargeback, ...]:
        """Returns the chargebacks that want an answer, the nearest deadline first."""


@dataclass(frozen=True, slots=True)
class Chargebacks:
    """The rules above. Every method raises DatabaseUnavailable."""

    books: ChargebackBooks
    clock: Clock

    async def receive(self, who: str, claim: Claim) -> Chargeback | ChargebackRefusal:
        """The entry; the same case again is the same entry."""
        return await self.books.receive(claim, who, self.clock.now())

    async def move(
        self, actor: Actor, chargeback: Chargeback, after: ChargebackState, note: str
    ) -> ChargebackRefusal | None:
        """Moves a chargeback; None where it is done, else why it is not."""
        if after not in MOVES.get(chargeback.state, frozenset()):
            return ChargebackRefusal.NOT_NOW
        if after in DECISIONS and not actor.decides:
            return ChargebackRefusal.NOT_ALLOWED
        if after is ChargebackState.ACCEPTED and actor.name == chargeback.entered_by:
            return ChargebackRefusal.SECOND_PERSON
        note = " ".join(note.split())[:NOTE_CHARS_MAX]
        return await self.books.move(chargeback, after, actor.name, note, self.clock.now())


def claim_of(row: Mapping[str, str]) -> Claim:
    """A row of a file, or a form, by COLUMNS. Raises BadChargeback."""
    cells = {name: row.get(name, "").strip() for name in COLUMNS}
    try:
        amount = read_unsigned_amount(cells["amount"])
    except NoAmount as error:
        raise BadChargeback(f"amount: {error}") from None
    days = {}
    for name in ("received_on", "deadline"):
        try:
            days[name] = date.fromisoformat(cells[name])
        except ValueError:
            raise BadChargeback(f"{name}: a day is written like 2026-11-29") from None
    return Claim(
        cells["case_id"], cells["order_id"], cells["reason_code"], amount, days["received_on"], days["deadline"]
    )


def _is_text(text: str, most: int) -> bool:
    return 1 <= len(text) <= most and text.isprintable()
