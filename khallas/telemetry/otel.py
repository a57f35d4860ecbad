"""OpenTelemetry behind core.tracing's port: the extra `otel`, KHALLAS_TRACES=1, and the standard OTEL_* variables.

Spans go from the wire to the acquirer and SQL. Their names are doors, operations and statements' first words: nothing
of a customer's is in them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channels.http.front import REQUEST_ID_HEADER as HEADER
from core.tracing import NO_TRACER, Tracer
from khallas.settings.model import BadSettings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

SERVICE = "khallas"
DEPTH = {"ussd": 2, "sms": 3, "ivr": 3}  # parts of the path that are a door's name; of others the first


class OtelTracer:
    """Implements core.tracing.Tracer over OpenTelemetry."""

    def __init__(self, provider: "TracerProvider") -> None:
        from opentelemetry.trace import StatusCode

        self._provider = provider
        self._tracer = provider.get_tracer(SERVICE)
        self._error = StatusCode.ERROR

    @contextmanager
    def span(self, name: str, **attributes: str) -> Iterator[Any]:
        # an exception's words may quote what somebody typed: its name has to do
        with self._tracer.start_as_current_span(
            name, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_status(self._error, type(error).__name__)
                raise

    def close(self) -> None:
        """Send what waits to be sent. Blocks; a process that ends in order does it by itself."""
        self._provider.shutdown()


def tracer(*, wanted: bool) -> Tracer:
    """The exporter that OTEL_* name, over HTTP. Raises BadSettings where the extra is not installed."""
    if not wanted:
        return NO_TRACER
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise BadSettings("KHALLAS_TRACES needs requirements/otel.lock installed (docs/operations.md)") from None
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: SERVICE}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return OtelTracer(provider)


class Traced:
    """ASGI: a span a request, named by its door."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = name = ""

        async def told(message: Message) -> None:
            nonlocal status, name
            if message["type"] == "http.response.start":
                status = str(message["status"])
                name = dict(message.get("headers", ())).get(HEADER, b"").decode()
            await send(message)

        with self._tracer.span(f"{scope['method']} {door_of(scope['path'])}") as span:
            await self._app(scope, receive, told)
            if status and span is not None:
                span.set_attribute("http.response.status_code", status)  # type: ignore[attr-defined]  # OpenTelemetry's
                span.set_attribute("request", name)  # type: ignore[attr-defined]  # as its log lines and jobs have it


def door_of(path: str) -> str:
    """A path without what customers and tokens put into it."""
    parts = path.strip("/").split("/")
    return "/" + "/".join(parts[: DEPTH.get(parts[0], 1)])
