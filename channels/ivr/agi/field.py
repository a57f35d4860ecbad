"""Keys heard one by one -> what was typed. Pure: whoever listens tells the time.

A menu is one key, never `#`: who ends every answer with it means no choice. A field ends with `#`, as on every other
voice wire; `*` begins it again at once, `#` alone asks for more time, unless it comes so soon that it belongs to the
answer before. First digit and following digits have timers of their own: one looks for the card, then types it. Silence
after fewer digits than the field has is no answer: somebody turns the card over, and is told to go on.
"""

from dataclasses import dataclass, field
from typing import Final

DIGITS_MAX = 64
FINISH: Final = "#"
RESTART: Final = "*"  # speak.KEYS.restart


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds of silence that end a question (docs/protocols/ivr.md, A good call)."""

    first_digit_s: float = 9.0
    next_digit_s: float = 6.0
    slow_digit_s: float = 10.0  # within a card's digits, and in a field that is not yet whole
    too_fast_s: float = 2.0
    same_press_s: float = 0.1  # a switch that hears a key as sound and as event tells it twice within this


@dataclass(slots=True)
class Field:
    """A question being answered. `keys` may be a card's: it is in no repr."""

    timers: Timers
    one_key: bool = False
    least: int = 1  # digits of a whole answer
    secret: bool = False
    keys: str = field(default="", repr=False)

    def wait_s(self) -> float:
        """Returns how many seconds the next key may take."""
        if not self.keys:
            return self.timers.first_digit_s
        slow = self.secret or not self.whole
        return max(self.timers.next_digit_s, self.timers.slow_digit_s if slow else 0.0)

    @property
    def whole(self) -> bool:
        """Returns whether what was typed can be an answer."""
        return len(self.keys) >= self.least

    def hear(self, key: str, after_s: float) -> str | None:
        """The whole answer once this key completes it. `after_s`: since the question began."""
        if key == FINISH and (self.one_key or (not self.keys and after_s < self.timers.too_fast_s)):
            return None
        if self.one_key:
            return key
        if key == RESTART:
            return RESTART
        if key == FINISH:
            return self.keys or RESTART
        self.keys += key
        return self.keys if len(self.keys) >= DIGITS_MAX else None

    def silence(self) -> str | None:
        """The timer has run out: what was typed, or nothing. What is not whole yet is asked for again: no mistake.

        A key alone means what it means with `#` after it: a person, or back.
        """
        return RESTART if self.keys and not self.whole and len(self.keys) > 1 else self.keys or None
