"""Where a relay dies of its own hand: kill -9 between any two of its steps, and with half a page put out."""

import os
import random
import signal
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from channels.carriers.kafka.log import KafkaLog
from core.database.events.stream import PgStreamBooks
from core.events.catalogue import PaymentFact
from core.events.stream import StreamPage


class RelayPoint(StrEnum):
    """A moment in a relay's round."""

    PUT = "put"  # acknowledged, and the cursor stands where it stood
    HALF_PUT = "half-put"
    HELD = "held"
    READ = "read"
    MOVED = "moved"


class RelayFuse:
    """Dies at one point, in the round that chance names; told in a file before it does."""

    def __init__(self, point: RelayPoint, rounds_max: int, told: Path) -> None:
        self._point = point
        self._left = random.randint(1, rounds_max)
        self._told = told

    def pass_by(self, point: RelayPoint) -> None:
        """Returns, or does not."""
        if point is not self._point:
            return
        self._left -= 1
        if self._left <= 0:
            with self._told.open("a") as file:
                file.write(f"{point}\n")
            os.kill(os.getpid(), signal.SIGKILL)


class MortalBooks(PgStreamBooks):
    """The cursor, with a fuse."""

    fuse: RelayFuse

    async def hold(self, holder: str, lease_s: float) -> int | None:
        cursor = await super().hold(holder, lease_s)
        if cursor is not None:
            self.fuse.pass_by(RelayPoint.HELD)
        return cursor

    async def behind(self, cursor: int, limit: int) -> StreamPage | None:
        page = await super().behind(cursor, limit)
        if page is not None:
            self.fuse.pass_by(RelayPoint.READ)
        return page

    async def move(self, holder: str, page: StreamPage, cursor: int, lease_s: float) -> bool:
        self.fuse.pass_by(RelayPoint.PUT)
        moved = await super().move(holder, page, cursor, lease_s)
        self.fuse.pass_by(RelayPoint.MOVED)
        return moved


class MortalLog(KafkaLog):
    """Kafka, with a fuse."""

    fuse: RelayFuse

    async def put(self, facts: Sequence[PaymentFact]) -> None:
        half = len(facts) // 2
        await super().put(facts[:half])
        self.fuse.pass_by(RelayPoint.HALF_PUT)
        await super().put(facts[half:])
