"""Receipt numbers and tokens. Numbers run through a year without gaps: they are given in the paid commit. Pure."""

import re

SEQUENCE_DIGITS = 8
_TOKEN = re.compile(r"[0-9a-f]{32}")


def receipt_number(year: int, sequence: int) -> str:
    """(2026, 42) -> "2026-00000042"."""
    return f"{year}-{sequence:0{SEQUENCE_DIGITS}d}"


def token_plausible(text: str) -> bool:
    """Returns whether a link's last part can be a receipt token at all; the database is asked only then."""
    return _TOKEN.fullmatch(text) is not None
