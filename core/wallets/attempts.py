"""One attempt to be paid by a wallet: its states, when it is looked at, and what a success does to the payment. Pure.

An attempt is open from its commit until the wallet's own last word; a payment has one open attempt at most, over cards
and wallets. A success that comes when the payment was paid otherwise, or is being paid otherwise, is a surplus: it goes
back to the wallet it came from, and the payment never hears of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.payments.schedule import DAILY_S, later
from core.payments.table import Payment, PaymentState
from core.repositories import Change
from core.wallets.port import WalletAttempt, WalletPaid

LEAVE_AFTER_S = 2  # of the commit: a telephone in a USSD dialog cannot take the prompt; a worker's poll adds up to 2 s
LEAVE_IN_CALL_S = 20  # of the commit: the call's last words, where nobody tells that it ended
LEAVE_WITHIN_S = 60  # later the payer has put the telephone away: it is not sent at all
ANSWERED_WITHIN_S = 90  # longer than any wallet is waited for; then whoever asked has died
LEASE_S = 60
FIRST_POLLS_S = (5, 10, 20, 40)
POLL_EVERY_S = 60
EXPIRY_SLACK_S = 120  # its last word may come late
LOOKS_S = (900, 3_600, 86_400)  # after the window
UNHEARD_MAX_S = 30 * DAILY_S  # a look that nobody answered is made again, daily
NO_HANDLE_WINDOW_S = 600
WINDOW_MAX_S = 86_400  # whatever a wallet says of its own


class AttemptState(StrEnum):
    """Tells where an attempt stands."""

    WAITING = "waiting"  # committed, to leave in a moment
    ASKING = "asking"  # committed as sent: from here on it may have been
    ASKED = "asked"  # the wallet has it, and asks its payer
    UNKNOWN = "unknown"  # nobody knows whether the wallet has it, or its window ended without a last word
    DECLINED = "declined"
    PAID = "paid"  # and the payment's
    SURPLUS = "surplus"  # paid, and not the payment's: to be given back
    RETURNED = "returned"


OPEN = frozenset({AttemptState.WAITING, AttemptState.ASKING, AttemptState.ASKED, AttemptState.UNKNOWN})
SENT = OPEN - {AttemptState.WAITING}
MAY_LAND = SENT | {AttemptState.DECLINED}


@dataclass(frozen=True, slots=True)
class WalletRecord:
    """An attempt as it is written down. `payment_attempt`: which of the payment's sendings it is. `asked_at`: when it
    left."""

    attempt: WalletAttempt
    n: int
    payment_attempt: int
    state: AttemptState
    asked_at: datetime | None = None
    accepted: bool = False  # the wallet said that it has it
    decline_kind: str | None = None
    taken_centimes: int | None = None
    by_hand: str | None = None

    @property
    def window_ends_at(self) -> datetime:
        """The moment by which the wallet's last word must have come."""
        asked_at = self.asked_at or self.attempt.sent_at
        if self.attempt.expires_at is None:
            return later(asked_at, NO_HANDLE_WINDOW_S)
        return later(self.attempt.expires_at, EXPIRY_SLACK_S)


def next_poll(record: WalletRecord, now: datetime) -> datetime:
    """Returns when an open attempt is asked about again: daily for ever where it is never decided."""
    asked_at = record.asked_at or record.attempt.sent_at
    for offset_s in FIRST_POLLS_S:
        if (due_at := later(asked_at, offset_s)) > now:
            return due_at
    if now < record.window_ends_at:
        return min(later(now, POLL_EVERY_S), record.window_ends_at)
    return late_look(record, now) or later(now, DAILY_S)


def late_look(record: WalletRecord, now: datetime) -> datetime | None:
    """Returns when to look whether a success came after all; None a day after it was asked."""
    asked_at = record.asked_at or record.attempt.sent_at
    return next((due_at for offset_s in LOOKS_S if (due_at := later(asked_at, offset_s)) > now), None)


def look_again(record: WalletRecord, now: datetime) -> datetime | None:
    """When to look after a look that heard no word: the last one must have been answered, for a month at most."""
    asked_at = record.asked_at or record.attempt.sent_at
    unheard = later(now, DAILY_S) if now < later(asked_at, UNHEARD_MAX_S) else None
    return late_look(record, now) or unheard


def is_current(payment: Payment, record: WalletRecord) -> bool:
    """Returns whether the payment's latest sending is this attempt."""
    return payment.wallet == record.attempt.provider and payment.attempts == record.payment_attempt


_UNPAID = frozenset({PaymentState.DECLINED, PaymentState.EXPIRED})
_ASKED_NOW = frozenset({PaymentState.SENDING, PaymentState.UNKNOWN})


