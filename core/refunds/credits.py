"""Credits under way: what is written down before the acquirer is asked to give money back. Pure.

A payment has one at most. A credit has no key for repeats, and its answer may be wrong about what became of it: the
acquirer's own sum, read before and after, tells; with two under way it would tell nothing
(protocols/failure-points.md 16).
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Credit:
    """A credit that was asked of the acquirer. `key` names what it is for: a part ("r7") or a bill's number.
    `answered`: by a word that settles nothing, so that it has landed already or never will.
    """

    payment_id: str
    key: str
    amount_centimes: int
    before_centimes: int
    asks: int
    answered: bool
    asked_at: datetime


class CreditEnd(StrEnum):
    """The ends of a credit, as far as they are known now."""

    GIVEN = "given"
    REFUSED = "refused"  # by a word that is a refusal, and the acquirer's sum agrees
    NOT_ASKED = "not_asked"  # nothing is under way: begin anew after the pause
    UNDECIDED = "undecided"  # look at the acquirer's sum again after the pause
    STUCK = "stuck"  # a person's; looked at after the pause all the same, where there is one


@dataclass(frozen=True, slots=True)
class Outcome:
    """An end and when to look again. `code` is the acquirer's, of a refusal."""

    end: CreditEnd
    again_s: float | None = None
    code: str = ""


class Credits(Protocol):
    """The credits' rows; each method is one commit. A credit ends with the row that it is for: `Refunds.turn` and
    `Postings.turn` end it in their own commit, whenever the row leaves CREDITING and STUCK. All raise
    DatabaseUnavailable.
    """

    async def begin(
        self, payment_id: str, key: str, amount_centimes: int, before_centimes: int, now: datetime
    ) -> Credit | None:
        """The credit under this key, as it was begun first; None when another one of the payment is under way."""

    async def of(self, payment_id: str, key: str) -> Credit | None: ...

    async def asking(self, credit: Credit, now: datetime) -> Credit | None:
        """Count one more ask, committed before it is sent; None when somebody else asked meanwhile."""

    async def answered(self, credit: Credit) -> None:
        """The acquirer answered the latest ask by a word that settles nothing."""

    async def end(self, payment_id: str, key: str) -> None:
        """Notes that nothing of a credit is under way any more, though its row stays with a person."""
