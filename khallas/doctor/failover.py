"""The nodes that a database address names: who is primary, who would follow, and whether a commit survives it."""

from psycopg import Error
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import PoolTimeout

from core.database.pool import Database, make_pool
from core.repositories import DatabaseUnavailable
from khallas.doctor.finding import CheckFailed, NotSetUp

NODE_MAX_S = 5.0
NODES_MAX = 9
STATE = """
SELECT pg_is_in_recovery() AS standby, current_setting('synchronous_standby_names') AS names,
       current_setting('synchronous_commit') AS commits,
       (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')) AS synchronous,
       (SELECT count(*) FROM pg_stat_replication WHERE sync_state IS NULL) AS hidden
"""
# Touches no row: a standby refuses the statement, and the application must take that for a database that is away.
WRITE = "UPDATE messages SET attempts = attempts WHERE false"
SILENT = "does not answer"
MEND_SYNC = "`synchronous_mode: true` in Patroni (deploy/patroni/patroni.yml), or `synchronous_standby_names`"


async def nodes(database_url: str) -> str:
    """Exactly one of the named nodes is primary, and a synchronous standby stands by. Raises CheckFailed, NotSetUp."""
    if not database_url:
        raise NotSetUp("no address")
    named = _nodes(database_url)
    seen = {name: await _look(url) for name, url in named.items()}
    primaries = [name for name, state in seen.items() if state.startswith("primary")]
    told = "; ".join(f"{name} {state}" for name, state in seen.items())
    if len(named) == 1:
        if primaries and "synchronous" in seen[primaries[0]]:
            return told
        raise NotSetUp(f"{told}: one address, and no synchronous standby is seen behind it")
    if len(primaries) != 1:
        raise CheckFailed(f"{len(primaries)} primaries: {told}", "look at `patronictl list`")
    if "synchronous" not in seen[primaries[0]]:
        raise CheckFailed(f"a commit can be lost with the primary: {told}", MEND_SYNC)
    if silent := [name for name, state in seen.items() if state == SILENT]:
        raise CheckFailed(told, f"start {', '.join(silent)}, or take it out of KHALLAS_DATABASE_URL")
    return told


def _nodes(database_url: str) -> dict[str, str]:
    """Each node's own address; names are host:port."""
    parts = {name: str(value) for name, value in conninfo_to_dict(database_url).items() if value is not None}
    parts.pop("target_session_attrs", None)
    hosts, ports = parts.pop("host", "").split(","), parts.pop("port", "5432").split(",")
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    pairs = list(zip(hosts, ports, strict=True))[:NODES_MAX]
    return {f"{host}:{port}": make_conninfo("", **parts, host=host, port=port) for host, port in pairs}


async def _look(url: str) -> str:
    pool = make_pool(url, connections_max=1)
    pool.timeout = NODE_MAX_S
    async with pool:
        database = Database(pool)
        try:
            row = await database.one(STATE)
        except (DatabaseUnavailable, Error, PoolTimeout):
            return SILENT
        assert row is not None
        if row["standby"]:
            return f"standby, {await _refusal(database)}"
        if not row["names"] or row["commits"] in {"off", "local"}:
            return "primary"
        if row["synchronous"]:
            return f"primary, {row['synchronous']} synchronous"
        hidden = "; `GRANT pg_read_all_stats` to the serving role shows whether it is there" if row["hidden"] else ""
        return f"primary, synchronous by its settings{hidden}" if hidden else "primary"


async def _refusal(database: Database) -> str:
    try:
        await database.do(WRITE)
    except DatabaseUnavailable:
        return "writes are answered as away"
    except Error as error:
        return f"writes end in {type(error).__name__}"
    return "takes writes"
