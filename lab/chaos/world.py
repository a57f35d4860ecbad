"""A whole installation to be broken: the real server as a process of its own, the bank and Twilio in ours.

Rule of this file: the bank's ledger and the database are read directly, never through the server they judge.
"""

import asyncio
import base64
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from core.acquirers.terms import FIRST
from core.database.pool import Database, make_pool
from lab.chaos.customer import Customer
from lab.chaos.faults import Fuse
from lab.chaos.nursery import Birth, Born, Nursery, nursery
from lab.chaos.server import ACQUIRER_TIMEOUT_S
from lab.chaos.sim_bank import SECOND
from lab.cmi.stand import EmulatedCmi, emulated_cmi
from lab.servers.processes import free_port
from lab.servers.serving import serving
from lab.twilio.rest import rest
from lab.twilio.server import Twilio

START_MAX_S = 90.0
DEATH_MAX_S = 60.0  # a busy machine's
POLL_S = 0.02
JUDGES_MAX = 4  # connections of whoever looks
JUDGE_WAITS_MAX_S = 60.0  # for one of them: a busy machine is no fault of what is judged

NO_MORE: Mapping[str, str] = {}

LINES = """
INSERT INTO lines (service, reference, holder, contact_msisdn, email, payment_code, language, updated_at)
SELECT 'mobile', reference, 'Chaos', '+212699999999', NULL, code, 'fr', now()
FROM unnest(%(references)s::text[], %(codes)s::text[]) AS line (reference, code)
"""

BILLS = """
INSERT INTO invoices (service, line_reference, number, period, amount_centimes, due_date, updated_at)
SELECT 'mobile', reference, number, '2026-10-01', amount, '2026-11-25', now()
FROM unnest(%(references)s::text[], %(numbers)s::text[], %(amounts)s::bigint[]) AS bill (reference, number, amount)
"""


class NotStarted(Exception):
    """The server did not answer: its fault, its log says why."""


@dataclass
class Installation:
    """One server and what it stands between. `log` is what the server printed."""

    database: Database
    cmi: EmulatedCmi
    twilio: Twilio
    fuse: Fuse
    log: Path
    port: int
    environment: dict[str, str]
    nursery: Nursery
    process: Born | None = field(default=None)
    others: Mapping[str, EmulatedCmi] = field(default_factory=dict)  # further acquirers

    @property
    def banks(self) -> dict[str, EmulatedCmi]:
        """Every acquirer, by its id."""
        return {FIRST: self.cmi, **self.others}

    def taken_centimes(self, order_id: str) -> int:
        """What the customer paid for an order, at whatever bank."""
        return sum(bank.captured_centimes(order_id) for bank in self.banks.values())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.alive

    async def start(self) -> None:
        """Raises NotStarted."""
        self.process = self.nursery.born(Birth(self.port, self.fuse.path, self.log, self.environment))
        deadline = time.monotonic() + START_MAX_S
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline and self.process.alive:
                try:
                    async with session.get(f"{self.url}/healthz") as answer:
                        if answer.status == 200:
                            return
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(POLL_S)
        how = "does not answer" if self.process.alive else "died"
        raise NotStarted(f"the server {how}: {self.log.read_text(errors='replace')[-2_000:]}")

    async def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.kill()
        await self.died()

    async def died(self, within_s: float = DEATH_MAX_S) -> None:
        """Wait for its end. Raises TimeoutError."""
        if self.process is not None:
            await self.process.died(within_s)

    def receipts_of(self, who: Customer) -> int:
        """How many receipts this customer's telephone showed."""
        return sum("/receipts/" in text.body for text in self.twilio.inboxes.of(who.msisdn))


async def give_bills(database: Database, customers: Sequence[Customer]) -> None:
    """Give each customer the line and the bill."""
    references = [who.reference for who in customers]
    await database.do(LINES, references=references, codes=[who.code for who in customers])
    numbers, amounts = [who.invoice for who in customers], [who.amount_centimes for who in customers]
    await database.do(BILLS, references=references, numbers=numbers, amounts=amounts)


@asynccontextmanager
async def installation(
    database_url: str,
    redis_url: str,
    folder: Path,
    servers: Nursery | None = None,
    more: Mapping[str, str] = NO_MORE,
    *,
    several: bool = False,
) -> AsyncIterator[Installation]:
    """Everything but the server's process, which `start` starts. The database is migrated already. `more`: further
    settings; `several`: a second acquirer takes half of the payments."""
    async with AsyncExitStack() as stack:
        servers = servers or stack.enter_context(nursery())
        cmi = await stack.enter_async_context(emulated_cmi(hang_max_s=5.0))
        names = (SECOND,) if several else ()
        others = {named: await stack.enter_async_context(emulated_cmi(hang_max_s=5.0)) for named in names}
        twilio = await stack.enter_async_context(Twilio())
        api = await stack.enter_async_context(serving(rest(twilio)))
        pool = await stack.enter_async_context(make_pool(database_url, connections_max=JUDGES_MAX))
        pool.timeout = JUDGE_WAITS_MAX_S
        port = free_port()
        environment = environment_of(database_url, redis_url, port, cmi, twilio, api) | _further(others)
        environment |= {f"KHALLAS_{name}": value for name, value in more.items()}
        twilio.connect(f"http://127.0.0.1:{port}")
        fuse = Fuse(folder / "fuse")
        made = Installation(
            Database(pool), cmi, twilio, fuse, folder / "server.log", port, environment, servers, others=others
        )
        stack.push_async_callback(made.kill)
        yield made


def _further(others: Mapping[str, EmulatedCmi]) -> dict[str, str]:
    """The settings of further acquirers."""
    settings: dict[str, str] = {}
    for named, bank in others.items():
        prefix = f"KHALLAS_ACQUIRERS__{named.upper()}__"
        settings[f"{prefix}TIMEOUT_S"] = str(ACQUIRER_TIMEOUT_S)
        settings |= {f"{prefix}OPTIONS__{name.upper()}": value for name, value in bank.settings().items()}
    return settings


def environment_of(
    database_url: str, redis_url: str, port: int, cmi: EmulatedCmi, twilio: Twilio, api: str
) -> dict[str, str]:
    khallas = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "SECRET_KEYS": "chaos-secret-key-chaos",
        "VAULT_KEYS": "chaos:" + base64.b64encode(bytes(32)).decode(),
        **{f"TWILIO__{name.upper()}": value for name, value in twilio.settings(api).items()},
        **{f"CMI__{name.upper()}": value for name, value in cmi.settings(page=True).items()},
        "CMI__TIMEOUT_S": str(ACQUIRER_TIMEOUT_S),
        "SMTP_URL": "smtp://127.0.0.1:1",
        "MAIL_FROM": "recus@khallas.example",
        "IVR__NUMBER": twilio.ivr_number,
        "EXPOSE_SCREENS": "1",
        "LOG_LEVEL": "WARNING",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KHALLAS_")}
    return kept | {f"KHALLAS_{name}": value for name, value in khallas.items()}
