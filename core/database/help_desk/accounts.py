"""Help-desk accounts. The hash leaves by one statement alone; accounts are disabled, never deleted."""

from datetime import datetime

from psycopg.rows import DictRow

from core.database.pool import Database
from core.help_desk.accounts import Role, User
from core.help_desk.passwords import FORMER_KEPT

ADD = """
INSERT INTO desk_users (name, role, password_hash, created_at, password_given)
VALUES (%(name)s, %(role)s, %(hash)s, %(now)s, %(given)s)
ON CONFLICT (name) DO NOTHING
"""

GET = """
SELECT name, role, generation, created_at, disabled_at, seen_at, totp_sealed IS NOT NULL AS second_factor,
       administers, password_given
FROM desk_users WHERE name = %(name)s
"""

ALL = """
SELECT name, role, generation, created_at, disabled_at, seen_at, totp_sealed IS NOT NULL AS second_factor,
       administers, password_given
FROM desk_users ORDER BY name
"""

HASH_OF = "SELECT password_hash FROM desk_users WHERE name = %(name)s"

SET_HASH = """
UPDATE desk_users SET password_hash = %(hash)s, generation = generation + %(grows)s WHERE name = %(name)s
"""

ANOTHER = """
UPDATE desk_users SET password_hash = %(hash)s, generation = generation + %(grows)s, seen_at = %(now)s,
    password_given = %(given)s, former_hashes = (ARRAY[password_hash] || former_hashes)[1:%(kept)s]
WHERE name = %(name)s
"""

FORMER = "SELECT former_hashes FROM desk_users WHERE name = %(name)s"

SEEN = "UPDATE desk_users SET seen_at = %(now)s WHERE name = %(name)s"

DISABLE = """
UPDATE desk_users SET disabled_at = %(now)s, generation = generation + 1
WHERE name = %(name)s AND disabled_at IS NULL
"""

APPOINT = """
UPDATE desk_users SET administers = %(administers)s, generation = generation + 1
WHERE name = %(name)s AND role = 'supervisor' AND administers <> %(administers)s
"""

SET_FACTOR = """
UPDATE desk_users SET totp_sealed = %(sealed)s, totp_step = 0, recovery_hashes = %(recovery)s,
    generation = generation + 1
WHERE name = %(name)s
"""

SEALED_OF = "SELECT totp_sealed FROM desk_users WHERE name = %(name)s"

RESEAL = "UPDATE desk_users SET totp_sealed = %(sealed)s WHERE name = %(name)s AND totp_sealed = %(was)s"

USE_STEP = "UPDATE desk_users SET totp_step = %(step)s WHERE name = %(name)s AND totp_step < %(step)s"

USE_RECOVERY = """
UPDATE desk_users SET recovery_hashes = array_remove(recovery_hashes, %(digest)s)
WHERE name = %(name)s AND %(digest)s = ANY (recovery_hashes)
"""


class PgUsers:
    """Implements core.help_desk.accounts.Users and core.help_desk.enrolment.SecondFactorRepository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, name: str, role: Role, password_hash: str, now: datetime, *, given: bool = False) -> bool:
        return await self._database.do(ADD, name=name, role=role, hash=password_hash, now=now, given=given) > 0

    async def get(self, name: str) -> User | None:
        row = await self._database.one(GET, name=name)
        return None if row is None else _user_of(row)

    async def hash_of(self, name: str) -> str | None:
        row = await self._database.one(HASH_OF, name=name)
        return None if row is None else str(row["password_hash"])

    async def former_hashes(self, name: str) -> tuple[str, ...]:
        row = await self._database.one(FORMER, name=name)
        return () if row is None else tuple(row["former_hashes"])

    async def set_hash(
        self, name: str, password_hash: str, *, ends_sessions: bool, now: datetime | None = None, given: bool = False
    ) -> bool:
        values = {"name": name, "hash": password_hash, "grows": int(ends_sessions)}
        if now is None:
            return await self._database.do(SET_HASH, **values) > 0
        return await self._database.do(ANOTHER, **values, now=now, kept=FORMER_KEPT - 1, given=given) > 0

    async def seen(self, name: str, now: datetime) -> None:
        await self._database.do(SEEN, name=name, now=now)

    async def disable(self, name: str, now: datetime) -> bool:
        return await self._database.do(DISABLE, name=name, now=now) > 0

    async def appoint(self, name: str, *, administers: bool) -> bool:
        return await self._database.do(APPOINT, name=name, administers=administers) > 0

    async def set_second_factor(self, name: str, sealed: bytes | None, recovery: tuple[str, ...]) -> bool:
        return await self._database.do(SET_FACTOR, name=name, sealed=sealed, recovery=list(recovery)) > 0

    async def sealed_of(self, name: str) -> bytes | None:
        row = await self._database.one(SEALED_OF, name=name)
        return None if row is None or row["totp_sealed"] is None else bytes(row["totp_sealed"])

    async def reseal(self, name: str, was: bytes, sealed: bytes) -> None:
        await self._database.do(RESEAL, name=name, was=was, sealed=sealed)

    async def use_step(self, name: str, step: int) -> bool:
        return await self._database.do(USE_STEP, name=name, step=step) > 0

    async def use_recovery(self, name: str, digest: str) -> bool:
        return await self._database.do(USE_RECOVERY, name=name, digest=digest) > 0

    async def all(self) -> tuple[User, ...]:
        return tuple(_user_of(row) for row in await self._database.all(ALL))


def _user_of(row: DictRow) -> User:
    return User(
        row["name"],
        Role(row["role"]),
        row["generation"],
        row["created_at"],
        row["disabled_at"],
        row["seen_at"],
        row["second_factor"],
        row["administers"],
        row["password_given"],
    )
