"""Redis, the database and who works its queue."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.exceptions import AuthenticationError, RedisClusterException, RedisError

from core.database.migrate import current_and_head, lags
from core.database.pool import Connection, Database
from core.repositories import DatabaseUnavailable
from khallas.doctor.finding import CheckFailed
from sessions.store.client import connect

REDIS_OLDEST = (6, 2)
POSTGRES_OLDEST = 14
REDIS_WAIT_S = 3.0
REDIS_CONNECTIONS_MAX = 4
SKEW_MAX_S = 2.0  # sums of seconds decide baskets and windows; evidence carries these times
HEARTBEAT_MAX_S = 60
OVERDUE_MAX_S = 300
MEND_BOUNDS = "ALTER ROLE … SET it, as docs/SCALING.md says of PgBouncer"
MEND_SESSION = "`pool_mode = session`, as docs/SCALING.md says of PgBouncer"
MEND_ROLE = "`khallas migrate --role khallas_serving` as the owner, and serve as that role (docs/operations.md)"
REDIS_URL, DATABASE_URL = "KHALLAS_REDIS_URL", "KHALLAS_DATABASE_URL"


async def redis(url: str) -> str:
    """Version, persistence, eviction; of every primary of a cluster. Raises CheckFailed.

    INFO alone is asked: managed servers refuse CONFIG.
    """
    if not url:
        raise CheckFailed("no address", f"set {REDIS_URL}")
    client = connect(url, wait_s=REDIS_WAIT_S, connections_max=REDIS_CONNECTIONS_MAX)
    try:
        watchers = await _watchers(client)
        infos = await _infos(client)
    except AuthenticationError:
        raise CheckFailed("refuses our password", f"put the right user and password into {REDIS_URL}") from None
    except (RedisError, RedisClusterException, OSError) as error:
        raise CheckFailed(f"cannot be asked ({type(error).__name__})", f"start it, or correct {REDIS_URL}") from None
    finally:
        await client.aclose()
    words = {well(info) for info in infos}
    where = (
        f" on {len(infos)} primaries" if len(infos) > 1 else f", watched by {watchers} Sentinels" if watchers else ""
    )
    return f"{', '.join(sorted(words))}{where}"


async def _watchers(client: Redis) -> int:
    """Returns how many Sentinels there are; each that is named must answer and see the same primary well. Raises
    CheckFailed.
    """
    pool: Any = getattr(client, "connection_pool", None)  # a cluster has none
    if not isinstance(pool, SentinelConnectionPool):
        return 0
    primaries: dict[str, tuple[str, int]] = {}
    for sentinel in pool.sentinel_manager.sentinels:
        options = sentinel.connection_pool.connection_kwargs
        name = f"the Sentinel {options['host']}:{options['port']}"
        try:
            state = (await sentinel.sentinel_masters()).get(pool.service_name)
        except (RedisError, OSError) as error:
            mend = f"start it, or correct its address or sentinel_password in {REDIS_URL}"
            raise CheckFailed(f"{name} cannot be asked ({type(error).__name__})", mend) from None
        if state is None or state["is_sdown"]:
            why = "sees no primary" if state else "knows nothing of"
            raise CheckFailed(
                f"{name} {why} {pool.service_name}", f"SENTINEL MONITOR there, or the service in {REDIS_URL}"
            )
        primaries[name] = (state["ip"], state["port"])
    if len(set(primaries.values())) > 1:
        raise CheckFailed(f"do not agree on the primary: {primaries}", "SENTINEL RESET where it is wrong")
    return len(primaries)


async def _infos(client: Redis | RedisCluster) -> list[Mapping[str, Any]]:
    if not isinstance(client, RedisCluster):
        return [await client.info("everything")]
    await client.initialize()
    return [await node.execute_command("INFO", "everything") for node in client.get_primaries()]


def well(info: Mapping[str, Any]) -> str:
    """Describes one server in words. Raises CheckFailed."""
    version = str(info.get("redis_version", "0"))
    if _numbers(version) < REDIS_OLDEST:
        raise CheckFailed(f"speaks Redis {version}", "upgrade it: Redis 6.2 or newer, or Valkey")
    if not info.get("aof_enabled"):
        raise CheckFailed("keeps no append-only file: open dialogs are lost when it restarts", "set `appendonly yes`")
    if info.get("aof_last_write_status", "ok") != "ok":
        raise CheckFailed("cannot write its append-only file", "look at its disk and its log")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise CheckFailed(f"throws keys away when memory is short ({policy})", "set `maxmemory-policy noeviction`")
    if info.get("role", "master") != "master":
        raise CheckFailed("is a replica", f"point {REDIS_URL} at the primary")
    return f"{info.get('server_name', 'redis')} {info.get('valkey_version', version)}, append-only, noeviction"


async def database(database: Database, *, strict: bool = True) -> str:
    """Reachable, new enough, writable, with our bounds and sessions of our own, by a role that can neither drop nor
    alter; `strict` False: the demo, whose one role does everything. Raises CheckFailed.
    """
    try:
        kept = await _session_kept(database)
        row = await database.one(
            "SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS standby,"
            " current_setting('default_transaction_read_only') AS read_only,"
            " (SELECT string_agg(name, ' and ') FROM pg_settings"
            " WHERE name IN ('statement_timeout', 'lock_timeout') AND setting = '0') AS unbounded,"
            " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS mighty,"
            " (SELECT count(*) FROM pg_tables"
            " WHERE schemaname = 'public' AND pg_has_role(tableowner, 'MEMBER')) AS owned,"
            " current_user AS role"
        )
    except DatabaseUnavailable:
        raise CheckFailed("cannot be reached", f"start it, or set {DATABASE_URL} right") from None
    if row is None or row["version"] // 10_000 < POSTGRES_OLDEST:
        raise CheckFailed("is too old", f"PostgreSQL {POSTGRES_OLDEST} or newer is needed")
    if row["standby"] or row["read_only"] == "on":
        raise CheckFailed("is read-only", f"point {DATABASE_URL} at the primary")
    if not kept:
        raise CheckFailed("lends our connections to others between transactions: no session is ours", MEND_SESSION)
    if row["unbounded"]:
        raise CheckFailed(f"waits without a bound: a pooler passes no {row['unbounded']} on", MEND_BOUNDS)
    version = f"PostgreSQL {row['version'] // 10_000}"
    if row["mighty"] or row["owned"]:
        what = "is a superuser" if row["mighty"] else f"owns {row['owned']} tables"
        told = f"{version}; warning: {row['role']} {what}: it can undo what is append-only"
        if strict:
            raise CheckFailed(told, MEND_ROLE)
        return told
    return version


async def _session_kept(database: Database) -> bool:
    """Returns whether a connection is the same one after another worked beside it. Behind a pooler that lends them to
    transactions it is not: prepared statements and LISTEN would go astray. Nothing is prepared here, for that reason.
    """

    async def asked(connection: Connection) -> bool:
        await connection.execute("SELECT set_config('khallas.asked', 'here', false)", prepare=False)
        async with database.pool.connection() as other, other.transaction():
            await other.execute("SELECT", prepare=False)
            told = await connection.execute("SELECT current_setting('khallas.asked', true) AS kept", prepare=False)
            row = await told.fetchone()
        await connection.execute("SELECT set_config('khallas.asked', '', false)", prepare=False)
        return row is not None and row["kept"] == "here"

    return await database.run(asked)


def migrations(url: str) -> str:
    """Checks that the database is at this release's revision. Blocks. Raises CheckFailed."""
    try:
        current, head = current_and_head(url)
    except (DatabaseUnavailable, ValueError):
        raise CheckFailed("the database cannot be reached", f"start it, or correct {DATABASE_URL}") from None
    if lags(current):
        raise CheckFailed(f"at {current or 'nothing'}, this release needs {head}", "run `khallas migrate`")
    return f"at {head}" if current == head else f"at {current}, a later release's; this one needs {head}"


