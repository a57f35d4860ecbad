"""What an acquirer's contract allows, as data. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

FIRST = "cmi"  # the id of the one there has always been: payments from before several carry it


class AcquirerState(StrEnum):
    """Tells whether an acquirer takes new payments, and whether it is asked at all."""

    ON = "on"
    DRAINING = "draining"  # no new payment; inquiries, voids, credits and its payments' further cards go on
    OFF = "off"  # nobody is asked: its payments wait


@dataclass(frozen=True, slots=True)
class AcquirerTerms:
    """The contract of one acquirer. Empty brands and currencies are all of them; `page`: customers can pay on a page of
    its own.
    """

    id: str
    name: str = ""
    merchant: str = ""
    state: AcquirerState = AcquirerState.ON
    weight: int = 1
    brands: frozenset[str] = frozenset()
    currencies: frozenset[str] = frozenset()
    min_centimes: int = 0
    max_centimes: int | None = None
    telephone_orders: bool = True
    page: bool = False
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def valid(self, now: datetime) -> bool:
        """Returns whether the contract runs at that moment."""
        begun = self.valid_from is None or self.valid_from <= now
        return begun and (self.valid_until is None or now < self.valid_until)
