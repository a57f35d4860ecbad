"""What is done again and again beside the requests: an error is logged and ends nothing, a stop waits for the last."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

log = logging.getLogger(__name__)


@asynccontextmanager
async def repeated(
    act: Callable[[], Awaitable[object]], every_s: float, name: str, *, at_end: bool = False
) -> AsyncIterator[None]:
    """Act now and every so often for as long as the block lasts; `at_end`: and once more."""
    task = asyncio.create_task(_keep(act, every_s, name), name=name)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        if at_end:
            await _tried(act, name)


async def _keep(act: Callable[[], Awaitable[object]], every_s: float, name: str) -> None:
    while True:
        await _tried(act, name)
        await asyncio.sleep(every_s)


async def _tried(act: Callable[[], Awaitable[object]], name: str) -> None:
    try:
        await act()
    except Exception:
        log.exception("%s failed this time", name)
