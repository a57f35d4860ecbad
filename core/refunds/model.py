"""Money that goes back for single bills: what is asked, how far it is, and the books that keep it. Pure.

A row is one bill's part. It is written down before the acquirer is asked, and asked for once: a credit has no key for
repeats. When the money is back, billing is told under our reference until it hears (protocols/failure-points.md 16,
18).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.payments.table import Payment


class RefundState(StrEnum):
    """The states of one bill's part."""

    ASKED = "asked"  # decided; the acquirer is to be asked
    CREDITING = "crediting"  # written before the acquirer is asked
    CREDITED = "credited"  # the money is back; billing is to be told
    TOLD = "told"  # and knows
    REFUSED = "refused"  # the acquirer gave nothing back: a person asks for it anew, or closes it
    STUCK = "stuck"  # its end is not known: never repeated by a machine, found if it lands late
    UNTOLD = "untold"  # billing will not hear of it: an operator's


# Money that is back, or may be.
GIVEN = frozenset({RefundState.CREDITED, RefundState.TOLD, RefundState.UNTOLD})


@dataclass(frozen=True, slots=True)
class RefundPart:
    """An amount of one bill."""

    number: str
    amount_centimes: int

    def __post_init__(self) -> None:
        if self.amount_centimes <= 0:
            raise ValueError("a part of a bill is at least one centime")


@dataclass(frozen=True, slots=True)
class Refund:
    """A part that goes back, as its row tells. `whole`: the payment went back by itself, this tells billing.
    `before_centimes`: the acquirer's sum.
    """

    id: int
    payment_id: str
    number: str
    amount_centimes: int
    state: RefundState
    attempts: int
    whole: bool
    before_centimes: int | None = None

    @property
    def key(self) -> str:
        """The key under which its credit and its text are filed."""
        return f"r{self.id}"

    @property
    def reference(self) -> str:
        """The reference by which billing knows a repeat."""
        return f"{self.payment_id}:{self.number}:r{self.id}"


def given_back(refunds: Iterable[Refund]) -> int:
    """Centimes that are back, in parts, of a payment that stays captured."""
    return sum(refund.amount_centimes for refund in refunds if refund.state in GIVEN and not refund.whole)


def refund_id_of(key: str) -> int | None:
    """Returns which row a text is about, by what it is filed under: "r7"; None for a bill's number."""
    return int(key[1:]) if key[:1] == "r" and key[1:].isdecimal() else None


class Refunds(Protocol):
    """The refunds' rows. Each method is one commit, guarded in itself. All raise DatabaseUnavailable."""

    async def get(self, refund_id: int) -> Refund | None: ...

    async def of(self, payment_id: str) -> tuple[Refund, ...]:
        """The refunds of a payment in the order they were made."""

    async def claim(self, payment_id: str, now: datetime, until: datetime) -> list[Refund]:
        """Returns the refunds of a payment that want something now, kept from other workers until then."""

    async def due(self, now: datetime, limit: int) -> list[str]:
        """Ids of payments with refunds that want something; `claim` decides who does it."""

    async def begin(self, refund: Refund, before_centimes: int, now: datetime, until: datetime) -> bool:
        """ASKED -> CREDITING; False when it was not, or another part of the payment is under way."""

    async def turn(
        self, refund: Refund, after: RefundState, now: datetime, due_at: datetime | None, *, closed: bool = False
    ) -> bool:
        """Guarded by the refund's state: False when it has another. CREDITED tells the payer, TOLD lets the bill be
        paid again, REFUSED lets the amount be asked for anew and stays in front of a person unless `closed`: in the
        same commit, which ends its credit too unless that is still CREDITING or STUCK."""

    async def postpone(self, refund: Refund, due_at: datetime) -> None:
        """Look again then, while it is still in that state."""


@dataclass(frozen=True, slots=True)
class Reversal:
    """The notice to billing of money that went back. `reference` is ours: a repeat does no harm."""

    payment: Payment
    number: str
    amount_centimes: int
    reference: str
