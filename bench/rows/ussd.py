"""A USSD step, with validation, compare-and-set, replay protection and pages, against the bare step in Redis."""

from collections.abc import Sequence
from dataclasses import replace

from redis.asyncio import Redis

from bench import steps
from bench.contest import Contender, Plan, alternate, paced
from bench.load import Requests
from bench.measure import middle
from bench.results import Finding, Row, at_least, at_most
from bench.stage import KHALLAS, UVICORN, Backends, Running, khallas_environ, server
from core.languages import LanguageCode

SHARE = 0.7
TICKED = b"["  # an answer that holds no box is no list of bills


def khallas(
    backends: Backends,
    running: Running,
    plan: Plan,
    *,
    bill_count: int = 2,
    label: str = "",
    among: Sequence[LanguageCode] = steps.EVERY_LANGUAGE,
) -> Contender:
    """The product at its USSD door."""
    sessions = steps.sessions_for(plan.seconds)

    async def prepare() -> Requests:
        async with Redis.from_url(backends.redis_url) as redis:
            await steps.seed(redis, "ussd", sessions, bill_count, among)
        return steps.ussd(sessions, bill_count=bill_count)

    return Contender(running, prepare, TICKED, label)


def bare(backends: Backends, running: Running, plan: Plan) -> Contender:
    """The baseline, or a peer, with sessions of its own kind in the same Redis."""
    sessions = steps.sessions_for(plan.seconds)

    async def prepare() -> Requests:
        async with Redis.from_url(backends.redis_url) as redis:
            await steps.seed_plain(redis, sessions)
        return steps.ussd(sessions, "/")

    return Contender(running, prepare, TICKED)


def run(backends: Backends, plan: Plan) -> list[Row]:
    """Capacity, then latency at SHARE of it."""
    command = (*UVICORN, "bench.baselines.redis_step:app")
    with (
        server("Khallas", KHALLAS, khallas_environ(backends), "/healthz") as one,
        server("bare step (d)", command, {"BENCH_REDIS_URL": backends.redis_url}) as other,
    ):
        ours, theirs = khallas(backends, one, plan), bare(backends, other, plan)
        samples = alternate((ours, theirs), plan)
        capacity = {name: middle(found).rate for name, found in samples.items()}
        # one hiccup of the machine decides a burst's p99: more of them
        many, same = replace(plan, bursts=2 * plan.bursts + 1), replace(ours, label="Khallas at the bare step's load")
        waits = paced((ours, theirs, same), many, {**capacity, same.name: capacity[theirs.name]}, SHARE)
    mine, yours = middle(samples[ours.name]), middle(samples[theirs.name])
    slow, fast, even = (middle(waits[one.name]) for one in (ours, theirs, same))
    return [
        Row(
            "ussd",
            "USSD step: the list of bills, a tick, the list again",
            (
                Finding("requests/s, times the bare step's", mine.rate / yours.rate, "x", at_least(1.6)),
                Finding("the same by CPU a request", yours.cpu_us / mine.cpu_us, "x"),
            ),
            samples,
        ),
        Row(
            "ussd-wait",
            f"USSD step at {SHARE:.0%} of each one's own capacity",
            (
                Finding("p99, times the bare step's", slow.p99_ms / fast.p99_ms, "x", at_most(1.2)),
                Finding(
                    "p99 at the bare step's load, times the bare step's", even.p99_ms / fast.p99_ms, "x", at_most(0.9)
                ),
                Finding("busy", slow.rate * slow.cpu_us / 10_000, "%"),
                Finding("the bare step: busy", fast.rate * fast.cpu_us / 10_000, "%"),
            ),
            waits,
        ),
    ]
