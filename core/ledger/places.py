"""Where each centime of a payment lies, as a table: by the payment's state and its bill's.

A bill of a captured payment lies where its posting says; a part of it that goes back lies by itself; what was taken
beside the bills (another amount, a late landing) is the excess. The same table stands in the database as
`khallas_place` and `ledger_positions` (the ledger's migrations): a test holds them together. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from core.ledger.accounts import CAPTURES, CREDITS, POSTED, TO_POST, TO_REFUND
from core.payments.table import Payment, PaymentState
from core.refunds.model import Refund, RefundState
from core.repositories import PostingState

EXCESS = "excess"
NO_SURPLUS: Mapping[str, int] = MappingProxyType({})

# Nothing was taken yet, or everything is back.
NOTHING_HERE = frozenset(
    {
        PaymentState.CREATED,
        PaymentState.SENDING,
        PaymentState.CHALLENGE,
        PaymentState.DECLINED,
        PaymentState.UNKNOWN,
        PaymentState.EXPIRED,
        PaymentState.VOIDED,
        PaymentState.REFUNDED,
    }
)

# While the payment is captured. `credited`: given back, nothing lies here; what is not named is in doubt.
BY_ITEM: dict[str, str | None] = {
    PostingState.PENDING: TO_POST,
    PostingState.POSTED: POSTED,
    PostingState.REFUSED: TO_REFUND,
    PostingState.CREDITING: CREDITS,
    PostingState.STUCK: CREDITS,
    PostingState.CREDITED: None,
    RefundState.ASKED: TO_REFUND,
    EXCESS: CAPTURES,
}
# A part has money of its own in these; in the others it is back, or the bill's again.
PART_OPEN = frozenset({RefundState.ASKED, RefundState.CREDITING, RefundState.STUCK})

Positions = dict[tuple[str, str], int]  # (bill, account) -> centimes; the bill "" is the payment's excess


def place(state: str, item: str) -> str | None:
    """The account; None: nothing of it is with us."""
    account = None if state in NOTHING_HERE else BY_ITEM.get(item, CREDITS)
    if account is not None and state == PaymentState.REFUNDING:
        return CREDITS
    if account in {TO_POST, POSTED} and state == PaymentState.VOIDING:
        return TO_REFUND
    return account


@dataclass(frozen=True, slots=True)
class Line:
    """A bill with its posting (None: nothing was taken for it), and what is left of it beside its parts."""

    bill: str
    posting: PostingState | None
    left_centimes: int


def positions(
    payment: Payment, lines: Iterable[Line], parts: Iterable[Refund], surplus: Mapping[str, int] = NO_SURPLUS
) -> Positions:
    """Returns where a payment's money lies. `parts` are given with those that tell billing of a whole; they move
    nothing. `surplus`: what wallets took beside it, by attempt ("w2"), whatever the payment's own state.
    """
    items = [(line.bill, str(line.posting), line.left_centimes) for line in lines if line.posting is not None]
    items += [
        (part.number, str(part.state), part.amount_centimes)
        for part in parts
        if not part.whole and part.state in PART_OPEN
    ]
    taken_centimes = payment.amount_centimes if payment.approved_centimes is None else payment.approved_centimes
    items.append(("", EXCESS, taken_centimes - (payment.amount_centimes if payment.paid_at else 0)))
    refused = (
        payment.state is PaymentState.REFUNDING and payment.by_hand is not None
    )  # owed still, and no credit under way
    state = PaymentState.VOIDING if refused else payment.state
    places: Positions = {}
    for bill, item, centimes in items:
        account = place(state, item)
        if account is not None and centimes:
            places[bill, account] = places.get((bill, account), 0) + centimes
    for attempt, centimes in surplus.items():
        places[attempt, CAPTURES] = places.get((attempt, CAPTURES), 0) + centimes
    return places
