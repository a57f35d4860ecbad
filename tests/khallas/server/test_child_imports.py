"""A worker that answers customers loads nothing of what only others need: each costs it MiB of memory."""

import subprocess
import sys

import pytest

# jobs, what a terminal shows, migrations, PDFs, Twilio's own client, odd spellings of numbers, the stand-ins, and what
# only those have who set it up: Asterisk, SMSCs
OTHERS = (
    *("procrastinate", "rich", "structlog", "alembic", "sqlalchemy", "fpdf", "twilio", "phonenumbers", "lab"),
    *("channels.ivr.agi", "channels.carriers.asterisk.ami", "channels.carriers.smpp.link"),
)


def _loaded(modules: str) -> set[str]:
    """Whatever an interpreter of its own has loaded after them."""
    told = f"import sys, {modules}\nprint(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True)
    return set(ran.stdout.split())


@pytest.mark.parametrize("process", ["khallas.server.child", "khallas.cli.main, khallas.cli.serve"])
def test_what_a_worker_loads(process: str) -> None:
    loaded = _loaded(process)
    assert "khallas.server.app" in loaded
    assert [name for name in OTHERS if name in loaded] == []


STARTS = {
    "the verbs": "from khallas.cli.main import main\nsys.argv = ['khallas', '--version']\nmain()",
    "a worker": "from khallas.server.child import main\nmain(-1, -1, -1)",
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS)
def test_a_start_looks_for_garbage_seldom_and_an_import_changes_nothing(start: str) -> None:
    """Part of every start went into looking through modules that stay."""
    imported, ran = start.split("\n", 1)
    told = f"""
import gc, sys
before = gc.get_threshold()
{imported}
print(gc.get_threshold() == before)
try:
    {ran.replace(chr(10), "; ")}
except BaseException:
    pass
print(gc.get_threshold()[0])
"""
    out = subprocess.run(
        [sys.executable, "-c", told], check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    lines = out.stdout.splitlines()
    assert lines[0] == "True"
    assert int(lines[-1]) >= 20_000


def test_whoever_only_watches_workers_loads_none_of_the_server() -> None:
    loaded = _loaded("khallas.server.supervisor")
    assert "khallas.server.beats" in loaded
    assert loaded.isdisjoint(
        {"khallas.server.child", "khallas.server.app", "khallas.settings.model", "uvicorn", "core"}
    )


def test_a_verb_loads_no_http_client_and_no_database_before_it_needs_one() -> None:
    """Operators wait for it at each command."""
    loaded = _loaded("khallas.cli.main")
    assert "khallas.cli.terminal" in loaded
    assert loaded.isdisjoint({"aiohttp", "psycopg", "redis", "starlette", "cryptography", "khallas.bootstrap"})
