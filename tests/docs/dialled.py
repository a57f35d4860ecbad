"""Run in a process of its own, over a copy of the application: what a dialog shows at each key, form feeds between.

The last word is the language on file of who dialled.
"""

import asyncio
import sys

import aiohttp

from core.database.pool import open_database
from tests.support.world import changed, world

FORM = {"sessionId": "AT-1", "phoneNumber": "+212600000031", "serviceCode": "*1117#", "networkCode": "60401"}


async def dialled(redis_url: str, database_url: str, *keys: str) -> str:
    """The pages of a dialog and the caller's language."""
    async with (
        world(
            redis_url, database_url, change=lambda told: changed(told, ussd={"wires": "africastalking"}), beside=False
        ) as at,
        aiohttp.ClientSession(headers={"host": "pay.example.ma"}) as session,
    ):
        pages = []
        for count in range(len(keys) + 1):
            form = FORM | {"text": "*".join(keys[:count])}
            async with session.post(f"{at.url}/ussd/africastalking", data=form) as answer:
                pages.append(await answer.text())
        async with open_database(database_url) as database:
            row = await database.one(
                "SELECT language FROM people WHERE msisdn = %(msisdn)s", msisdn=FORM["phoneNumber"]
            )
    assert row is not None
    return "\f".join([*pages, row["language"]])


if __name__ == "__main__":
    print(asyncio.run(dialled(*sys.argv[1:])))
