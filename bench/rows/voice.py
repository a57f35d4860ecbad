"""A voice turn: keys in a call, signed by Twilio, the list of bills spoken again. The bare step stands beside it."""

from redis.asyncio import Redis

from bench import steps
from bench.contest import Contender, Plan, alternate
from bench.load import Requests
from bench.measure import middle
from bench.results import Finding, Row, at_least
from bench.rows.ussd import bare
from bench.stage import KHALLAS, UVICORN, Backends, Running, khallas_environ, server

SPOKEN = b"<Gather"


def khallas(backends: Backends, running: Running, plan: Plan) -> Contender:
    """The product at Twilio's voice door."""
    sessions = steps.sessions_for(plan.seconds)

    async def prepare() -> Requests:
        async with Redis.from_url(backends.redis_url) as redis:
            await steps.seed(redis, "ivr", sessions)
        return steps.voice(sessions)

    return Contender(running, prepare, SPOKEN)


def run(backends: Backends, plan: Plan) -> list[Row]:
    command = (*UVICORN, "bench.baselines.redis_step:app")
    with (
        server("Khallas", KHALLAS, khallas_environ(backends), "/healthz") as one,
        server("bare step (d)", command, {"BENCH_REDIS_URL": backends.redis_url}) as other,
    ):
        ours, theirs = khallas(backends, one, plan), bare(backends, other, plan)
        samples = alternate((ours, theirs), plan)
    mine, yours = middle(samples[ours.name]), middle(samples[theirs.name])
    findings = (
        Finding("requests/s, times the bare step's", mine.rate / yours.rate, "x", at_least(1.0)),
        Finding("the same by CPU a request", yours.cpu_us / mine.cpu_us, "x"),
    )
    return [Row("voice", "Voice: a key in a call, the list of bills spoken again", findings, samples)]
