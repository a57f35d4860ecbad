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


@pytest.mark.parametrize("process", ["khallas.server.child", "khallas.cli.main, khallas.cli.serve"])
def test_what_a_worker_loads(process: str) -> None:
    told = f"import sys, {process}\nprint(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True).stdout.split()
    )
    assert "khallas.server.app" in loaded
    assert [name for name in OTHERS if name in loaded] == []