def keeps(payment: Payment, record: WalletRecord) -> bool:
    """Returns whether a success is the payment's; otherwise another tender has paid, or may be paying, and it goes
    back.
    """
    return payment.state in _UNPAID or (payment.state in _ASKED_NOW and is_current(payment, record))


def agrees(attempt: WalletAttempt, paid: WalletPaid) -> str | None:
    """Returns why a success cannot be this attempt's; None: it can."""
    if paid.reference is not None and paid.reference != attempt.reference:
        return "it names another reference"
    if paid.currency != attempt.currency:
        return f"it was paid in {paid.currency}"
    return None if paid.amount_centimes > 0 else "it names no amount"


@dataclass(frozen=True, slots=True)
class AttemptUpdate:
    """Tells what an answer writes down of an attempt; None leaves a value as it was."""

    state: AttemptState
    due_at: datetime | None
    handle: str | None = None
    expires_at: datetime | None = None
    accepted: bool = False
    decline_kind: str | None = None
    decline_code: str | None = None
    receipt: str | None = None
    taken_centimes: int | None = None
    by_hand: str | None = None


@dataclass(frozen=True, slots=True)
class WalletReversal:
    """Money on its way back to a wallet, committed before it is asked for. `reference` is its own UUIDv4."""

    reference: str
    amount_centimes: int


@dataclass(frozen=True, slots=True)
class WalletTaking:
    """The sum that a wallet took for a payment, and what of it went back or is on its way back."""

    record: WalletRecord
    taken_centimes: int
    back_centimes: int
    under_way_centimes: int


class WalletAttempts(Protocol):
    """The attempts' rows. Each method is one commit, guarded in itself. All raise DatabaseUnavailable."""

    async def begin(self, record: WalletRecord, send: Change, now: datetime, due_at: datetime) -> Payment:
        """The payment's SEND and its attempt. Raises IllegalMove, BillsTaken, ReferenceTaken."""

    async def leave(self, payment_id: str, due_at: datetime) -> None:
        """Has an attempt that waits for the end of its dialog leave then; sooner where that was to be."""

    async def get(self, reference: str) -> WalletRecord | None: ...

    async def of(self, payment_id: str) -> list[WalletRecord]:
        """Returns the attempts of a payment, the latest first."""

    async def provider_of(self, payer_msisdn: str) -> str | None:
        """The wallet that last paid from this number."""

    async def prompts(self, payer_msisdn: str, since: datetime) -> int:
        """Returns how often a number was asked."""

    async def claim(self, reference: str, now: datetime, until: datetime) -> WalletRecord | None:
        """The attempt when it is due, kept from other workers until then."""

    async def claim_due(self, now: datetime, until: datetime, limit: int) -> list[WalletRecord]: ...

    async def asking(self, record: WalletRecord, now: datetime, due_at: datetime) -> bool:
        """Moves an attempt from WAITING to ASKING, before it is sent. Returns False when somebody else did."""

    async def update(self, record: WalletRecord, update: AttemptUpdate) -> bool:
        """Guarded by the record's state; False when it moved on."""

    async def end(self, record: WalletRecord, update: AttemptUpdate, change: Change, now: datetime) -> bool:
        """`update`, and the payment's change where it can still take it while this is its latest sending."""

    async def land(self, record: WalletRecord, paid: WalletPaid, now: datetime, token: str) -> AttemptState | None:
        """A success: PAID or SURPLUS, with what follows for the payment; None when the attempt moved on."""

    async def to_people(self, record: WalletRecord, why: str, now: datetime) -> None:
        """Leaves an attempt to people, who alone can end it from here: it stands in their queue, or, of an attempt that
        was declined, in its payment's story. It is still looked at.
        """

    async def learn(self, provider: str, reference: str, handle: str | None, now: datetime) -> bool:
        """A callback spoke of an attempt: look now. Its handle is kept where there was none and no other attempt has
        it. False for an unknown reference."""

    async def reversing(
        self, record: WalletRecord, amount_centimes: int, fresh: str, now: datetime
    ) -> WalletReversal | None:
        """The reversal under way, or a new one of that reference; None where less is left of what was taken, or one of
        another amount is under way."""

    async def reversed_(self, reversal: WalletReversal, *, done: bool, detail: str, now: datetime) -> None:
        """Notes a reversal's end; a surplus that is back whole is RETURNED in the same commit."""

    async def paid_by(self, payment_id: str) -> WalletTaking | None:
        """Returns what a wallet took for a payment; None where no wallet paid."""


class NoWallets(LookupError):
    """The caller's fault: no wallet of that name is set up."""


def offered(names: Sequence[str], preferred: str | None) -> tuple[str, ...]:
    """The wallet that a number last paid with comes first."""
    return tuple(sorted(names, key=lambda name: (name != preferred, list(names).index(name))))
