"""A state has one colour in the mail, in the PDF and in the style sheets of the receipt and the help desk."""

import re
from pathlib import Path

import pytest

import channels.web
from channels.receipt_colours import COLOURS, StatusColours, rgb
from channels.receipt_view import ReceiptStatus

STATIC = Path(channels.web.__file__).parent / "static"
RULE = re.compile(
    r"^(?P<names>\.[^{]+) \{ --tone: (?P<tone>#[0-9a-f]{6}); --tint: (?P<tint>#[0-9a-f]{6}); \}$", re.MULTILINE
)


@pytest.mark.parametrize("sheet", ["receipt.css", "desk.css"])
def test_a_style_sheet_has_each_states_colours(sheet: str) -> None:
    found = {
        name: StatusColours(rule["tone"], rule["tint"])
        for rule in RULE.finditer((STATIC / sheet).read_text(encoding="utf-8"))
        for name in rule["names"].split(", ")
    }
    assert {status: found.get(f".{status}") for status in ReceiptStatus} == COLOURS


@pytest.mark.parametrize("status", ReceiptStatus)
def test_a_tone_can_be_read_on_its_tint_and_on_white(status: ReceiptStatus) -> None:
    tone = _luminance(COLOURS[status].tone)
    for ground in (COLOURS[status].tint, "#ffffff"):
        assert (_luminance(ground) + 0.05) / (tone + 0.05) >= 4.5, ground


def _luminance(colour: str) -> float:
    """The relative luminance of WCAG 2.2."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in rgb(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
