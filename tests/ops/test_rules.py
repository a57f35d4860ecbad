"""Alerts and dashboards: checked by promtool, every metric and label they name exists, every runbook is there."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from channels.carriers.smpp.metrics import SmppMetrics
from khallas.telemetry.metrics import Metrics
from khallas.telemetry.payment_metrics import PaymentMetrics
from khallas.telemetry.relay_metrics import RelayMetrics

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules.yml"
DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
NAME = re.compile(r"\bkhallas_\w+")
SELECTED = re.compile(r"\b(khallas_\w+)\{([^}]*)\}")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
GROUPED = re.compile(r"\bby \(([^)]*)\)")
SUFFIXES = ("_total", "_bucket", "_count", "_sum")


def _metrics() -> dict[str, set[str]]:
    """Every metric's labels by its name as it is exposed."""
    metrics = Metrics()
    PaymentMetrics(metrics.registry)
    SmppMetrics(metrics.registry)
    RelayMetrics(metrics.registry)
    found: dict[str, set[str]] = {}
    for collector in set(metrics.registry._collector_to_names):
        for family in collector.describe() if hasattr(collector, "describe") else []:
            labels = set(collector._labelnames)  # type: ignore[attr-defined]
            found |= dict.fromkeys(_exposed(family), labels)
    return found


def _exposed(family: Metric) -> Iterator[str]:
    yield family.name
    match family.type:
        case "counter":
            yield f"{family.name}_total"
        case "histogram":
            yield from (f"{family.name}{suffix}" for suffix in ("_bucket", "_count", "_sum"))


def _rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _expressions() -> list[str]:
    found = [rule["expr"] for rule in _rules()]
    for file in DASHBOARDS:
        board = json.loads(file.read_text())
        found += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return found


def _promtool(*arguments: str | Path) -> str:
    tool = shutil.which("promtool") or shutil.which("promtool", path=Path(sys.executable).parent)
    assert tool, "promtool is missing: apt-get install prometheus"
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_the_rules_and_the_configuration() -> None:
    assert f"{len(_rules())} rules found" in _promtool("check", "rules", RULES)
    _promtool("check", "config", RULES.with_name("prometheus.yml"))


def test_alerts_fire_when_they_should() -> None:
    _promtool("test", "rules", Path(__file__).with_name("rules_test.yml"))


def test_every_name_in_rules_and_dashboards_is_a_metric_of_ours() -> None:
    metrics = _metrics()
    named = {name for expression in _expressions() for name in NAME.findall(expression)}
    assert len(named) > 15
    assert named - metrics.keys() == set()


def test_every_label_they_select_or_group_by_is_one_of_that_metric_s() -> None:
    metrics = _metrics()
    for expression in _expressions():
        for name, selector in SELECTED.findall(expression):
            assert set(LABEL.findall(selector)) <= metrics[name], expression
        together = (
            set().union(*(metrics[name] for name in NAME.findall(expression))) if NAME.search(expression) else set()
        )
        for labels in GROUPED.findall(expression):
            assert {label.strip() for label in labels.split(",")} <= together | {"le"}, expression


@pytest.mark.parametrize("rule", _rules(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_leads_to_a_runbook_that_names_it(rule: dict[str, Any]) -> None:
    runbook = ROOT / rule["annotations"]["runbook"]
    assert runbook.is_file()
    assert rule["labels"]["severity"] in {"page", "warn"}
    assert "runbooks" not in runbook.parts or rule["alert"] in runbook.read_text()


def test_a_metric_that_does_not_exist_would_be_found() -> None:
    assert "khallas_turns_total" in _metrics()
    assert "khallas_turn_total" not in _metrics()
    assert CollectorRegistry().get_sample_value("khallas_turns_total") is None
