"""What is counted and traced of a payment's way; nothing of the customer is in it."""

import asyncio
import json
from datetime import timedelta

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channels.http.front import RequestIds
from channels.limits import Limit, Limits
from core.database.pool import Database, open_database
from core.help_desk.lookup import Lookup
from core.help_desk.timeline import Source
from core.payments.table import PaymentEvent
from core.ports import DeliveryFailed, Order, OutgoingSms
from core.repositories import Change
from core.tracing import NO_TRACER, request, request_id
from khallas.telemetry.logs import formatter
from khallas.telemetry.metering import CountedPayments, CountedStore, CountedTexter, WatchedAcquirer
from khallas.telemetry.otel import OtelTracer, Traced, door_of, tracer
from khallas.telemetry.payment_metrics import PaymentMetrics
from khallas.telemetry.queues import Queues
from lab.clocks import StillClock
from lab.servers.serving import serving
from sessions.screens.ending import Help
from sessions.store.codec import Record
from sessions.store.protocol import Key
from sessions.store.redis import RedisStore
from tests.support.bank import CARD, CVV, FakeBank
from tests.support.shop import Shop, shop

__all__ = ["shop"]  # the fixture, shared


class Counted:
    """A registry and what it says."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = PaymentMetrics(self.registry)

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"khallas_{name}", labels) or 0.0


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def otel(spans: InMemorySpanExporter) -> OtelTracer:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return OtelTracer(provider)


ORDER = Order("p1", 76_920, "MAD", None, "")


async def test_the_acquirer_is_timed_by_operation_and_outcome(counted: Counted) -> None:
    bank = WatchedAcquirer(FakeBank(StillClock()), counted.metrics, NO_TRACER, "naps")
    await bank.authorise(ORDER, CARD, CVV)
    await bank.inquire("nobody")
    assert counted.value("acquirer_seconds_count", acquirer="naps", operation="authorise", outcome="approved") == 1
    assert counted.value("acquirer_seconds_count", acquirer="naps", operation="inquire", outcome="nosuchorder") == 1


async def test_texts_are_counted_in_segments(counted: Counted) -> None:
    class Gateway:
        async def send(self, sms: OutgoingSms) -> str:
            if not sms.text:
                raise DeliveryFailed("no", retryable=False)
            return "id"

    texter = CountedTexter(Gateway(), counted.metrics)
    await texter.send(OutgoingSms("r", "+212600000001", "a" * 161))
    await texter.send(OutgoingSms("r", "+212600000001", "خلاص", urgent=True))
    with pytest.raises(DeliveryFailed):
        await texter.send(OutgoingSms("r", "+212600000001", ""))
    assert counted.value("sms_segments_total", priority="news") == 2
    assert counted.value("sms_segments_total", priority="answer") == 1
    assert counted.value("sms_failed_total", retryable="0") == 1


async def test_dialogs_that_begin_and_are_lost(counted: Counted, redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    store = CountedStore(RedisStore(redis), counted.metrics)
    key = Key("+212600000001", "ussd", "d1")
    await store.load(key, begins=True, with_card=False)
    await store.load(key, begins=False, with_card=False)
    assert await store.save(key, Record(1, 0, Help()), expected=0, seal={}, erase=False)
    guessed = store.guess(key)
    assert guessed is not None
    assert await store.save_over(key, guessed, Record(2, 1, Help()))
    await redis.aclose()
    assert counted.value("sessions_total", channel="ussd", event="begun") == 1
    assert counted.value("sessions_total", channel="ussd", event="lost") == 1


async def test_a_limit_that_is_hit_is_counted_by_name(counted: Counted, redis_url: str) -> None:
    redis = Redis.from_url(redis_url)
    limits = Limits(redis, "sms", counted.metrics.limit)
    for _ in range(3):
        await limits.spend([Limit("sender", "+212600000001", 1, 60)])
    await redis.aclose()
    assert counted.value("limits_hit_total", scope="sms", limit="sender") == 2


def test_a_strange_code_does_not_become_a_label(counted: Counted) -> None:
    counted.metrics.payment("declined", "51", "naps")
    counted.metrics.payment("declined", "<script>", "naps")
    assert counted.value("payments_total", acquirer="naps", state="declined", code="51") == 1
    assert counted.value("payments_total", acquirer="naps", state="declined", code="other") == 1


async def test_payments_are_counted_by_state_and_the_bank_s_code(counted: Counted, shop: Shop) -> None:
    payments = CountedPayments(shop.database, counted.metrics)
    now = shop.clock.now()
    payment = await shop.started()
    await payments.move(payment.id, Change(PaymentEvent.SEND, acquirer="naps"), now)
    await payments.move(payment.id, Change(PaymentEvent.REFUSED, detail="other_card 51"), now)
    assert counted.value("payments_total", acquirer="naps", state="sending", code="") == 1
    assert counted.value("payments_total", acquirer="naps", state="declined", code="51") == 1


async def test_queues_are_looked_at(counted: Counted, database_url: str) -> None:
    clock = StillClock()
    async with open_database(database_url) as database:
        await database.do(
            "INSERT INTO messages (reference, kind, recipient, status, due_at, created_at, updated_at)"
            " VALUES ('m', 'answer_sms', '+212600000001', 'queued', %(due)s, %(due)s, %(due)s)",
            due=clock.now() - timedelta(seconds=90),
        )
        await Queues(database, clock, counted.metrics).look()
    assert counted.value("queue_due", queue="outbox") == 1
    assert counted.value("queue_age_seconds", queue="outbox") == pytest.approx(90)
    assert counted.value("queue_due", queue="unknown") == 0


async def test_a_trace_goes_from_the_wire_to_the_acquirer_and_sql(
    spans: InMemorySpanExporter, otel: OtelTracer, counted: Counted, database_url: str
) -> None:
    bank = WatchedAcquirer(FakeBank(StillClock()), counted.metrics, otel, "naps")
    names: list[str] = []

    async with open_database(database_url) as opened:
        database = Database(opened.pool, otel)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await database.one("SELECT 1 AS one")
            await bank.authorise(ORDER, CARD, CVV)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            names.append(request_id.get())

        await _asked(Traced(RequestIds(app), otel), "/ivr/twilio/card-cvv/CA123")
    named = {span.name: span for span in spans.get_finished_spans()}
    assert set(named) == {"POST /ivr/twilio/card-cvv", "sql SELECT", "acquirer authorise"}
    wire = named["POST /ivr/twilio/card-cvv"]
    assert wire.attributes == {"http.response.status_code": "200", "request": names[0]}
    for name in ("sql SELECT", "acquirer authorise"):
        parent = named[name].parent
        assert parent is not None
        assert parent.span_id == wire.context.span_id
    assert "5453" not in "".join(span.to_json() for span in named.values())


async def test_a_failed_span_names_the_error_and_not_its_words(spans: InMemorySpanExporter, otel: OtelTracer) -> None:
    with pytest.raises(ValueError, match="4000"), otel.span("x"):
        raise ValueError("4000000000000010")
    told = spans.get_finished_spans()[0].to_json()
    assert "ValueError" in told
    assert "4000000000000010" not in told


@pytest.mark.parametrize(
    ("path", "door"),
    [("/receipts/abc.def", "/receipts"), ("/ussd/infobip/session/1/start", "/ussd/infobip"), ("/", "/")],
)
def test_tokens_and_dialogs_are_no_doors(path: str, door: str) -> None:
    assert door_of(path) == door


def test_without_the_setting_nobody_traces() -> None:
    assert tracer(wanted=False) is NO_TRACER


async def test_spans_reach_the_collector_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[tuple[str, bytes]] = []

    async def collect(request: Request) -> Response:
        heard.append((request.url.path, await request.body()))
        return Response(b"", media_type="application/x-protobuf")

    app = Starlette(routes=[Route("/{path:path}", collect, methods=["POST"])])
    async with serving(app) as url:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        made = tracer(wanted=True)
        assert isinstance(made, OtelTracer)
        with made.span("POST /ussd/africastalking"):
            pass
        await asyncio.to_thread(made.close)
    ((path, body),) = heard
    assert path == "/v1/traces"
    assert b"POST /ussd/africastalking" in body
    assert b"khallas" in body


async def test_the_jobs_that_a_request_leaves_behind_bear_its_id(shop: Shop) -> None:
    seen = []

    async def deliver(reference: str) -> None:
        seen.append(request_id.get())

    shop.sender.deliver = deliver  # type: ignore[method-assign]  # only who asks is looked at
    before = request_id.set("a-request")
    payment = await shop.paid()
    request_id.reset(before)
    rows = await shop.database.all("SELECT DISTINCT args->>'request' AS request FROM procrastinate_jobs")
    assert [row["request"] for row in rows] == ["a-request"]
    await shop.work()
    assert set(seen) == {"a-request"}
    assert payment.receipt_number
    told = [told for told in await Lookup(shop.database).story(payment.id) if told.source is Source.PAYMENT]
    assert [line.what for line in told] == ["create", "send", "approved", "bill_posted"]
    assert {line.request for line in told} == {"a-request"}


async def test_what_the_acquirer_said_is_in_the_log_under_the_request(caplog: pytest.LogCaptureFixture) -> None:
    bank = WatchedAcquirer(FakeBank(StillClock()), PaymentMetrics(CollectorRegistry()), NO_TRACER, "naps")
    with caplog.at_level("INFO", "khallas.telemetry.metering"), request("a-request"):
        await bank.inquire("P1")
        line = json.loads(formatter("json").format(caplog.records[-1]))
    assert line["request"] == "a-request"
    assert line["event"].startswith("payment P1: acquirer naps: inquire: nosuchorder after 0.")


async def _asked(app: ASGIApp, path: str) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        return None

    scope = {"type": "http", "method": "POST", "path": path, "headers": []}
    await app(scope, receive, send)
