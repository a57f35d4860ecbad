"""A stage a test: real Valkey, the till in memory."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from core.messaging.texts import Texts, load_texts
from tests.sessions.fakes import Stage, stage


@pytest.fixture(scope="session")
def texts() -> Texts:
    return load_texts()


@pytest.fixture
async def on(redis_url: str, texts: Texts) -> AsyncIterator[Stage]:
    """The stage; what was launched has landed when it closes."""
    async with Redis.from_url(redis_url) as redis:
        made = stage(redis, texts)
        yield made
        await made.turns.close()
