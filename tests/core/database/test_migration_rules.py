"""Revisions that run while the old version serves: they only add (docs/operations.md, Upgrades)."""

import re
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

import core.database.migrations.versions as versions
from core.database.migrate import TablesBusy, current_and_head, head, upgrade
from core.database.migrations.indexes import INDEXES

BEFORE_THE_FIRST_RELEASE = "0007"  # nobody ran the old version while these did
CONTRACTS = re.compile(r'^CONTRACTS_AFTER = "(\d{4})"', re.MULTILINE)
TABLE_MADE = re.compile(r"\bCREATE TABLE (?:IF NOT EXISTS )?(\w+)", re.IGNORECASE)
INDEX_ON = re.compile(r"\bCREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?\w+ ON (\w+)", re.IGNORECASE)
# what breaks the version that still runs, unless an earlier release stopped using it
TAKES_AWAY = re.compile(
    r"\bDROP (?:TABLE|COLUMN|TYPE|FUNCTION)\b|\bRENAME\b|\bSET NOT NULL\b|\bALTER (?:COLUMN )?\w+ (?:SET DATA )?TYPE\b",
    re.IGNORECASE,
)
# what holds a table for as long as it is big
REWRITES = re.compile(r"\b(?:VACUUM FULL|CLUSTER|LOCK TABLE|REINDEX)\b", re.IGNORECASE)
BARE_NOT_NULL = re.compile(r"\bADD (?:COLUMN )?\w+ [^,;]*\bNOT NULL\b(?![^,;]*\bDEFAULT\b)", re.IGNORECASE)
BARE_CHECK = re.compile(r"\bADD CONSTRAINT \w+ (?:CHECK|FOREIGN KEY)\b(?![^;]*\bNOT VALID\b)", re.IGNORECASE)


def faults(source: str, revision: str = "9999") -> list[str]:
    """Why a revision may not run beside the old version."""
    found = []
    earlier = CONTRACTS.search(source)
    if TAKES_AWAY.search(source) and not (earlier and earlier[1] < revision):
        found.append("takes away what the old version may use: expand first, contract a release later")
    if REWRITES.search(source):
        found.append("locks a whole table")
    if BARE_NOT_NULL.search(_without_tables(source)):
        found.append("a new column NOT NULL without a default: the old version cannot insert")
    if BARE_CHECK.search(source):
        found.append("a constraint is added NOT VALID, and validated in a later revision")
    made = set(TABLE_MADE.findall(source))
    if any(table not in made for table in INDEX_ON.findall(source)):
        found.append("an index of a table that holds data belongs to migrations/indexes.py")
    return found


def _without_tables(source: str) -> str:
    return re.sub(r"CREATE TABLE .*?;", "", source, flags=re.DOTALL)


REVISIONS = sorted(Path(versions.__path__[0]).glob("m[0-9]*.py"))


@pytest.mark.parametrize("file", REVISIONS, ids=lambda file: file.stem)
def test_each_revision_runs_beside_the_old_version(file: Path) -> None:
    revision = file.stem[1:5]
    found = faults(file.read_text(), revision)
    assert revision <= BEFORE_THE_FIRST_RELEASE or found == []


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE people;",
        "ALTER TABLE people DROP COLUMN language;",
        "ALTER TABLE people RENAME COLUMN language TO tongue;",
        "ALTER TABLE people ALTER COLUMN language SET NOT NULL;",
        "ALTER TABLE payments ALTER COLUMN attempts TYPE bigint;",
        "ALTER TABLE people ADD COLUMN age integer NOT NULL;",
        "ALTER TABLE people ADD CONSTRAINT old CHECK (age > 0);",
        "CREATE INDEX people_language ON people (language);",
        "LOCK TABLE payments;",
        'CONTRACTS_AFTER = "9999"\n"DROP TABLE people;"',
    ],
)
def test_what_would_break_or_block_the_old_version_is_found(sql: str) -> None:
    assert len(faults(sql)) == 1


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE people ADD COLUMN age integer;",
        "ALTER TABLE people ADD COLUMN age integer NOT NULL DEFAULT 0;",
        "ALTER TABLE people ADD CONSTRAINT old CHECK (age > 0) NOT VALID;",
        "CREATE TABLE pets (name text NOT NULL);\nCREATE INDEX pets_name ON pets (name);",
        'CONTRACTS_AFTER = "0008"\n"ALTER TABLE people DROP COLUMN language;"',
    ],
)
def test_what_only_adds_is_let_through(sql: str) -> None:
    assert faults(sql) == []


def test_a_table_that_stays_locked_ends_the_migration_and_nobody_waits_behind_it(empty_database_url: str) -> None:
    upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as reader:
        reader.execute("UPDATE alembic_version SET version_num = '0004'")
        reader.execute("ALTER TABLE payments DROP COLUMN page_until")
        reader.commit()
        reader.execute("SELECT count(*) FROM payments")  # a report's transaction, left open
        with pytest.raises(TablesBusy):
            upgrade(empty_database_url, lock_max_ms=100, pause_s=0.01)
    assert current_and_head(empty_database_url)[0] == "0004"


def test_indexes_are_built_once_and_a_broken_one_anew(empty_database_url: str) -> None:
    wanted = {"people_language": "ON people (language)"}
    upgrade(empty_database_url, wanted)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'people_language'::regclass")
    upgrade(empty_database_url, wanted)
    with psycopg.connect(empty_database_url) as connection:
        row = connection.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'people_language'::regclass")
        assert row.fetchone() == (True,)
    assert set(INDEXES).isdisjoint(wanted)


def test_migrate_is_a_step_of_its_own(empty_database_url: str) -> None:
    command = [sys.executable, "-c", "from khallas.cli.main import main; main()", "migrate"]
    done = subprocess.run(
        command, env={"KHALLAS_DATABASE_URL": empty_database_url}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"at {head()}\n"), done.stderr
