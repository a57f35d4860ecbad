"""The text CODE, signed, limited, remembered and logged, against the SELECT, the HMAC and one rate-limit call alone."""

from collections.abc import Iterator
from itertools import count

from bench import people, steps
from bench.contest import Contender, Plan, alternate
from bench.load import CONNECTIONS, Requests
from bench.measure import middle
from bench.results import Finding, Row, at_least
from bench.stage import KHALLAS, SID, UVICORN, Backends, Running, khallas_environ, server

PATH = "/sms/twilio"
# The limits count as they always do; they are only too high to be reached by one machine's load.
LIMITS = {
    "KHALLAS_SMS__SENDER_MAX": "1000",
    "KHALLAS_SMS__SENDER_DAY_MAX": "10000",
    "KHALLAS_SMS__PREFIX_MAX": "1000000",
    "KHALLAS_SMS__EVERYONE_MAX": "10000000",
}


def texts(path: str, burst: int) -> Requests:
    """Every text is new, its senders take turns."""

    def of(connection: int) -> Iterator[bytes]:
        for n in count():
            sender = people.msisdn((connection + n * CONNECTIONS) % people.SUBSCRIBERS)
            form = {
                "ToCountry": "MA",
                "MessageSid": f"SM{burst:08x}{connection:08x}{n:016x}",
                "AccountSid": SID,
                "From": sender,
                "To": "1117",
                "Body": "CODE",
                "NumMedia": "0",
                "NumSegments": "1",
                "ApiVersion": "2010-04-01",
            }
            yield steps.signed(path, form)

    return of


def khallas(backends: Backends, running: Running, plan: Plan) -> Contender:
    """The product at Twilio's SMS door."""
    people.seed(backends.database_url)
    bursts = count()

    async def prepare() -> Requests:
        return texts(PATH, next(bursts))

    return Contender(running, prepare, people.CODE.encode())


def bare(running: Running) -> Contender:
    """The baseline."""
    bursts = count()

    async def prepare() -> Requests:
        return texts("/", next(bursts))

    return Contender(running, prepare, people.CODE.encode())


def run(backends: Backends, plan: Plan) -> list[Row]:
    environ = {"BENCH_REDIS_URL": backends.redis_url, "BENCH_DATABASE_URL": backends.database_url}
    command = (*UVICORN, "bench.baselines.sms_code:app")
    with (
        server("Khallas", KHALLAS, khallas_environ(backends, **LIMITS), "/healthz") as one,
        server("SELECT + HMAC + limit", command, environ) as other,
    ):
        samples = alternate((khallas(backends, one, plan), bare(other)), plan)
    mine, yours = (middle(found) for found in samples.values())
    findings = (
        Finding("requests/s, times the baseline's", mine.rate / yours.rate, "x", at_least(0.85)),
        Finding("the same by CPU a request", yours.cpu_us / mine.cpu_us, "x"),
    )
    return [Row("sms", "SMS: the text CODE over Twilio, answered", findings, samples)]
