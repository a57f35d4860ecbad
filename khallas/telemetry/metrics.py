"""What operations count. One registry a server, built with it; labels hold canonical names only, never input.

The same counts, with the screen each turn came from, are what khallas/telemetry/usage.py sends to the operations page.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from channels.observer import TextCounts
from core.help_desk.operations import Move

AT_ONCE = 32  # turns of a busy door counted in one go: each by itself would cost more
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._moves: defaultdict[Move, int] = defaultdict(int)  # bounded by the wires, screens and outcomes there are
        self._wires: dict[tuple[str, str], WireMetrics] = {}
        self._turns = Counter(
            "khallas_turns", "Turns of conversations", ["channel", "wire", "screen", "outcome"], registry=self.registry
        )
        self._seconds = Histogram(
            "khallas_turn_seconds", "Time of a turn", ["channel", "wire"], buckets=BUCKETS_S, registry=self.registry
        )
        self._refused = Counter(
            "khallas_refused", "Requests not let through a door", ["door", "reason"], registry=self.registry
        )
        self._messages = Counter(
            "khallas_sms_received",
            "Messages received; outcome is answered, silent, later or failed",
            ["wire", "outcome"],
            registry=self.registry,
        )
        # a text's counter by wire and outcome, looked up once: whoever takes texts counts on it directly
        self.texts_received: TextCounts = cache(self._messages.labels)  # bounded by the wires and outcomes there are
        self._calls = Gauge(
            "khallas_calls", "Calls on the line", ["wire"], registry=self.registry, multiprocess_mode="livesum"
        )
        self._calls_ended = Counter(
            "khallas_calls_ended", "How calls ended", ["wire", "outcome"], registry=self.registry
        )
        self._prompts_missing = Counter(
            "khallas_prompts_missing", "Recordings the switch lacks", ["language", "prompt"], registry=self.registry
        )

    def wire(self, channel: str, name: str) -> "WireMetrics":
        """A wire's own counters, made once."""
        wire = self._wires.get((channel, name))
        if wire is None:  # bounded by the wires there are
            wire = self._wires[channel, name] = WireMetrics(self._turns, self._seconds, self._moves, channel, name)
        return wire

    def refused(self, door: str, reason: str) -> None:
        """Counts a refused request; reason is malformed or forbidden."""
        self._refused.labels(door, reason).inc()

    @contextmanager
    def call(self, wire: str) -> Iterator[None]:
        """Count a call for as long as it lasts."""
        with self._calls.labels(wire).track_inprogress():
            yield

    def call_ended(self, wire: str, outcome: str) -> None:
        """Counts a call that is over; outcome is hung_up, broken, or how we left it."""
        self._calls_ended.labels(wire, outcome).inc()

    def prompt_missing(self, language: str, prompt: str) -> None:
        """Counts a recording that was to be played and is not there; `prompt` is one of our names."""
        self._prompts_missing.labels(language, prompt).inc()

    def moves(self) -> Mapping[Move, int]:
        """Turns of this process since it began, from screen to screen."""
        self._settle()
        return self._moves

    def texts(self) -> Mapping[tuple[str, str], int]:
        """Texts received by this process since it began, by wire and outcome."""
        samples = [sample for family in self._messages.collect() for sample in family.samples]
        counts = [sample for sample in samples if sample.name.endswith("_total")]
        return {(count.labels["wire"], count.labels["outcome"]): int(count.value) for count in counts}

    def slowness(self) -> dict[tuple[str, str, str], int]:
        """Turns of this process since it began by (channel, wire, longest time in seconds: "0.05", "+Inf")."""
        self._settle()
        slow: dict[tuple[str, str, str], int] = {}
        for family in self._seconds.collect():
            below: dict[tuple[str, str], int] = {}
            for sample in family.samples:
                if sample.name.endswith("_bucket"):
                    wire = (sample.labels["channel"], sample.labels["wire"])
                    slow[*wire, sample.labels["le"]] = int(sample.value) - below.get(wire, 0)
                    below[wire] = int(sample.value)
        return slow

    def page(self) -> tuple[bytes, str]:
        """The exposition for GET /metrics and its media type; of all workers together where there are several."""
        self._settle()
        registry = self.registry
        if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):  # set by khallas/server/supervisor.py, read by the library
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # the library's own lacks annotations
        return generate_latest(registry), CONTENT_TYPE_LATEST

    def _settle(self) -> None:
        for wire in self._wires.values():
            wire.settle()


class WireMetrics:
    """Turns of one wire: a busy door looks each counter up once, and counts AT_ONCE turns in one go.

    Whoever reads the counts settles them first; other workers' lag behind until their next tally.
    """

    def __init__(
        self, turns: Counter, seconds: Histogram, moves: defaultdict[Move, int], channel: str, wire: str
    ) -> None:
        self._turns = turns
        self._moves = moves
        self._observe = seconds.labels(channel, wire).observe
        self._channel = channel
        self._wire = wire
        self._counts: dict[tuple[str, str], Callable[[], None]] = {}
        self._told: list[tuple[str, str, str, float]] = []

    def turn(self, screen: str, outcome: str, seconds: float, came_from: str = "") -> None:
        """Counts an answered turn: its screen, its outcome (as Metrics.turn) and how long it took."""
        self._told.append((came_from, screen, outcome, seconds))
        if len(self._told) >= AT_ONCE:
            self.settle()

    def settle(self) -> None:
        """Count what was told."""
        turns, self._told = self._told, []
        channel, wire, counts, observe = self._channel, self._wire, self._counts, self._observe
        for came_from, screen, outcome, seconds in turns:
            count = counts.get((screen, outcome))
            if count is None:  # bounded by the screens and outcomes there are
                count = counts[screen, outcome] = self._turns.labels(channel, wire, screen, outcome).inc
            count()
            self._moves[channel, wire, came_from, screen, outcome] += 1
            observe(seconds)
