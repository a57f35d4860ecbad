"""We text the code to this line: asked by anybody, sent to who holds the line's telephone, told in the same words.

The answer waits for nothing that is done about the number: whether there is such a line cannot be read off its words,
nor off its time. What strangers may ask is paced by counters of this button alone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from channels.limits import Hit, Limit, Limits
from channels.web.bills.limits import DAY_S, HOUR_S, address_of, network_of

log = logging.getLogger(__name__)

UNDER_WAY_MAX = 200
SEND_MAX_S = 10.0
PAUSE_S = 60  # a reload of the page asks for no second text

Send = Callable[[str], Awaitable[object]]  # to the mobile line of that reference


class TextedCodeLimits:
    """Counts how often a code is texted. Neither USSD's nor SMS' own limits know of it. Raises LimitsDown."""

    LINE_MINUTE = 1
    LINE_DAY = 3  # over all addresses: a stranger bothers nobody more than that
    PAIR_HOUR = 2  # one network for one line
    ADDRESS_HOUR = 10
    ALL_HOUR = 1_000

    def __init__(self, redis: Redis, hit: Hit | None = None) -> None:
        self._limits = Limits(redis, "web-texts", hit)

    async def allow(self, address: str, line: str) -> bool:
        """Counted for a line that there is as for one that there is not."""
        used_up = await self._limits.spend(
            (
                Limit("pair", f"{network_of(address)}|{line}", self.PAIR_HOUR, HOUR_S),
                Limit("address", address_of(address), self.ADDRESS_HOUR, HOUR_S),
                Limit("line-minute", line, self.LINE_MINUTE, PAUSE_S),
                Limit("line", line, self.LINE_DAY, DAY_S),
                Limit("all", "all", self.ALL_HOUR, HOUR_S),
            )
        )
        return used_up is None


class TextedCodes:
    """Takes requests for a text, and sends in tasks of its own, their number and time bounded."""

    def __init__(self, limits: TextedCodeLimits, send: Send) -> None:
        self._limits = limits
        self._send = send
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, address: str, line: str) -> None:
        """Has a line's code texted, and tells nothing of what becomes of it. Raises LimitsDown."""
        if not await self._limits.allow(address, line):
            return
        if len(self._tasks) >= UNDER_WAY_MAX:
            log.error("texts of codes at their bound: one is not sent")
            return
        task = asyncio.get_running_loop().create_task(self._sent(line))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks)

    async def _sent(self, line: str) -> None:
        try:
            async with asyncio.timeout(SEND_MAX_S):
                await self._send(line)
        except Exception:  # the page told how else to get it
            log.exception("a code is not texted")
