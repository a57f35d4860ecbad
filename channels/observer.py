"""What the front doors report about their own work: counts, times and transcripts. Pure ports.

Bootstrap fills them with what khallas/telemetry has; a door knows nothing of Prometheus, Redis or the database behind.
Names and labels are canonical words of ours, never a customer's or a gateway's input.
"""

from contextlib import AbstractContextManager
from typing import Protocol

from sessions.turn.turns import Inbound, TurnAnswer


class WireObserver(Protocol):
    """Counts the turns of one wire. It never waits and never raises."""

    def turn(self, screen: str, outcome: str, seconds: float, came_from: str = "") -> None:
        """Count one turn: its screen, its outcome (TurnAnswer.outcome, or "failed") and the seconds it took."""


class TurnObserver(Protocol):
    """Counts turns by wire, requests refused at a door, and telephone calls. It never waits and never raises."""

    def wire(self, channel: str, name: str) -> WireObserver:
        """Give the counters of one wire."""

    def refused(self, door: str, reason: str) -> None:
        """Count one request that was not let through a door."""

    def call(self, wire: str) -> AbstractContextManager[None]:
        """Count a call as on the line for as long as the block lasts."""

    def call_ended(self, wire: str, outcome: str) -> None:
        """Count one call that is over."""

    def prompt_missing(self, language: str, prompt: str) -> None:
        """Count one recording that was to be played and is not there."""


class TextCounter(Protocol):
    """The count of one wire's texts that came to one end."""

    def inc(self) -> None:
        """Count one text."""


class TextCounts(Protocol):
    """Gives the counter of texts of a wire that were answered, silent, later or failed: made once, so that whoever
    counts asks for nothing more.
    """

    def __call__(self, wire: str, outcome: str, /) -> TextCounter: ...


class TranscriptWriter(Protocol):
    """Takes down what one wire answered. It never waits and never raises."""

    def __call__(self, inbound: Inbound, answer: TurnAnswer | None) -> None:
        """Take down one turn; `answer` is None where the turn failed."""


class TranscriptRecorder(Protocol):
    """Collects what customers are shown, for the help desk."""

    def door(self, channel: str, wire: str, *, keys: bool = False) -> TranscriptWriter:
        """Give the writer of one wire. `keys`: no card can be typed there, so that a menu's keys are kept."""

    def text(self, msisdn: str, reference: str, wire: str, kind: str) -> None:
        """Take down that an SMS was answered; `kind` is what the message log says of the answer."""


def unrecorded(inbound: Inbound, answer: TurnAnswer | None) -> None:
    """Take nothing down: the transcript writer of a door that has none."""


class Uncounted:
    """Implements TextCounter where nobody counts."""

    def inc(self) -> None:
        """Count nothing."""


def uncounted(wire: str, outcome: str, /) -> TextCounter:
    """Give a counter that counts nothing."""
    return Uncounted()
