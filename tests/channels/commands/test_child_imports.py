"""A worker that answers customers loads nothing of what only others need: each costs it MiB of memory."""

import subprocess
import sys

# jobs, the command line, logs for a terminal, migrations, PDFs, Twilio's own client, the stand-ins
OTHERS = ("procrastinate", "typer", "rich", "structlog", "alembic", "sqlalchemy", "fpdf", "twilio", "lab")


def test_what_a_worker_loads() -> None:
    told = "import sys, channels.commands.child\nprint(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True).stdout.split()
    )
    assert "channels.app" in loaded
    assert [name for name in OTHERS if name in loaded] == []
