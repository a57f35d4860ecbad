"""What is done again and again beside the requests: an error is logged and ends nothing, a stop waits for the last."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

log = logging.getLogger(__name__)

END_MAX_S = 1.0  # for what was begun before the stop: longer than any write, shorter than a stop


@asynccontextmanager
async def repeated(
    act: Callable[[], Awaitable[object]],
    every_s: float,
    name: str,
    *,
    at_end: bool = False,
    end_max_s: float = END_MAX_S,
    sooner: asyncio.Event | None = None,
) -> AsyncIterator[None]:
    """Act now and every so often for as long as the block lasts; `at_end`: and once more. `sooner` ends a pause."""
    ending, wake = asyncio.Event(), sooner or asyncio.Event()
    task = asyncio.create_task(_keep(act, every_s, name, ending, wake), name=name)
    try:
        yield
    finally:
        ending.set()
        wake.set()
        await asyncio.wait({task}, timeout=end_max_s)  # what it has in hand would be lost
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        if at_end:
            await _tried(act, name)


async def _keep(
    act: Callable[[], Awaitable[object]], every_s: float, name: str, ending: asyncio.Event, wake: asyncio.Event
) -> None:
    while not ending.is_set():
        wake.clear()
        await _tried(act, name)
        with suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), every_s)


async def _tried(act: Callable[[], Awaitable[object]], name: str) -> None:
    try:
        await act()
    except Exception:
        log.exception("%s failed this time", name)
