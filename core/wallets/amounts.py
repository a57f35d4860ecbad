"""Money and telephone numbers as wallets write them. Pure.

A wallet's amount is a decimal in the currency's whole units; ours are centimes. What is no exact number of centimes is
None, and whoever reads it lets an operator look.
"""

import re
from decimal import Decimal

from core.money import decimal_text
from core.wallets.port import CENTIMES

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,12})(\.[0-9]{1,4})?")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def centimes_of(amount: object) -> int | None:
    """76920 of "769.20", "769.2000", 769.2; None of anything that is no whole number of centimes, or is negative."""
    text = amount.strip() if isinstance(amount, str) else str(amount)
    if _AMOUNT.fullmatch(text) is None:
        return None
    exact = Decimal(text) * CENTIMES
    whole = int(exact)
    return whole if whole == exact else None


def amount_text(amount_centimes: int) -> str:
    """76920 -> "769.20", 76900 -> "769": currencies without centimes are written so, and every wallet reads it."""
    whole, centimes = divmod(amount_centimes, CENTIMES)
    return str(whole) if not centimes else decimal_text(amount_centimes)


def bare_digits(msisdn: str) -> str:
    """ "+212600000001" -> "212600000001", as most wallets spell it. Raises ValueError for anything but E.164."""
    if _E164.fullmatch(msisdn) is None:
        raise ValueError("not an E.164 number")
    return msisdn[1:]
