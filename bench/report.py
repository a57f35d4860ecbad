"""docs/PERFORMANCE.md, its pictures and the figures of docs/SCALING.md from results.json: `python -m bench.report`."""

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import cost, plots
from bench.reasons import REASONS
from bench.results import Row, from_json, number

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "results.json"
PAGE = ROOT / "docs" / "PERFORMANCE.md"
SCALING = ROOT / "docs" / "SCALING.md"
PICTURES = ROOT / "docs" / "pictures"
TEMPLATE = Path(__file__).parent / "PERFORMANCE.md.in"
BEGIN, END = "<!-- figures of ./run bench -->", "<!-- end of figures -->"


def main(path: Path = RESULTS) -> int:
    """Write them all. 1: results.json is missing or not of a whole run."""
    try:
        rows, about = from_json(path.read_text())
        named = {row.name: row for row in rows}
        page = TEMPLATE.read_text().format_map(_parts(rows, about))
        pictures = drawn(named)
        figures = scaling(rows)
    except (OSError, KeyError) as error:
        print(f"no results of a whole run at {path} ({error!r}): ./run bench first", file=sys.stderr)
        return 1
    PAGE.write_text(page)
    for name, svg in pictures.items():
        (PICTURES / name).write_text(svg)
    SCALING.write_text(between(SCALING.read_text(), figures))
    return 0


def _parts(rows: Sequence[Row], about: Mapping[str, Any]) -> dict[str, str]:
    goals = [each for row in rows for each in row.findings if each.goal]
    met = sum(each.verdict == "met" for each in goals)
    others = max((one.others for row in rows for found in row.samples.values() for one in found), default=0.0)
    return {
        "goals": goals_table(rows),
        "details": "\n\n".join(details(row) for row in rows if _has_details(row)),
        "missed": missed(rows),
        "met": f"{met} of {len(goals)}",
        "at": str(about["at"])[:10],
        "revision": str(about["revision"]),
        "python": str(about["python"]),
        "bursts": str(about["bursts"]),
        "seconds": f"{about['seconds']:g}",
        "others": f"{others:.0%}",
    }


def goals_table(rows: Sequence[Row]) -> str:
    """Every figure with a goal."""
    lines = ["| row | figure | measured | goal | |", "|---|---|---:|---|---|"]
    for row in rows:
        for each in row.findings:
            if each.goal:
                told = f"{number(each.value)} {each.unit}".strip()
                verdict = each.verdict if each.verdict == "met" else f"**{each.verdict.lower()}**"
                lines.append(f"| {row.title} | {each.what} | {told} | {each.goal} | {verdict} |")
    return "\n".join(lines)


def missed(rows: Sequence[Row]) -> str:
    """Why, for each row with a goal that is missed."""
    names = {row.name: row.title for row in rows if any(each.verdict == "MISSED" for each in row.findings)}
    if not names:
        return "Nothing is missed."
    return "\n".join(f"- **{title}.** {REASONS.get(name, 'Not looked into yet.')}" for name, title in names.items())


def _has_details(row: Row) -> bool:
    return bool(row.samples or row.note) or any(not each.goal for each in row.findings)


def details(row: Row) -> str:
    """Who was measured, as medians, and what is told without a goal."""
    lines = [f"### {row.title}"]
    if row.samples:
        lines += ["", "| | requests/s | p50 ms | p99 ms | CPU us a request |", "|---|---:|---:|---:|---:|"]
    for name, one in row.medians.items():
        figures = (one.rate, one.p50_ms, one.p99_ms, one.cpu_us)
        lines.append(f"| {name} | {' | '.join(number(figure) for figure in figures)} |")
    told = [f"{each.what}: {number(each.value)} {each.unit}" for each in row.findings if not each.goal]
    if told:
        lines += ["", *(f"- {each}" for each in told)]
    if row.note:
        lines += ["", row.note]
    return "\n".join(lines)


def drawn(named: Mapping[str, Row]) -> dict[str, str]:
    """Pictures by file name. Raises KeyError when a row was not measured."""
    steps = {name: one for row in ("ussd", "peer") for name, one in named[row].medians.items()}
    pairs = [
        (f"{name}: {row}" if name == "Khallas" else name, one.cpu_us)
        for row in ("sms", "voice", "payment")
        for name, one in named[row].medians.items()
    ]
    live, bills, start = (named[name].points for name in ("live", "bills", "start"))
    cpu = {"step CPU, us": live["step CPU, us"]}
    return {
        "bench-steps.svg": plots.bars(
            "USSD steps a second on one core", "/s", [(name, one.rate) for name, one in steps.items()]
        ),
        "bench-cpu.svg": plots.bars("Processor time: an SMS code, a voice turn, a payment", "us", pairs),
        "bench-live.svg": plots.curve(
            "CPU of a step among live sessions", "live sessions", "us a step", cpu, log_x=True
        ),
        "bench-bills.svg": plots.curve(
            "CPU of a step by unpaid bills", "bills on the line", "us a step", {"": bills["step CPU, us"]}
        ),
        "bench-memory.svg": plots.curve("Resident memory of a worker", "steps", "MiB", start),
    }


def scaling(rows: Sequence[Row]) -> str:
    """The figures of docs/SCALING.md."""
    costs = cost.costs_of(rows)
    lines = [
        "| a million customers | journeys/s | web workers, cores | SMS codes, cores | Redis, sessions |",
        "|---|---:|---:|---:|---:|",
    ]
    for load in (cost.BUSY_HOUR, cost.REMINDER):
        one = cost.bill(load, costs)
        lines.append(
            f"| {load.name} | {number(load.journeys_s)} | {number(one.web_cores)} | {number(one.sms_cores)} "
            f"| {number(one.redis_mib)} MiB |"
        )
    used = [
        f"a USSD step {number(costs.ussd_us)} us, a voice turn {number(costs.voice_us)} us,",
        f"a payment {number(costs.payment_us)} us and {number(costs.payment_bytes)} bytes in PostgreSQL,",
        f"an SMS code {number(costs.sms_us)} us, a dialog {number(costs.dialog_bytes)} bytes in Redis.",
    ]
    disk = f"Payments take {number(cost.disk_gib_a_year(costs))} GiB of PostgreSQL a year and million customers."
    return "\n".join([*lines, "", f"From: {' '.join(used)}", disk])


def between(page: str, figures: str) -> str:
    """The page with its figures anew. Raises KeyError when it has no place for them."""
    pattern = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(page):
        raise KeyError(BEGIN)
    return pattern.sub(lambda _: f"{BEGIN}\n{figures}\n{END}", page)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:2])))
