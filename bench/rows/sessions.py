"""What a session weighs, and whether a step costs more among a million of them or with five hundred bills."""

from contextlib import ExitStack

import uvloop
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from bench import steps
from bench.contest import Contender, Plan, alternate
from bench.measure import middle
from bench.results import Finding, Row, at_most
from bench.rows.ussd import khallas
from bench.stage import KHALLAS, Backends, beside, khallas_environ, server
from sessions.store.protocol import Key

LIVE, LIVE_QUICK = (1_000, 100_000, 1_000_000), (1_000, 20_000)
BILLS = (1, 40, 500)


def run(backends: Backends, plan: Plan) -> list[Row]:
    return [_live(backends, plan), _bills(backends, plan)]


def _live(backends: Backends, plan: Plan) -> Row:
    """Each size has a Redis and a server of its own, so that the bursts can take turns."""
    sizes = LIVE_QUICK if plan.quick else LIVE
    contenders: list[Contender] = []
    weights: list[float] = []
    with ExitStack() as stack:
        for live in sizes:
            own = stack.enter_context(beside(backends))
            weights.append(_filled(own.redis_url, live))
            running = stack.enter_context(server("Khallas", KHALLAS, khallas_environ(own), "/healthz"))
            contenders.append(khallas(own, running, plan, label=f"{live:,} live sessions"))
        record = _weight(own.redis_url, 2)
        samples = alternate(contenders, plan)
    cpus = [middle(found).cpu_us for found in samples.values()]
    return Row(
        "live",
        "USSD step among live sessions",
        (
            Finding("a session's record in Redis", record, "bytes", at_most(560)),
            Finding("all that a dialog leaves there, Redis's own tables too", weights[-1], "bytes"),
            Finding(f"step CPU at {sizes[-1]:,}, times that at {sizes[0]:,}", cpus[-1] / cpus[0], "x", at_most(1.1)),
        ),
        samples,
        {"step CPU, us": list(zip(map(float, sizes), cpus, strict=True))},
    )


def _bills(backends: Backends, plan: Plan) -> Row:
    """Lines with few and with many unpaid bills, on one server."""
    steps.seed_lines(backends.database_url, BILLS)
    with server("Khallas", KHALLAS, khallas_environ(backends), "/healthz") as running:
        contenders = [
            khallas(backends, running, plan, bill_count=n, label=f"a line with {n} bills", among=steps.LONG_PAGES)
            for n in BILLS
        ]
        samples = alternate(contenders, plan)
    cpus = [middle(found).cpu_us for found in samples.values()]
    weights = [_weight(backends.redis_url, count) for count in BILLS]
    return Row(
        "bills",
        "USSD step on lines with many unpaid bills",
        (
            Finding(f"step CPU with {BILLS[-1]} bills, times that with one", cpus[-1] / cpus[0], "x", at_most(1.15)),
            Finding(f"a session's record with {BILLS[-1]} bills", weights[-1], "bytes", at_most(1024)),
        ),
        samples,
        {
            "step CPU, us": list(zip(map(float, BILLS), cpus, strict=True)),
            "record, bytes": list(zip(map(float, BILLS), weights, strict=True)),
        },
    )


def _filled(redis_url: str, live: int) -> float:
    """Redis with so many live sessions; bytes that each of them takes."""
    with Redis.from_url(redis_url) as redis:
        redis.config_set("auto-aof-rewrite-percentage", 0)  # no fork in the middle of a burst
        empty = int(redis.info("memory")["used_memory"])

        async def fill() -> None:
            async with AsyncRedis.from_url(redis_url) as client:
                await steps.seed_others(client, 0, live)

        uvloop.run(fill())
        return (int(redis.info("memory")["used_memory"]) - empty) / live


def _weight(redis_url: str, bill_count: int) -> float:
    """MEMORY USAGE of one record."""
    key = Key(steps.msisdn(1), "ussd", "ATUid_" + "0" * 32).record
    with Redis.from_url(redis_url) as redis:
        redis.set(key, steps.record(1, bill_count), ex=600)
        return float(redis.memory_usage(key) or 0)
