"""What only people can end, ended by two of them: nothing else ever sets a state by hand.

One person says what became of the money and on what evidence (the bank's letter, its console, a settlement file); a
supervisor who is somebody else approves, and in that commit the payment, its bill or its part moves by the same table
as ever. Of a matter that the machine ended meanwhile nothing is changed.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from core.help_desk.access_log import Actor
from core.payments.table import PaymentState
from core.ports import Clock
from core.wallets.attempts import AttemptState

EVIDENCE_CHARS_MIN, EVIDENCE_CHARS_MAX = 10, 500
SURPLUS = AttemptState.SURPLUS.value  # a wallet's money that is no payment's
PATIENCE = timedelta(hours=24)  # the machine's own time: inquiries are daily by then
_NUMBER = re.compile(r"[0-9A-Za-z-]{1,64}")


class Resolution(StrEnum):
    """The resolutions of a matter, as the evidence says."""

    CHARGED = "charged"  # an unknown payment was taken: captured, posted, receipted
    NOT_CHARGED = "not_charged"  # it was not: its bills are let go
    GIVEN_BACK = "given_back"  # the money is with the customer, by whatever way
    NOT_GIVEN_BACK = "not_given_back"  # a credit never landed: it is asked for again
    BILLING_TOLD = "billing_told"  # billing was corrected by hand
    KEPT = "kept"  # nothing is to go back


class HandState(StrEnum):
    """The states of a request."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class HandRefusal(StrEnum):
    """Tells why nothing was changed by hand; each is the page's words."""

    NOT_NOW = "not_now"  # the matter is not open, or this is no end of it
    OPEN_ALREADY = "open_already"
    NO_EVIDENCE = "no_evidence"
    NO_NUMBERS = "no_numbers"  # a charge wants its authorisation, transaction and amount
    NOT_ALLOWED = "not_allowed"
    SECOND_PERSON = "second_person"
    DECIDED_ALREADY = "decided_already"


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that waits for people. `subject`: empty for the payment, a bill's number, a part's key
    ("r7"), or a wallet's attempt ("w1")."""

    payment_id: str
    subject: str
    state: str
    amount_centimes: int
    since: datetime | None
    ends: tuple[Resolution, ...]


@dataclass(frozen=True, slots=True)
class Proposed:
    """The resolution that somebody proposes for a matter."""

    payment_id: str
    subject: str
    resolution: Resolution
    evidence: str
    auth_code: str = ""
    transaction_number: str = ""
    amount_centimes: int | None = None


@dataclass(frozen=True, slots=True)
class HandRequest:
    """A request to end a matter by hand. `was`: the matter's state when it was made, which it must still have."""

    id: int
    proposed: Proposed
    was: str
    state: HandState
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None = None

    def may_approve(self, actor: Actor) -> bool:
        return actor.decides and actor.name != self.proposed_by


_BILL_ENDS = {"stuck": (Resolution.GIVEN_BACK, Resolution.NOT_GIVEN_BACK)}
_PART_ENDS = {
    "stuck": (Resolution.GIVEN_BACK, Resolution.NOT_GIVEN_BACK),
    "refused": (Resolution.GIVEN_BACK, Resolution.KEPT),
    "untold": (Resolution.BILLING_TOLD,),
}


def payment_ends(
    state: PaymentState, by_hand: str | None, since: datetime | None, now: datetime
) -> tuple[Resolution, ...]:
    """Returns how people may end a payment: what the machine still works on is left to it for a while."""
    waited = since is not None and now - since >= PATIENCE
    match state:
        case PaymentState.UNKNOWN if waited or by_hand:
            return Resolution.CHARGED, Resolution.NOT_CHARGED
        # over here, and the bank's letter says that it took the money all the same
        case PaymentState.DECLINED | PaymentState.EXPIRED if waited:
            return (Resolution.CHARGED,)
        case PaymentState.CAPTURED:
            return (Resolution.GIVEN_BACK, Resolution.KEPT) if by_hand else (Resolution.GIVEN_BACK,)
        case PaymentState.VOIDING | PaymentState.REFUNDING | PaymentState.INTEGRITY_FAILURE if waited or by_hand:
            return (Resolution.GIVEN_BACK,)
    return ()


