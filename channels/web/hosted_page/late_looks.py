"""Whoever came back from the acquirer's page while the database was away is looked after once it is there again.

Without that nobody would ask before the page's time is over: who has paid finds their bills locked so long.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextvars import Context

from core.payments.hosted_page import HostedPagePayments
from core.repositories import DatabaseUnavailable

log = logging.getLogger(__name__)

PAUSES_S = (2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0)  # between looks; then the page's end has to do
LOOK_MAX_S = 10.0
FOLLOWED_MAX = 1_000  # of a process


class LateLooks:
    """Payments whose browser came back, and that could not be read then."""

    def __init__(
        self, hosting: HostedPagePayments, pauses_s: Sequence[float] = PAUSES_S, followed_max: int = FOLLOWED_MAX
    ) -> None:
        self._hosting = hosting
        self._pauses_s = pauses_s
        self._followed_max = followed_max
        self._following: dict[str, asyncio.Task[None]] = {}

    def follow(self, payment_id: str) -> None:
        """Ask about it a little later; once, however often the browser comes."""
        if payment_id in self._following or len(self._following) >= self._followed_max:
            return
        task = asyncio.get_running_loop().create_task(self._look(payment_id), context=Context())
        self._following[payment_id] = task
        task.add_done_callback(lambda _: self._following.pop(payment_id, None))

    async def _look(self, payment_id: str) -> None:
        for pause_s in self._pauses_s:
            await asyncio.sleep(pause_s)
            try:
                async with asyncio.timeout(LOOK_MAX_S):
                    await self._hosting.came_back(payment_id)
            except (DatabaseUnavailable, TimeoutError):
                continue
            except LookupError:
                pass
            return
        log.warning("payment %s: its browser came back, and it could not be looked at", payment_id)
