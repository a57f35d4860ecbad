"""`khallas dialogs`: a day's dialog records in files, for statistics and for what an operator bills by dialog."""

import asyncio
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from khallas.cli.dialogs.files import DialogFile, Form, write_day
from khallas.cli.told import fail, show
from khallas.settings.model import Settings

ROWS_MAX = 100_000


def dialogs(
    out: Annotated[Path, typer.Argument(help="folder of the files", file_okay=False, exists=True, writable=True)],
    day: Annotated[
        datetime | None,
        typer.Option("--day", formats=["%Y-%m-%d"], help="like 2026-11-29; yesterday when left out"),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="of the lines")] = Form.CSV,
    rows_max: Annotated[int, typer.Option("--rows", min=1, max=10_000_000, help="lines a file")] = ROWS_MAX,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Writes a day's dialogs into files, a line each, with a manifest of their rows and SHA-256."""
    from khallas.cli import at_hand
    from khallas.settings.model import load

    settings = load(at_hand.environ())
    try:
        files = asyncio.run(_written(settings, out, day.date() if day else None, form, rows_max))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", as_json=as_json)
    report = [{"name": each.name, "rows": each.rows, "sha256": each.sha256} for each in files]
    lines = [f"{each.name}: {each.rows} dialogs" for each in files] or ["no dialogs that day"]
    show(report, lines, as_json=as_json)


def add_commands(app: typer.Typer) -> None:
    """Adds the verb of dialog records."""
    app.command()(dialogs)


async def _written(settings: Settings, folder: Path, day: date | None, form: Form, rows_max: int) -> list[DialogFile]:
    """Raises DatabaseUnavailable, OSError."""
    from core.clock import SystemClock
    from core.database.help_desk.dialog_records import PgDialogRecords
    from core.database.pool import open_database
    from core.help_desk.transcripts import Pseudonymiser
    from core.ledger.days import last_over

    over = last_over(SystemClock().now())
    day = day or over
    async with open_database(settings.require_database_url()) as database:
        records = PgDialogRecords(database, Pseudonymiser(settings.signing_keys()))
        return await write_day(records.of(day), day, folder, form=form, rows_max=rows_max, over=day <= over)