def bill_ends(posting: str) -> tuple[Resolution, ...]:
    """Returns how people may end the posting of a bill."""
    return _BILL_ENDS.get(posting, ())


def part_ends(state: str, *, closed: bool) -> tuple[Resolution, ...]:
    """Returns how people may end a part that was to go back."""
    return () if closed else _PART_ENDS.get(state, ())


class HandBooks(Protocol):
    """The matters that people end, and the requests to. Each method is one commit, guarded in itself. All raise
    DatabaseUnavailable.
    """

    async def matters(self, payment_id: str, now: datetime) -> tuple[Matter, ...]: ...

    async def waiting(self, now: datetime, limit: int) -> tuple[Matter, ...]:
        """The matters that only people will end, the oldest first."""

    async def of_payment(self, payment_id: str) -> tuple[HandRequest, ...]:
        """Returns the requests about a payment, the latest first."""

    async def open(self, limit: int) -> tuple[HandRequest, ...]: ...

    async def get(self, request_id: int) -> HandRequest | None: ...

    async def propose(self, proposed: Proposed, was: str, who: str, now: datetime) -> HandRequest | HandRefusal: ...

    async def approve(self, request: HandRequest, who: str, now: datetime, token: str) -> HandRefusal | None:
        """The decision and what it does, in one commit; `token`: of the receipt, if it makes one."""

    async def reject(self, request_id: int, who: str, now: datetime) -> bool: ...


@dataclass(frozen=True, slots=True)
class Resolving:
    """The rules above. Every method raises DatabaseUnavailable."""

    books: HandBooks
    clock: Clock
    tokens: "Tokens"

    async def propose(self, actor: Actor, proposed: Proposed) -> HandRequest | HandRefusal:
        """The request that now waits for somebody else."""
        if not EVIDENCE_CHARS_MIN <= len(proposed.evidence.strip()) <= EVIDENCE_CHARS_MAX:
            return HandRefusal.NO_EVIDENCE
        if proposed.resolution is Resolution.CHARGED and not _told(proposed):
            return HandRefusal.NO_NUMBERS
        now = self.clock.now()
        for matter in await self.books.matters(proposed.payment_id, now):
            if matter.subject == proposed.subject and proposed.resolution in matter.ends:
                return await self.books.propose(proposed, matter.state, actor.name, now)
        return HandRefusal.NOT_NOW

    async def approve(self, actor: Actor, request: HandRequest) -> HandRefusal | None:
        """Approves a resolution. None where it is done, else why it is not."""
        if not actor.decides:
            return HandRefusal.NOT_ALLOWED
        if not request.may_approve(actor):
            return HandRefusal.SECOND_PERSON
        return await self.books.approve(request, actor.name, self.clock.now(), self.tokens.token())

    async def reject(self, actor: Actor, request: HandRequest) -> HandRefusal | None:
        """Rejects a resolution, so that nothing is changed. None where it is done, else why it is not."""
        if not actor.decides and actor.name != request.proposed_by:
            return HandRefusal.NOT_ALLOWED
        rejected = await self.books.reject(request.id, actor.name, self.clock.now())
        return None if rejected else HandRefusal.DECIDED_ALREADY


class Tokens(Protocol):
    """Draws receipts' tokens (core/ids.py)."""

    def token(self) -> str: ...


def _told(proposed: Proposed) -> bool:
    numbers = _NUMBER.fullmatch(proposed.auth_code), _NUMBER.fullmatch(proposed.transaction_number)
    return all(numbers) and (proposed.amount_centimes or 0) > 0
