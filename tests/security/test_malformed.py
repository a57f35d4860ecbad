"""Ten thousand malformed requests a door: a clear 4xx, nothing changed, nobody waits (docs/protocols/security.md 10).

What is refused asks nothing of Redis and PostgreSQL. Whatever did ask, and a sample of the others, is sent again
between two looks at every key and every row; no worker runs beside.
"""

import base64
import io
import logging
import random
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.sql import SQL, Identifier, Literal
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection

from channels.ussd.wires import WIRES as USSD_WIRES
from core.database.statements import WarmestFirst
from khallas.server.app import VoiceBounds
from khallas.settings.model import Settings
from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey
from tests.security import requests
from tests.security.asgi import Ask, Told, ask
from tests.support.world import World, changed, world

EXAMPLES, A_BATCH = 20, 500  # ten thousand
AGAIN = 0.05  # of those that are refused
CPU_MAX_S = 60.0  # of one answer, and of what else the process does meanwhile
# Written a little later by the process itself, of turns that were answered: nothing of a request that was refused.
LATER_KEYS, LATER_TABLES = b"kh:ops:", ["transcript_turns"]
USER, PASSWORD = "twilio", "a-long-password-of-twilio"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
DOORS = ("ussd", "sms", "ivr", "pay-connector")
AT_ONCE = VoiceBounds(look_pause_s=0.0)  # the end of a call that nobody placed is looked for a while


def _all_doors(told: Settings) -> Settings:
    return changed(
        told,
        ussd={"wires": ",".join(USSD_WIRES)},
        sms={"wires": "twilio,kannel", "sender_max": 1_000, "prefix_max": 1_000_000, "sender_day_max": 10_000},
        ivr={"card_mode": "pay", "pay_connector": "khallas", "pay_user": USER, "pay_passwords": PASSWORD},
    )


@dataclass
class Asked:
    """How often Redis and PostgreSQL were asked anything."""

    times: int = 0


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    counted = Asked()
    send, connection = AbstractConnection.send_packed_command, WarmestFirst.getconn

    def sending(self: AbstractConnection, *args: Any, **kwargs: Any) -> Any:
        counted.times += 1
        return send(self, *args, **kwargs)

    def lent(self: WarmestFirst, *args: Any, **kwargs: Any) -> Any:
        counted.times += 1
        return connection(self, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AbstractConnection, "send_packed_command", sending)
        patch.setattr(WarmestFirst, "getconn", lent)
        yield counted


@dataclass
class Doors:
    """The server without its sockets, and what it logged."""

    here: World
    redis: Redis
    logged: io.StringIO
    asked: Asked
    tables: list[str] = field(default_factory=list)

    async def told(self, request: Ask) -> Told:
        """The answer, found within the bound."""
        began = time.thread_time()
        told = await ask(self.here.app, request)
        assert time.thread_time() - began < CPU_MAX_S, request
        return told

    async def kept(self) -> tuple[dict[bytes, object], dict[str, object]]:
        """Every key with its value, and what each table holds. Tables come in any order: several processes read."""
        database = self.here.house.database
        if not self.tables:
            found = await database.all(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                " AND tablename NOT LIKE 'procrastinate%%' AND tablename <> ALL(%(later)s)",
                later=LATER_TABLES,
            )
            self.tables += [row["tablename"] for row in found]
        content = SQL(
            "SELECT {} AS name, md5(coalesce(string_agg(row::text, '|' ORDER BY row::text), '')) AS held FROM {} AS row"
        )
        told = SQL(" UNION ALL ").join(content.format(Literal(table), Identifier(table)) for table in self.tables)
        async with database.pool.connection() as connection:
            rows = await (await connection.execute(told)).fetchall()
        keys = [key async for key in self.redis.scan_iter(count=1_000) if not key.startswith(LATER_KEYS)]
        pipe = self.redis.pipeline(transaction=False)
        for key in keys:
            pipe.dump(key)
        values = dict(zip(keys, await pipe.execute(), strict=True))
        held = {key: value for key, value in values.items() if value is not None}
        return held, {row["name"]: row["held"] for row in rows}

    async def sent_again(self, refused: list[Ask]) -> None:
        """They are refused again, and nothing has changed."""
        keys, rows = await self.kept()
        turns = dict(self.here.house.metrics.moves())
        for request in refused:
            told = await self.told(request)
            assert 400 <= told.status < 500, (request, told)
        keys_now, rows_now = await self.kept()
        changed_keys = {key for key, value in keys_now.items() if keys.get(key) != value}  # some end by themselves
        assert not changed_keys, refused
        assert rows_now == rows, refused
        assert self.here.house.metrics.moves() == turns, refused

    def requests_of(self, door: str) -> list[Ask]:
        if door == "pay-connector":
            return requests.connector(BASIC, "01JNOBODY")
        made: list[Ask] = getattr(requests, door)()
        return made


