"""`khallas service-report`: a month's availability and times by door, the bank and wallets apart, what came late."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from core.help_desk.service_report import QUANTILES, DoorMonth, PeerMonth, ServiceReport
from khallas.cli.told import fail, show
from khallas.settings.model import Settings

COLUMNS = ("month", "part", "name", "asked", "answered", "availability_percent", "p50_s", "p95_s", "p99_s")
SLOWEST_S = 10  # the last bound of a turn's time

Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Month = Annotated[datetime, typer.Argument(formats=["%Y-%m"], help="like 2026-11")]
Out = Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="write it there")]


def service_report(month: Month, csv_file: Out = None, as_json: Json = False) -> None:
    """A month of service: answered of asked and times by door, bank and wallets apart, unknown, late receipts."""
    from khallas.cli import at_hand
    from khallas.settings.model import load

    report = asyncio.run(_made(load(at_hand.environ()), month))
    if csv_file is not None:
        from channels.csv_cells import csv_file as written

        try:
            with written(csv_file, COLUMNS) as write:
                for row in rows(report):
                    write(*row)
        except OSError as error:
            fail(f"{error.filename}: {error.strerror}", as_json=as_json)
    show(told(report), list(lines(report)), as_json=as_json)


async def _made(settings: Settings, month: datetime) -> ServiceReport:
    """Raises DatabaseUnavailable."""
    from core.database.help_desk.service_report import PgServiceReports
    from core.database.late import open_late
    from core.database.pool import open_database

    url, late_url = settings.require_database_url(), settings.database_late_url.get_secret_value()
    async with open_database(url) as primary, open_late(late_url, primary) as database:
        return await PgServiceReports(database).of(month.date(), datetime.now(UTC))


def told(report: ServiceReport) -> dict[str, object]:
    """The report for programs; a time beyond the last bound is null, with `slowest_bound_s` to tell it by."""
    names = [f"p{part * 100:.0f}_s" for part in QUANTILES]
    doors = [
        {
            "channel": door.channel,
            "wire": door.wire,
            **_asked(door),
            **{name: _finite(each) for name, each in zip(names, door.times_s, strict=True)},
        }
        for door in report.doors
    ]
    counts = report.counts
    return {
        "month": f"{report.month:%Y-%m}",
        "over": report.over,
        "hours": report.hours,
        "hours_counted": report.hours_counted,
        "slowest_bound_s": SLOWEST_S,
        "doors": doors,
        "acquirers": [{"name": each.name, **_asked(each)} for each in report.peers if not each.wallet],
        "wallets": [{"name": each.name, **_asked(each)} for each in report.peers if each.wallet],
        "payments": counts.paid,
        "unknown_for_more_than_an_hour": counts.unknown_long,
        "receipts": counts.receipts,
        "receipts_later_than_60_s": counts.receipts_late,
        "receipts_whose_time_is_not_known": counts.receipts_untimed,
    }


def rows(report: ServiceReport) -> Iterator[tuple[object, ...]]:
    """The report as lines of a file: doors, peers, then what is counted, in the column `asked`."""
    month = f"{report.month:%Y-%m}"
    for door in report.doors:
        times = (_time(each) for each in door.times_s)
        yield (month, "door", f"{door.channel} {door.wire}", door.asked, door.answered, _percent(door), *times)
    for peer in report.peers:
        kind = "wallet" if peer.wallet else "acquirer"
        yield (month, kind, peer.name, peer.asked, peer.answered, _percent(peer), "", "", "")
    for name, count in _counted(report):
        yield (month, "count", name, count, "", "", "", "", "")


def lines(report: ServiceReport) -> Iterator[str]:
    """The report for people."""
    yield f"{report.month:%Y-%m}{'' if report.over else ' (not over)'}"
    yield f"{'':<28}{'asked':>12}{'answered':>12}{'%':>10}{'p50':>9}{'p95':>9}{'p99':>9}"
    for door in report.doors:
        yield _line(f"{door.channel} {door.wire}", door) + "".join(f"{_time(each):>9}" for each in door.times_s)
    for peer in report.peers:
        yield _line(f"{'wallet' if peer.wallet else 'acquirer'} {peer.name}", peer)
    for name, count in _counted(report):
        yield f"{name:<28}{count:>12}"


def add_commands(app: typer.Typer) -> None:
    """Adds the verb of the month's report."""
    app.command("service-report")(service_report)


def _counted(report: ServiceReport) -> Iterator[tuple[str, int]]:
    counts = report.counts
    yield "payments", counts.paid
    yield "unknown > 1 h", counts.unknown_long
    yield "receipts", counts.receipts
    yield "receipts > 60 s", counts.receipts_late
    yield "receipts, time not known", counts.receipts_untimed
    yield "hours of the month", report.hours
    yield "hours with a request", report.hours_counted


def _asked(each: DoorMonth | PeerMonth) -> dict[str, object]:
    return {"asked": each.asked, "answered": each.answered, "availability": each.availability}


def _line(name: str, each: DoorMonth | PeerMonth) -> str:
    return f"{name:<28}{each.asked:>12}{each.answered:>12}{_percent(each):>10}"


def _percent(each: DoorMonth | PeerMonth) -> str:
    return "" if each.availability is None else f"{100 * each.availability:.3f}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.3f}" if seconds != float("inf") else f"over {SLOWEST_S}"


def _finite(seconds: float | None) -> float | None:
    return None if seconds is None or seconds == float("inf") else seconds
