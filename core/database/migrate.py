"""Bring a database to the newest revision. Synchronous: the CLI, a server's start and tests call it before anything.

The version that runs goes on meanwhile: a revision only adds, waits LOCK_MAX_MS for a lock and gives up rather than let
everybody queue behind it (docs/operations.md, Upgrades).
"""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import LockNotAvailable
from sqlalchemy import create_engine, pool, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError

from core.database.migrations.indexes import INDEXES
from core.database.roles import give_to
from core.repositories import DatabaseUnavailable

# Two servers that start together must not migrate together; any number of our own will do.
MIGRATION_LOCK = 1_117_777
LOCK_MAX_MS = 3_000
TRIES_MAX = 5
PAUSE_S = 2.0
POLL_S = 0.2
OPENED_AT_ONCE = 500

MONTH = re.compile(r"_\d{4}_\d\d$")
MONTHS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:table AS regclass) ORDER BY 1"

OPEN_SOME = """
WITH chosen AS (
    SELECT id FROM payments
    WHERE id > :last AND created_at <= :since
      AND state NOT IN ('created', 'sending', 'challenge', 'declined', 'unknown', 'expired', 'voided', 'refunded')
    ORDER BY id LIMIT :most
), opened AS MATERIALIZED (
    SELECT id, khallas_ledger_open(id, now()) FROM chosen
)
SELECT max(id) FROM opened
"""


class TablesBusy(Exception):
    """Somebody's long transaction holds a table: nothing was changed. Retry when it is over."""


def upgrade(
    database_url: str,
    indexes: Mapping[str, str] = INDEXES,
    *,
    lock_max_ms: int = LOCK_MAX_MS,
    pause_s: float = PAUSE_S,
    opened_at_once: int = OPENED_AT_ONCE,
) -> None:
    """Run every revision that is missing, all in one transaction, then build the indexes and open the ledger's books;
    safe when several start.

    Raises DatabaseUnavailable, TablesBusy, ValueError for what is no database URL.
    """
    engine = _engine(database_url)
    for tries_left in reversed(range(TRIES_MAX)):
        try:
            _upgrade(engine, lock_max_ms)
            break
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            if not tries_left:
                raise TablesBusy("a table stayed locked; nothing was changed") from None
            time.sleep(pause_s)
    _build(engine, indexes)
    _open_books(engine, opened_at_once)
    engine.dispose()


def _upgrade(engine: Engine, lock_max_ms: int) -> None:
    with _connected(engine) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.execute(text(f"SET LOCAL lock_timeout = {lock_max_ms}"))
        current = MigrationContext.configure(connection).get_current_revision()
        if current is None or lags(current):  # a later release's database is left as it is
            command.upgrade(_config(connection), "head")
        connection.commit()


def give(database_url: str, role: str, password: str = "") -> None:
    """Let a role serve on these tables. Raises DatabaseUnavailable, RoleUnfit."""
    engine = _engine(database_url)
    with _connected(engine) as connection:
        give_to(connection, role, password)
        connection.commit()
    engine.dispose()


def _build(engine: Engine, indexes: Mapping[str, str]) -> None:
    """What an interrupted build left behind is invalid, and built anew."""
    if not indexes:
        return
    with _alone(engine) as connection:
        broken = connection.execute(text("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid"))
        for (name,) in broken.all():
            if MONTH.sub("", name) in indexes:
                connection.execute(text(f"DROP INDEX CONCURRENTLY IF EXISTS {name}"))
        there = {name for (name,) in connection.execute(text("SELECT indexname FROM pg_indexes")).all()}
        for name, rest in indexes.items():
            if name not in there:  # a month that is made later copies those of its live table
                _build_of_months(connection, name, rest)
            connection.execute(text(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} {rest}"))


def _build_of_months(connection: Connection, name: str, rest: str) -> None:
    """The index of the tables of months (core/database/archive/months.py), before that of their live one."""
    table = rest.split()[1]
    for (month,) in connection.execute(text(MONTHS), {"table": table}).all():
        suffix, on = month.removeprefix(table), rest.replace(f"ON {table} ", f"ON {month} ", 1)
        connection.execute(text(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name}{suffix} {on}"))


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Each statement a commit, and nobody else migrates meanwhile. Asked for again and again, never waited for in the
    database: an index that is built concurrently waits for everybody's snapshot, a waiter's too."""
    with _connected(engine).execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": MIGRATION_LOCK}).scalar():
            time.sleep(POLL_S)
        try:
            yield connection
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})


def _open_books(engine: Engine, at_once: int) -> None:
    """Payments from before the ledger get their opening transfers, a few a commit, once for ever: one that lacks them
    later lacks what was left out, and the equations must say so."""
    with _alone(engine) as connection:
        since = connection.execute(text("SELECT since FROM ledger_opening WHERE opened_at IS NULL")).scalar()
        if since is None:
            return
        last: str | None = ""
        while last is not None:
            values = {"last": last, "since": since, "most": at_once}
            last = connection.execute(text(OPEN_SOME), values).scalar()
        connection.execute(text("UPDATE ledger_opening SET opened_at = now() WHERE opened_at IS NULL"))


def current_and_head(database_url: str) -> tuple[str | None, str | None]:
    """The revision a database is at (None: empty) and the newest one this code knows. Raises DatabaseUnavailable,
    ValueError.
    """
    engine = _engine(database_url)
    with _connected(engine) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        head = ScriptDirectory.from_config(_config(connection)).get_current_head()
    engine.dispose()
    return current, head


def head() -> str | None:
    """The newest revision this code knows; no database is asked."""
    return _scripts().get_current_head()


def lags(revision: str | None) -> bool:
    """Returns whether a database at this revision lacks what this code needs. One that this code does not know is a
    later release's, and a later release only adds: an old server goes on beside it.
    """
    scripts = _scripts()
    known = {script.revision for script in scripts.walk_revisions()}
    return revision is None or (revision in known and revision != scripts.get_current_head())


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", "core.database:migrations")
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def _engine(database_url: str) -> Engine:
    scheme, _, rest = database_url.partition("://")
    if scheme not in {"postgresql", "postgres"}:
        raise ValueError("a database URL starts with postgresql://")
    return create_engine(f"postgresql+psycopg://{rest}", poolclass=pool.NullPool)


def _connected(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except OperationalError as error:
        raise DatabaseUnavailable(str(error.orig).partition("\n")[0]) from error


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "core.database:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
