"""Behind Sentinels: the primary is killed, the replica is promoted, and the conversations go on where they were."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.asyncio.sentinel import MasterNotFoundError

from core.messaging.texts import Texts
from khallas.doctor import stores
from khallas.doctor.finding import CheckFailed
from sessions.store.client import connect
from sessions.store.protocol import StoreDown
from sessions.store.sentinel import Login, Sentinels, sentinels_of
from tests.sessions.fakes import CALLER, Converse, stage
from tests.sessions.sentinel import SERVICE, watched

FAILOVER_MAX_S = 60.0
CALLERS = [CALLER, "+212600000102"]


def to(url: str) -> Redis:
    return connect(url, wait_s=2, connections_max=20)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (
            "redis+sentinel://a/service",
            Sentinels((("a", 26379),), "service", 0, tls=False, servers=Login(), own=Login()),
        ),
        (
            "rediss+sentinel://me:p%40ss@a:1,[::1]:2,b/s/3?sentinel_user=you&sentinel_password=w%26rd",
            Sentinels(
                (("a", 1), ("::1", 2), ("b", 26379)),
                "s",
                3,
                tls=True,
                servers=Login("me", "p@ss"),
                own=Login("you", "w&rd"),
            ),
        ),
    ],
)
def test_an_address_is_read(url: str, told: Sentinels) -> None:
    assert sentinels_of(url) == told
    assert "p@ss" not in repr(sentinels_of(url))


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "a:1",
        "a:1/",
        "/service",
        "a:b/service",
        "a:0/s",
        "a:1/s/x",
        "a:1/s/0?db=1",
        ",".join("abcdefghijklmnopq") + "/s",
    ],
)
def test_what_is_no_address_is_refused_without_its_secret(rest: str) -> None:
    with pytest.raises(ValueError, match=r"^(names|ends|knows)") as refused:
        sentinels_of(f"redis+sentinel://me:s3cret@{rest}")
    assert "s3cret" not in str(refused.value)


async def test_the_replica_stands_in_for_a_killed_primary(texts: Texts, tmp_path: Path) -> None:
    with watched(tmp_path) as servers:
        assert (await stores.redis(servers.url)).endswith("append-only, noeviction, watched by 3 Sentinels")
        async with to(servers.url) as redis:
            on = stage(redis, texts)
            phones = [on.ussd(caller) for caller in CALLERS]
            await asyncio.gather(*(phone.dial() for phone in phones))
            await redis.wait(1, 2_000)  # what is not replicated yet is asked for again; here nothing shall be
            servers.sentinels[0].kill()
            servers.primary.kill()
            with pytest.raises(StoreDown):
                await phones[0].key("1")
            assert [await _answered(phone) for phone in phones] == ["Service"] * len(phones)
            with servers.replica.client() as promoted:
                assert promoted.info("replication")["role"] == "master"
            # the old one comes back as a replica: nobody writes to it
            servers.primary.start()
            assert [(await phone.key("2")).screen for phone in phones] == ["Reference"] * len(phones)
        with pytest.raises(CheckFailed, match=f"Sentinel 127.0.0.1:{servers.sentinels[0].port} cannot be asked"):
            await stores.redis(servers.url)
        nobody = servers.url.replace(f"127.0.0.1:{servers.sentinels[0].port},", "").replace(f"/{SERVICE}/", "/another/")
        with pytest.raises(CheckFailed, match="knows nothing of another"):
            await stores.redis(nobody)
        async with to(nobody) as lost:
            with pytest.raises(MasterNotFoundError):
                await lost.ping()


async def _answered(phone: Converse) -> str:
    """The screen after the language, once somebody serves again."""
    deadline = time.monotonic() + FAILOVER_MAX_S
    while time.monotonic() < deadline:
        with suppress(StoreDown):
            if phone.screen == "Language" and phone.heard is not None and phone.heard.typed is None:
                return (await phone.key("1")).screen
            return (await phone.again()).screen
        await asyncio.sleep(0.1)
    raise AssertionError("the replica never stood in")
