"""One call from its greeting to its end: play, listen, take a turn, again. Nothing that was typed is logged.

Whatever ends the call, its card leaves the vault.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from channels.ivr.agi import protocol
from channels.ivr.agi.field import DIGITS_MAX, Field, Timers
from channels.ivr.agi.line import AgiConnection
from channels.ivr.agi.protocol import KEYS
from channels.ivr.prompts import Phrase, Piece
from channels.ivr.speaker import IvrSpeaker
from channels.ivr.wires.fastagi import CallResult, End, FastAgi, Step, Wait
from channels.observer import TranscriptWriter, TurnObserver, unrecorded
from core.languages import LanguageCode
from sessions.store.protocol import StoreDown
from sessions.turn.turns import Inbound, TurnAnswer, Turns

log = logging.getLogger(__name__)

CLIP_MAX_S = 60.0
IGNORED_MAX = 32  # keys that count for nothing, within one question
DRAIN_S = 0.2  # a queued key comes within this (docs/protocols/ivr.md)
DRAIN_MAX = 32
APOLOGY = "Apology"
REMINDERS_MAX = 3  # to go on, one after the other, until what was typed is taken as it is
SAMPLES_A_SECOND = 8_000
MANY_SAMPLES = 60 * SAMPLES_A_SECOND


@dataclass(frozen=True, slots=True)
class Manner:
    """Tells how calls are led. `sounds`: the recordings' folder as the switch knows it; `music`: a class, or none."""

    sounds: str = "khallas"
    music: str = ""
    call_max_s: float = 900.0
    timers: Timers = field(default_factory=Timers)


@dataclass(frozen=True, slots=True)
class CallDependencies:
    """The dependencies that all calls share."""

    turns: Turns
    speaker: IvrSpeaker  # built with the prompts' marked texts
    wire: FastAgi
    metrics: TurnObserver
    manner: Manner
    tell: TranscriptWriter = unrecorded
    unheard: set[Piece] = field(default_factory=set)  # pieces the switch had no recording of when last asked


class Call:
    """Leads one call. Raises CallerHungUp and SwitchFailed."""

    def __init__(self, parts: CallDependencies, line: AgiConnection) -> None:
        self._parts = parts
        self._line = line
        self._language: LanguageCode | None = None
        self._menu_key: tuple[str, float] | None = None  # what the menu before was answered with, and when

    async def run(self, inbound: Inbound) -> CallResult:
        """The whole conversation; how it was left."""
        try:
            return await self._run(inbound)
        finally:
            await asyncio.shield(self._erase(inbound))

    async def _run(self, inbound: Inbound) -> CallResult:
        await self._line.command(protocol.answer())
        ends_at = _now() + self._parts.manner.call_max_s
        before: TurnAnswer | None = None
        typed: str | None = None
        while _now() < ends_at:
            answer = await self._turn(inbound)
            step = self._apology() if answer is None else self._parts.wire.step(answer, before, typed)
            if isinstance(step, End):
                await self._say(step.said)
                return step.result
            assert answer is not None  # only an apology has none, and it ends
            typed = await self._answered(step)
            inbound, before = self._parts.wire.turn(inbound, answer, typed), answer
        over = self._parts.wire.too_long((self._language,) if self._language else tuple(LanguageCode))
        await self._say(over.said)
        return over.result

    async def _turn(self, inbound: Inbound) -> TurnAnswer | None:
        parts = self._parts
        count, began = parts.metrics.wire(parts.speaker.can.channel, parts.wire.name), time.perf_counter()
        try:
            answer = await parts.turns.take(inbound, parts.speaker)
        except Exception:
            log.exception("a turn failed on a call")
            count.turn(APOLOGY, "failed", time.perf_counter() - began)
            parts.tell(inbound, None)
            return None
        count.turn(answer.screen, answer.outcome, time.perf_counter() - began, answer.came_from)
        parts.tell(inbound, answer)
        self._language = answer.language
        return answer

    def _apology(self) -> End:
        words = self._parts.speaker.apology(self._language)
        return self._parts.wire.apology([(each.language, each.text) for each in words])

    async def _answered(self, step: Step) -> str | None:
        if isinstance(step, End):
            return None
        if isinstance(step, Wait):
            await self._say(step.said)
            await self._pause(step.wait_s)
            return None
        if step.drain:
            await self._drain()
        field = Field(self._parts.manner.timers, step.one_key, step.least, step.secret)
        question = Question(self, field, step.go_on, self._menu_key)
        typed = await question.ask(step.said)
        self._menu_key = (typed, _now()) if step.one_key and typed else None
        return typed

    async def _say(self, phrases: Sequence[Phrase]) -> None:
        """To its end, whatever is typed meanwhile."""
        for phrase in phrases:
            await self.play(phrase, None)

    async def play(self, phrase: Phrase, question: "Question | None") -> bool:
        """Plays a page and returns whether it was said to its end. What has no recording is said digit by digit or left
        out, and counted.
        """
        for at, piece in enumerate(phrase.pieces):
            match await self._piece(piece, question):
                case Played.CUT:
                    return False
                case Played.MISSING if phrase.digits != phrase.pieces:
                    return await self.play(phrase.one_by_one(), question)
                case Played.MISSING if phrase.digits and not await self._own_voice(phrase.spare[at], question):
                    return False
        return True

    async def _piece(self, piece: Piece, question: "Question | None") -> "Played":
        manner, keys = self._parts.manner, "" if question is None else KEYS
        name, offset = f"{manner.sounds}/{piece.language}/{piece.name}", 0
        for _ in range(IGNORED_MAX):
            result = await self._line.play(protocol.stream_file(name, keys, offset), CLIP_MAX_S)
            if result is None:
                self._parts.metrics.prompt_missing(piece.language, piece.name)
                self._parts.unheard.add(piece)
                return Played.MISSING
            if result.key is None or question is None:
                break
            if question.hear(result.key, result.end_at - offset):
                return Played.CUT
            offset = result.end_at
        self._parts.unheard.discard(piece)
        return Played.WHOLE

    async def _own_voice(self, symbol: str, question: "Question | None") -> bool:
        """By the switch itself, whose core sounds may be missing too: then it is silent."""
        keys = "" if question is None else KEYS
        key = (await self._line.command(protocol.say_digits(symbol, keys), CLIP_MAX_S)).key
        return question is None or key is None or not question.hear(key)

    async def key(self, within_s: float) -> str | None:
        """The next key, None when there is none in time."""
        return (await self._line.command(protocol.wait_for_digit(round(within_s * 1000)), within_s)).key

    async def _pause(self, wait_s: float) -> None:
        """Keys change nothing while the bank answers."""
        if self._parts.manner.music:
            await self._line.command(protocol.music(self._parts.manner.music))
        until = _now() + wait_s
        for _ in range(IGNORED_MAX):
            left_s = until - _now()
            if left_s <= 0 or await self.key(left_s) is None:
                break
        if self._parts.manner.music:
            await self._line.command(protocol.music(None))

    async def _drain(self) -> None:
        for _ in range(DRAIN_MAX):
            if await self.key(DRAIN_S) is None:
                return

    async def _erase(self, inbound: Inbound) -> None:
        try:
            await self._parts.turns.hang_up(inbound.dialog, inbound.msisdn, self._parts.speaker.can.channel)
        except StoreDown:
            log.warning("a call's card could not be erased now; it expires by itself")


