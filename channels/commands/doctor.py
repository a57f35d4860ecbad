"""`khallas doctor`: every check at once, each within CHECK_MAX_S. In the demo's folder it reads the demo's settings."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from channels.assembly.advice import advice
from channels.assembly.production import require_production
from channels.commands.demo_state import running
from channels.doctor import networks, outside, stores
from channels.doctor.finding import Finding, NotSetUp, State, Trouble
from channels.doctor.webhooks import webhooks
from channels.settings import PREFIX, BadSettings, Settings, load
from core.books import BooksDown
from core.database.pool import Database, make_pool

CHECK_MAX_S = 20.0

Check = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Patient:
    """Whose settings are examined. The demo's secrets are its own by design."""

    settings: Settings
    demo: bool = False


def patient(environ: Mapping[str, str], state: Path | None) -> Patient:
    """The environment's settings; without any, those of the demo that runs in `state`. Raises BadSettings."""
    demo = running(state)
    kept = dict(demo.environ) if demo else {}
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    database = PREFIX + "DATABASE_URL"
    its = bool(kept) and given.get(database) in {None, kept.get(database)}
    return Patient(load(kept | given if its else given, demo=its), its)


async def examine(who: Patient, sounds: Path | None = None) -> list[Finding]:
    """Every part's finding, in a fixed order."""
    settings = who.settings
    database_url = settings.database_url.get_secret_value()
    async with AsyncExitStack() as stack:
        pool = make_pool(database_url, connections_max=2)
        stack.push_async_callback(pool.close)
        if database_url:  # an empty one would mean whatever this machine's defaults lead to
            await pool.open()
        database = Database(pool)
        checks: dict[str, Check] = {
            "settings": lambda: _settings(who),
            "redis": lambda: stores.redis(settings.redis_url.get_secret_value()),
            "database": lambda: stores.database(database),
            "migrations": lambda: asyncio.to_thread(stores.migrations, database_url),
            "clock": lambda: stores.clock(database),
            "worker": lambda: stores.worker(database),
            "public url": lambda: outside.public_url(settings),
            "twilio": lambda: outside.twilio(settings),
            "webhooks": lambda: webhooks(settings),
            "cmi": lambda: outside.cmi(settings),
            "smtp": lambda: outside.smtp(settings),
            "kannel": lambda: networks.kannel(settings),
            "switch": lambda: networks.switch(settings),
            "sounds": lambda: asyncio.to_thread(networks.sounds, settings, sounds),
        }
        for account in settings.smpp.accounts():
            checks[f"smsc {account.name}"] = lambda account=account: networks.smsc(account)  # type: ignore[misc]  # bound now
        return list(await asyncio.gather(*(_found(part, check) for part, check in checks.items())))


async def _found(part: str, check: Check) -> Finding:
    try:
        async with asyncio.timeout(CHECK_MAX_S):
            return Finding(part, State.OK, await check())
    except NotSetUp as skipped:
        return Finding(part, State.SKIPPED, str(skipped))
    except Trouble as trouble:
        return Finding(part, State.FAILED, trouble.told, trouble.mend)
    except BooksDown:
        return Finding(part, State.FAILED, "the database cannot be reached", "mend the database first")
    except TimeoutError:
        return Finding(part, State.FAILED, f"no answer within {CHECK_MAX_S:.0f} s", "look at the network between")
    except Exception as error:  # noqa: BLE001 - its words may quote a secret: the name has to do
        return Finding(part, State.FAILED, f"the check itself failed ({type(error).__name__})", "report this")


async def _settings(who: Patient) -> str:
    if who.demo:
        return "the demo's own"
    try:
        require_production(who.settings, os.environ)
    except BadSettings as error:
        faults = str(error).splitlines()
        more = f" (and {len(faults) - 1} more: `khallas config check`)" if len(faults) > 1 else ""
        raise Trouble(faults[0] + more, "`khallas config example` shows every setting") from None
    unwise = advice(who.settings, os.environ)
    return "complete, secrets are strong" + "".join(f"; warning: {line}" for line in unwise)
