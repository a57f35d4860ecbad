"""`khallas archive`: options in, batches moved, what moved out."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import typer

from khallas.cli.told import fail, show

Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Before = Annotated[
    str,
    typer.Option(
        "--before", metavar="YYYY-MM", help="the oldest month that stays live; by KHALLAS_ARCHIVE__AFTER_MONTHS"
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="only count what would move")]


def archive(before: Before = "", dry_run: DryRun = False, as_json: Json = False) -> None:
    """Move payments that are over into the tables of their months; whatever ends it, the next run goes on."""
    from core.database.archive.months import LedgerNotOpen, live_since
    from khallas.cli import at_hand
    from khallas.settings.model import load

    settings, now = load(at_hand.environ()), datetime.now(UTC)
    if not before and not settings.archive.after_months:
        raise typer.BadParameter("say which, or set KHALLAS_ARCHIVE__AFTER_MONTHS", param_hint="--before")
    since = _month(before, now) if before else live_since(now, settings.archive.after_months)
    try:
        looked, moved = asyncio.run(_moved(settings.require_database_url(), since, dry_run=dry_run))
    except LedgerNotOpen:
        fail("the ledger's books are not open yet: khallas migrate")
    words = "would move" if dry_run else "moved"
    line = f"{moved} payments from before {since:%Y-%m} {words} to their months; {looked - moved} stay live"
    show({"before": f"{since:%Y-%m}", "dry_run": dry_run, "moved": moved, "stayed": looked - moved}, [line],
         as_json=as_json)  # fmt: skip


async def _moved(database_url: str, since: datetime, *, dry_run: bool) -> tuple[int, int]:
    from core.database.archive.months import PgArchive
    from core.database.pool import open_database

    looked = moved = 0
    async with open_database(database_url) as database:
        async for batch in PgArchive(database).batches(since, dry_run=dry_run):
            looked, moved = looked + batch.looked, moved + batch.moved
    return looked, moved


def _month(typed: str, now: datetime) -> datetime:
    try:
        begins = datetime.strptime(typed, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise typer.BadParameter("a month is written like 2026-11", param_hint="--before") from None
    if begins > now:
        raise typer.BadParameter("a month that has not begun", param_hint="--before")
    return begins


def add_commands(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(archive)
