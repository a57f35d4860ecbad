"""`khallas doctor`: every check at once, each within CHECK_MAX_S. In the demo's folder it reads the demo's settings."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from core.database.pool import Database, make_pool
from core.repositories import DatabaseUnavailable
from khallas.bootstrap.advice import advice
from khallas.bootstrap.production import require_production
from khallas.cli.demo_state import running
from khallas.doctor import failover, networks, outside, relay, stores
from khallas.doctor.finding import CheckFailed, CheckFinding, CheckState, NotSetUp
from khallas.doctor.webhooks import webhooks
from khallas.settings.model import PREFIX, BadSettings, Settings, load

CHECK_MAX_S = 20.0

Check = Callable[[], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class DoctorTarget:
    """The settings that are examined. The demo's secrets are its own by design."""

    settings: Settings
    demo: bool = False


def patient(environ: Mapping[str, str], state: Path | None) -> DoctorTarget:
    """The environment's settings; without any, those of the demo that runs in `state`. Raises BadSettings."""
    demo = running(state)
    demo_values = dict(demo.environ) if demo else {}
    named = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    database = PREFIX + "DATABASE_URL"
    its = bool(demo_values) and named.get(database) in {None, demo_values.get(database)}
    return DoctorTarget(load(demo_values | named if its else named, demo=its), its)


async def examine(
    who: DoctorTarget, sounds: Path | None = None, *, check_max_s: float = CHECK_MAX_S
) -> list[CheckFinding]:
    """Returns every part's finding, in a fixed order."""
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
            "database": lambda: stores.database(database, strict=not who.demo),
            "nodes": lambda: failover.nodes(database_url),
            "migrations": lambda: asyncio.to_thread(stores.migrations, database_url),
            "clock": lambda: stores.clock(database),
            "worker": lambda: stores.worker(database),
            "relay": lambda: relay.relay(settings, database),
            "public url": lambda: outside.public_url(settings),
            "twilio": lambda: outside.twilio(settings),
            "webhooks": lambda: webhooks(settings),
            "cmi": lambda: outside.acquirers(settings),
            "smtp": lambda: outside.smtp(settings),
            "kannel": lambda: networks.kannel(settings),
            "switch": lambda: networks.switch(settings),
            "spool": lambda: asyncio.to_thread(networks.spool, settings),
            "sounds": lambda: asyncio.to_thread(networks.sounds, settings, sounds),
        }
        for account in settings.smpp.accounts():
            checks[f"smsc {account.name}"] = lambda account=account: networks.smsc(account)  # type: ignore[misc]  # bound now
        return list(await asyncio.gather(*(_found(part, check, check_max_s) for part, check in checks.items())))


async def _found(part: str, check: Check, max_s: float) -> CheckFinding:
    try:
        async with asyncio.timeout(max_s):
            return CheckFinding(part, CheckState.OK, await check())
    except NotSetUp as skipped:
        return CheckFinding(part, CheckState.SKIPPED, str(skipped))
    except CheckFailed as trouble:
        return CheckFinding(part, CheckState.FAILED, trouble.told, trouble.mend)
    except DatabaseUnavailable:
        return CheckFinding(part, CheckState.FAILED, "the database cannot be reached", "mend the database first")
    except TimeoutError:
        return CheckFinding(part, CheckState.FAILED, f"no answer within {max_s:.0f} s", "look at the network between")
    except Exception as error:  # noqa: BLE001 - its words may quote a secret: the name has to do
        return CheckFinding(part, CheckState.FAILED, f"the check itself failed ({type(error).__name__})", "report this")


async def _settings(who: DoctorTarget) -> str:
    if who.demo:
        return "the demo's own"
    try:
        require_production(who.settings, os.environ)
    except BadSettings as error:
        faults = str(error).splitlines()
        more = f" (and {len(faults) - 1} more: `khallas config check`)" if len(faults) > 1 else ""
        raise CheckFailed(faults[0] + more, "`khallas config example` shows every setting") from None
    unwise = advice(who.settings, os.environ)
    return "complete, secrets are strong" + "".join(f"; warning: {line}" for line in unwise)
