"""`khallas balance` and `khallas ledger`: options in, one function called, its report out."""

import asyncio
from datetime import date
from typing import Annotated

import typer

from khallas.cli.told import EXIT_FAILED, show

Json = Annotated[bool, typer.Option("--json", help="print JSON")]
On = Annotated[str, typer.Option("--on", metavar="DATE", help="a day, like 2026-11-29; today when left out")]


def balance(on: On = "", as_json: Json = False) -> None:
    """Each account's day and the equations that must hold; exit code 1 when one does not."""
    from khallas.cli import at_hand
    from khallas.cli.ledger import lines, sheet_of, told
    from khallas.settings.model import load

    day = _day(on)
    sheet = asyncio.run(sheet_of(load(at_hand.environ()), day))
    show(told(sheet), lines(sheet), as_json=as_json)
    if not sheet.holds:
        raise SystemExit(EXIT_FAILED)


def verify(as_json: Json = False) -> None:
    """Walk the ledger's days and rows, and name whatever was changed by hand; exit code 1 when anything was."""
    from khallas.cli import at_hand
    from khallas.cli.ledger import verified
    from khallas.settings.model import load

    days, wrongs = asyncio.run(verified(load(at_hand.environ())))
    well = f"ok: {days} closed days; rows, days, tables and transfers agree"
    show({"ok": not wrongs, "days": days, "wrongs": wrongs}, wrongs or [well], as_json=as_json)
    if wrongs:
        raise SystemExit(EXIT_FAILED)


def add_commands(app: typer.Typer) -> None:
    """Adds both verbs of the ledger."""
    app.command()(balance)
    ledger = typer.Typer(no_args_is_help=True, help="The double-entry ledger.")
    ledger.command()(verify)
    ledger.callback()(_group)
    app.add_typer(ledger, name="ledger")


def _group() -> None:
    """A group of one verb stays a group."""


def _day(on: str) -> date | None:
    try:
        return date.fromisoformat(on) if on else None
    except ValueError:
        raise typer.BadParameter("a day is written like 2026-11-29", param_hint="--on") from None
