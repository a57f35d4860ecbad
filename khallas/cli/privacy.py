"""`khallas privacy`: what a person may ask for under law 09-08, at the operator's terminal; each request is logged."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from core.clock import SystemClock
from core.database.help_desk.access_log import PgAccessLog
from core.database.pool import open_database
from core.database.privacy.requests import PgPrivacy
from core.languages import LanguageCode
from core.privacy.requests import Erasure, Privacy
from khallas.bootstrap.container import blind_of
from khallas.cli.user import operator
from khallas.settings.model import BadSettings, Settings
from sessions.store.client import connect
from sessions.store.forget import RedisConversations

REDIS_WAIT_S = 5.0
REDIS_CONNECTIONS_MAX = 4


async def export(settings: Settings, number: str) -> dict[str, Any]:
    """Everything held. Raises DatabaseUnavailable, redis.RedisError, ValueError (a bad number)."""
    async with _privacy(settings) as privacy:
        return await privacy.export(number)


async def correct(settings: Settings, number: str, email: str | None, language: LanguageCode | None) -> dict[str, int]:
    """Rows changed, by table. Raises as `export`."""
    async with _privacy(settings) as privacy:
        return await privacy.correct(number, email=email, language=language)


async def erase(settings: Settings, number: str) -> Erasure:
    """Erases what is held of a number, and returns what was erased and what is kept. Raises as `export`, and
    StillOpen.
    """
    async with _privacy(settings) as privacy:
        return await privacy.erase(number)


def erasure_lines(erasure: Erasure) -> Iterator[str]:
    """The lines that tell the person who asked what was erased."""
    yield "erased: " + ", ".join(f"{count} {name}" for name, count in erasure.erased.items())
    yield "kept:"
    for name, why in erasure.kept.items():
        yield f"  {name}: {why}"


@asynccontextmanager
async def _privacy(settings: Settings) -> AsyncIterator[Privacy]:
    redis_url = settings.redis_url.get_secret_value()
    if not redis_url:
        raise BadSettings("KHALLAS_REDIS_URL is missing")
    async with (
        open_database(settings.require_database_url()) as database,
        connect(redis_url, wait_s=REDIS_WAIT_S, connections_max=REDIS_CONNECTIONS_MAX) as redis,
    ):
        log = PgAccessLog(database)
        books = PgPrivacy(database, blind_of(settings))
        yield Privacy(books, RedisConversations(redis), log, SystemClock(), operator(), mail_utf8=settings.mail_utf8)
