"""`khallas acquirer`: who charges cards and in what state, and the operator's word that changes it while all runs."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from khallas.cli.told import show

if TYPE_CHECKING:
    from khallas.settings.model import Settings

Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Id = Annotated[str, typer.Argument(metavar="ACQUIRER", help="its name, as `khallas acquirer list` has it")]

ANSWERS_FOR = timedelta(days=180)  # refunds and disputes of its last payments


def list_(as_json: Json = False) -> None:
    """Each acquirer: its state, its share, and how many of its payments are undecided."""
    from khallas.cli import at_hand
    from khallas.settings.model import load

    rows = asyncio.run(_listed(load(at_hand.environ())))
    show({"acquirers": rows}, list(_lines(rows)), as_json=as_json)


def drain(acquirer: Id, as_json: Json = False) -> None:
    """It takes no new payment; inquiries, voids, credits and callbacks go on. Heard within seconds."""
    _say(acquirer, "draining", as_json=as_json)


def on(acquirer: Id, as_json: Json = False) -> None:
    """It takes new payments again."""
    _say(acquirer, "on", as_json=as_json)


def add_commands(app: typer.Typer) -> None:
    """Adds the group of acquirers' verbs."""
    group = typer.Typer(no_args_is_help=True, help="Who charges cards (docs/runbooks/moving-an-acquirer.md).")
    group.command("list")(list_)
    group.command()(drain)
    group.command()(on)
    app.add_typer(group, name="acquirer")


def _say(acquirer: str, state: str, *, as_json: bool) -> None:
    from khallas.bootstrap.acquirers import joined
    from khallas.cli import at_hand
    from khallas.settings.model import load

    settings = load(at_hand.environ())
    ids = [each.id for each in joined(settings)]
    if acquirer not in ids:
        raise typer.BadParameter(f"is no acquirer of the settings; known are {', '.join(ids)}")
    asyncio.run(_said(settings.require_database_url(), acquirer, state))
    show({"acquirer": acquirer, "state": state}, [f"{acquirer} is {state}: heard within seconds"], as_json=as_json)


async def _said(database_url: str, acquirer: str, state: str) -> None:
    from core.acquirers.terms import AcquirerState
    from core.clock import SystemClock
    from core.database.pool import open_database
    from core.database.settlement.acquirer_states import PgAcquirerStates
    from khallas.cli.user import operator

    async with open_database(database_url) as database:
        now = SystemClock().now()
        await PgAcquirerStates(database).say(acquirer, AcquirerState(state), operator(), now)


async def _listed(settings: "Settings") -> list[dict[str, object]]:
    from core.database.pool import open_database
    from core.database.settlement.acquirer_states import PgAcquirerStates
    from khallas.bootstrap.acquirers import joined, terms_of

    async with open_database(settings.require_database_url()) as database:
        states = PgAcquirerStates(database)
        said, undecided = await states.all(), await states.undecided()
    rows: list[dict[str, object]] = []
    for each in joined(settings):
        terms, word = terms_of(each), said.get(each.id)
        since = word.since if word else None
        rows.append(
            {
                "id": each.id,
                "kind": each.kind,
                "name": terms.name,
                "merchant": terms.merchant,
                "state": word.state if word else terms.state,
                "since": since,
                "answers_until": since + ANSWERS_FOR if since and word and word.state == "draining" else None,
                "weight": terms.weight,
                "page": terms.page,
                "telephone_orders": terms.telephone_orders,
                "valid_from": terms.valid_from,
                "valid_until": terms.valid_until,
                "undecided": undecided.get(each.id, 0),
            }
        )
    return rows


def _lines(rows: list[dict[str, object]]) -> Iterator[str]:
    for each in rows:
        until = f", answers until {each['answers_until']:%Y-%m-%d} at least" if each["answers_until"] else ""
        named = f" ({each['name']})" if each["name"] else ""
        share, undecided = f"weight {each['weight']}", f"{each['undecided']} undecided"
        yield f"{each['id']}{named}: {each['state']}{until}; {each['kind']}, {share}, {undecided}"
