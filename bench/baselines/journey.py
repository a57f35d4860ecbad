"""What one journey asked of HTTP, Redis and PostgreSQL, recorded in this process, and the same asked bare.

Only a bill's own is recorded: no periodic job runs meanwhile, and nobody watches. Statements run by psycopg, prepared,
in one transaction that is rolled back, so that each repetition finds what the first found; commands by redis-py, one
after the other, over keys that are emptied before. What fails bare is left out and counted.
"""

import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from hiredis import pack_command
from psycopg import AsyncConnection
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bench import stage
from bench.baselines.payment import Statement
from bench.journey import house
from bench.journey.ways import At, Way
from bench.load import burst
from bench.stage import UVICORN, Backends, server
from bench.till import seen
from core.database.jobs import worker_beside
from khallas.server.app import application, assemble
from khallas.settings.model import load
from lab.chaos.customer import Customer
from lab.servers.serving import serving
from sessions.store import pipeline

CONNECTIONS = 8
BURST_MAX_S = 60.0
ASIDE = frozenset(
    {"AUTH", "HELLO", "CLIENT", "SELECT", "PING", "SUBSCRIBE", "PSUBSCRIBE", "UNSUBSCRIBE", "MULTI", "EXEC", "WATCH"}
)
ROUTINE = ("procrastinate_update_heartbeat", "FROM acquirer_states", "FROM event_endpoints", "DISCARD PLANS")
NOT_SENT = frozenset({b"host", b"content-length", b"connection", b"transfer-encoding", b"expect"})


@dataclass
class Recorded:
    """One paid bill's."""

    requests: list[bytes] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    commands: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Bare:
    """Processor seconds of one bill's traffic by itself, and what of it could not be repeated."""

    http: float
    sql: float  # the client's
    redis_client: float
    redis: float
    postgres: float
    left_out: int
    asked: int = 0  # statements and commands that were recorded

    @property
    def total(self) -> float:
        return self.http + self.sql + self.redis_client + self.redis + self.postgres


class _Recorder:
    """ASGI: each request as its bytes came, before the application sees it."""

    def __init__(self, app: ASGIApp, into: Recorded) -> None:
        self._app = app
        self._into = into

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()

        async def heard() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        await self._app(scope, heard, send)
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        head = b"%b %b%b HTTP/1.1\r\nhost: bench.example\r\n" % (scope["method"].encode(), scope["raw_path"], query)
        lines = b"".join(b"%b: %b\r\n" % pair for pair in scope["headers"] if pair[0] not in NOT_SENT)
        self._into.requests.append(b"%b%bcontent-length: %d\r\n\r\n%b" % (head, lines, len(body), bytes(body)))


@contextmanager
def _commands(into: list[tuple[Any, ...]]) -> Iterator[None]:
    """What goes to Redis meanwhile, by our lines and by redis-py's."""
    one, many = AbstractConnection.pack_command, AbstractConnection.pack_commands

    def note(arguments: tuple[Any, ...]) -> None:
        if str(arguments[0]).upper() not in ASIDE:
            into.append(arguments)

    def ours(arguments: tuple[Any, ...]) -> Any:
        note(arguments)
        return pack_command(arguments)

    def theirs(self: AbstractConnection, *arguments: Any) -> Any:
        note(arguments)
        return one(self, *arguments)

    def piped(self: AbstractConnection, commands: Any) -> Any:
        listed = list(commands)
        for arguments in listed:
            note(tuple(arguments))
        return many(self, listed)

    lines: Any = pipeline
    lines.pack_command = ours
    AbstractConnection.pack_command, AbstractConnection.pack_commands = theirs, piped  # type: ignore[method-assign]
    try:
        yield
    finally:
        lines.pack_command = pack_command
        AbstractConnection.pack_command, AbstractConnection.pack_commands = one, many  # type: ignore[method-assign]


