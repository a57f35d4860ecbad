"""Card values. A card lives in memory only: nothing here can be printed, compared in a log or pickled."""

from dataclasses import dataclass, field
from datetime import date
from typing import NoReturn

PAN_MIN, PAN_MAX = 13, 19
PAN_LENGTHS = {"visa": frozenset({13, 16, 19}), "mastercard": frozenset({16})}  # ISO/IEC 7812 leaves it to the scheme
CVV_MIN, CVV_MAX = 3, 4
THREE_DIGITS = frozenset({"visa", "mastercard"})  # the codes of these schemes
PIN_MIN, PIN_MAX = 3, 8


class Secret:
    """Digits that must not be seen: masked in repr and str, not picklable (docs/protocols/security.md 6)."""

    __slots__ = ("_digits",)

    def __init__(self, digits: str) -> None:
        self._digits = digits

    def reveal(self) -> str:
        """The digits themselves, for the one call that needs them."""
        return self._digits

    def __len__(self) -> int:
        return len(self._digits)

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never pickled or copied")


@dataclass(frozen=True, slots=True)
class Card:
    """A card number and its expiry, between the vault and the acquirer."""

    pan: Secret = field(repr=False)
    expiry_month: int = field(repr=False)
    expiry_year: int = field(repr=False)

    @property
    def last4(self) -> str:
        return self.pan.reveal()[-4:]

    @property
    def brand(self) -> str:
        return brand_of(self.pan)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a card is never pickled or copied")


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1 check digit."""
    if not digits.isascii() or not digits.isdigit():
        return False
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits)))
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def brand_of(pan: Secret) -> str:
    """ "visa", "mastercard" or "card": CMI's own ranges are not public, an unknown brand passes through."""
    digits = pan.reveal()
    if digits.startswith("4"):
        return "visa"
    if 51 <= int(digits[:2] or 0) <= 55 or 2221 <= int(digits[:4] or 0) <= 2720:
        return "mastercard"
    return "card"


def cvv_lengths(brand: str = "") -> tuple[int, int]:
    """The least and most digits of a security code; schemes that are not told apart may have either."""
    return (CVV_MIN, CVV_MIN) if brand in THREE_DIGITS else (CVV_MIN, CVV_MAX)


def cvv_plausible(cvv: Secret, brand: str = "") -> bool:
    """Returns whether a card of this brand, or of any, can have this security code."""
    least, most = cvv_lengths(brand)
    digits = cvv.reveal()
    return least <= len(digits) <= most and digits.isascii() and digits.isdigit()


def pan_plausible(pan: Secret, *, check_luhn: bool = True) -> bool:
    """A length that the scheme has and, unless switched off (docs/protocols/cmi.md), the Luhn digit."""
    digits = pan.reveal()
    if not (PAN_MIN <= len(digits) <= PAN_MAX and digits.isascii() and digits.isdigit()):
        return False
    return len(digits) in PAN_LENGTHS.get(brand_of(pan), {len(digits)}) and (luhn(digits) or not check_luhn)


def has_doubled_key(pan: Secret) -> bool:
    """Returns whether it would be a card's number if one of its keys, told twice, had been told once."""
    digits = pan.reveal()
    twice = (at for at in range(1, min(len(digits), PAN_MAX + 1)) if digits[at] == digits[at - 1])
    return not pan_plausible(pan) and any(pan_plausible(Secret(digits[:at] + digits[at + 1 :])) for at in twice)


def expiry_of(digits: str) -> tuple[int, int]:
    """ "1228" -> (12, 2028). Raises ValueError when it is no month and year."""
    if len(digits) != 4 or not digits.isdigit() or not 1 <= int(digits[:2]) <= 12:
        raise ValueError("an expiry is month and year: 1228")
    return int(digits[:2]), 2000 + int(digits[2:])


def expired(month: int, year: int, today: date) -> bool:
    """A card is good to the last day of its month."""
    return (year, month) < (today.year, today.month)
