"""Migrations: from nothing to the newest revision, twice, and together."""

import subprocess
import sys
from typing import LiteralString

import psycopg
import pytest

from core.database.migrate import current_and_head, head, upgrade


def test_an_empty_database_comes_up_to_head(empty_database_url: str) -> None:
    before, newest = current_and_head(empty_database_url)
    assert before is None
    assert newest == head()
    upgrade(empty_database_url)
    upgrade(empty_database_url)
    assert current_and_head(empty_database_url) == (newest, newest)
    with psycopg.connect(empty_database_url) as connection:
        names = {row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert {"lines", "invoices", "payments", "payment_lines", "procrastinate_jobs", "receipts"} <= names


def test_servers_that_start_together_migrate_once(empty_database_url: str) -> None:
    script = "import sys; from core.database.migrate import upgrade; upgrade(sys.argv[1])"
    servers = [subprocess.Popen([sys.executable, "-c", script, empty_database_url]) for _ in range(3)]
    assert [server.wait(timeout=60) for server in servers] == [0, 0, 0]
    assert current_and_head(empty_database_url) == (head(), head())


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM payment_events",
        "UPDATE payment_events SET state = state",
        "TRUNCATE payment_events",
        "DELETE FROM consents",
        "UPDATE consents SET version = version",
        "TRUNCATE consents",
        "UPDATE access_log SET who = who",
        "TRUNCATE access_log",
        "UPDATE desk_notes SET text = text",
        "DELETE FROM desk_notes",
        "TRUNCATE desk_notes",
        "TRUNCATE undo_requests",
    ],
)
def test_evidence_is_append_only(module_database_url: str, statement: LiteralString) -> None:
    with psycopg.connect(module_database_url) as connection, pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute(statement)


def test_a_url_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        upgrade("mysql://localhost/x")
