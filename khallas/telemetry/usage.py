"""What conversations did in the last day, in Redis for all processes together: an hour is one hash, a count one field.

Nothing is asked of Redis by a turn: every FLUSH_EVERY_S a process sends what its counters have grown by. A process that
is killed loses at most that much; while Redis is away the counters grow on, and a batch is counted once however often
it must be sent.
"""

import logging
import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Protocol

from redis.asyncio import Redis

from core.help_desk.operations import HOURS, RECENT_HOURS, Activity, Move, Slow, UsageDown
from core.help_desk.service_report import DoorCount
from core.ports import Clock
from khallas.telemetry.periodic import repeated
from sessions.store.pipeline import REDIS_ERRORS, redis_errors_as

log = logging.getLogger(__name__)

FLUSH_EVERY_S = 5.0
KEPT_S = (HOURS + 2) * 3_600
FIELDS_MAX = 5_000  # a batch; counters are bounded by wires, screens and outcomes, and are far fewer


class CountsTurns(Protocol):
    """The counters of this process; they only grow."""

    def moves(self) -> Mapping[Move, int]: ...

    def slowness(self) -> Mapping[Slow, int]: ...

    def texts(self) -> Mapping[tuple[str, str], int]: ...


@dataclass(frozen=True, slots=True)
class _Batch:
    """What is on its way: sent again as it is until Redis has it."""

    key: str
    number: int
    grown: Mapping[str, int]


class UsageCounters:
    """Sends one process's counters into Redis, and reads everybody's out of it."""

    def __init__(self, redis: Redis, clock: Clock, counted: CountsTurns) -> None:
        self._redis = redis
        self._clock = clock
        self._counted = counted
        self._process = secrets.token_hex(8)
        self._add = redis.register_script(resources.files("khallas.telemetry").joinpath("usage.lua").read_text())
        self._there: Counter[str] = Counter(_fields(counted))
        self._batch: _Batch | None = None
        self._number = 0

    def running(self, every_s: float = FLUSH_EVERY_S) -> AbstractAsyncContextManager[None]:
        """Sends for as long as the block lasts, and once more at its end."""
        return repeated(self.flush, every_s, "tally", at_end=True)

    async def flush(self) -> bool:
        """Send what has grown; False when Redis could not be asked: it is sent next time."""
        while batch := self._batch or self._next():
            self._batch = batch
            pairs = [each for pair in batch.grown.items() for each in pair]
            try:
                await self._add(keys=[batch.key], args=[self._process, batch.number, KEPT_S, *pairs])
            except REDIS_ERRORS as error:
                log.warning("counts wait for Redis: %s", type(error).__name__)
                return False
            self._there.update(batch.grown)
            self._batch = None
        return True

    async def read(self) -> Activity:
        """Everybody's counts. Raises UsageDown."""
        now = self._clock.now()
        hours = [now - timedelta(hours=back) for back in range(HOURS)]
        with redis_errors_as(UsageDown):
            async with self._redis.pipeline(transaction=False) as pipe:
                for hour in hours:
                    pipe.hgetall(_key(hour))
                found = await pipe.execute()
        moves: Counter[Move] = Counter()
        slowness: Counter[Slow] = Counter()
        for back, counts in enumerate(found):
            for name, count in _read(counts):
                match name:
                    case ["move", channel, wire, before, screen, outcome]:
                        moves[channel, wire, before, screen, outcome] += count
                    case ["slow", channel, wire, bound] if back < RECENT_HOURS:
                        slowness[channel, wire, bound] += count
        since = hours[RECENT_HOURS - 1].replace(minute=0, second=0, microsecond=0)
        return Activity(moves, slowness, since)

    def _next(self) -> _Batch | None:
        totals = _fields(self._counted)
        grown = {name: total - self._there[name] for name, total in totals.items() if total > self._there[name]}
        if not grown:
            return None
        self._number += 1
        return _Batch(_key(self._clock.now()), self._number, dict(list(grown.items())[:FIELDS_MAX]))


class HoursReader:
    """Reads the doors' hours, for those who keep them longer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def read(self, now: datetime, back: int) -> list[tuple[datetime, list[DoorCount]]]:
        """The hour that runs and those before it, `back` in all. Raises UsageDown."""
        hours = [now - timedelta(hours=each) for each in range(back)]
        with redis_errors_as(UsageDown):
            async with self._redis.pipeline(transaction=False) as pipe:
                for hour in hours:
                    pipe.hgetall(_key(hour))
                found = await pipe.execute()
        begins = [hour.replace(minute=0, second=0, microsecond=0) for hour in hours]
        return [(hour, _doors(counts)) for hour, counts in zip(begins, found, strict=True)]


def _doors(counts: Mapping[bytes | str, bytes | str]) -> list[DoorCount]:
    sums: Counter[tuple[str, str, str, str]] = Counter()
    for name, count in _read(counts):
        match name:
            case ["move", channel, wire, _, _, outcome]:
                sums[channel, wire, outcome, ""] += count
            case ["slow", channel, wire, bound]:
                sums[channel, wire, "", bound] += count
            case ["text", wire, outcome]:
                sums["sms", wire, outcome, ""] += count
    return [DoorCount(*door, count) for door, count in sums.items() if count]


def _fields(counted: CountsTurns) -> dict[str, int]:
    moves = {"|".join(("move", *move)): count for move, count in counted.moves().items()}
    texts = {"|".join(("text", *text)): count for text, count in counted.texts().items()}
    return moves | texts | {"|".join(("slow", *slow)): count for slow, count in counted.slowness().items()}


def _read(counts: Mapping[bytes | str, bytes | str]) -> Iterator[tuple[list[str], int]]:
    for name, count in counts.items():
        yield (name.decode() if isinstance(name, bytes) else name).split("|"), int(count)


def _key(moment: datetime) -> str:
    return f"kh:ops:{moment.timestamp() // 3_600:.0f}"
