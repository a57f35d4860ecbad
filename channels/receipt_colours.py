"""The colours of a receipt's states, for the mail and the PDF; the page's style sheets agree with them. Pure.

Each tone keeps 4.5:1 on its tint and on white (WCAG 1.4.3).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from channels.receipt_view import ReceiptStatus


@dataclass(frozen=True, slots=True)
class StatusColours:
    """The colour of a state's words and the ground below them, as #rrggbb."""

    tone: str
    tint: str


_GREEN, _AMBER = StatusColours("#0a6b3d", "#e9f6ef"), StatusColours("#8a4b00", "#fdf3e2")
_BLUE, _RED = StatusColours("#24479b", "#edf2fd"), StatusColours("#a3201d", "#fcefee")
COLOURS: Mapping[ReceiptStatus, StatusColours] = MappingProxyType(
    {
        ReceiptStatus.PAID: _GREEN,
        ReceiptStatus.CHECKING: _AMBER,
        ReceiptStatus.RETURNING: _BLUE,
        ReceiptStatus.VOIDED: _BLUE,
        ReceiptStatus.REFUNDED: _BLUE,
        ReceiptStatus.DECLINED: _RED,
        ReceiptStatus.UNPAID: _RED,
    }
)


def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of #rrggbb."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
