"""A scripted Asterisk 22: it calls a FastAGI server and behaves as the real one was seen to, without its slowness.

The script's keys are pressed one after the other, each while a command that hears keys is under way, `#` after a menu's
key included: a key that stops a prompt, or the next that WAIT FOR DIGIT hears. When none is left it is the caller's
turn: what was said is matched with the script, and its keys are pressed. A key that is pressed while nothing listens,
or during a prompt that names it not among its keys, is lost: the real switch queues none.

A file that is not there is `200 result=-1 endpos=<offset>` and the call goes on. A hang-up is -1 with the place where
the file was, a bare HANGUP line, then 511 for what needs the telephone (WAIT, STREAM, CHANNEL STATUS); variables are
still read and set. A command that is sent before the last was answered ends it, and the test.
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
from lab.twilio.dialled import SCRIPTED, Pace

HANG_UP = "X"  # among keys: the caller hangs up there
SILENCE = "silence"
SAMPLES = 8_000
STEP = 160  # samples: 20 ms, what an interrupted file's place is counted in
COMMANDS_MAX = 5_000
DEAD = "511 Command Not Permitted on a dead channel or intercept routine"
_ids = itertools.count(1)

BARGE = "!"  # before keys: typed as soon as the words were heard, the prompt goes on or not
FIRST_DIGIT_MS = 8_000  # shorter waits are between digits, in pauses and when draining: nobody begins to type there
SLOW_DIGIT_MS = 10_000  # from here on it is within a field that is not whole: who fell silent there goes on by a step
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
    core_sounds: bool = True  # without them SAY DIGITS answers at once and is silent
    hangs_up_in: str = ""  # a piece in whose middle the caller hangs up
    callingpres: str = ""  # as the network presents the number; empty: as the real switch says of the caller
    doubles_keys: bool = False  # a menu's key is heard as sound too, 20 ms into what is played next
    key_gap_s: float = 0.0  # between two of the script's keys, as a hand needs it
    uniqueid: str = ""
    variables: dict[str, str] = field(default_factory=dict)  # that were set in the call
    dialplan: Mapping[str, str] = field(default_factory=dict)  # variables of the channel and globals
    played: list[str] = field(default_factory=list)  # sound files, in their order
    said: list[str] = field(default_factory=list)  # everything, one entry a turn of the caller's
    hang_up: Literal["result", "line", "dead", "gone"] = "result"
    hung_up: bool = False
    nonsense: str | None = None  # said instead of a hang-up; nothing at all when empty
    stalls: asyncio.Event | None = None  # once the last keys are typed, nothing is answered until it is set
    stalled: asyncio.Event = field(default_factory=asyncio.Event)
    greeting: str = ""  # said instead of its own
    pace: Pace = SCRIPTED  # of pauses, so that the bank is not out-polled

    def __post_init__(self) -> None:
        self.uniqueid = self.uniqueid or f"1763880000.{next(_ids)}"
        self._texts = {f"{p.language}/{p.name}": p.text for p in self.prompts.pieces}
        self._queue: deque[str] = deque()
        self._now: list[str] = []
        self._left: deque[Step] = deque()
        self._commands: list[str] = []
        self._alone = False
        self._echo = ""  # the key that will be told once more
        self._pauses = 0  # in a row

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
                self._commands.append(line.decode().rstrip("\n"))
                assert not getattr(self._reader, "_buffer", b""), "a command was sent before the last was answered"
                await self._obey(self._commands[-1])
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
            "callingpres": self.callingpres or ("0" if self.caller else "67"),
            "callingani2": "0",
            "callington": "0",
            "callingtns": "0",
            "dnid": "unknown" if len(self.arguments) > 1 else "0537000777",
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
        if self.hung_up and words[:2] in (["WAIT", "FOR"], ["STREAM", "FILE"], ["CHANNEL", "STATUS"]):
            self.say(DEAD)
            return
        match words:
            case ["STREAM", "FILE", name, keys, offset]:
                await self._stream(name, keys, int(offset))
            case ["SAY", "DIGITS" | "ALPHA", symbols, keys]:
                if self.core_sounds:
                    self._now.append(f"({symbols})")
                self.say(f"200 result={await self._typed(keys) if self.core_sounds else 0}")
            case ["WAIT", "FOR", "DIGIT", within_ms]:
                await self._wait(int(within_ms))
            case ["CHANNEL", "STATUS"]:
                self.say("200 result=6")
            case ["SET", "VARIABLE", name, value]:
                self.variables[name] = value
                self.say("200 result=1")
            case ["GET", "VARIABLE", name]:
                held = self.variables.get(name, self.dialplan.get(name))
                self.say("200 result=0" if held is None else f"200 result=1 ({held})")
            case ["HANGUP"]:
                self.say("200 result=1")
                self.hung_up = True
                self.say("HANGUP")
            case ["ANSWER"] | ["NOOP", *_] | ["SET", "MUSIC", "ON" | "OFF", *_]:
                self.say("200 result=0")  # of a class of music that nobody made too
            case [("STREAM" | "SAY" | "WAIT" | "SET" | "GET" | "CHANNEL") as name, *_]:
                for told in ("520-Invalid command syntax.  Proper usage follows:", f" Usage: {name} ...", ""):
                    self.say(told)
                self.say("520 End of proper usage.")
            case _:
                self.say("510 Invalid or unknown command")

    async def _stream(self, name: str, keys: str, offset: int) -> None:
        folder, _, piece = name.partition("/")
        assert folder == "khallas"
        assert piece in self._texts, f"no such recording: {name}"
        if any(piece.endswith(end) for end in self.missing):
            self.say(f"200 result=-1 endpos={offset}")
            return
        if self.hangs_up_in and piece.endswith(self.hangs_up_in):
            self.hung_up = True
            self.say(f"200 result=-1 endpos={offset + STEP}")
            self.say("HANGUP")
            return
        if offset >= SAMPLES:
            self.say(f"200 result=0 endpos={SAMPLES}")
            return
        if not offset:
            self._now.append(self._texts[piece])
            self.played.append(piece)
        if self._echo:
            echo, self._echo = self._echo, ""
            self.say(f"200 result={ord(echo)} endpos={offset + STEP}")
            return
        if self._left and self._left[0][1].startswith(BARGE) and self._says(self._left[0][0]):
            self._press(self._left.popleft()[1][1:])
            self._next_turn()
        key = await self._typed(keys)
        self.say(f"200 result={key} endpos={min(offset + 5 * STEP, SAMPLES) if key else SAMPLES}")

    def _says(self, expected: str) -> bool:
        return re.search(expected, " ".join(self._now), re.IGNORECASE | re.DOTALL) is not None

    async def _typed(self, keys: str) -> int:
        """The next key pressed during a prompt, if it may interrupt; all others that come meanwhile are lost."""
        while self._queue and self._queue[0] != HANG_UP:
            key = await self._pressed()
            if key in keys:
                return ord(key)
        return 0

    def _press(self, keys: str) -> None:
        self._alone = len(keys) == 1
        self._queue.extend(keys)

    async def _pressed(self) -> str:
        await asyncio.sleep(self.key_gap_s)
        key = self._queue.popleft()
        self._echo = key if self.doubles_keys and self._alone else ""
        return key

    async def _wait(self, within_ms: int) -> None:
        within = within_ms >= SLOW_DIGIT_MS and not self._now  # nothing was said since its last key
        if not self._queue and self._left and within_ms > FIRST_DIGIT_MS and not within:
            expected, keys = self._left.popleft()
            assert self._says(expected), f"expected {expected!r}, heard {' '.join(self._now)!r}"
            self._next_turn()
            if keys != SILENCE:
                self._press(keys)
        elif not self._queue and not self._left and self.stalls is not None:
            self.stalled.set()
            await self.stalls.wait()
        elif not self._queue and within_ms > DRAIN_MS and (within or within_ms < FIRST_DIGIT_MS):
            await asyncio.sleep(self.pace.pause_s(within_ms / 1000, self._pauses))
            self._pauses += 1
        if self._queue and self._queue[0] == HANG_UP:
            self._hang_up()
        else:
            self.say(f"200 result={ord(await self._pressed()) if self._queue else 0}")

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
                self.say(DEAD)
            case "gone":
                self._writer.close()

    def _next_turn(self) -> None:
        self._pauses = 0
        self.said.append(" ".join(self._now))
        self._now = []
