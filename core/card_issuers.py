"""Who issues cards, by their numbers' first digits (ISO/IEC 7812), and how long each one's numbers are. Pure."""

from bisect import bisect_right

from core.cards import PAN_MAX, PAN_MIN

ISSUER_DIGITS = 6

_ALL = frozenset(range(PAN_MIN, PAN_MAX + 1))
_LONG = frozenset(range(16, PAN_MAX + 1))
_16 = frozenset({16})

# ISO/IEC 7812 issuers by their first six digits, and how long their numbers are.
ISSUERS = (
    (220000, 220599, _LONG),  # Mir, Borica
    (222100, 272099, _16),  # Mastercard
    (300000, 305999, frozenset({14}) | _LONG),  # Diners
    (309500, 309599, frozenset({14}) | _LONG),
    (340000, 349999, frozenset({15})),  # American Express
    (352800, 358999, _LONG),  # JCB
    (360000, 369999, frozenset({14}) | _LONG),  # Diners
    (370000, 379999, frozenset({15})),  # American Express
    (380000, 399999, frozenset({14}) | _LONG),  # Diners
    (400000, 499999, frozenset({13, 16, 19})),  # Visa
    (500000, 509999, _ALL),  # Maestro, Dankort, Elo, Verve
    (510000, 559999, _16),  # Mastercard
    (560000, 589999, _ALL),  # Maestro
    (601100, 601199, _LONG),  # Discover
    (603000, 609999, _16),  # RuPay, Hipercard
    (620000, 629999, _LONG),  # UnionPay
    (630400, 630499, _ALL),  # Maestro
    (636000, 639999, _LONG),  # Elo, InstaPayment
    (644000, 659999, _LONG),  # Discover, Troy
    (670000, 679999, _ALL),  # Maestro
    (810000, 817199, _LONG),  # UnionPay
    (860000, 860099, _16),  # Uzcard
    (970400, 970499, _LONG),  # NAPAS
    (979200, 979299, _16),  # Troy
    (986000, 986099, _16),  # Humo
)
_FROM = [low for low, _, _ in ISSUERS]
BANKING = "3456"  # ISO/IEC 7812 industries: enough for a number that stands alone


def lengths_of(issuer: int) -> frozenset[int]:
    """Returns how many digits a number has that begins with these six; empty where nobody known issues such."""
    index = bisect_right(_FROM, issuer) - 1
    if index < 0 or issuer > ISSUERS[index][1]:
        return frozenset()
    return ISSUERS[index][2]


def luhn_sums(digits: str) -> tuple[list[int], list[int]]:
    """Running sums with every second digit doubled: those of even places as they are, then those of odd places."""
    sums: tuple[list[int], list[int]] = ([0], [0])
    for index, digit in enumerate(digits):
        value = int(digit)
        twice = value * 2 - 9 if value > 4 else value * 2
        for parity, running in enumerate(sums):
            running.append(running[-1] + (value if index % 2 == parity else twice))
    return sums
