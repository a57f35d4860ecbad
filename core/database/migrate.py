"""Bring a database to the newest revision. Synchronous: the CLI, a server's start and tests call it before anything."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, pool, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import OperationalError

from core.books import BooksDown

# Two servers that start together must not migrate together; any number of our own will do.
MIGRATION_LOCK = 1_117_777


def upgrade(database_url: str) -> None:
    """Run every revision that is missing, all in one transaction; safe when several servers start at once.

    Raises BooksDown, ValueError for what is no database URL.
    """
    engine = _engine(database_url)
    with _connected(engine) as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        command.upgrade(_config(connection), "head")
        connection.commit()
    engine.dispose()


def current_and_head(database_url: str) -> tuple[str | None, str | None]:
    """The revision a database is at (None: empty) and the newest one this code knows. Raises BooksDown, ValueError."""
    engine = _engine(database_url)
    with _connected(engine) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        head = ScriptDirectory.from_config(_config(connection)).get_current_head()
    engine.dispose()
    return current, head


def head() -> str | None:
    """The newest revision this code knows; no database is asked."""
    config = Config()
    config.set_main_option("script_location", "core.database:migrations")
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config).get_current_head()


def _engine(database_url: str) -> Engine:
    scheme, _, rest = database_url.partition("://")
    if scheme not in {"postgresql", "postgres"}:
        raise ValueError("a database URL starts with postgresql://")
    return create_engine(f"postgresql+psycopg://{rest}", poolclass=pool.NullPool)


def _connected(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except OperationalError as error:
        raise BooksDown(str(error.orig).partition("\n")[0]) from error


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "core.database:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
