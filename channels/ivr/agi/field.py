"""Keys heard one by one -> what was typed. Pure: whoever listens tells the time.

A menu is one key. A field ends with `#`, as on every other voice wire; `*` begins it again at once, `#` alone asks for
more time. A `#` that is there before the question was heard belongs to the field before (protocols/ivr.md,
type-ahead): it
is no attempt. First digit and following digits have timers of their own: one looks for the card, then types it.
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
    too_fast_s: float = 0.3


@dataclass(slots=True)
class Field:
    """One question being answered. `keys` may be a card's: it is in no repr."""

    timers: Timers
    one_key: bool = False
    keys: str = field(default="", repr=False)

    def wait_s(self) -> float:
        """How long the next key may take."""
        return self.timers.next_digit_s if self.keys else self.timers.first_digit_s

    def hear(self, key: str, after_s: float) -> str | None:
        """The whole answer once this key completes it. `after_s`: since the question began."""
        if key == FINISH and not self.keys and after_s < self.timers.too_fast_s:
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
        """The timer has run out: what was typed so far, or nothing."""
        return self.keys or None
