"""Findings: a figure beside its goal. One shape for the table on the terminal, results.json and the documents. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.measure import Sample, middle


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound: at least, or at most."""

    bound: float
    at_least: bool

    def met_by(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


def at_least(bound: float) -> Goal:
    return Goal(bound, at_least=True)


def at_most(bound: float) -> Goal:
    return Goal(bound, at_least=False)


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure. Without a goal it is for information."""

    what: str
    value: float
    unit: str
    goal: Goal | None = None

    @property
    def verdict(self) -> str:
        return "" if self.goal is None else "met" if self.goal.met_by(self.value) else "MISSED"


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: who was measured, and what it shows. `points` are for plots: a name, then x and y."""

    name: str
    title: str
    findings: Sequence[Finding]
    samples: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    points: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    note: str = ""

    @property
    def medians(self) -> dict[str, Sample]:
        return {name: middle(samples) for name, samples in self.samples.items()}


def to_json(rows: Iterable[Row], about: Mapping[str, Any]) -> str:
    """results.json."""
    return json.dumps({"about": dict(about), "rows": [asdict(row) for row in rows]}, indent=1) + "\n"


def from_json(text: str) -> tuple[list[Row], dict[str, Any]]:
    """Rows and what was told about the run. Raises KeyError, TypeError, ValueError for what is no results.json."""
    data = json.loads(text)
    return [_row(row) for row in data["rows"]], data["about"]


def _row(data: dict[str, Any]) -> Row:
    findings = [
        Finding(**{**each, "goal": Goal(**each["goal"]) if each["goal"] is not None else None})
        for each in data["findings"]
    ]
    samples = {name: [Sample(**each) for each in bursts] for name, bursts in data["samples"].items()}
    points = {name: [(x, y) for x, y in pairs] for name, pairs in data["points"].items()}
    return Row(**{**data, "findings": findings, "samples": samples, "points": points})


def number(value: float) -> str:
    """A figure as people read it: three digits that count."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def table(rows: Iterable[Row]) -> str:
    """For the terminal."""
    lines: list[str] = []
    for row in rows:
        lines += ["", row.title]
        for name, one in row.medians.items():
            took = f"p50 {number(one.p50_ms):>6} ms   p99 {number(one.p99_ms):>6} ms   CPU {number(one.cpu_us):>6} us"
            lines.append(f"    {name:22} {number(one.rate):>7}/s   {took}   errors {one.errors:.0f}")
        for each in row.findings:
            goal = f"goal {each.goal}" if each.goal else ""
            lines.append(f"  {each.what:58} {number(each.value):>8} {each.unit:10} {goal:14} {each.verdict}".rstrip())
        if row.note:
            lines.append(f"  {row.note}")
    return "\n".join(lines)
