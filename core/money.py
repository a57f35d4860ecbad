"""Money is a whole number of centimes; a float never touches it. Pure."""

import re
from functools import lru_cache

AMOUNTS_KEPT_MAX = 4_096  # a bill's amount stands on every page of its dialog

_AMOUNT = re.compile(r"(?P<dirhams>\d{1,10})(?:[.,](?P<centimes>\d{1,2}))?")


def parse_centimes(text: str) -> int:
    """Read "769.20" or "769,2" as centimes. Raises ValueError on anything else."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError("an amount is written like 769.20")
    return int(match["dirhams"]) * 100 + int((match["centimes"] or "0").ljust(2, "0"))


def decimal_text(amount_centimes: int) -> str:
    """76920 -> "769.20": how the acquirer and files write it (docs/protocols/cmi.md)."""
    if amount_centimes < 0:
        raise ValueError("an amount is never negative")
    return f"{amount_centimes // 100}.{amount_centimes % 100:02d}"


def signed_dh(amount_centimes: int) -> str:
    """A sum that may be negative, as `dh` writes amounts: "-769,20 DH"."""
    return f"-{dh(-amount_centimes)}" if amount_centimes < 0 else dh(amount_centimes)


@lru_cache(maxsize=AMOUNTS_KEPT_MAX)
def dh(amount_centimes: int) -> str:
    """76920 -> "769,20 DH", 176920 -> "1 769,20 DH": plain spaces, for the NBSP is not in GSM-7 (protocols/sms.md)."""
    if amount_centimes < 0:
        raise ValueError("an amount is never negative")
    whole = f"{amount_centimes // 100:,}".replace(",", " ")
    return f"{whole},{amount_centimes % 100:02d} DH"
