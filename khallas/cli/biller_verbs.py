"""`khallas billers`: money that wallets, banks and counters were paid and that found no bill, until it is back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from khallas.cli.told import fail, show

if TYPE_CHECKING:
    from core.database.billers.left import PgOutsideLeft

LEFT_SHOWN_MAX = 1_000
EVIDENCE_CHARS_MAX = 200

T = TypeVar("T")
Json = Annotated[bool, typer.Option("--json", help="print JSON")]


def left(as_json: Json = False) -> None:
    """Payments of which something found no bill, the oldest first: it is to be given back."""
    from core.money import decimal_text

    payments = _run(lambda books: books.waiting(LEFT_SHOWN_MAX))
    lines = [
        f"{each['id']}  {each['at']:%Y-%m-%d %H:%M}  {decimal_text(each['left_centimes'])} {each['currency']}"
        f"  {each['door']} {each['their_reference'] or each['key']}  {each['service']} {each['line_reference']}"
        for each in payments
    ]
    show([dict(each) for each in payments], lines, as_json=as_json)


def given_back(
    payment: Annotated[str, typer.Argument(metavar="ID", help="as `khallas billers left` prints it")],
    evidence: Annotated[str, typer.Argument(help="what proves it: a letter, a statement: date and number")],
    as_json: Json = False,
) -> None:
    """Write down that it was given back, by whom and on what evidence. Exit 1 when nothing of that payment waits."""
    from core.clock import SystemClock
    from khallas.cli.user import operator

    proof, now = evidence.strip(), SystemClock().now()
    if not 0 < len(proof) <= EVIDENCE_CHARS_MAX:
        fail(f"khallas: the evidence is told in 1 to {EVIDENCE_CHARS_MAX} characters")
    if not _run(lambda books: books.given_back(payment, operator(), proof, now)):
        fail(f"khallas: nothing of {payment} waits to be given back")
    show({"id": payment, "evidence": proof}, [f"{payment} is given back"], as_json=as_json)


def add_commands(app: typer.Typer) -> None:
    """Adds the group of billers' verbs."""
    group = typer.Typer(no_args_is_help=True, help="Bills paid elsewhere: money that found no bill.")
    group.command()(left)
    group.command("given-back")(given_back)
    app.add_typer(group, name="billers")


def _run(work: "Callable[[PgOutsideLeft], Awaitable[T]]") -> T:
    from core.database.billers.left import PgOutsideLeft
    from core.database.pool import open_database
    from core.repositories import DatabaseUnavailable
    from khallas.cli import at_hand
    from khallas.settings.model import load

    async def worked() -> T:
        async with open_database(load(at_hand.environ()).require_database_url()) as database:
            return await work(PgOutsideLeft(database))

    try:
        return asyncio.run(worked())
    except DatabaseUnavailable as error:
        fail(f"khallas: the database cannot be reached: {error}")
