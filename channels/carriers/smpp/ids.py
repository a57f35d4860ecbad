"""One spelling of the ids that SMSCs give and report back: padded, capitalised, in another base than before. Pure.

A receipt names its message in its text and, apart from that, in a parameter; either may be in the other base.
"""

import re
from collections.abc import Iterable
from enum import StrEnum

ID_CHARS_MAX = 65
NUMBER_CHARS_MAX = 40  # longer ones are no numbers
_HEX, _DECIMAL = re.compile(r"[0-9a-f]+"), re.compile(r"[0-9]+")


class SmscIds(StrEnum):
    """Tells how an SMSC's receipts spell the id that it answered."""

    AUTO = "auto"  # the same, else the other base where recipient and number agree
    SAME = "same"
    HEX = "hex"  # answered in hexadecimal, receipted in decimal
    DEC = "dec"  # answered in decimal, receipted in hexadecimal


def fold_id(message_id: str, ids: SmscIds = SmscIds.SAME) -> str:
    """The id of an answered submit as it is kept; "" is no id."""
    folded = _folded(message_id)
    return (_decimal(folded) or folded if ids is SmscIds.HEX else folded)[:ID_CHARS_MAX]


def receipted(found: Iterable[str], ids: SmscIds) -> tuple[str, ...]:
    """The spellings under which a receipt's message may have been kept, the likeliest first."""
    same = [folded for each in found if (folded := _folded(each))]
    decimal = [_decimal(each) for each in same]
    hexadecimal = [_hexadecimal(each) for each in same]
    spelled = {
        SmscIds.SAME: same,
        SmscIds.HEX: [*same, *decimal],
        SmscIds.DEC: [*decimal, *same],
        SmscIds.AUTO: [*same, *decimal, *hexadecimal],
    }[ids]
    return tuple(dict.fromkeys(each[:ID_CHARS_MAX] for each in spelled if each))


def _folded(message_id: str) -> str:
    text = message_id.strip(" \t\r\n\0\"'").lower().removeprefix("0x")
    return text.lstrip("0") or text[:1]


def _decimal(folded: str) -> str:
    """Of a hexadecimal number; "" of anything else."""
    fits = len(folded) <= NUMBER_CHARS_MAX and _HEX.fullmatch(folded)
    return str(int(folded, 16)) if fits else ""


def _hexadecimal(folded: str) -> str:
    """Of a decimal number; "" of anything else."""
    fits = len(folded) <= NUMBER_CHARS_MAX and _DECIMAL.fullmatch(folded)
    return f"{int(folded):x}" if fits else ""
