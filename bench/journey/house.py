"""A web worker and a job worker at work on whole bills, and the processor time of each part that had a hand in it.

Both are processes of their own, beside a bank, a wallet's network, a Twilio and a mailbox of the lab.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import AsyncConnection

from bench import stage
from bench.journey.ways import At, Way, pays
from bench.stage import PUBLIC_URL, TOKEN, Backends, Running, khallas_environ
from core.cards import Secret
from lab.chaos.customer import Customer
from lab.chaos.world import BILLS, LINES
from lab.cmi.emulator import HANG_MAX_S, Credentials, Gateway, app_of, utc_now
from lab.cmi.ledger import Ledger
from lab.cmi.stand import EmulatedCmi
from lab.mailsink import MailSink
from lab.servers.reach import Reach
from lab.servers.serving import serving
from lab.twilio.rest import rest
from lab.twilio.server import Twilio
from lab.wallets.network import WalletNetwork
from lab.wallets.stand import GSMA, wallet_stand

TOGETHER = 12  # customers at once
IDLE_S = 10.0  # of what is done by the clock every five seconds, twice
SETTLED_MAX_S = 180.0
LOOK_EVERY_S = 0.5
NO_MORE: Mapping[str, str] = {}
PAID = "SELECT count(*) FROM payments WHERE state = 'captured'"
WAITING = "SELECT count(*) FROM messages WHERE status = 'queued'"  # or is being sent
KHALLAS_WORKER = (stage.KHALLAS[0], "worker", "--metrics-port", "{port}")


@dataclass(frozen=True, slots=True)
class Parts:
    """Processor seconds of each part."""

    web: float = 0.0
    jobs: float = 0.0
    redis: float = 0.0
    postgres: float = 0.0

    @property
    def total(self) -> float:
        return self.web + self.jobs + self.redis + self.postgres

    def less(self, other: "Parts") -> "Parts":
        return Parts(
            self.web - other.web, self.jobs - other.jobs, self.redis - other.redis, self.postgres - other.postgres
        )

    def times(self, factor: float) -> "Parts":
        return Parts(self.web * factor, self.jobs * factor, self.redis * factor, self.postgres * factor)


@dataclass(frozen=True, slots=True)
class Around:
    """What a server of ours stands between: its settings, and who calls it back."""

    environ: Mapping[str, str]
    network: WalletNetwork
    _twilio: Twilio
    _reaches: Sequence[Reach]

    def connect(self, url: str) -> At:
        """Our server is there, whatever name it tells."""
        self._twilio.connect(url, PUBLIC_URL)
        for each in self._reaches:
            each.public_url, each.at = PUBLIC_URL, url
        return At(url, self.network)


@asynccontextmanager
async def surroundings(backends: Backends, way: Way) -> AsyncIterator[Around]:
    """In this process."""
    own = Credentials("600000001", "bench-api", Secret(secrets.token_urlsafe(24)), Secret(secrets.token_urlsafe(24)))
    gateway, environ = Gateway(own, Ledger(), utc_now, HANG_MAX_S), khallas_environ(backends)
    async with (
        Twilio(auth_token=TOKEN, ivr_number=environ["KHALLAS_IVR__NUMBER"]) as twilio,
        serving(app_of(gateway)) as bank,
        serving(rest(twilio)) as api,
        wallet_stand(api_key=secrets.token_urlsafe(24)) as wallets,
        MailSink() as mail,
    ):
        cmi = EmulatedCmi(bank, gateway).settings(page=way is Way.WEB)
        environ |= {f"KHALLAS_CMI__{name.upper()}": value for name, value in cmi.items()}
        if way is Way.WALLET:
            options = wallets.options(GSMA)
            environ |= {f"KHALLAS_WALLETS__{GSMA.upper()}__{name.upper()}": text for name, text in options.items()}
        environ |= {
            "KHALLAS_TWILIO__ACCOUNT_SID": twilio.account_sid,
            "KHALLAS_TWILIO__API_URL": api,
            "KHALLAS_SMTP_URL": mail.url,
            "KHALLAS_EXPOSE_SCREENS": "1",
        }
        yield Around(environ, wallets.network, twilio, (gateway.pages.reach, wallets.reach))


@dataclass(frozen=True, slots=True)
class House:
    """The two processes and what stands around them."""

    backends: Backends
    web: Running
    jobs: Running
    at: At

    def spent(self) -> Parts:
        return Parts(
            self.web.cpu_s(),
            self.jobs.cpu_s(),
            stage.tree_cpu_s(self.backends.valkey_pid),
            stage.tree_cpu_s(self.backends.postgres_pid),
        )


@asynccontextmanager
async def house(backends: Backends, way: Way, more: Mapping[str, str] = NO_MORE) -> AsyncIterator[House]:
    """As production starts them. `more`: of their environment."""
    async with surroundings(backends, way) as around:
        environ = {**around.environ, **more}
        with (
            stage.server("Khallas", stage.KHALLAS, environ, "/healthz") as web,
            stage.server("its jobs", KHALLAS_WORKER, environ, "/healthz") as jobs,
        ):
            yield House(backends, web, jobs, around.connect(f"http://127.0.0.1:{web.port}"))


def seed(database_url: str, customers: Sequence[Customer]) -> None:
    """A line and its one bill for each."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        references = [who.reference for who in customers]
        connection.execute(LINES, {"references": references, "codes": [who.code for who in customers]})
        numbers, amounts = [who.invoice for who in customers], [who.amount_centimes for who in customers]
        connection.execute(BILLS, {"references": references, "numbers": numbers, "amounts": amounts})


async def paid_by(way: Way, at: At, customers: Sequence[Customer]) -> None:
    """All of them pay, some at once. Raises NotPaid."""
    gate = asyncio.Semaphore(TOGETHER)

    async def one(who: Customer) -> None:
        async with gate:
            await pays(way, at, who)

    await asyncio.gather(*(one(who) for who in customers))


async def paid_so_far(database_url: str) -> int:
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        return await _count(connection, PAID)


async def settled(database_url: str, paid: int) -> None:
    """So many bills are paid in all, and every message is on its way. Raises TimeoutError."""
    counts = (0, 0)
    async with await AsyncConnection.connect(database_url, autocommit=True) as connection:
        until = time.monotonic() + SETTLED_MAX_S
        while time.monotonic() < until:
            counts = await _count(connection, PAID), await _count(connection, WAITING)
            if counts == (paid, 0):
                return
            await asyncio.sleep(LOOK_EVERY_S)
    raise TimeoutError(f"of {paid} bills {counts[0]} are paid, and {counts[1]} messages wait")


async def _count(connection: AsyncConnection[tuple[int]], query: LiteralString) -> int:
    row = await (await connection.execute(query)).fetchone()
    return row[0] if row else 0


async def measured(
    backends: Backends, way: Way, warm: Sequence[Customer], counted: Sequence[Customer], more: Mapping[str, str]
) -> Parts:
    """Processor seconds a paid bill; what the house spends on nothing in the same time is not a bill's."""
    url = backends.database_url
    seed(url, [*warm, *counted])
    before = await paid_so_far(url)
    async with house(backends, way, more) as here:
        await paid_by(way, here.at, warm)
        await settled(url, before + len(warm))
        idle = here.spent()
        await asyncio.sleep(IDLE_S)
        began_at, began = time.monotonic(), here.spent()
        await paid_by(way, here.at, counted)
        await settled(url, before + len(warm) + len(counted))
        spent, took_s = here.spent().less(began), time.monotonic() - began_at
        return spent.less(began.less(idle).times(took_s / IDLE_S)).times(1 / len(counted))
