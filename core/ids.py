"""Names that are made up here: payment ids, references people quote, receipt tokens. All from one injected source."""

import secrets
import uuid
from datetime import datetime
from typing import Protocol

REFERENCE_DIGITS = 6  # short, for slow keypads; guesses are limited at the door (docs/protocols/security.md 12)
TOKEN_BYTES = 16  # 128 bits (docs/protocols/security.md 16)
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Randomness(Protocol):
    """The source of unguessable numbers; a simulation brings its own."""

    def below(self, bound: int) -> int:
        """A uniform number in [0, bound)."""


class SystemRandomness:
    """Draws from the operating system's randomness."""

    def below(self, bound: int) -> int:
        return secrets.randbelow(bound)


class Ids:
    """Makes names; unique by their length, unguessable by their source."""

    def __init__(self, randomness: Randomness | None = None) -> None:
        self._randomness = randomness or SystemRandomness()

    def payment(self, now: datetime) -> str:
        """A ULID: 26 characters, sorted by time, 80 random bits; fits the acquirer's 64 (docs/protocols/cmi.md)."""
        number = (int(now.timestamp() * 1000) << 80) | self._randomness.below(1 << 80)
        return "".join(CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))

    def reference(self) -> str:
        """Six digits, none of them a leading zero that a caller would drop."""
        low = 10 ** (REFERENCE_DIGITS - 1)
        return str(low + self._randomness.below(9 * low))

    def uuid(self) -> str:
        """A UUIDv4: the name of one request to a wallet."""
        return str(uuid.UUID(int=self._randomness.below(1 << 128), version=4))

    def token(self) -> str:
        """A receipt's opaque id: 32 hexadecimal digits."""
        return f"{self._randomness.below(1 << (8 * TOKEN_BYTES)):0{2 * TOKEN_BYTES}x}"
