"""Help-desk accounts. The hash leaves by one statement alone; accounts are disabled, never deleted."""

from datetime import datetime

from psycopg.rows import DictRow

from core.accounts import Role, User
from core.database.pool import Database

ADD = """
INSERT INTO desk_users (name, role, password_hash, created_at) VALUES (%(name)s, %(role)s, %(hash)s, %(now)s)
ON CONFLICT (name) DO NOTHING
"""

GET = "SELECT name, role, generation, created_at, disabled_at FROM desk_users WHERE name = %(name)s"

ALL = "SELECT name, role, generation, created_at, disabled_at FROM desk_users ORDER BY name"

HASH_OF = "SELECT password_hash FROM desk_users WHERE name = %(name)s"

SET_HASH = """
UPDATE desk_users SET password_hash = %(hash)s, generation = generation + %(grows)s WHERE name = %(name)s
"""

DISABLE = """
UPDATE desk_users SET disabled_at = %(now)s, generation = generation + 1
WHERE name = %(name)s AND disabled_at IS NULL
"""


class PgUsers:
    """Implements accounts.Users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, name: str, role: Role, password_hash: str, now: datetime) -> bool:
        return await self._database.do(ADD, name=name, role=role, hash=password_hash, now=now) > 0

    async def get(self, name: str) -> User | None:
        row = await self._database.one(GET, name=name)
        return None if row is None else _user_of(row)

    async def hash_of(self, name: str) -> str | None:
        row = await self._database.one(HASH_OF, name=name)
        return None if row is None else str(row["password_hash"])

    async def set_hash(self, name: str, password_hash: str, *, ends_sessions: bool) -> bool:
        return await self._database.do(SET_HASH, name=name, hash=password_hash, grows=int(ends_sessions)) > 0

    async def disable(self, name: str, now: datetime) -> bool:
        return await self._database.do(DISABLE, name=name, now=now) > 0

    async def all(self) -> tuple[User, ...]:
        return tuple(_user_of(row) for row in await self._database.all(ALL))


def _user_of(row: DictRow) -> User:
    return User(row["name"], Role(row["role"]), row["generation"], row["created_at"], row["disabled_at"])
