"""The doctor says when the role that serves could undo what is append-only."""

from urllib.parse import urlsplit

import psycopg
import pytest

from core.database.migrate import give
from core.database.pool import open_database
from khallas.doctor import stores
from khallas.doctor.finding import CheckFailed

ROLE, PASSWORD = "khallas_serving_seen", "pJ6wX2fTz0uRq8"


async def test_an_owner_or_superuser_is_no_role_to_serve_with(database_url: str) -> None:
    give(database_url, ROLE, PASSWORD)
    parts = urlsplit(database_url)
    try:
        async with open_database(database_url) as database:
            with pytest.raises(CheckFailed, match=r"is a superuser|owns") as told:
                await stores.database(database)
            assert "migrate --role" in told.value.mend
            assert "warning" in await stores.database(database, strict=False)
        url = f"postgresql://{ROLE}:{PASSWORD}@{parts.hostname}:{parts.port}{parts.path}"
        async with open_database(url) as database:
            assert await stores.database(database) in {f"PostgreSQL {version}" for version in range(14, 30)}
    finally:
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute(f"DROP OWNED BY {ROLE}")
