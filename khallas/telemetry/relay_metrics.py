"""What operations count of the relay that puts events into a broker's log."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class RelayMetrics:
    """Implements core.events.stream.StreamWatch."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._events = Counter("khallas_relay_events", "Events that the broker acknowledged", registry=registry)
        self._failures = Counter(
            "khallas_relay_failures", "Pages of events that the broker did not acknowledge", registry=registry
        )
        self._lag = Gauge("khallas_relay_lag_events", "Events that wait behind the relay's cursor", registry=registry)
        self._age = Gauge("khallas_relay_lag_seconds", "How old the oldest of them is", registry=registry)
        self._holds = Gauge(
            "khallas_relay_holds", "1 where this relay works, 0 where it stands by for another", registry=registry
        )

    def put_out(self, events: int) -> None:
        """Counts events that the broker acknowledged."""
        self._events.inc(events)

    def failed(self) -> None:
        """Counts a page that it did not."""
        self._failures.inc()

    def stands(self, lag_events: int, lag_s: float, *, holds: bool) -> None:
        """Records what one look saw."""
        self._lag.set(lag_events)
        self._age.set(lag_s)
        self._holds.set(int(holds))
