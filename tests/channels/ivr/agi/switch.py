"""A scripted Asterisk: it calls a FastAGI server and behaves as the real one does (facts/ivr.md), without its slowness.

Keys are queued as they are typed, `#` after a menu's key included; a queued key interrupts a prompt or is what the
next WAIT FOR DIGIT finds; when nothing is queued it is the caller's turn: what was said is matched with the script,
and its keys are typed. A hang-up is a result of -1, a bare HANGUP line, then 511 for whatever is still asked.
"""

import asyncio
import contextlib
import itertools
import re
import shlex
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, Self

from channels.ivr.prompts import Prompts

HANG_UP = "X"  # among keys: the caller hangs up there
SILENCE = "silence"
SAMPLES = 8_000
COMMANDS_MAX = 5_000
_ids = itertools.count(1)

BARGE = "!"  # before keys: typed as soon as the words were heard, the prompt goes on or not
FIRST_DIGIT_MS = 8_000  # shorter waits are between digits, in pauses and when draining: nobody begins to type there
DRAIN_MS = 250

Step = tuple[str, str]  # a regular expression of what is said; keys, HANG_UP or SILENCE


@dataclass
class Switch:
    """One call. `missing`: sound files this switch does not have, by their end."""

    port: int
    prompts: Prompts
    caller: str = "+212600000001"
    arguments: Sequence[str] = ()
    script: str = "khallas"
    missing: frozenset[str] = frozenset()
    uniqueid: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)  # everything, one entry a turn of the caller's
    hang_up: Literal["result", "line", "dead", "gone"] = "result"
    hung_up: bool = False
    nonsense: str | None = None  # said instead of a hang-up; nothing at all when empty
    stalls: asyncio.Event | None = None  # once the last keys are typed, nothing is answered until it is set
    stalled: asyncio.Event = field(default_factory=asyncio.Event)
    greeting: str = ""  # said instead of its own
    pace: float = 0.05  # of each pause passes, so that the bank is not out-polled

    def __post_init__(self) -> None:
        self.uniqueid = self.uniqueid or f"1763880000.{next(_ids)}"
        self._texts = {f"{p.language}/{p.name}": p.text for p in self.prompts.pieces}
        self._queue: deque[str] = deque()
        self._now: list[str] = []
        self._left: deque[Step] = deque()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Self]:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield self
        finally:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()

    async def call(self, steps: Sequence[Step]) -> Self:
        """The whole call: until the server gives it back, or the script hangs up. Raises AssertionError."""
        async with self.connected():
            self.greet()
            self._left = deque(steps)
            for _ in range(COMMANDS_MAX):
                line = await self._line()
                if not line:
                    break
                await self._obey(line.decode().rstrip("\n"))
            else:
                raise AssertionError("the call does not end")
        self._next_turn()
        assert not self._left, f"never asked: {self._left[0][0]!r}; last heard: {self.said[-2:]}"
        return self

    def go_on(self, steps: Sequence[Step]) -> None:
        """What the caller does once the switch stalls no longer; that silence was heard meanwhile."""
        self._left.extend(steps)

    async def _line(self) -> bytes:
        with contextlib.suppress(ConnectionError):
            return await self._reader.readline()
        return b""

    def greet(self) -> None:
        if self.greeting:
            self._writer.write(f"{self.greeting}\n\n".encode())
            return
        told: Mapping[str, str] = {
            "network": "yes",
            "network_script": self.script,
            "request": f"agi://127.0.0.1:{self.port}/{self.script}",
            "channel": f"PJSIP/trunk-{self.uniqueid}",
            "language": "fr",
            "type": "PJSIP",
            "uniqueid": self.uniqueid,
            "version": "22.5.2",
            "callerid": self.caller or "unknown",
            "calleridname": "unknown",
            "callingpres": "0",
            "dnid": "0537000777",
            "rdnis": "unknown",
            "context": "khallas",
            "extension": "0537000777",
            "priority": "2",
            "enhanced": "0.0",
            "accountcode": "",
            "threadid": "140",
            **{f"arg_{n}": value for n, value in enumerate(self.arguments, 1)},
        }
        self._writer.write("".join(f"agi_{name}: {value}\n" for name, value in told.items()).encode() + b"\n")

    def say(self, line: str) -> None:
        self._writer.write(f"{line}\n".encode())

    async def _obey(self, line: str) -> None:
        words = shlex.split(line)
        if self.hung_up:
            self.say("511 Command Not Permitted on a dead channel or intercept routine")
            return
        match words:
            case ["STREAM", "FILE", name, keys, offset]:
                self._stream(name, keys, int(offset))
            case ["SAY", "DIGITS" | "ALPHA", symbols, keys]:
                self._now.append(f"({symbols})")
                self.say(f"200 result={self._typed(keys)}")
            case ["WAIT", "FOR", "DIGIT", within_ms]:
                await self._wait(int(within_ms))
            case ["SET", "VARIABLE", name, value]:
                self.variables[name] = value
                self.say("200 result=1")
            case ["ANSWER"] | ["SET", "MUSIC", *_]:
                self.say("200 result=0")
            case _:
                self.say("510 Invalid or unknown command")

    def _stream(self, name: str, keys: str, offset: int) -> None:
        folder, _, piece = name.partition("/")
        assert folder == "khallas"
        assert piece in self._texts, f"no such recording: {name}"
        if any(piece.endswith(end) for end in self.missing):
            self.say("200 result=0 endpos=0")
            return
        if not offset:
            self._now.append(self._texts[piece])
        if self._left and self._left[0][1].startswith(BARGE) and self._says(self._left[0][0]):
            self._queue.extend(self._left.popleft()[1][1:])
            self._next_turn()
        key = self._typed(keys)
        self.say(f"200 result={key} endpos={offset + 800 if key else SAMPLES}")

    def _says(self, expected: str) -> bool:
        return re.search(expected, " ".join(self._now), re.IGNORECASE | re.DOTALL) is not None

    def _typed(self, keys: str) -> int:
        """A queued key that may interrupt; others that come during a prompt are lost, as on a real line."""
        if not keys:
            self._queue.clear()
        return ord(self._queue.popleft()) if self._queue and self._queue[0] in keys else 0

    async def _wait(self, within_ms: int) -> None:
        if not self._queue and self._left and within_ms > FIRST_DIGIT_MS:
            expected, keys = self._left.popleft()
            assert self._says(expected), f"expected {expected!r}, heard {' '.join(self._now)!r}"
            self._next_turn()
            if keys != SILENCE:
                self._queue.extend(keys)
        elif not self._queue and not self._left and self.stalls is not None:
            self.stalled.set()
            await self.stalls.wait()
        elif not self._queue and DRAIN_MS < within_ms < FIRST_DIGIT_MS:
            await asyncio.sleep(within_ms / 1000 * self.pace)
        if self._queue and self._queue[0] == HANG_UP:
            self._hang_up()
        else:
            self.say(f"200 result={ord(self._queue.popleft()) if self._queue else 0}")

    def _hang_up(self) -> None:
        self.hung_up = True
        if self.nonsense is not None:
            if self.nonsense:
                self.say(self.nonsense)
            return
        match self.hang_up:
            case "result":
                self.say("200 result=-1")
                self.say("HANGUP")
            case "line":
                self.say("HANGUP")
            case "dead":
                self.say("511 Command Not Permitted on a dead channel or intercept routine")
            case "gone":
                self._writer.close()

    def _next_turn(self) -> None:
        self.said.append(" ".join(self._now))
        self._now = []
