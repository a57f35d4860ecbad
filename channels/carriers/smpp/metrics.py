"""What operations count of the links. Labels are the operator's own names and standard words, never input."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge


class SubmitEnd(StrEnum):
    """Ends of a submit."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    THROTTLED = "throttled"
    UNRESOLVED = "unresolved"


class SmppMetrics:
    """The counters of all processes of a server together: sums, but for `throttled`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, what: str, together: Literal["livesum", "livemax"]) -> Gauge:
            return Gauge(f"khallas_smpp_{name}", what, ["smsc"], registry=registry, multiprocess_mode=together)

        self._bound = gauge("bound", "Connections that are bound", "livesum")
        self._window = gauge("window", "Submits under way", "livesum")
        self._throttled = gauge("throttled", "1 after being told to slow down, until the next is taken", "livemax")
        self._submits = Counter("khallas_smpp_submits", "Messages sent", ["smsc", "outcome"], registry=registry)
        self._received = Counter("khallas_smpp_received", "Messages received", ["smsc", "status"], registry=registry)
        self._receipts = Counter("khallas_smpp_receipts", "Delivery receipts", ["smsc", "state"], registry=registry)

    def bound(self, smsc: str, *, is_bound: bool) -> None:
        """Notes that this process's link came up or went down; told once at the start, so that an alert has what to
        look at.
        """
        self._bound.labels(smsc).set(is_bound)

    def throttled(self, smsc: str, *, is_throttled: bool) -> None:
        """Told to slow down, or no longer."""
        self._throttled.labels(smsc).set(is_throttled)

    @contextmanager
    def submitting(self, smsc: str) -> Iterator[None]:
        """Count a submit for as long as it is under way."""
        with self._window.labels(smsc).track_inprogress():
            yield

    def submitted(self, smsc: str, outcome: SubmitEnd) -> None:
        """Counts a submit_sm and its end."""
        self._submits.labels(smsc, outcome).inc()

    def received(self, smsc: str, status: str) -> None:
        """Counts a message and the status it was answered with."""
        self._received.labels(smsc, status).inc()

    def receipt(self, smsc: str, state: str) -> None:
        """Counts a delivery receipt."""
        self._receipts.labels(smsc, state).inc()
