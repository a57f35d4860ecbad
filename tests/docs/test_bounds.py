"""Bounds that the documentation promises are those of the code."""

from pathlib import Path

import pytest

from core.acquirers import breaker, cmi
from core.help_desk import service, service_report
from khallas.cli import serve

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("page", "promised", "bounds", "told"),
    [
        ("guides/cmi.md", "Fifty at once at most", (cmi.CONNECTIONS_MAX,), (50,)),
        (
            "guides/cmi.md",
            "after ten failures in a row nothing is sent for 10 s",
            (breaker.FAILURES_MAX, breaker.OPEN_S),
            (10, 10.0),
        ),
        ("operations.md", "unknown for more than an hour", (service_report.UNKNOWN_MAX_S,), (3_600,)),
        ("operations.md", "left more than 60 s after the payment", (service_report.RECEIPT_MAX_S,), (60,)),
        ("operations.md", "An idle connection is kept for 75 s", (serve.KEEP_ALIVE_S,), (75,)),
        ("guides/help-desk.md", "five times a day at most", (service.RESENDS_MAX, service.RESENDS_S), (5, 86_400)),
    ],
)
def test_a_bound_is_what_its_page_says(
    page: str, promised: str, bounds: tuple[float, ...], told: tuple[float, ...]
) -> None:
    assert promised in " ".join((DOCS / page).read_text(encoding="utf-8").split())
    assert bounds == told
