"""Which acquirer is asked, and which next: a pure function over the contracts.

Rules of this file: a payment that may be at one acquirer is never another's; the first is chosen by weight and stays
the same for a payment however often it is asked; one whose circuit is open comes last, and is dropped by nobody.
"""

import hashlib
import math
from collections.abc import Collection, Iterable
from datetime import datetime

from core.acquirers.terms import AcquirerState, AcquirerTerms
from core.ports import Attempt

_DIGEST_BYTES = 8


def route(
    terms: Iterable[AcquirerTerms], attempt: Attempt, now: datetime, shut: Collection[str] = ()
) -> tuple[str, ...]:
    """Ids in the order of asking; empty where nobody takes it. `shut`: acquirers whose circuit is open."""
    fitting = [each for each in terms if takes(each, attempt)]
    if attempt.tied_to is not None:
        return tuple(each.id for each in fitting if each.id == attempt.tied_to and each.state is not AcquirerState.OFF)
    new = [each for each in fitting if each.state is AcquirerState.ON and each.valid(now)]
    new.sort(key=lambda each: (each.id in shut, _place(each, attempt.payment_id), each.id))
    return tuple(each.id for each in new)


def takes(terms: AcquirerTerms, attempt: Attempt) -> bool:
    """Returns whether the contract allows such a payment, whatever the day."""
    return (
        (terms.telephone_orders if attempt.telephone else terms.page)
        and (not terms.currencies or attempt.currency in terms.currencies)
        and (not terms.brands or attempt.brand is None or attempt.brand in terms.brands)
        and terms.min_centimes <= attempt.amount_centimes
        and (terms.max_centimes is None or attempt.amount_centimes <= terms.max_centimes)
    )


def _place(terms: AcquirerTerms, payment_id: str) -> float:
    """The lowest is first: of many payments each acquirer is first for its share of the weights, and taking one away
    moves nobody else's payments. Without a weight it is nobody's first."""
    if terms.weight <= 0:
        return math.inf
    digest = hashlib.sha256(f"{payment_id}:{terms.id}".encode()).digest()[:_DIGEST_BYTES]
    chance = (int.from_bytes(digest) + 1) / (2 ** (8 * _DIGEST_BYTES) + 1)
    return -math.log(chance) / terms.weight
