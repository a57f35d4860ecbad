"""Names in the documentation that nothing else looks for: parts of settings, values, metrics, alerts, modules, code."""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from khallas.cli.config_example import rows
from khallas.cli.reference import registry
from khallas.settings.model import known_names

ROOT = Path(__file__).parents[2]
PAGES = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
OPERATORS = [page for page in PAGES if page.parent.name in {"guides", "runbooks"} or page.name == "operations.md"]
RULES = (ROOT / "deploy/prometheus/rules.yml").read_text(encoding="utf-8")
ALERTS = dict(re.findall(r"alert: (\w+).*?runbook: (\S+)", RULES, re.DOTALL))
_METRIC_ENDS = ("", "_total", "_count", "_bucket", "_sum")
_PART = re.compile(r"`(__[A-Z][A-Z0-9_]*)`")
_METRIC = re.compile(r"`(khallas_[a-z_]+)")
_ALERT = re.compile(r"`(Khallas[A-Z]\w+)`")
_MODULE = re.compile(r"python -m ([a-z_.]+)")
_CODE = re.compile(r"`((?:core|channels|sessions|khallas)(?:\.[a-z_]+)*)\.([A-Z]\w+)`")
_WITH_VALUE = re.compile(r"`(KHALLAS_[A-Z0-9_]+)` \((\d[\d,]*)(?: s)?\)")
_VALUE_CELL = re.compile(r"\| `(KHALLAS_[A-Z0-9_]+)` \| (\d+) \|")


def by_page(pages: list[Path] = PAGES) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", pages, ids=lambda page: str(page.relative_to(ROOT)))


@by_page(OPERATORS)
def test_parts_of_settings_belong_to_one_named_before(page: Path) -> None:
    text, names = page.read_text(encoding="utf-8"), set(known_names())
    for found in _PART.finditer(text):
        before = re.findall(r"KHALLAS_([A-Z]+)__", text[: found.start()])
        assert before, found[1]
        assert f"KHALLAS_{before[-1]}{found[1]}" in names, found[1]


@by_page(OPERATORS)
def test_values_that_are_told_are_the_defaults(page: Path) -> None:
    defaults = {row.name: row.default for row in rows()}
    text = page.read_text(encoding="utf-8")
    for name, value in [*_WITH_VALUE.findall(text), *_VALUE_CELL.findall(text)]:
        assert float(defaults[name]) == float(value.replace(",", "")), name


@by_page()
def test_metrics_and_alerts_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    metrics = {metric.name + end for metric in registry().collect() for end in _METRIC_ENDS}
    roles = {"khallas_owner"}  # of the database
    assert set(_METRIC.findall(text)) - metrics - roles == set()
    assert set(_ALERT.findall(text)) - ALERTS.keys() == set()


@pytest.mark.parametrize("alert", ALERTS)
def test_the_page_that_an_alert_leads_to_tells_of_it(alert: str) -> None:
    assert f"`{alert}`" in (ROOT / ALERTS[alert]).read_text(encoding="utf-8")


@by_page()
def test_modules_and_code_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for module in _MODULE.findall(text):
        assert find_spec(module.rstrip(".")), module
    for module, name in _CODE.findall(text):
        assert hasattr(import_module(module), name), f"{module}.{name}"
