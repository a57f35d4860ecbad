"""What is sent to the bank once a screen is saved: each in a task of its own, their number bounded."""

import asyncio
import logging

from core.cards import Card
from sessions.turn.effects import Launch
from sessions.turn.perform import DialogKey, EffectPerformer

log = logging.getLogger(__name__)

LAUNCHES_MAX = 2_000


class Dispatcher:
    """Launches under way. The till finishes by itself what reached it; sweeps repair the rest."""

    def __init__(self, performer: EffectPerformer, launches_max: int = LAUNCHES_MAX) -> None:
        self._performer = performer
        self._launches_max = launches_max
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, effect: Launch, card: Card | None, key: DialogKey) -> None:
        if len(self._tasks) >= self._launches_max:
            log.error("launches at their bound: the payment stays unsent and the customer is asked again")
            return
        task = asyncio.get_running_loop().create_task(self._performer.launch(effect, card, key))
        self._tasks.add(task)
        task.add_done_callback(self._landed)

    async def close(self) -> None:
        """Wait for what was launched to reach the till."""
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _landed(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # the payment's own state tells the customer
            log.error("a launch failed", exc_info=error)
