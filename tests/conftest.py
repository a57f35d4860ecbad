"""What every test may ask for: one real Valkey and one real PostgreSQL a session, and an empty part of them a test.

Ask for `database_url` (migrated) or `empty_database_url`, and for `redis_url` (flushed). To pause, kill or restart a
server, start your own with lab.servers.valkey.Valkey or lab.servers.postgres.Postgres: the ones here are shared by all.
"""

import gc
import itertools
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import hypothesis
import pytest
import redis

from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey

# How long one input takes is no verdict: on a busy machine any of them is slow.
hypothesis.settings.register_profile(
    "khallas", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow], print_blob=True
)
hypothesis.settings.load_profile("khallas")

TESTS = Path(__file__).parent
TEMPLATE = "khallas_template"
# A database is some hundred files: made and dropped in memory at a fifth of a disk's cost. Our folder is drawn anew.
MEMORY = Path("/dev/shm")  # noqa: S108
MEMORY_MIN_BYTES = 4 << 30
_numbers = itertools.count(1)


# These drive servers and browsers: they begin first, for each file is long.
SLOW_FOLDERS = ("chaos", "e2e", "ops", "security", "browser")
# Money and conversation are held to a bar of branches by their own tests: counting elsewhere would double the time.
COUNTED_FOLDERS = ("core", "sessions")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What is shortened in the suite, and its real length by command."""
    parser.addoption("--outage-s", type=float, default=2.0, help="how long Kannel finds no application (docs: 60)")


def _folder(item: pytest.Item) -> str:
    try:
        return item.path.relative_to(TESTS).parts[0]
    except ValueError:  # a worked example of the docs
        return ""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first, so that none is begun when the others have ended."""
    items.sort(key=lambda item: _folder(item) not in SLOW_FOLDERS)


@contextmanager
def _uncounted(config: pytest.Config) -> Iterator[None]:
    """No branch is counted within the block, where any are (--cov)."""
    plugin = config.pluginmanager.getplugin("_cov")
    counting = plugin and plugin.cov_controller
    if counting is None or not counting.started:
        yield
        return
    counting.pause()
    try:
        yield
    finally:
        counting.resume()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """What is collected and imported stays: nobody looks for garbage in it, now or beside each test."""
    gc.disable()
    try:
        return (yield from _collected(session))
    finally:
        gc.freeze()
        gc.enable()


def _collected(session: pytest.Session) -> Generator[None, object, object]:
    """Of a worker's collecting nothing is counted but the lines that our own imports run."""
    if not hasattr(session.config, "workerinput"):
        return (yield)
    for folder in COUNTED_FOLDERS:
        for module in walk_packages(import_module(folder).__path__, f"{folder}."):
            if ".migrations." not in module.name:  # those are for Alembic to load
                import_module(module.name)
    with _uncounted(session.config):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """A test of another folder counts nothing, nor do its fixtures."""
    if _folder(item) in COUNTED_FOLDERS:
        return (yield)
    with _uncounted(item.config):
        return (yield)


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """Where the shared servers keep what they write; open to `nobody`, as whom root's PostgreSQL runs."""
    roomy = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_MIN_BYTES
    with tempfile.TemporaryDirectory(prefix="khallas-tests-", dir=MEMORY if roomy else None) as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@pytest.fixture(scope="session")
def valkey(servers_folder: Path) -> Iterator[Valkey]:
    """The shared server. Do not stop or pause it."""
    with Valkey(servers_folder / "valkey") as server:
        yield server


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """An emptied Valkey."""
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    return valkey.url


@pytest.fixture(scope="session")
def postgres(servers_folder: Path) -> Iterator[Postgres]:
    """The shared cluster. Do not stop or pause it."""
    with Postgres(servers_folder / "postgres", throwaway=True) as server:
        yield server


@pytest.fixture(scope="session")
def template_database(postgres: Postgres) -> str:
    """The name of a database with all migrations applied. Never connect to it: it is copied."""
    from core.database.migrate import upgrade  # here, so that tests without a database load none of it

    upgrade(postgres.create(TEMPLATE))
    return TEMPLATE


def _copied(postgres: Postgres, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    yield postgres.create(name, template)
    postgres.drop(name)


@pytest.fixture
def database_url(postgres: Postgres, template_database: str) -> Iterator[str]:
    """A fresh migrated database for one test."""
    yield from _copied(postgres, template_database)


@pytest.fixture(scope="module")
def module_database_url(postgres: Postgres, template_database: str) -> Iterator[str]:
    """A fresh migrated database for one module, whose tests share it."""
    yield from _copied(postgres, template_database)


@pytest.fixture
def empty_database_url(postgres: Postgres) -> Iterator[str]:
    """A fresh database without a table."""
    yield from _copied(postgres, "template0")
