"""Wait for what other processes do: looked at again and again, within a bound."""

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable

import aiohttp
import psycopg

POLL_S = 0.05
WAIT_MAX_S = 60.0


async def until(true: Callable[[], bool | Awaitable[bool]], max_s: float = WAIT_MAX_S) -> None:
    """Raises TimeoutError when it does not come true."""
    for _ in range(int(max_s / POLL_S)):
        found = true()
        if await found if inspect.isawaitable(found) else found:
            return
        await asyncio.sleep(POLL_S)
    raise TimeoutError("what was waited for did not happen")


async def readiness(url: str, status: int, *words: str) -> str:
    """What /readyz says, once it has this status and holds these words: a probe has a second of its own, which a busy
    machine can miss. Raises TimeoutError.
    """
    body = ""

    async def says() -> bool:
        nonlocal body
        async with aiohttp.ClientSession() as client, client.get(f"{url}/readyz") as answer:
            body = await answer.text()
            return answer.status == status and all(word in body for word in words)

    await until(says)
    return body


async def closed(writer: asyncio.StreamWriter) -> None:
    """A connection ended, and gone: left to the garbage collector it would trouble whichever test comes next."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def waits_for(database_url: str, sessions: int) -> bool:
    """Whether so many sessions of a database wait for a lock."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ).fetchone()
    return row is not None and int(row[0]) >= sessions
