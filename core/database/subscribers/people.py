"""What is remembered of callers: their language, and which terms they accepted when and where (law 09-08)."""

from collections.abc import Sequence
from datetime import datetime

from core.database.pool import Connection, Database
from core.languages import LanguageCode
from core.payments.consent import Consent

Remembered = tuple[LanguageCode | None, str | None]

# What a voice caller accepted is evidence of that call alone: whose number it was is not proven.
REMEMBERED = """
SELECT asked.msisdn, (SELECT language FROM people WHERE people.msisdn = asked.msisdn) AS language,
       (SELECT version FROM consents WHERE consents.msisdn = asked.msisdn AND channel <> 'ivr' ORDER BY id DESC LIMIT 1)
           AS version
FROM unnest(%(msisdns)s::text[]) AS asked (msisdn)
"""

REMEMBER = """
INSERT INTO people (msisdn, language, updated_at) VALUES (%(msisdn)s, %(language)s, %(now)s)
ON CONFLICT (msisdn) DO UPDATE SET language = excluded.language, updated_at = excluded.updated_at
"""

CONSENT = """
INSERT INTO consents (msisdn, version, language, channel, given_at, service, line_reference)
VALUES (%(msisdn)s, %(version)s, %(language)s, %(channel)s, %(given_at)s, %(service)s, %(line_reference)s)
"""


class PgPeople:
    """Implements core.repositories.People."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._remembered = database.batched(_remembered, "people")

    async def remembered(self, msisdn: str) -> Remembered:
        return await self._remembered.ask(msisdn)

    async def remember_language(self, msisdn: str, language: LanguageCode, now: datetime) -> None:
        await self._database.do(REMEMBER, msisdn=msisdn, language=language, now=now)

    async def consent(self, consent: Consent) -> None:
        await self._database.do(
            CONSENT,
            msisdn=consent.msisdn,
            version=consent.version,
            language=consent.language,
            channel=consent.channel,
            given_at=consent.given_at,
            service=consent.service,
            line_reference=consent.line_reference,
        )


async def _remembered(connection: Connection, msisdns: Sequence[str]) -> list[Remembered]:
    cursor = await connection.execute(REMEMBERED, {"msisdns": list(set(msisdns))})
    remembered = {
        row["msisdn"]: (None if row["language"] is None else LanguageCode(row["language"]), row["version"])
        for row in await cursor.fetchall()
    }
    return [remembered[msisdn] for msisdn in msisdns]
