"""The table of docs/SCALING.md, from one run."""

from collections.abc import Sequence
from pathlib import Path

from lab.chaos.failover.judging import Row, share

PAGE = Path(__file__).resolve().parents[3] / "docs" / "SCALING.md"
BEGIN, END = "<!-- figures of ./run chaos --only failover -->", "<!-- end of figures of failover -->"
HEAD = """\
| how | lost | new primary, p50 / max | no payment written, p50 / max | customers held up | for, p50 / p99 / max |
|---|---:|---:|---:|---:|---:|
"""


def table(rows: Sequence[Row], summary: str) -> str:
    """Markdown. Seconds."""
    lines = [_line(str(row.kind), row) for row in rows]
    if len(rows) > 1:
        joined = (sorted(value for row in rows for value in getattr(row, name)) for name in _SECONDS)
        lines.append(_line("all", Row(rows[0].kind, sum(row.losses for row in rows), *joined)))
    return f"{HEAD}{''.join(lines)}\n{summary}\n"


_SECONDS = ("found_s", "books_s", "customers_s")


def _line(name: str, row: Row) -> str:
    held = row.customers_s
    pauses = f"{share(held, 0.5):.1f} / {share(held, 0.99):.1f} / {held[-1]:.1f} s" if held else "none"
    found = f"{share(row.found_s, 0.5):.1f} / {row.found_s[-1]:.1f} s"
    books = f"{share(row.books_s, 0.5):.1f} / {row.books_s[-1]:.1f} s"
    return f"| {name} | {row.losses} | {found} | {books} | {len(held)} | {pauses} |\n"


def written(text: str, page: Path = PAGE) -> None:
    """Between the marks of the page. Raises ValueError when they are not there."""
    whole = page.read_text()
    before, _, rest = whole.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{page} has no marks")
    page.write_text(f"{before}{BEGIN}\n{text}{END}{after}")
