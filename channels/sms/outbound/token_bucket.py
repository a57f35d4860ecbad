"""A token bucket whose waiters stand in line by urgency: replies before receipts, else first come, first served."""

import asyncio
import heapq
import itertools

WAITING_MAX = 2_000
WAIT_MAX_S = 20.0


class Bucket:
    """Lets at most `per_s` a second go, one second's worth at once. Belongs to one event loop."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s)
        self._tokens = self._most
        self._filled_at: float | None = None
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, *, urgent: bool = False, wait_s: float = WAIT_MAX_S) -> bool:
        """Returns True when one may go now; False when the line is too long, or time ran out."""
        if len(self._waiting) >= WAITING_MAX:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (0 if urgent else 1, next(self._order), turn))
        self._serve()
        try:
            async with asyncio.timeout(wait_s):
                await turn
        except TimeoutError:
            return False
        return True

    def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._filled_at is not None:
            self._tokens = min(self._most, self._tokens + (now - self._filled_at) * self._per_s)
        self._filled_at = now
        while self._waiting and (self._tokens >= 1 or self._waiting[0][2].done()):
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():  # done: whoever waited has left
                self._tokens -= 1
                turn.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._timer = loop.call_later((1 - self._tokens) / self._per_s, self._serve)
