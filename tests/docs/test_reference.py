"""What is made from the code is what is committed."""

from pathlib import Path

import pytest

from khallas.cli.reference import DOORS, pages, registry

ROOT = Path(__file__).parents[2]
PAGES = pages()


@pytest.mark.parametrize("path", PAGES)
def test_made_pages_are_current(path: str) -> None:
    committed = (ROOT / path).read_text(encoding="utf-8")
    assert committed == PAGES[path], "run: python -m khallas.cli.reference"


def test_every_metric_says_what_it_is() -> None:
    assert all(metric.documentation for metric in registry().collect())


def test_no_door_is_described_that_is_not_there() -> None:
    http = PAGES["docs/reference/http.md"]
    assert [door for door in DOORS if f"| `{door}" not in http] == []