@pytest.fixture(scope="module")
def logged() -> Iterator[io.StringIO]:
    """What is logged, before any mask."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    ours = [logging.getLogger(name) for name in ("channels", "sessions", "core", "asyncio", "uvicorn")]
    for logger in ours:
        logger.addHandler(handler)
    yield stream
    for logger in ours:
        logger.removeHandler(handler)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def doors(
    valkey: Valkey, postgres: Postgres, template_database: str, logged: io.StringIO, asked: Asked
) -> AsyncIterator[Doors]:
    url = postgres.create("malformed", template_database)
    async with (
        world(valkey.url, url, change=_all_doors, beside=False, voice=AT_ONCE) as here,
        Redis.from_url(valkey.url) as redis,
    ):
        yield Doors(here, redis, logged, asked)
    postgres.drop("malformed")


def _made(door: str, genuine: list[Ask], chance: random.Random) -> Ask:
    request = requests.wrong(chance, chance.choice(genuine))
    # most are let in by the guard, so that what is behind it is tried
    sign = "twilio" in request.target and chance.random() < 0.8
    return requests.signed(request) if sign else request


@pytest.mark.parametrize("door", DOORS)
async def test_the_recorded_requests_are_let_in(doors: Doors, door: str) -> None:
    """Otherwise what follows would try the guards alone."""
    for request in doors.requests_of(door):
        told = await doors.told(requests.signed(request) if "twilio" in request.target else request)
        assert told.status < 300, (request, told)


def _tried(door: str) -> Callable[..., object]:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.differing_executors,
        ],
    )
    @given(seed=st.integers(0, 2**64))
    async def test(doors: Doors, seed: int) -> None:
        chance = random.Random(seed)
        genuine = doors.requests_of(door)
        refused, answered, again = 0, 0, list[Ask]()
        await doors.redis.flushall()
        for _ in range(A_BATCH):
            request, before = _made(door, genuine, chance), doors.asked.times
            told = await doors.told(request)
            assert 200 <= told.status < 500, (request, told)
            if told.status < 400:
                answered += doors.asked.times > before
                continue
            assert requests.MARK.encode() not in told.body, (request, told)
            refused += 1
            if doors.asked.times > before:  # what it was told may depend on what comes next
                await doors.sent_again([request])
            elif chance.random() < AGAIN:
                again.append(request)
        await doors.sent_again(again)
        assert refused > A_BATCH // 2
        assert answered  # or nothing was counted

    return test


test_ussd = _tried("ussd")
test_sms = _tried("sms")
test_ivr = _tried("ivr")
test_pay_connector = _tried("pay-connector")


NAMED = re.compile(r"\btext (twilio|kannel)-[A-Za-z0-9._-]+")  # a gateway's identifier names its text in the log


async def test_no_input_was_logged_or_counted(doors: Doors) -> None:
    """Runs last: over all that was tried above."""
    metrics = doors.here.house.metrics.page()[0].decode()
    assert requests.MARK not in metrics
    logged = NAMED.sub("", doors.logged.getvalue())
    assert [line for line in logged.splitlines() if requests.MARK in line] == []
    assert "4000000000000010" not in logged
    for door in ("ussd/hubtel", "ussd/comviva", "sms/twilio", "sms/kannel", "ivr/twilio", "ivr/pay-connector"):
        assert f'khallas_refused_total{{door="{door}",reason="malformed"}}' in metrics
    for door in ("sms/twilio", "ivr/twilio"):
        assert f'khallas_refused_total{{door="{door}",reason="forbidden"}}' in metrics
