"""From where money lay to where it lies now: the transfers of one payment event. Pure.

    captured                 receivable            -> bills:to_post (a leg a bill)
    another amount, or late  receivable            -> doubt:captures
    billing accepts a bill   bills:to_post         -> bills:posted
    billing refuses a bill   bills:to_post         -> customers:to_refund
    a part goes back         bills:posted          -> customers:to_refund
    the whole goes back      bills:to_post, posted -> customers:to_refund
    a credit is asked        customers:to_refund   -> doubt:credits
    it is refused, or absent doubt:credits         -> customers:to_refund, or where the bill lay before
    void or credit confirmed where it lay          -> receivable

An event takes money in or gives it back only if it can: an event that only moves it from place to place never writes
what a changed amount in a table would ask for, so that the equations find it. `khallas_ledger_follow` in the database
does the same in the commit of the event.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from core.ledger.accounts import ACQUIRER, receivable
from core.ledger.places import Positions
from core.ledger.transfers import CURRENCY, Transfer

# Events that move money from place to place only; any other may take it in or give it back.
INSIDE = frozenset(
    {
        "void",
        "refund",
        "undo_refused",
        "kept",
        "unconfirmed",
        "confirmed",
        "bill_posted",
        "bill_refused",
        "bill_crediting",
        "bill_stuck",
        "part",
        "part_asked",
        "part_crediting",
        "part_refused",
        "part_stuck",
        "part_told",
        "part_untold",
        "part_closed",
    }
)


@dataclass(frozen=True, slots=True)
class Happened:
    """A payment's event as the ledger follows it. `id` is unique for ever."""

    id: str
    at: datetime
    event: str
    payment_id: str
    currency: str = CURRENCY
    acquirer: str = ACQUIRER


def legs(happened: Happened, before: Positions, now: Positions) -> tuple[Transfer, ...]:
    """The transfers that lead from the first positions to the second: bill by bill, what was left pairs with what was
    reached.
    """
    moves = [
        (bill, debit, credit, amount)
        for bill in sorted({bill for bill, _ in before.keys() | now.keys()})
        for debit, credit, amount in _paired(_deltas(happened, bill, before, now))
    ]
    return tuple(
        Transfer(
            id=f"{happened.id}.{number}",
            at=happened.at,
            debit=debit,
            credit=credit,
            amount_centimes=amount,
            event=happened.event,
            payment_id=happened.payment_id,
            bill=bill,
            currency=happened.currency,
        )
        for number, (bill, debit, credit, amount) in enumerate(moves, 1)
    )


def applied(positions: Positions, transfers: tuple[Transfer, ...], outside: str) -> Positions:
    """The positions of money after these transfers; `outside` is the receivable."""
    after = dict(positions)
    for transfer in transfers:
        for account, centimes in (
            (transfer.debit, -transfer.amount_centimes),
            (transfer.credit, transfer.amount_centimes),
        ):
            if account != outside:
                after[transfer.bill, account] = after.get((transfer.bill, account), 0) + centimes
    return {key: centimes for key, centimes in after.items() if centimes}


def _deltas(happened: Happened, bill: str, before: Positions, now: Positions) -> dict[str | None, int]:
    """Account -> centimes more than before. The rest is the receivable's, or nobody's (None)."""
    accounts = {account for of, account in before.keys() | now.keys() if of == bill}
    deltas: dict[str | None, int] = {
        account: now.get((bill, account), 0) - before.get((bill, account), 0) for account in accounts
    }
    rest = None if happened.event in INSIDE else receivable(happened.acquirer)
    deltas[rest] = -sum(deltas.values())
    return deltas


def _paired(deltas: dict[str | None, int]) -> Iterator[tuple[str, str, int]]:
    """Debit what lost, credit what gained, in the order of the accounts' names."""
    lost = sorted(((name or "~", -delta) for name, delta in deltas.items() if delta < 0), reverse=True)
    gained = sorted(((name or "~", delta) for name, delta in deltas.items() if delta > 0), reverse=True)
    while lost and gained:
        (debit, owes), (credit, takes) = lost.pop(), gained.pop()
        amount = min(owes, takes)
        if "~" not in {debit, credit}:
            yield debit, credit, amount
        if owes > amount:
            lost.append((debit, owes - amount))
        if takes > amount:
            gained.append((credit, takes - amount))
