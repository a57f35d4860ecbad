"""The wallets' callback door in the assembled application: there when a wallet is, and only then."""

import aiohttp
from pydantic import SecretStr

from khallas.settings.model import Settings
from tests.support.world import world

REFERENCE = "7d1f6c1e-7b1c-4b0e-9a51-2f6c0d9c4a10"
OPTIONS = {"wire": "gsma", "url": "http://127.0.0.1:9", "api_key": "k", "account": "khallas"}


def with_a_wallet(settings: Settings) -> Settings:
    options = {name: SecretStr(value) for name, value in OPTIONS.items()}
    return settings.model_copy(update={"wallets": {"mtcash": options}})


async def test_the_door_is_there_when_a_wallet_is(redis_url: str, database_url: str) -> None:
    async with (
        world(redis_url, database_url, change=with_a_wallet, beside=False) as at,
        aiohttp.ClientSession() as session,
    ):
        for provider in ("mtcash", "nobody"):
            async with session.put(f"{at.url}/wallets/{provider}/{REFERENCE}", data=b"{}") as answer:
                assert answer.status == 204


async def test_without_a_wallet_there_is_no_door(redis_url: str, database_url: str) -> None:
    async with (
        world(redis_url, database_url, beside=False) as at,
        aiohttp.ClientSession() as session,
        session.put(f"{at.url}/wallets/mtcash/{REFERENCE}", data=b"{}") as answer,
    ):
        assert answer.status == 404
