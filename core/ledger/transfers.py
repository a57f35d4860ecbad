"""A transfer, one movement of money between two accounts, and those that a chargeback makes. Pure.

A transfer is never changed or taken back: a mistake is corrected by a counter-transfer that names it. Its id is the
event's and the leg's, so that the same event written twice is written once.
"""

from dataclasses import dataclass
from datetime import datetime

from core.ledger.accounts import ACQUIRER, LOSSES, chargebacks, kind_of, receivable

CURRENCY = "MAD"


@dataclass(frozen=True, slots=True)
class Transfer:
    """A movement of money between two accounts. `event` says what happened, `bill` of which bill; neither they nor the
    note name a person.
    """

    id: str
    at: datetime
    debit: str
    credit: str
    amount_centimes: int
    event: str
    payment_id: str | None = None
    bill: str = ""
    note: str = ""
    currency: str = CURRENCY

    def __post_init__(self) -> None:
        if self.amount_centimes <= 0:
            raise ValueError("a transfer moves at least one centime")
        if self.debit == self.credit:
            raise ValueError("a transfer has two sides")
        kind_of(self.debit), kind_of(self.credit)  # raises for what is no account


@dataclass(frozen=True, slots=True)
class LedgerOccasion:
    """The occasion of a set of transfers. `key` is unique for ever: a file's hash and line, a chargeback and its
    step.
    """

    key: str
    at: datetime
    payment_id: str | None = None
    acquirer: str = ACQUIRER
    note: str = ""
    currency: str = CURRENCY

    def leg(self, number: int, event: str, debit: str, credit: str, amount_centimes: int) -> Transfer:
        """Makes one of the occasion's transfers; `number` tells its legs apart."""
        return Transfer(
            id=f"{self.key}.{number}",
            at=self.at,
            debit=debit,
            credit=credit,
            amount_centimes=amount_centimes,
            event=event,
            payment_id=self.payment_id,
            note=self.note,
            currency=self.currency,
        )


def chargeback_received(occasion: LedgerOccasion, amount_centimes: int) -> tuple[Transfer, ...]:
    """The acquirer took a disputed amount off what it owes."""
    acquirer = occasion.acquirer
    return (occasion.leg(1, "chargeback_received", chargebacks(acquirer), receivable(acquirer), amount_centimes),)


def chargeback_won(occasion: LedgerOccasion, amount_centimes: int) -> tuple[Transfer, ...]:
    """The transfers of a chargeback that was won: the acquirer owes the amount again."""
    acquirer = occasion.acquirer
    return (occasion.leg(1, "chargeback_won", receivable(acquirer), chargebacks(acquirer), amount_centimes),)


def chargeback_lost(occasion: LedgerOccasion, amount_centimes: int) -> tuple[Transfer, ...]:
    """Lost, or accepted: the amount is ours to bear."""
    return (occasion.leg(1, "chargeback_lost", LOSSES, chargebacks(occasion.acquirer), amount_centimes),)
