"""`khallas events`: who is told of payments, and what did not get through. Every change is in the access log."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

from core.events.endpoints import EndpointError, EventEndpoint
from khallas.cli.told import fail, show

DEAD_SHOWN_MAX = 1_000

Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Name = Annotated[str, typer.Argument(help="small letters, digits, hyphens")]


def add(
    name: Name,
    url: Annotated[str, typer.Argument(help="https://… that takes the POST")],
    types: Annotated[list[str] | None, typer.Option("--type", help="only this event; may be repeated")] = None,
    full_numbers: Annotated[bool, typer.Option("--full-numbers", help="payers and lines whole, not masked")] = False,
    whole: Annotated[bool, typer.Option("--whole", help="with every event of the past")] = False,
    as_json: Json = False,
) -> None:
    """Tell an endpoint of payments from now on; its secret is printed this once."""
    from khallas.cli.events import endpoints

    endpoint = _run(lambda: endpoints.add(name, url, types or (), full_numbers=full_numbers, whole=whole))
    secret = endpoint.secrets[0].value
    show(told(endpoint) | {"secret": secret}, [line(endpoint), f"secret, shown this once: {secret}"], as_json=as_json)


def listed(as_json: Json = False) -> None:
    """Every endpoint: what waits for it, and what is dead."""
    from khallas.cli.events import endpoints

    every = _run(endpoints.every)
    show([told(each) for each in every], [line(each) for each in every], as_json=as_json)


def rotate(name: Name, as_json: Json = False) -> None:
    """Give an endpoint another secret, printed this once; the one before signs beside it for a day."""
    from khallas.cli.events import endpoints

    secret = _run(lambda: endpoints.rotate(name))
    show({"name": name, "secret": secret}, [f"secret, shown this once: {secret}"], as_json=as_json)


def enable(name: Name, as_json: Json = False) -> None:
    """Send to an endpoint again that said 410 Gone; nothing that happened meanwhile is left out."""
    from khallas.cli.events import endpoints

    endpoint = _run(lambda: endpoints.enable(name))
    show(told(endpoint), [line(endpoint)], as_json=as_json)


def remove(name: Name, as_json: Json = False) -> None:
    """Tell an endpoint nothing more; what it was not told yet is forgotten."""
    from khallas.cli.events import endpoints

    _run(lambda: endpoints.remove(name))
    show({"name": name}, [f"{name} is told nothing more"], as_json=as_json)


def dead(
    name: Annotated[str, typer.Argument(help="of this endpoint alone")] = "",
    as_json: Json = False,
) -> None:
    """Dead letters, the newest first: what was refused at every try."""
    from khallas.cli.events import endpoints

    letters = _run(lambda: endpoints.dead(name, DEAD_SHOWN_MAX))
    lines = [
        f"{each['endpoint']:<24}{each['sequence']:>10}  {each['type']:<24}{each['payment_id']}  {each['error']}"
        for each in letters
    ]
    show([dict(each) for each in letters], lines, as_json=as_json)


def resend(
    name: Name,
    sequence: Annotated[int | None, typer.Option(min=1, help="this dead letter alone")] = None,
    as_json: Json = False,
) -> None:
    """Send an endpoint's dead letters again, under the ids they had. Exit 1 when there is none."""
    from khallas.cli.events import endpoints

    count = _run(lambda: endpoints.resend(name, sequence))
    show({"name": name, "again": count}, [f"{count} are sent again"], as_json=as_json)
    if not count:
        raise typer.Exit(1)


def told(endpoint: EventEndpoint) -> dict[str, object]:
    """An endpoint as --json prints it: no secret, no query of its address."""
    return {
        "name": endpoint.name,
        "kind": endpoint.kind,
        "address": endpoint.address(),
        "types": sorted(endpoint.types),
        "full_numbers": endpoint.full_numbers,
        "delivered": endpoint.delivered,
        "delivered_at": endpoint.delivered_at,
        "waiting": endpoint.waiting,
        "oldest_at": endpoint.oldest_at,
        "dead": endpoint.dead,
        "disabled": endpoint.disabled_why,
    }


def line(endpoint: EventEndpoint) -> str:
    """Writes an endpoint as a person reads it."""
    state = endpoint.disabled_why or f"waiting {endpoint.waiting}, dead {endpoint.dead}"
    return f"{endpoint.name:<24}{endpoint.kind:<9}{endpoint.address()}  {endpoint.delivered} delivered, {state}"


def add_commands(app: typer.Typer) -> None:
    """Adds the group of events' verbs."""
    group = typer.Typer(no_args_is_help=True, help="Who is told of payments (webhooks), and what did not get through.")
    group.command()(add)
    group.command("list")(listed)
    group.command()(rotate)
    group.command()(enable)
    group.command()(remove)
    group.command()(dead)
    group.command()(resend)
    app.add_typer(group, name="events")


def _run(work: Callable[[], Awaitable[Any]]) -> Any:
    from core.repositories import DatabaseUnavailable

    async def worked() -> Any:
        return await work()

    try:
        return asyncio.run(worked())
    except DatabaseUnavailable as error:
        fail(f"khallas: the database cannot be reached: {error}")
    except EndpointError as error:
        fail(f"khallas: {error}")
