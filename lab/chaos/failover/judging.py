"""What must be when everything rests again, and how long customers and the books stood still."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from lab.chaos.failover.house import FailoverHouse
from lab.chaos.failover.losses import Kind, Loss
from lab.chaos.failover.traffic import Visit
from lab.chaos.judging import differences

WATCHED_S = 120.0  # after a loss
GAPS = """
SELECT year, min(sequence) AS first, max(sequence) AS last, count(*) AS n FROM receipts GROUP BY year
HAVING min(sequence) <> 1 OR max(sequence) <> count(*)
"""
EVENTS = "SELECT at FROM payment_events WHERE at BETWEEN %(begin)s AND %(end)s ORDER BY at"
TWICE = "SELECT line_reference, count(*) AS n FROM payments WHERE state = 'captured' GROUP BY 1 HAVING count(*) > 1"


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of loss. Seconds, sorted; `others_found` until another primary was there."""

    kind: Kind
    losses: int
    found_s: list[float]
    books_s: list[float]
    customers_s: list[float]


async def faults_of(house: FailoverHouse, visits: Sequence[Visit]) -> list[str]:
    """Empty when all is well."""
    found = [
        fault for fault in await differences(house.database, house.cmi.ledger) if not fault.endswith("left created")
    ]
    found += [f"receipts of {row['year']} have a gap: {row}" for row in await house.database.all(GAPS)]
    found += [f"line {row['line_reference']} is captured {row['n']} times" for row in await house.database.all(TWICE)]
    taken = [house.cmi.captured_centimes(order_id) for order_id, _ in house.cmi.ledger.orders()]
    paid, due = sum(taken), sum(visit.who.amount_centimes for visit in visits if visit.paid)
    found += [] if paid == due else [f"customers were told of {due} centimes, the acquirer has {paid}"]
    found += [f"{visit.who.msisdn} gave up after {visit.tries} tries" for visit in visits if not visit.paid]
    for visit in visits:
        texts = sum("/receipts/" in text.body for text in house.twilio.inboxes.of(visit.who.msisdn))
        if not visit.web and texts != 1:
            found.append(f"{visit.who.msisdn} got {texts} receipts")
    return found


async def rows_of(house: FailoverHouse, visits: Sequence[Visit], losses: Sequence[Loss]) -> list[Row]:
    """The figures, by kind of loss."""
    undisturbed = sorted(visit.ended - visit.began for visit in visits if not loss_met(visit, losses))
    usual = share(undisturbed, 0.5) if undisturbed else 0.0
    rows = []
    for kind in Kind:
        own = [loss for loss in losses if loss.kind is kind]
        if own:
            met = [visit for visit in visits if (loss := loss_met(visit, losses)) and loss.kind is kind]
            held = sorted(max(0.0, visit.ended - visit.began - usual) for visit in met)
            stood = sorted([await _books_stood_still(house, loss, watched_until(loss, losses)) for loss in own])
            rows.append(Row(kind, len(own), sorted(loss.found_s for loss in own), stood, held))
    return rows


def loss_met(visit: Visit, losses: Sequence[Loss]) -> Loss | None:
    """The loss that whoever had begun, or began before another primary was there, was held up by."""
    return next((loss for loss in losses if visit.began <= loss.at + loss.found_s and visit.ended >= loss.at), None)


def watched_until(loss: Loss, losses: Sequence[Loss]) -> float:
    """The moment of the next loss, or WATCHED_S later, whichever comes first."""
    return min([loss.at + WATCHED_S, *(each.at for each in losses if each.at > loss.at)])


async def _books_stood_still(house: FailoverHouse, loss: Loss, until: float) -> float:
    """The longest time without a committed event of any payment, from a second before the loss on."""
    begin, end = (datetime.fromtimestamp(at, UTC) for at in (loss.at - 1.0, until))
    at = [row["at"].timestamp() for row in await house.database.all(EVENTS, begin=begin, end=end)]
    return max((later - earlier for earlier, later in pairwise(at)), default=WATCHED_S)


def share(values: Sequence[float], part: float) -> float:
    """The value below which so many of the sorted ones lie."""
    return values[min(len(values) - 1, int(len(values) * part))]