@asynccontextmanager
async def _in_this_process(backends: Backends, way: Way, into: Recorded) -> AsyncIterator[At]:
    """Web and jobs together, between the same bank, wallet and Twilio; nothing is done because of the hour."""
    async with house.surroundings(backends, way) as around:
        container = assemble(load(around.environ))
        jobs = container.jobs()
        jobs.periodic_registry.periodic_tasks.clear()
        async with (
            serving(_Recorder(application(container), into)) as url,
            worker_beside(jobs, container.database.pool),
        ):
            yield around.connect(url)


async def recorded(backends: Backends, way: Way, warm: Customer, model: Customer) -> Recorded:
    """What the second customer's journey asked for, once everything was warm."""
    into, before = Recorded(), await house.paid_so_far(backends.database_url)
    async with _in_this_process(backends, way, into) as at:
        await house.paid_by(way, at, [warm])
        await house.settled(backends.database_url, before + 1)
        into.requests.clear()
        with seen(into.statements), _commands(into.commands):
            await house.paid_by(way, at, [model])
            await house.settled(backends.database_url, before + 2)
    into.statements[:] = [one for one in into.statements if not _is_routine(str(one.query))]
    return into


def _is_routine(query: str) -> bool:
    """Asked as the seconds pass, whether somebody pays or not."""
    return query in {house.PAID, house.WAITING} or any(part in query for part in ROUTINE)


async def bare(backends: Backends, what: Recorded, times: int) -> Bare:
    """The same, so many times. `backends.database_url` is a database that the journey has not seen."""
    async with Redis.from_url(backends.redis_url) as redis:
        ask: Any = redis.execute_command  # redis-py leaves it untyped
        commands = [one for one in what.commands if await _works(ask, one)]
        before, redis_s = _own_s(), stage.tree_cpu_s(backends.valkey_pid)
        for _ in range(times):
            await redis.flushdb()
            for one in commands:
                await ask(*one)
        redis_client, redis_s = _own_s() - before, stage.tree_cpu_s(backends.valkey_pid) - redis_s
    async with await AsyncConnection.connect(backends.database_url) as connection:
        statements = await _runnable(connection, what.statements)
        before, postgres_s = _own_s(), stage.tree_cpu_s(backends.postgres_pid)
        await connection.set_autocommit(True)
        for _ in range(times):
            # past psycopg, which forgets at a ROLLBACK what it prepared
            connection.pgconn.exec_(b"BEGIN")
            for each in statements:
                await _run(connection, each)
            connection.pgconn.exec_(b"ROLLBACK")
        sql, postgres_s = _own_s() - before, stage.tree_cpu_s(backends.postgres_pid) - postgres_s
    with server("bare", (*UVICORN, "bench.baselines.echo:app"), {"BENCH_REDIS_URL": backends.redis_url}) as running:
        before = running.cpu_s()
        rounds = max(1, times // CONNECTIONS)
        sent = await burst(running.port, lambda _: iter(what.requests * rounds), BURST_MAX_S, connections=CONNECTIONS)
        http = (running.cpu_s() - before) / (sent.requests / len(what.requests))
    left_out = len(what.commands) - len(commands) + len(what.statements) - len(statements)
    asked = len(what.commands) + len(what.statements)
    return Bare(http, sql / times, redis_client / times, redis_s / times, postgres_s / times, left_out, asked)


async def _works(ask: Any, command: tuple[Any, ...]) -> bool:
    try:
        await ask(*command)
    except RedisError:
        return False
    return True


async def _runnable(connection: AsyncConnection[Any], statements: list[Statement]) -> list[Statement]:
    """Those that do not fail by themselves."""
    good: list[Statement] = []
    async with connection.transaction(force_rollback=True):
        for each in statements:
            try:
                async with connection.transaction():
                    await _run(connection, each)
            except psycopg.Error:
                continue
            good.append(each)
    return good


async def _run(connection: AsyncConnection[Any], statement: Statement) -> None:
    cursor = await connection.execute(statement.query, statement.params)
    if cursor.description is not None:
        await cursor.fetchall()


def _own_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