class Played(Enum):
    """The end of one recording's playback."""

    WHOLE = auto()
    CUT = auto()  # by a key that counts
    MISSING = auto()


class Question:
    """A prompt that keys interrupt, and the keys after it."""

    def __init__(
        self, call: Call, field: Field, go_on: Sequence[Phrase] = (), before: tuple[str, float] | None = None
    ) -> None:
        """`before`: the key that answered the menu before, and when it was heard."""
        self._call = call
        self._field = field
        self._go_on = go_on
        self._before = before
        self._began = _now()
        self._typed: str | None = None

    def hear(self, key: str, played_samples: int = MANY_SAMPLES) -> bool:
        """Returns whether the key counts: it stops the prompt. `played_samples`: of the file that it interrupted."""
        if self._same_press(key, played_samples):
            return False
        self._typed = self._field.hear(key, _now() - self._began)
        return self._typed is not None or bool(self._field.keys)

    def _same_press(self, key: str, played_samples: int) -> bool:
        """The press that answered the menu before, told twice: by our clock and by the switch's, which plays."""
        before, self._before = self._before, None  # only the first key can be
        soon_s = self._field.timers.same_press_s
        if before is None or key != before[0]:
            return False
        return _now() - before[1] < soon_s and played_samples < soon_s * SAMPLES_A_SECOND

    async def ask(self, phrases: Sequence[Phrase]) -> str | None:
        """Plays a question and returns what was typed, None for silence."""
        for phrase in phrases:
            if not await self._call.play(phrase, self):
                break
        reminders = 0
        for _ in range(DIGITS_MAX + IGNORED_MAX):
            if self._typed is not None:
                return self._typed
            key = await self._call.key(self._field.wait_s())
            if key is not None:
                reminders = 0
                self.hear(key)
            elif self._field.keys and not self._field.whole and reminders < REMINDERS_MAX:
                reminders += 1
                await self._remind()
            else:
                break
        return self._typed or self._field.silence()

    async def _remind(self) -> None:
        for phrase in self._go_on:
            if not await self._call.play(phrase, self):
                return


def _now() -> float:
    return asyncio.get_running_loop().time()
