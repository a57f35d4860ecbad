"""Unpaid bills as a session keeps them: a short list itself, of a long one only what tells it from any other. Pure.

With 500 bills inside, every step would read, copy and write 40 KB. A long list lies on the process's shelf instead,
found by its digest; where it is not there (another worker, a restart) billing is asked again, and a list that came out
different is shown anew before any key is read on it.
"""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b
from typing import Protocol

import msgspec

from core.billing.invoices import Invoice, total

SHORT_MAX = 6  # bills that travel with the session: nearly every line's
SHELVED_BILLS_MAX = 40_000  # in one process, of all long lists together
DIGEST_BYTES = 12

_encoder = msgspec.msgpack.Encoder()


class Unpaid(msgspec.Struct, frozen=True, array_like=True):
    """A line's unpaid bills. `bills` of a short list, `digest` of a long one."""

    count: int
    total_centimes: int
    bills: tuple[Invoice, ...] = ()
    digest: bytes = b""


class UntickedBills(msgspec.Struct, frozen=True, array_like=True):
    """Bills unticked by the customer: a bit each, in the list's order, with their number and sum."""

    bits: bytes = b""
    count: int = 0
    centimes: int = 0

    def has(self, place: int) -> bool:
        bits, byte = self.bits, place >> 3
        return byte < len(bits) and bits[byte] >> (place & 7) & 1 == 1

    def toggled(self, place: int, bill: Invoice) -> "UntickedBills":
        """The selection with the bill at that place in, or out again."""
        bits = bytearray(self.bits.ljust((place >> 3) + 1, b"\0"))
        bits[place >> 3] ^= 1 << (place & 7)
        sign = -1 if self.has(place) else 1
        return UntickedBills(bytes(bits).rstrip(b"\0"), self.count + sign, self.centimes + sign * bill.amount_centimes)


NONE_LEFT = UntickedBills()


class Listed:
    """A list at hand."""

    __slots__ = ("_places", "bills")

    def __init__(self, bills: Sequence[Invoice]) -> None:
        self.bills = tuple(bills)
        self._places: dict[str, int] | None = None

    def place(self, number: str) -> int | None:
        """Returns where the bill of that number stands."""
        if len(self.bills) <= SHORT_MAX:
            for n, bill in enumerate(self.bills):
                if bill.number == number:
                    return n
            return None
        if self._places is None:
            self._places = {bill.number: n for n, bill in enumerate(self.bills)}
        return self._places.get(number)


class CachedBills(Protocol):
    """The part of the cache that screens may ask."""

    def find(self, unpaid: Unpaid) -> Listed | None: ...


class NoBillCache:
    """Short lists alone: they travel with their screen."""

    def find(self, unpaid: Unpaid) -> Listed | None:
        return None if unpaid.digest else Listed(unpaid.bills)


SHORT_LISTS = NoBillCache()


class BillCache:
    """Long lists of this process, the least used put away first."""

    def __init__(self, bills_max: int = SHELVED_BILLS_MAX) -> None:
        self._lists: OrderedDict[bytes, Listed] = OrderedDict()
        self._bills = 0
        self._bills_max = bills_max

    def keep(self, invoices: Sequence[Invoice]) -> Unpaid:
        """The list as a screen holds it."""
        unpaid = unpaid_of(invoices)
        if unpaid.digest and self.find(unpaid) is None:
            self._lists[unpaid.digest] = Listed(invoices)
            self._bills += len(invoices)
            while self._bills > self._bills_max and len(self._lists) > 1:
                self._bills -= len(self._lists.popitem(last=False)[1].bills)
        return unpaid

    def has(self, unpaid: Unpaid) -> bool:
        return not unpaid.digest or unpaid.digest in self._lists

    def find(self, unpaid: Unpaid) -> Listed | None:
        """The list of bills; None where billing must be asked again."""
        if not unpaid.digest:
            return Listed(unpaid.bills)
        listed = self._lists.get(unpaid.digest)
        if listed is not None:
            self._lists.move_to_end(unpaid.digest)
        return listed


def unpaid_of(invoices: Sequence[Invoice]) -> Unpaid:
    """The part of a list that a screen keeps."""
    if len(invoices) <= SHORT_MAX:
        return Unpaid(len(invoices), total(invoices), tuple(invoices))
    digest = blake2b(_encoder.encode(tuple(invoices)), digest_size=DIGEST_BYTES).digest()
    return Unpaid(len(invoices), total(invoices), digest=digest)


def all_left(unpaid: Unpaid) -> UntickedBills:
    """Returns the selection in which every bill is unticked."""
    bits = ((1 << unpaid.count) - 1).to_bytes((unpaid.count + 7) // 8, "little")
    return UntickedBills(bits, unpaid.count, unpaid.total_centimes)
