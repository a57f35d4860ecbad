"""`khallas relay`: events into Kafka until a signal; what it lacks is told at its start, not at the first event."""

import asyncio
import signal
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from khallas.cli.told import fail, show

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from starlette.applications import Starlette

    from core.database.pool import Database
    from khallas.settings.model import Settings

STOP_MAX_S = 10.0  # for the page in hand; systemd's TimeoutStopSec is longer

Json = Annotated[bool, typer.Option("--json", help="print JSON")]


def relay(
    host: Annotated[str, typer.Option(help="address of --metrics-port")] = "127.0.0.1",
    metrics_port: Annotated[int | None, typer.Option(min=1, max=65535, help="/metrics, /healthz, /readyz")] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="the first relay ever begins with the first payment ever, not the next one")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="events go into Kafka no more: forget the place, and leave")
    ] = False,
    as_json: Json = False,
) -> None:
    """Events of payments into Kafka (docs/guides/events-kafka.md). Several may run: one works, the others stand by."""
    from khallas.bootstrap.relay import require_relay
    from khallas.cli import at_hand
    from khallas.server.process import no_core_dumps
    from khallas.settings.model import load
    from khallas.telemetry import logs

    no_core_dumps()
    settings = load(at_hand.environ())
    logs.configure(settings.log_level, settings.log_format)
    if forget:
        gone = asyncio.run(_forgotten(settings))
        show({"forgotten": gone}, ["forgotten" if gone else "no relay ever began"], as_json=as_json)
        return
    require_relay(settings)
    try:
        asyncio.run(relay_forever(settings, host, metrics_port, whole=whole))
    except OSError as error:
        fail(str(error.strerror or error))


async def relay_forever(
    settings: "Settings",
    host: str = "127.0.0.1",
    port: int | None = None,
    *,
    whole: bool = False,
    lease_s: float | None = None,
) -> None:
    """Until a signal, and then within STOP_MAX_S and the seconds that closing takes. Raises BadSettings, OSError."""
    from prometheus_client import CollectorRegistry

    from core.clock import SystemClock
    from core.database.events.stream import PgStreamBooks
    from core.database.pool import open_database
    from khallas.bootstrap.relay import log_of, stream_on
    from khallas.server.beside import watched
    from khallas.server.sd_notify import notify
    from khallas.telemetry.relay_metrics import RelayMetrics

    stop, registry = asyncio.Event(), CollectorRegistry()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    out = log_of(settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(out.aclose)
        database = await stack.enter_async_context(open_database(settings.require_database_url()))
        if port is not None:
            await stack.enter_async_context(watched(_operations(database, registry), host, port))
        stream = stream_on(database, settings, SystemClock(), out, RelayMetrics(registry), lease_s=lease_s)
        await PgStreamBooks(database).begin(whole=whole)
        notify("READY=1")
        running = asyncio.create_task(stream.run(stop), name="relay")
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        await asyncio.wait({running}, timeout=STOP_MAX_S)
        running.cancel()
        with suppress(asyncio.CancelledError):  # what it had in hand is put out again
            await running


def _operations(database: "Database", registry: "CollectorRegistry") -> "Starlette":
    from prometheus_client import generate_latest
    from prometheus_client.exposition import CONTENT_TYPE_LATEST
    from starlette.applications import Starlette

    from channels.web import health

    async def asked() -> None:
        await database.one("SELECT 1")

    return Starlette(
        routes=health.routes({"database": asked}, lambda: (generate_latest(registry), CONTENT_TYPE_LATEST))
    )


async def _forgotten(settings: "Settings") -> bool:
    from core.database.events.stream import PgStreamBooks
    from core.database.pool import open_database

    async with open_database(settings.require_database_url()) as database:
        return await PgStreamBooks(database).forget()


def add_commands(app: typer.Typer) -> None:
    """Adds the verb of the relay."""
    app.command()(relay)
