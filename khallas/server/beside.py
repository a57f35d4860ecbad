"""Doors for the operator's machines beside a process that serves no one else: a worker, a relay."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.applications import Starlette

from khallas.server.listening import listener


class _Beside(uvicorn.Server):
    """Leaves the process's signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def watched(app: Starlette, host: str, port: int) -> AsyncIterator[None]:
    """Serves /healthz, /readyz and /metrics for as long as the block lasts. Raises OSError."""
    bound = listener(host, port)
    beside = _Beside(uvicorn.Config(app, log_config=None, access_log=False, server_header=False))
    task = asyncio.create_task(beside.serve([bound]), name="metrics")
    try:
        yield
    finally:
        beside.should_exit = True
        await task
