"""What a server leaves behind while it runs: keys, tables, metrics, mails, texts, and everything logged."""

import io
import logging
from collections.abc import Sequence
from typing import Self

import psycopg
from redis.asyncio import Redis

from khallas.telemetry.logs import formatter
from tests.support.world import World

Left = dict[str, bytes]


def _ours(record: logging.LogRecord) -> bool:
    """The bank's side knows its cards, and a process's number may be any."""
    return not record.name.startswith("lab") and "server process" not in str(record.msg)


class Logs:
    """Everything logged by us and the libraries, before the second net and after it."""

    def __init__(self) -> None:
        self.raw, self.written = io.StringIO(), io.StringIO()
        self._handlers = [logging.StreamHandler(self.raw), logging.StreamHandler(self.written)]
        self._handlers[0].setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
        self._handlers[1].setFormatter(formatter("json"))

    def __enter__(self) -> Self:
        root = logging.getLogger()
        self._level = root.level
        root.setLevel(logging.DEBUG)
        for handler in self._handlers:
            handler.addFilter(_ours)
            root.addHandler(handler)
        return self

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.setLevel(self._level)
        for handler in self._handlers:
            root.removeHandler(handler)


async def gathered(here: World, answers: str, numbers: Sequence[str]) -> Left:
    """By where it lies. `answers`: what callers were sent; `numbers`: whose texts are read."""
    await here.twilio.idle()
    await here.house.transcripts.flush()
    left: Left = {"answers": answers.encode()}
    async with Redis.from_url(here.house.settings.redis_url.get_secret_value()) as redis:
        left["Redis values"] = await redis_values(redis)
    left["metrics"] = here.house.metrics.page()[0]
    left["mails"] = "\n".join(f"{mail.subject}\n{mail.text}\n{mail.html}" for mail in here.mails.mails()).encode()
    left["texts"] = "\n".join(text.body for number in numbers for text in here.twilio.texts(number)).encode()
    with psycopg.connect(here.house.settings.database_url.get_secret_value(), autocommit=True) as connection:
        left["tables"] = tables(connection)
        connection.execute("CHECKPOINT")
    return left


async def redis_values(redis: Redis) -> bytes:
    """Every key, as it is and as it is dumped."""
    values: list[bytes] = []
    async for key in redis.scan_iter():
        values += [key, await redis.dump(key) or b"", *(await _value(redis, key))]
    return b"\n".join(values)


def tables(connection: psycopg.Connection) -> bytes:
    """Every row of every table."""
    names = connection.execute(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    ).fetchall()
    rows = []
    for (name,) in names:
        with connection.cursor().copy(f"COPY {name} TO STDOUT") as copied:
            rows += [bytes(part) for part in copied]
    return b"".join(rows)


async def _value(redis: Redis, key: bytes) -> list[bytes]:
    kind = await redis.type(key)
    if kind == b"string":
        value = await redis.get(key)
        return [value] if isinstance(value, bytes) else []
    if kind == b"hash":
        return [part for pair in (await redis.hgetall(key)).items() for part in pair if isinstance(part, bytes)]
    return []
