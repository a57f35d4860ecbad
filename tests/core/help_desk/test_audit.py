"""The chains over the help desk's log and the payments' events, on a real database whose owner turns against them."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from typer.testing import CliRunner

from core.database.help_desk.audit import PgAudit
from core.database.pool import Database, make_pool
from core.help_desk.audit import Audit, AuditVerdict, Chain
from khallas.cli.main import app
from lab.clocks import StillClock

DAY = date(2026, 11, 27)
WRITE = """
INSERT INTO access_log (at, who, role, address, action, payment_id, detail)
VALUES (%(at)s, %(who)s, 'agent', '10.0.0.1', 'view', NULL, %(detail)s)
"""
# how an owner tampers: the triggers are switched off first
UNGUARDED = ("ALTER TABLE access_log DISABLE TRIGGER ALL", "ALTER TABLE audit_links DISABLE TRIGGER ALL")


async def tamper(database: Database, statements: str) -> None:
    for statement in (*UNGUARDED, *statements.split("; ")):
        await database.do(statement)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with make_pool(database_url) as pool:
        yield Database(pool)


@pytest.fixture
async def audit(database: Database) -> Audit:
    made = Audit(PgAudit(database), StillClock(datetime(2026, 11, 29, 12, tzinfo=UTC)))
    for hour in range(72):
        at = datetime(2026, 11, 26, tzinfo=UTC) + timedelta(hours=hour)
        await database.do(WRITE, at=at, who=f"agent{hour % 3}", detail=None if hour % 2 else "recherche «é»")
        if hour % 20 == 0:
            await made.link()
    await made.link()
    return made


async def verdict(audit: Audit, day: date | None = None) -> AuditVerdict:
    return await audit.verify(Chain.ACCESS_LOG, day)


async def test_what_nobody_touched_holds_whole_and_by_day(audit: Audit) -> None:
    whole, one = await verdict(audit), await verdict(audit, DAY)
    assert (whole.broken, whole.rows) == (None, 72)
    assert (one.broken, one.rows) == (None, 24)
    assert len(whole.head) == 64
    assert (await audit.verify(Chain.PAYMENT_EVENTS)).rows == 0


@pytest.mark.parametrize(
    ("tampering", "words"),
    [
        ("UPDATE access_log SET who = 'nobody' WHERE id = 30", "link 30 .* its row was changed"),
        ("UPDATE access_log SET at = at + interval '1 second' WHERE id = 30", "link 30 .* its row was changed"),
        ("DELETE FROM access_log WHERE id = 30", "link 30 .* its row is gone"),
        ("DELETE FROM audit_links WHERE number = 30", "link 30 is missing"),
        ("DELETE FROM audit_links WHERE number = 30; DELETE FROM access_log WHERE id = 30", "link 30 is missing"),
        ("UPDATE audit_links SET hash = sha256('x') WHERE number = 30", "link 30 .* its row was changed"),
        ("DELETE FROM audit_links WHERE number = 72", "row 72 is in no link"),
    ],
)
async def test_an_owner_who_tampers_is_found(audit: Audit, database: Database, tampering: str, words: str) -> None:
    await tamper(database, tampering)
    found = (await verdict(audit)).broken
    assert found is not None
    assert re.search(words, found), found


async def test_whoever_links_again_has_another_head(audit: Audit, database: Database) -> None:
    """Everything made anew holds by itself: the head that was kept elsewhere is what tells."""
    kept = (await verdict(audit)).head
    await tamper(database, "UPDATE access_log SET who = 'nobody' WHERE id = 30; TRUNCATE audit_links")
    await audit.link()
    again = await verdict(audit)
    assert again.broken is None
    assert again.head != kept


async def test_rows_that_retention_took_are_no_break(audit: Audit, database: Database) -> None:
    await tamper(database, "DELETE FROM access_log WHERE id <= 10")
    assert (await verdict(audit)).broken is not None  # young rows are not retention's

    later = StillClock(datetime(2027, 11, 29, tzinfo=UTC))
    assert (await verdict(Audit(PgAudit(database), later))).broken is None


def test_the_command_tells_and_exports(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KHALLAS_DATABASE_URL", database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(WRITE, {"at": datetime(2026, 11, 27, 9, tzinfo=UTC), "who": "sami", "detail": None})
    run = CliRunner().invoke
    assert "row 1 is in no link" in run(app, ["audit", "verify"]).output
    _link(database_url)
    told = json.loads(run(app, ["audit", "verify", "--day", "2026-11-27", "--json"]).output)
    assert told["ok"]
    (line,) = run(app, ["audit", "export", "--day", "2026-11-27"]).output.splitlines()
    row = json.loads(line)
    assert (row["chain"], row["row"]["who"], row["hash"]) == ("access_log", "sami", told["chains"][0]["head"])
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE access_log DISABLE TRIGGER ALL")
        connection.execute("UPDATE access_log SET who = 'nobody'")
    done = run(app, ["audit", "verify"])
    assert (done.exit_code, "was changed" in done.output) == (1, True)


def _link(database_url: str) -> None:
    async def work() -> None:
        async with make_pool(database_url) as pool:
            await Audit(PgAudit(Database(pool)), StillClock(datetime(2026, 11, 29, 12, tzinfo=UTC))).link()

    asyncio.run(work())
