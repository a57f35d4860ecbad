"""The keys of one telephone and the Gather that reads them (docs/protocols/ivr.md): keys nobody waits for are lost."""

import asyncio
import re

from lab.twilio.twiml import Gather

KEYS_MAX = 128
GATHER_MAX_S = 600.0


class Keypad:
    """One Gather at a time. What was pressed is never shown: it may be a card's number."""

    def __init__(self, *, timers: bool) -> None:
        """With `timers` a Gather ends by itself in silence; without, only silence() ends it."""
        self.waiting: Gather | None = None
        self._stop = ""
        self._timers = timers
        self._digits = ""
        self._result: asyncio.Future[tuple[str, str]] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pressed(self) -> int:
        """How many keys the Gather has."""
        return len(self._digits)

    def press(self, keys: str) -> None:
        """Raises ValueError for what is no key."""
        if not re.fullmatch(r"[0-9*#]*", keys):
            raise ValueError("keys are 0-9, * and #")
        for key in keys:
            gather = self.waiting
            if gather is None or "dtmf" not in gather.inputs:
                return
            if key in {gather.finish_on_key, self._stop}:
                self._end(key)
                return
            self._digits += key
            if len(self._digits) == (gather.digits_max or KEYS_MAX):
                self._end("")
                return
            self._arm(gather.timeout_s)

    def silence(self) -> None:
        """The Gather's time is over."""
        if self.waiting is not None:
            self._end("")

    def wait(self, gather: Gather, prompt_s: float, stop: str = "") -> None:
        """Begin to listen; silence counts from the end of the prompts. `stop` is a key that ends it as well."""
        self._result = asyncio.get_running_loop().create_future()
        self._stop = stop
        self._digits, self.waiting = "", gather
        self._arm(gather.timeout_s + prompt_s)

    async def result(self) -> tuple[str, str]:
        """The digits and the key that finished them, or two empty texts. Raises TimeoutError after GATHER_MAX_S."""
        if self._result is None:
            raise RuntimeError("no Gather is waiting")
        async with asyncio.timeout(GATHER_MAX_S):
            return await self._result

    def close(self) -> None:
        """The line is dead."""
        self._disarm()
        self.waiting, self._digits = None, ""

    def _end(self, key: str) -> None:
        if self._result is not None and not self._result.done():
            self._result.set_result((self._digits, key))
        self.close()

    def _arm(self, seconds: float) -> None:
        self._disarm()
        if self._timers:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._end, "")

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
