"""`khallas audit`: whether the help desk's log and the payments' events are what was written, and a day of them."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

import typer

from core.help_desk.audit import Audit, Chain
from khallas.cli.told import dumps, fail, show

Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="of that day alone, in the operator's zone")]
Only = Annotated[Chain | None, typer.Option(help="of one chain alone")]


def verify(day: Day = None, chain: Only = None, as_json: Json = False) -> None:
    """Follow the chains link by link: 1 where a row was changed, is gone, or is in no link."""

    async def work(audit: Audit) -> list[Any]:
        return [await audit.verify(each, day.date() if day else None) for each in _chains(chain)]

    verdicts = _run(work)
    report = {"ok": not any(v.broken for v in verdicts), "chains": [verdict.told() for verdict in verdicts]}
    show(report, [verdict.line() for verdict in verdicts], as_json=as_json)
    if any(verdict.broken for verdict in verdicts):
        raise typer.Exit(1)


def export(
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="which day, in the operator's zone")],
    chain: Only = None,
) -> None:
    """A day's rows with their links, a line of JSON each: to be kept where nobody of the database can write."""

    async def work(audit: Audit) -> None:
        for each in _chains(chain):
            async for linked in audit.export(each, day.date()):
                link = {"chain": each.value, "number": linked.link.number, "hash": linked.link.hash.hex()}
                row = None if linked.fields is None else dict(linked.fields)
                typer.echo(dumps(link | {"row": row}))

    _run(work)


def add_commands(app: typer.Typer) -> None:
    """Put them under the command."""
    audit = typer.Typer(no_args_is_help=True, help="The log's and the events' chains of hashes.")
    audit.command("verify")(verify)
    audit.command("export")(export)
    app.add_typer(audit, name="audit")


def _chains(chain: Chain | None) -> list[Chain]:
    return [chain] if chain else list(Chain)


def _run(work: Any) -> Any:
    from core.clock import SystemClock
    from core.database.help_desk.audit import PgAudit
    from core.database.pool import open_database
    from core.repositories import DatabaseUnavailable
    from khallas.cli import at_hand
    from khallas.settings.model import load

    async def opened() -> Any:
        async with open_database(load(at_hand.environ()).require_database_url()) as database:
            return await work(Audit(PgAudit(database), SystemClock()))

    try:
        return asyncio.run(opened())
    except DatabaseUnavailable as error:
        fail(f"khallas: the database cannot be reached: {error}")
