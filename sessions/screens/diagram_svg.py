"""The journey as a picture for the documentation: a lane a file of screens, each box with all that it leads to. Pure.

Arrows show the usual way, the dial and then the call; every other transition is named in its box.
"""

import textwrap
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import get_args

from sessions.screens.diagram import moves
from sessions.screens.journey import Shown

LANES = {"opening": "Who, and whose line", "choosing": "Which bills", "paying": "The card", "ending": "The end"}
DIAL = ("Language", "Service", "Terms", "PickInvoices", "ConfirmTotal", "HandOver")
CALL = ("CardNumber", "CardExpiry", "ConfirmCharge", "CardCvv", "Paying", "Paid")
BOX, LANE, LEFT, TOP, GAP = 206, 262, 20, 92, 26
NAME_HEIGHT, LINE_HEIGHT, LINE_CHARS = 26, 14, 34
GREEN, INK, SOFT, FRAME, GROUND = "#0b6e4f", "#1f2933", "#52606d", "#cbd2d9", "#ffffff"

Box = tuple[float, float, float]  # left, top, height


def svg() -> str:
    """The picture. Raises ValueError where the usual way is no longer one of the journey's."""
    leads = {kind.__name__: [name for name in moves(kind) if name != kind.__name__] for kind in get_args(Shown)}
    for way in (DIAL, CALL):
        for before, after in pairwise(way):
            if after not in leads[before]:
                raise ValueError(f"{before} leads to {after} no longer: correct the usual way")
    places = dict(_places(leads))
    drawn = [_box(name, places[name], leads[name], usual=name in DIAL + CALL) for name in places]
    for way in (DIAL, CALL):
        drawn += [_arrow(places[before], places[after]) for before, after in pairwise(way)]
    drawn.append(_arrow(places[DIAL[-1]], places[CALL[0]], words="the phone rings"))
    height = max(top + tall for _, top, tall in places.values()) + GAP
    return _svg(height, drawn)


def _places(leads: dict[str, list[str]]) -> Iterator[tuple[str, Box]]:
    """Each lane from the top: the usual way first, then the others as they are declared."""
    kinds = {kind.__name__: kind.__module__.rpartition(".")[2] for kind in get_args(Shown)}
    for lane, module in enumerate(LANES):
        usual = [name for name in DIAL + CALL if kinds[name] == module]
        others = [name for name, where in kinds.items() if where == module and name not in usual]
        top = float(TOP)
        for name in usual + others:
            tall = NAME_HEIGHT + LINE_HEIGHT * len(_wrapped(leads[name])) + 8
            yield name, (LEFT + lane * LANE, top, tall)
            top += tall + GAP


def _wrapped(names: Sequence[str]) -> list[str]:
    return textwrap.wrap("→ " + ", ".join(names), LINE_CHARS) if names else ["the dialog ends"]


def _box(name: str, place: Box, leads: Sequence[str], *, usual: bool) -> str:
    left, top, tall = place
    lines = [
        (
            f'<rect x="{left:.0f}" y="{top:.0f}" width="{BOX}" height="{tall:.0f}" rx="6" fill="{GROUND}" '
            f'stroke="{GREEN if usual else FRAME}" stroke-width="{2 if usual else 1}"/>'
        ),
        f'<text x="{left + 10:.0f}" y="{top + 18:.0f}" font-weight="600" fill="{INK}">{name}</text>',
    ]
    for number, line in enumerate(_wrapped(leads)):
        y = top + NAME_HEIGHT + 10 + number * LINE_HEIGHT
        lines.append(f'<text x="{left + 10:.0f}" y="{y:.0f}" font-size="11" fill="{SOFT}">{escape(line)}</text>')
    return "\n".join(lines)


def _arrow(before: Box, after: Box, words: str = "") -> str:
    """Down within a lane; to another lane from side to side."""
    if before[0] == after[0]:
        x, y, end = before[0] + BOX / 2, before[1] + before[2], after[1]
        path = f"M {x:.0f} {y:.0f} L {x:.0f} {end - 6:.0f}"
    else:
        x, y = before[0] + BOX, before[1] + before[2] / 2
        to_x, to_y = after[0] - 6, after[1] + NAME_HEIGHT / 2
        path = f"M {x:.0f} {y:.0f} C {x + 36:.0f} {y:.0f} {to_x - 36:.0f} {to_y:.0f} {to_x:.0f} {to_y:.0f}"
    dash = ' stroke-dasharray="5 4"' if words else ""
    drawn = f'<path d="{path}" fill="none" stroke="{GREEN}" stroke-width="2" marker-end="url(#tip)"{dash}/>'
    if words:
        x, y = before[0], before[1] + before[2] + 15
        drawn += f'\n<text x="{x:.0f}" y="{y:.0f}" font-size="11" fill="{GREEN}">{words}</text>'
    return drawn


def _svg(height: float, drawn: Sequence[str]) -> str:
    width = LEFT + LANE * (len(LANES) - 1) + BOX + LEFT
    heads = [
        f'<text x="{LEFT + lane * LANE}" y="72" font-size="14" font-weight="600" fill="{SOFT}">{escape(words)}</text>'
        for lane, words in enumerate(LANES.values())
    ]
    return "\n".join(
        (
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height:.0f}" role="img" '
                f'aria-label="The journey" font-family="system-ui, sans-serif" font-size="13">'
            ),
            (
                '<defs><marker id="tip" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="5" markerHeight="5" '
                f'orient="auto"><path d="M 0 0 L 8 4 L 0 8 z" fill="{GREEN}"/></marker></defs>'
            ),
            f'<rect width="{width}" height="{height:.0f}" fill="{GROUND}"/>',
            f'<text x="{LEFT}" y="34" font-size="18" font-weight="600" fill="{INK}">The journey</text>',
            (
                f'<text x="{LEFT}" y="52" font-size="12" fill="{SOFT}">Green: the usual way, a dial and the call that '
                "follows. Each box names every screen it leads to.</text>"
            ),
            *heads,
            *drawn,
            "</svg>\n",
        )
    )
