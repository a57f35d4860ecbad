"""The conversation of a call: listening and pressing, by a script's lines or by a person's keys."""

import asyncio
import re
from collections.abc import Callable

from khallas.cli.terminal.faults import Failed
from khallas.cli.terminal.keyboard import END_OF_INPUT, Keyboard
from khallas.cli.terminal.transcript import Transcript
from khallas.cli.terminal.voice import Moment, TerminalCall

TURNS_MAX = 500
CALL_MAX_S = 4_000.0  # a little longer than the network's own limit
KEYS = "0123456789*#"
REFERENCE = "Reference"


async def converse(voice: TerminalCall, keyboard: Keyboard, transcript: Transcript, reference: str) -> Moment:
    """Talks until the call ends, or the input, which hangs up; returns the last moment. Raises Failed.

    `reference` is typed by itself where the line first asks for one.
    """
    talk = _by_key if keyboard.interactive else _by_line
    try:
        with keyboard.by_key():
            async with asyncio.timeout(CALL_MAX_S):
                last = await talk(voice, keyboard, transcript, reference)
    except TimeoutError:
        raise Failed("the call lasted too long") from None
    transcript.over(last)
    if last.paying:
        raise Failed("the card is taken by <Pay>, on Twilio's own side: played with --connector only")
    return last


async def _listen(voice: TerminalCall, transcript: Transcript, until: Callable[[Moment], bool]) -> Moment:
    while True:  # bounded by CALL_MAX_S in converse
        moment = await voice.look()
        transcript.hear(moment)
        if moment.ended or moment.paying or until(moment):
            return moment
        await asyncio.sleep(voice.poll_s)


def _never(moment: Moment) -> bool:
    return False


def _asked(moment: Moment) -> bool:
    return moment.waiting is not None


def _asked_reference(moment: Moment) -> bool:
    return moment.waiting is not None and moment.screen == REFERENCE


async def _by_line(voice: TerminalCall, keyboard: Keyboard, transcript: Transcript, reference: str) -> Moment:
    """A script: one line a turn. An empty line is silence; keys that end no field by themselves end in silence too."""
    for turn in range(1, TURNS_MAX + 1):
        moment = await _listen(voice, transcript, _asked)
        if moment.ended or moment.paying:
            return moment
        if reference and moment.screen == REFERENCE:
            keys, reference = reference + "#", ""
        else:
            line = await keyboard.line()
            if line is None:
                break
            keys = re.sub(r"\s", "", line)
        if set(keys) - set(KEYS):
            raise Failed(f"turn {turn}: keys are 0-9, * and #")
        transcript.pressed(keys, moment.screen)
        transcript.turn_over()
        after = await voice.press(keys)
        if after.waiting is not None:
            await voice.silence()
    await voice.hang_up()
    return await _listen(voice, transcript, _never)


async def _by_key(voice: TerminalCall, keyboard: Keyboard, transcript: Transcript, reference: str) -> Moment:
    """A person, who hears and presses at the same time."""
    hearing = asyncio.create_task(_hear(voice, transcript, reference))
    pressing = asyncio.create_task(_press(voice, keyboard, transcript))
    try:
        await asyncio.wait({hearing, pressing}, return_when=asyncio.FIRST_COMPLETED)
        if pressing.done():
            pressing.result()
        return await hearing
    finally:
        hearing.cancel()
        pressing.cancel()
        await asyncio.wait({hearing, pressing})


async def _hear(voice: TerminalCall, transcript: Transcript, reference: str) -> Moment:
    if reference:
        moment = await _listen(voice, transcript, _asked_reference)
        if moment.ended or moment.paying:
            return moment
        transcript.pressed(reference + "#", moment.screen)
        await voice.press(reference + "#")
    return await _listen(voice, transcript, _never)


async def _press(voice: TerminalCall, keyboard: Keyboard, transcript: Transcript) -> None:
    """Every key at once, as on a telephone; keys nobody waits for are lost there too, and not shown."""
    while END_OF_INPUT not in (typed := await keyboard.keys()):  # bounded by CALL_MAX_S in converse
        for key in typed:
            if key in KEYS:
                moment = await voice.look()
                if moment.waiting is not None:
                    transcript.hear(moment)  # what was asked stands above the answer
                    transcript.pressed(key, moment.screen)
                await voice.press(key)
    await voice.hang_up()
