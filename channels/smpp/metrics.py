"""What operations count of the links. Labels are the operator's own names and standard words, never input."""

from collections.abc import Callable
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter, Gauge


class Counted(StrEnum):
    """Ends of a submit."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    THROTTLED = "throttled"
    UNRESOLVED = "unresolved"


class SmppMetrics:
    """Gauges read when asked, counters of what went and came."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._bound = Gauge("khallas_smpp_bound", "1 while bound", ["smsc"], registry=registry)
        self._window = Gauge("khallas_smpp_window", "Requests without their answer yet", ["smsc"], registry=registry)
        self._throttled = Gauge("khallas_smpp_throttled", "1 while told to slow down", ["smsc"], registry=registry)
        self._submits = Counter("khallas_smpp_submits", "Messages sent", ["smsc", "outcome"], registry=registry)
        self._received = Counter("khallas_smpp_received", "Messages received", ["smsc", "status"], registry=registry)
        self._receipts = Counter("khallas_smpp_receipts", "Delivery receipts", ["smsc", "state"], registry=registry)

    def watch(
        self, smsc: str, bound: Callable[[], bool], window: Callable[[], int], throttled: Callable[[], bool]
    ) -> None:
        """Read these at every exposition."""
        self._bound.labels(smsc).set_function(bound)
        self._window.labels(smsc).set_function(window)
        self._throttled.labels(smsc).set_function(throttled)

    def submitted(self, smsc: str, outcome: Counted) -> None:
        """One submit_sm and its end."""
        self._submits.labels(smsc, outcome).inc()

    def received(self, smsc: str, status: str) -> None:
        """One message and the status it was answered with."""
        self._received.labels(smsc, status).inc()

    def receipt(self, smsc: str, state: str) -> None:
        """One delivery receipt."""
        self._receipts.labels(smsc, state).inc()
