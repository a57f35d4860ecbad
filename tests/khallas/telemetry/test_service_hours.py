"""The doors' hours on their way from Redis into the books, and what `khallas service-report` makes of them."""

import asyncio
import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis
from typer.testing import CliRunner

from core.database.help_desk.service_report import PgServiceReports
from core.database.pool import Database, open_database
from core.help_desk.operations import HOURS
from core.zone import ZONE
from khallas.cli.main import app
from khallas.telemetry.service_hours import ServiceHours
from khallas.telemetry.usage import HoursReader
from tests.khallas.telemetry.test_usage import Process
from tests.support.waiting import until

COUNTED = "SELECT channel, wire, outcome, bound, count FROM service_hours ORDER BY channel, outcome, bound"


async def test_what_redis_forgets_the_books_keep(
    redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with Redis.from_url(redis_url) as redis, open_database(database_url) as database:
        process = Process(redis)
        process.clock.time = datetime.now(UTC) - timedelta(hours=HOURS - 1)
        copying = ServiceHours(HoursReader(redis), PgServiceReports(database), process.clock)
        process.turns(3)
        process.metrics.wire("ussd", "africastalking").turn("Apology", "failed", 0.3)
        process.metrics.texts_received("twilio", "answered").inc()
        assert await process.tally.flush()
        process.clock.time = datetime.now(UTC)
        process.turns(1)
        assert await process.tally.flush()
        async with copying.running(every_s=3_600):
            await until(lambda: _rows(database))
        rows = await database.all(COUNTED)
        told = [(row["channel"], row["wire"], row["outcome"], row["count"]) for row in rows if row["outcome"]]
        assert sorted(told) == [
            ("sms", "twilio", "answered", 1),
            ("ussd", "africastalking", "answered", 1),
            ("ussd", "africastalking", "answered", 3),
            ("ussd", "africastalking", "failed", 1),
        ]
        process.turns(1)
        await process.tally.flush()
        await redis.flushall()
        await copying.copy()  # nothing is there any more: nothing is taken back
        assert await database.all(COUNTED) == rows
    await redis_away(redis_url, database_url)
    monkeypatch.setenv("KHALLAS_DATABASE_URL", database_url)
    month, file = f"{(datetime.now(UTC) - timedelta(hours=HOURS - 1)).astimezone(ZONE):%Y-%m}", tmp_path / "month.csv"
    done = await asyncio.to_thread(CliRunner().invoke, app, ["service-report", month, "--json", "--csv", str(file)])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["month"], report["payments"], report["acquirers"]) == (month, 0, [])
    (ussd,) = [door for door in report["doors"] if door["channel"] == "ussd"]
    assert ussd["asked"] - ussd["answered"] == 1
    lines = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    assert lines[0][:5] == ["month", "part", "name", "asked", "answered"]
    assert [month, "count", "payments", "0"] in [line[:4] for line in lines]
    done = await asyncio.to_thread(CliRunner().invoke, app, ["service-report", month])
    assert "ussd africastalking" in done.stdout
    assert CliRunner().invoke(app, ["service-report", "2026"]).exit_code == 2
    elsewhere = ["service-report", month, "--csv", str(tmp_path / "no" / "folder.csv")]
    done = await asyncio.to_thread(CliRunner().invoke, app, elsewhere)
    assert done.exit_code == 1


async def _rows(database: Database) -> bool:
    return bool(await database.all(COUNTED))


async def redis_away(redis_url: str, database_url: str) -> None:
    """Redis is away: told in the log, tried again, and nobody falls."""
    async with Redis.from_url("redis://127.0.0.1:1/0") as nobody, open_database(database_url) as database:
        process = Process(nobody)
        copying = ServiceHours(HoursReader(nobody), PgServiceReports(database), process.clock)
        async with copying.running(every_s=3_600):
            pass
