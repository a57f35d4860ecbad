"""Wait for what other processes do: looked at again and again, within a bound."""

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable

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


async def closed(writer: asyncio.StreamWriter) -> None:
    """A connection ended, and gone: left to the garbage collector it would trouble whichever test comes next."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
