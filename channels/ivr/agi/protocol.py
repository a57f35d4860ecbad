"""AGI in bytes and values (docs/protocols/ivr.md, Asterisk): what the switch sends read, commands written. Pure.

The switch greets with `agi_name: value` lines and an empty one. Then each command has one reply: `200 result=...`.
A hang-up shows in three ways, in any order: `result=-1`, a bare `HANGUP` line, `511 ... dead channel`. A sound file
that is not there is a result of -1 too, and the call lives: CHANNEL STATUS tells them apart (`AgiConnection.play`).
Nothing a reply holds is repeated in an error's words: it may be a digit of a card.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

LINE_BYTES_MAX = 2_048
GREETING_LINES_MAX = 96
REPLY_LINES_MAX = 8
KEYS = "0123456789*#"
HANGUP = "HANGUP"
_GREETING = re.compile(r"agi_([a-z0-9_]{1,40}): ?(.*)")
_REPLY = re.compile(r"(\d{3})[ -](.*)")
_RESULT = re.compile(r"result=(-?\d{1,9})")
_END_AT = re.compile(r"endpos=(\d{1,12})")
_VALUE = re.compile(r"result=1 \((.*)\)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DEAD = 511
_OK = 200
_TRYING = 100


class AgiError(Exception):
    """The base of what ends a call before its end."""


class CallerHungUp(AgiError):
    """The caller is gone: nobody's fault."""


class SwitchFailed(AgiError):
    """The switch's fault: it broke the protocol or did not answer in time. Not to be repeated within this call."""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """A command's result: a key's ASCII code, 0 for none, below 0 for what could not be done.

    `end_at`: the sample at which a sound file stopped. `value`: of a variable, which may be a secret.
    """

    code: int
    end_at: int = 0
    value: str = field(default="", repr=False, compare=False)

    @property
    def failed(self) -> bool:
        """The caller has gone, or a sound file was not there."""
        return self.code < 0

    @property
    def key(self) -> str | None:
        """The key that was pressed, if any."""
        return chr(self.code) if 0 < self.code < 128 and chr(self.code) in KEYS else None


def greeting(lines: Iterable[str]) -> dict[str, str]:
    """The variables of a greeting by name, without "agi_". Raises SwitchFailed."""
    fields: dict[str, str] = {}
    for line in lines:
        match = _GREETING.fullmatch(line)
        if match is None:
            raise SwitchFailed("the greeting is no AGI")
        fields[match[1]] = match[2]
    return fields


def reply(line: str) -> CommandResult | None:
    """A reply's line; None for "100 Trying...". Raises CallerHungUp, SwitchFailed."""
    if line == HANGUP:
        raise CallerHungUp
    match = _REPLY.fullmatch(line)
    if match is None:
        raise SwitchFailed("a reply is no AGI")
    code = int(match[1])
    if code == _DEAD:
        raise CallerHungUp
    if code == _TRYING:
        return None
    result = _RESULT.match(match[2])
    if code != _OK or result is None:
        raise SwitchFailed(f"the switch answered {code}")
    end_at, value = _END_AT.search(match[2]), _VALUE.fullmatch(match[2])
    return CommandResult(int(result[1]), int(end_at[1]) if end_at else 0, value[1] if value else "")


def answer() -> str:
    return "ANSWER"


def stream_file(name: str, keys: str = KEYS, offset: int = 0) -> str:
    """Play a sound file (no extension) from a sample on; any of the keys stops it."""
    return f"STREAM FILE {_quoted(name)} {_quoted(keys)} {offset}"


def wait_for_digit(within_ms: int) -> str:
    return f"WAIT FOR DIGIT {within_ms}"


def channel_status() -> str:
    """Answered with 511 once the caller has gone."""
    return "CHANNEL STATUS"


def say_digits(digits: str, keys: str = KEYS) -> str:
    """Says digits in the switch's own voice."""
    return f"SAY {'DIGITS' if digits.isdecimal() else 'ALPHA'} {_quoted(digits)} {_quoted(keys)}"


def get_variable(name: str) -> str:
    """Reads a variable of the channel, else of the dialplan's globals."""
    return f"GET VARIABLE {name}"


def set_variable(name: str, value: str) -> str:
    return f"SET VARIABLE {name} {_quoted(value)}"


def music(name: str | None) -> str:
    """Music on hold of this class, or none."""
    return "SET MUSIC OFF" if name is None else f"SET MUSIC ON {_quoted(name)}"


def _quoted(value: str) -> str:
    clean = _CONTROL.sub("", value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{clean}"'
