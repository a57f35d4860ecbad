"""What is remembered of callers: their language, and which terms they accepted when and where (law 09-08)."""

from datetime import datetime

from core.consent import Consent
from core.database.pool import Database
from core.subscribers import Language

REMEMBERED = """
SELECT (SELECT language FROM people WHERE msisdn = %(msisdn)s) AS language,
       (SELECT version FROM consents WHERE msisdn = %(msisdn)s ORDER BY id DESC LIMIT 1) AS version
"""

REMEMBER = """
INSERT INTO people (msisdn, language, updated_at) VALUES (%(msisdn)s, %(language)s, %(now)s)
ON CONFLICT (msisdn) DO UPDATE SET language = excluded.language, updated_at = excluded.updated_at
"""

CONSENT = """
INSERT INTO consents (msisdn, version, language, channel, given_at)
VALUES (%(msisdn)s, %(version)s, %(language)s, %(channel)s, %(given_at)s)
"""


class PgPeople:
    """Implements books.People."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def remembered(self, msisdn: str) -> tuple[Language | None, str | None]:
        row = await self._database.one(REMEMBERED, msisdn=msisdn)
        assert row is not None, "a SELECT without FROM has one row"
        return (None if row["language"] is None else Language(row["language"])), row["version"]

    async def remember_language(self, msisdn: str, language: Language, now: datetime) -> None:
        await self._database.do(REMEMBER, msisdn=msisdn, language=language, now=now)

    async def consent(self, consent: Consent) -> None:
        await self._database.do(
            CONSENT,
            msisdn=consent.msisdn,
            version=consent.version,
            language=consent.language,
            channel=consent.channel,
            given_at=consent.given_at,
        )
