"""A client for whatever KHALLAS_REDIS_URL names: one server, a cluster, or the primary that Sentinels point at.

What this project asks of Redis each of them does alike. Behind Sentinels every new connection asks them who the primary
is; a demoted one refuses writes, and its connections are dropped and asked for anew. Nothing is retried inside: a turn
that fell into the failover is apologised for, the next finds the new primary.
"""

from typing import Any

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import NoBackoff

from sessions.store.sentinel import is_sentinel, sentinels_of

CLUSTER_SCHEMES = {"redis+cluster": "redis", "rediss+cluster": "rediss"}


def connect(url: str, *, wait_s: float, connections_max: int) -> Redis:
    """A client for redis://, rediss://, unix://, and with `+cluster` or `+sentinel` in the scheme for many servers.

    Touches no network. A cluster's client and a server's have no type in common. Raises ValueError (the address).
    """
    scheme, _, rest = url.partition("://")
    waits: dict[str, Any] = {
        "socket_timeout": wait_s,
        "socket_connect_timeout": wait_s,
        "max_connections": connections_max,
    }
    if is_sentinel(url):
        return _by_sentinels(url, waits)
    if scheme not in CLUSTER_SCHEMES:
        return Redis.from_url(url, **waits)
    plain = f"{CLUSTER_SCHEMES[scheme]}://{rest}"
    clustered: Any = RedisCluster.from_url(plain, retry=_once(), require_full_coverage=False, **waits)
    client: Redis = clustered
    return client


class _Pool(SentinelConnectionPool):
    """Closed together with the connections to the Sentinels, which redis-py leaves to their owner."""

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


def _by_sentinels(url: str, waits: dict[str, Any]) -> Redis:
    sentinels = sentinels_of(url)
    common: dict[str, Any] = {**waits, "retry": _once(), **({"ssl": True} if sentinels.tls else {})}
    sentinel: Any = Sentinel  # redis-py leaves it untyped
    asking = sentinel(list(sentinels.hosts), sentinel_kwargs=common | sentinels.own.keywords())
    primary: Redis = asking.master_for(
        sentinels.service, connection_pool_class=_Pool, db=sentinels.database, **common, **sentinels.servers.keywords()
    )
    return primary


def _once() -> Retry:
    return Retry(NoBackoff(), 0)
