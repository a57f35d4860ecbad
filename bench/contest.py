"""Servers measured in alternation: what disturbs one burst of a shared machine disturbs its neighbour alike."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop

from bench import stage
from bench.load import Burst, Requests, burst
from bench.measure import Sample

DISTURBED = 0.25  # of the two cores: a burst that shared them so much is made again
AGAIN_MAX = 1
WARM_UP_S = 1.5


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    bursts: int = 3
    seconds: float = 4.0
    quick: bool = False
    before: Path | None = None  # another tree of ours, measured beside this one where a row can

    def __post_init__(self) -> None:
        if self.bursts < 1 or self.seconds <= 0:
            raise ValueError("at least one burst of some seconds")


@dataclass(frozen=True, slots=True)
class Contender:
    """A server, and how a burst against it is made ready: what lies in the stores, then the requests."""

    running: stage.Running
    prepare: Callable[[], Awaitable[Requests]]
    expect: bytes = b""
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or self.running.name


def sample(contender: Contender, seconds: float, rate: float | None = None) -> Sample:
    """One burst."""

    async def made() -> tuple[Burst, float, float]:
        requests = await contender.prepare()
        server_s, busy_s, own_s = contender.running.cpu_s(), stage.busy_s(), stage.own_s()
        result = await burst(contender.running.port, requests, seconds, rate=rate, expect=contender.expect)
        others_s = stage.busy_s() - busy_s - (stage.own_s() - own_s)
        return result, contender.running.cpu_s() - server_s, max(0.0, others_s) / (2 * result.seconds)

    result, cpu_s, others = uvloop.run(made())
    cpu_us = cpu_s / result.requests * 1e6 if result.requests else 0.0
    return Sample(result.rate, result.p50_ms, result.p99_ms, cpu_us, result.requests, result.errors, others)


def calm(contender: Contender, seconds: float, rate: float | None = None) -> Sample:
    """One burst; made again, AGAIN_MAX times at most, when other programs took the cores. The calmest counts."""
    made: list[Sample] = []
    for _ in range(1 + AGAIN_MAX):
        made.append(sample(contender, seconds, rate))
        if made[-1].others <= DISTURBED:
            break
    return min(made, key=lambda one: one.others)


def alternate(contenders: Sequence[Contender], plan: Plan) -> dict[str, list[Sample]]:
    """Bursts in turn, after one that warms up."""
    for contender in contenders:
        sample(contender, WARM_UP_S)
    return _in_turn(contenders, plan, {})


def paced(
    contenders: Sequence[Contender], plan: Plan, capacity: dict[str, float], share: float
) -> dict[str, list[Sample]]:
    """Bursts in turn, each contender at a share of its own capacity in requests a second."""
    return _in_turn(contenders, plan, {name: share * most for name, most in capacity.items()})


def _in_turn(contenders: Sequence[Contender], plan: Plan, rates: dict[str, float]) -> dict[str, list[Sample]]:
    samples: dict[str, list[Sample]] = {contender.name: [] for contender in contenders}
    for _ in range(plan.bursts):
        for contender in contenders:
            samples[contender.name].append(calm(contender, plan.seconds, rates.get(contender.name)))
    return samples
