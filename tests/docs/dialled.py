"""Run by test_language in a process of its own: the first menu, what follows the new language, what is remembered."""

import asyncio
import sys

import aiohttp

from channels.sms.keywords import read
from core.database.pool import open_database
from tests.security.world import changed, world

FORM = {"sessionId": "AT-1", "phoneNumber": "+212600000031", "serviceCode": "*1117#", "networkCode": "60401"}
NEW = "4"


async def dialled(redis_url: str, database_url: str) -> str:
    """The two pages and the language on file, form feeds between them."""

    async with (
        world(
            redis_url, database_url, change=lambda told: changed(told, ussd={"wires": "africastalking"}), beside=False
        ) as at,
        aiohttp.ClientSession(headers={"host": "pay.example.ma"}) as session,
    ):
        pages = []
        for text in ("", NEW):
            async with session.post(f"{at.url}/ussd/africastalking", data=FORM | {"text": text}) as answer:
                pages.append(await answer.text())
        async with open_database(database_url) as database:
            row = await database.one(
                "SELECT language FROM people WHERE msisdn = %(msisdn)s", msisdn=FORM["phoneNumber"]
            )
    assert row is not None
    assert "es" in repr(read("lang espanol"))
    return "\f".join([*pages, row["language"]])


if __name__ == "__main__":
    print(asyncio.run(dialled(*sys.argv[1:])))
