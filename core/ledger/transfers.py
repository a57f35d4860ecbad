"""One movement of money, and the builders of those that no payment's event makes. Pure.

A transfer is never changed or taken back: a mistake is corrected by a counter-transfer that names it. Its id is the
event's and the leg's, so that the same event written twice is written once.
"""

from dataclasses import dataclass
from datetime import datetime

from core.ledger.accounts import ACQUIRER, LOSSES, PAYERS, bank, chargebacks, fees, kind_of, receivable

CURRENCY = "MAD"


@dataclass(frozen=True, slots=True)
class Transfer:
    """One row. `event` says what happened, `bill` of which bill; neither they nor the note name a person."""

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
        """One of the occasion's transfers; `number` tells its legs apart."""
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


def settled_sale(occasion: LedgerOccasion, gross_centimes: int, commission_centimes: int = 0) -> tuple[Transfer, ...]:
    """The acquirer paid a sale in: net to the bank, the commission to the fees, the gross off the receivable."""
    _within(commission_centimes, gross_centimes)
    owed, net = receivable(occasion.acquirer), gross_centimes - commission_centimes
    legs = [(1, bank(occasion.acquirer), net), (2, fees(occasion.acquirer), commission_centimes)]
    return tuple(occasion.leg(number, "settled", debit, owed, amount) for number, debit, amount in legs if amount)


def settled_credit(occasion: LedgerOccasion, gross_centimes: int, commission_centimes: int = 0) -> tuple[Transfer, ...]:
    """The acquirer took money that went back off its deposit; `commission_centimes`: what it gave back of its own."""
    _within(commission_centimes, gross_centimes)
    owed, net = receivable(occasion.acquirer), gross_centimes - commission_centimes
    legs = [(1, bank(occasion.acquirer), net), (2, fees(occasion.acquirer), commission_centimes)]
    return tuple(
        occasion.leg(number, "settled_credit", owed, credit, amount) for number, credit, amount in legs if amount
    )


def batch_commission(occasion: LedgerOccasion, commission_centimes: int) -> tuple[Transfer, ...]:
    """A commission that the file names for a whole deposit; its sales were booked gross."""
    own = occasion.acquirer
    return (occasion.leg(1, "commission", fees(own), bank(own), commission_centimes),)


def chargeback_received(occasion: LedgerOccasion, amount_centimes: int) -> tuple[Transfer, ...]:
    """The acquirer took a disputed amount off what it owes."""
    own = occasion.acquirer
    return (occasion.leg(1, "chargeback_received", chargebacks(own), receivable(own), amount_centimes),)


def chargeback_won(occasion: LedgerOccasion, amount_centimes: int) -> tuple[Transfer, ...]:
    """The transfers of a chargeback that was won: the acquirer owes the amount again."""
    own = occasion.acquirer
    return (occasion.leg(1, "chargeback_won", receivable(own), chargebacks(own), amount_centimes),)


def chargeback_lost(occasion: LedgerOccasion, amount_centimes: int) -> tuple[Transfer, ...]:
    """Lost, or accepted: the amount is ours to bear."""
    return (occasion.leg(1, "chargeback_lost", LOSSES, chargebacks(occasion.acquirer), amount_centimes),)


def written_off(
    occasion: LedgerOccasion, account: str, amount_centimes: int, proposed_by: str, approved_by: str
) -> tuple[Transfer, ...]:
    """What two people gave up: the occasion's note names their request, no row names them. Payers' money is nothing
    that can be given up: its accounts follow the payments alone."""
    if not proposed_by or not approved_by or proposed_by == approved_by:
        raise ValueError("a write-off is proposed by one person and approved by another")
    if account in PAYERS or account == LOSSES:
        raise ValueError(f"{account} is nothing that can be written off")
    return (occasion.leg(1, "written_off", LOSSES, account, amount_centimes),)


def corrected(wrong: Transfer, occasion: LedgerOccasion) -> tuple[Transfer, ...]:
    """The counter-transfer, which names the first; the right one, if any, is an occasion of its own."""
    note = f"corrects {wrong.id}" + (f": {occasion.note}" if occasion.note else "")
    return (
        Transfer(
            id=f"{occasion.key}.1",
            at=occasion.at,
            debit=wrong.credit,
            credit=wrong.debit,
            amount_centimes=wrong.amount_centimes,
            event="correction",
            payment_id=wrong.payment_id,
            bill=wrong.bill,
            note=note,
            currency=wrong.currency,
        ),
    )


def _within(commission_centimes: int, gross_centimes: int) -> None:
    if not 0 <= commission_centimes <= gross_centimes:
        raise ValueError("a commission is between nothing and the whole")