async def clock(database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> str:
    """Compares our clock with the database's, allowing for the way there. Raises CheckFailed, DatabaseUnavailable."""
    before = now()
    row = await database.one("SELECT clock_timestamp() AS at")
    after = now()
    at: datetime = row["at"] if row else after
    skew = max(before - at, at - after, timedelta())
    if skew > timedelta(seconds=SKEW_MAX_S):
        raise CheckFailed(f"{skew.total_seconds():.1f} s from the database's", "run chrony or ntpd on both machines")
    return f"within {SKEW_MAX_S:.0f} s of the database's"


async def worker(database: Database) -> str:
    """Checks that somebody works the queue, and nothing waits too long. Raises CheckFailed, DatabaseUnavailable."""
    row = await database.one(
        "SELECT count(*) AS alive FROM procrastinate_workers"
        " WHERE last_heartbeat > now() - make_interval(secs => %(s)s)",
        s=HEARTBEAT_MAX_S,
    )
    if row is None or not row["alive"]:
        raise CheckFailed("nobody works the queue: no receipts, no calls, no inquiries", "start `khallas worker`")
    late = await database.one(
        "SELECT count(*) AS n FROM ONLY messages WHERE due_at < now() - make_interval(secs => %(s)s)", s=OVERDUE_MAX_S
    )
    if late and late["n"]:
        raise CheckFailed(
            f"{late['n']} messages are overdue by more than {OVERDUE_MAX_S} s",
            "look at the worker's log and the ways out (docs/runbooks/smsc-down.md)",
        )
    return f"{row['alive']} at work, nothing overdue"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
