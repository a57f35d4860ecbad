"""What PostgreSQL is asked, counted where the driver sends it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import AsyncCursor


@contextmanager
def asked() -> Iterator[list[str]]:
    """The statements of this process within the block, but for those of tasks that ran before it: what runs at
    intervals is nobody's."""
    statements: list[str] = []
    running = asyncio.all_tasks() - {asyncio.current_task()}
    execute = AsyncCursor.execute

    async def noted(cursor: Any, query: Any, *values: Any, **how: Any) -> Any:
        if asyncio.current_task() not in running:
            statements.append(str(query))
        return await execute(cursor, query, *values, **how)

    AsyncCursor.execute = noted  # type: ignore[assignment,method-assign]
    try:
        yield statements
    finally:
        AsyncCursor.execute = execute  # type: ignore[method-assign]
