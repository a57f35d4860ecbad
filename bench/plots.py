"""Small pictures of figures, as SVG text: bars and curves. Pure; no library draws them."""

from collections.abc import Mapping, Sequence
from html import escape
from math import log10

from bench.results import number

WIDTH, HEIGHT = 720, 360
LEFT, RIGHT, TOP, BOTTOM = 190, 110, 56, 48
BAR, GAP = 22, 10
OURS, THEIRS, LINE, INK, FAINT = "#0b6e4f", "#9aa5b1", "#d64545", "#1f2933", "#e4e7eb"

Point = tuple[float, float]


def bars(title: str, unit: str, values: Sequence[tuple[str, float]], ours: str = "Khallas") -> str:
    """One bar a name; those whose name begins with `ours` stand out."""
    most = max(value for _, value in values) or 1.0
    room = WIDTH - LEFT - RIGHT
    drawn = []
    for n, (name, value) in enumerate(values):
        y = TOP + n * (BAR + GAP)
        length = room * value / most
        colour = OURS if name.startswith(ours) else THEIRS
        drawn += [
            _text(LEFT - 10, y + 16, name, "end"),
            f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" rx="3" fill="{colour}"/>',
            _text(LEFT + length + 8, y + 16, f"{number(value)} {unit}"),
        ]
    return _svg(title, TOP + len(values) * (BAR + GAP) + 16, drawn)


def curve(title: str, across: str, up: str, lines: Mapping[str, Sequence[Point]], *, log_x: bool = False) -> str:
    """Points joined by lines; y begins at 0."""
    points = [point for line in lines.values() for point in line]
    low, high = min(x for x, _ in points), max(x for x, _ in points)
    top = 1.15 * max(y for _, y in points) or 1.0
    left, right, base = 80, WIDTH - 40, HEIGHT - BOTTOM

    def place(point: Point) -> Point:
        x, y = point
        far = (log10(x) - log10(low)) / (log10(high) - log10(low)) if log_x else (x - low) / (high - low)
        return left + (right - left) * far, base - (base - TOP) * y / top

    drawn = [f'<line x1="{left}" y1="{base}" x2="{right}" y2="{base}" stroke="{INK}"/>']
    for step in range(5):
        value = top * step / 4
        y = base - (base - TOP) * step / 4
        drawn += [
            f'<line x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{FAINT}"/>',
            _text(left - 8, y + 4, number(value), "end"),
        ]
    for line in lines.values():
        spots = [place(point) for point in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{OURS}" stroke-width="2.5"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{OURS}"/>' for x, y in spots]
    for x in sorted({x for x, _ in points}):
        drawn.append(_text(place((x, 0))[0], base + 18, f"{x:,.0f}", "middle"))
    drawn += [_text((left + right) / 2, HEIGHT - 8, across, "middle"), _text(left - 60, TOP - 12, up)]
    return _svg(title, HEIGHT, drawn)


def _text(x: float, y: float, words: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{INK}">{escape(words)}</text>'


def _svg(title: str, height: float, drawn: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}" font-family="system-ui, sans-serif" font-size="13">'
    )
    ground = f'<rect width="{WIDTH}" height="{height:.0f}" fill="#ffffff"/>'
    name = f'<text x="16" y="28" font-size="16" font-weight="600" fill="{INK}">{escape(title)}</text>'
    return "\n".join((head, ground, name, *drawn, "</svg>")) + "\n"
