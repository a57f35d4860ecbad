"""A circuit breaker: stops sending when the other side has been silent too often.

Rule of this file: when in doubt it does not send, for a charge that was never sent is the only certain one. Pure: the
clock comes from outside.
"""

from collections.abc import Callable
from enum import StrEnum

FAILURES_MAX = 10
OPEN_S = 10.0


class Circuit(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    PROBING = "probing"  # one request is out to see whether the other side is back


class Breaker:
    """Opens after `failures_max` failures in a row, lets one probe through after `open_s` seconds."""

    __slots__ = ("_clock", "_failures", "_failures_max", "_open_s", "_opened_at", "_probe_until", "circuit")

    def __init__(self, clock: Callable[[], float], *, failures_max: int = FAILURES_MAX, open_s: float = OPEN_S) -> None:
        self._clock = clock
        self._failures_max = failures_max
        self._open_s = open_s
        self._failures = 0
        self._opened_at = 0.0
        self._probe_until = 0.0
        self.circuit = Circuit.CLOSED

    @property
    def shut(self) -> bool:
        """Returns whether a request would be refused now; asking changes nothing."""
        if self.circuit is Circuit.CLOSED:
            return False
        return self._clock() < (
            self._probe_until if self.circuit is Circuit.PROBING else self._opened_at + self._open_s
        )

    def allows(self, probe_s: float) -> bool:
        """Returns whether one more request may go; when it is the probe, no other goes for `probe_s` seconds."""
        now = self._clock()
        if self.circuit is Circuit.CLOSED:
            return True
        if self.shut:
            return False
        # a probe that never reported (cancelled, killed) must not shut the door for ever
        self.circuit = Circuit.PROBING
        self._probe_until = now + probe_s
        return True

    def succeeded(self) -> None:
        """The other side answered sensibly, whatever it said."""
        self._failures = 0
        self.circuit = Circuit.CLOSED

    def failed(self) -> None:
        """Counts an exchange that failed: no connection, no answer, or nonsense."""
        self._failures += 1
        if self.circuit is Circuit.PROBING or self._failures >= self._failures_max:
            self.circuit = Circuit.OPEN
            self._opened_at = self._clock()
