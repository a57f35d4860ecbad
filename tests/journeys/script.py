"""Transcripts as text: what is done, and below it with "<" what the customer then sees or hears. Pure.

A line is a comment (#), empty, an outcome (<), or an action with, behind two spaces, the screen it led to in brackets.
Only comments and actions are read; the rest is what a run must tell again, word for word.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

SCREEN_COLUMN = 32
_SCREEN = re.compile(r"\s{2,}\[[^\[\]]*\]$")


@dataclass(frozen=True, slots=True)
class Note:
    """A comment or an empty line, kept as it is."""

    line: str


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody does: "> 1", "dial *1117#"."""

    line: str

    @property
    def verb(self) -> str:
        return self.line.partition(" ")[0]

    @property
    def rest(self) -> str:
        return self.line.partition(" ")[2].strip()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the screen (empty: none), and what was seen or heard."""

    lines: Sequence[str] = ()
    screen: str = ""


def read(text: str) -> list[Note | Action]:
    """The script of a transcript."""
    steps: list[Note | Action] = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            steps.append(Note(line))
        elif not line.startswith("<"):
            steps.append(Action(_SCREEN.sub("", line).strip()))
    return steps


def told(action: Action, outcome: Outcome) -> list[str]:
    """An action and its outcome, as the transcript has them."""
    first = f"{action.line:<{SCREEN_COLUMN - 2}}  [{outcome.screen}]" if outcome.screen else action.line
    return [first, *(f"< {line}".rstrip() for said in outcome.lines for line in said.split("\n"))]
