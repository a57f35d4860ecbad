"""An abandoned card cannot be read from the append-only file, whoever has every setting (PCI DSS 3.2.1, 3.5.1)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from core.cards import Secret
from core.database.migrate import upgrade
from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey
from sessions.vault import EXPIRY, NUMBER, Seals
from sessions.vault_key import memory_key
from tests.security.callers import APPROVED, at_the_card, subscribe
from tests.support.world import World, world


@pytest_asyncio.fixture(loop_scope="session")
async def here(servers_folder: Path) -> AsyncIterator[tuple[World, Path]]:
    folder = servers_folder / "vault-on-disk"
    folder.mkdir(mode=0o711)
    with Valkey(folder / "valkey") as valkey, Postgres(folder / "postgres") as postgres:
        upgrade(postgres.url)
        await subscribe(postgres.url, 1)
        async with world(valkey.url, postgres.url) as made:
            yield made, folder / "valkey" / "appendonlydir"


@pytest.mark.asyncio(loop_scope="session")
async def test_the_file_and_every_setting_are_no_card(here: tuple[World, Path]) -> None:
    on, file = here
    settings = on.house.settings
    async with Redis.from_url(settings.redis_url.get_secret_value()) as redis, at_the_card(on.url, 0) as call:
        call.press(f"{APPROVED}#")
        await call.settled()
        assert call.screen == "CardExpiry"
        (key,) = [key async for key in redis.scan_iter("kh:*:number")]
        sealed = await redis.get(key)
        await redis.bgrewriteaof()
    assert isinstance(sealed, bytes)
    assert b"".join(path.read_bytes() for path in file.iterdir()).count(sealed) >= 1  # it does lie there
    thief, names = Seals(settings.vault()), _names(key)
    assert all(thief.open(name, field, sealed) is None for name in names for field in (NUMBER, EXPIRY))
    # and this is how a server opens it: the names tried are the right ones
    opened = [on.house.seals.open(name, NUMBER, sealed) for name in names]
    assert [secret.reveal() for secret in opened if secret] == [APPROVED]


def _names(key: bytes) -> set[str]:
    """Everything that the key may say of the call's name."""
    text = key.decode()
    return {text[start:end] for start in range(len(text)) for end in range(start + 1, len(text) + 1)}


def test_the_memory_key_is_a_part_of_the_seal_and_of_nothing_else() -> None:
    keys = {"k1": b"1" * 32}
    with_it, without = Seals(keys, memory_key()), Seals(keys)
    blob = with_it.seal("call", NUMBER, Secret("5453010000066100"))
    assert without.open("call", NUMBER, blob) is None
    assert Seals(keys, bytes(32)).open("call", NUMBER, blob) is None
    assert Seals(keys, memory_key()).open("call", NUMBER, blob) is not None
    assert with_it.mark("d", "1") == without.mark("d", "1")  # repeats are known after a restart
    assert with_it.key("card limits") == without.key("card limits")
