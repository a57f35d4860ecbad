"""What a customer was shown in a dialog, as the help desk reads it. Pure.

Light and masked when written: a screen's name, its text's key with amounts, months and counts, no other value; of what
was typed the single keys of USSD menus alone, nothing of a call. Whose dialog it was is a digest under a key of ours:
found by whoever has the number, told by no copy of the database.
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Protocol

WHO_BYTES, DIALOG_BYTES = 16, 8
KEY_BYTES_MAX = 64  # of blake2b
BEFORE_S, AFTER_S = 1_800, 7_200  # around a payment: a basket waits for its call for half an hour


@dataclass(frozen=True, slots=True)
class Shown:
    """One screen that was sent. `said`: its text (channels/observe/said.py); `keys`: what was pressed before it."""

    at: datetime
    screen: str
    came_from: str
    outcome: str
    keys: str
    said: str
    request: str = ""


@dataclass(frozen=True, slots=True)
class Dialog:
    """One dialog, call or text; `language` is the customer's, empty where nobody asked."""

    channel: str
    wire: str
    language: str
    shown: tuple[Shown, ...]

    @property
    def began_at(self) -> datetime:
        return self.shown[0].at


class Transcripts(Protocol):
    """Raises BooksDown."""

    async def of(self, msisdn: str, since: datetime, until: datetime) -> tuple[Dialog, ...]:
        """A number's dialogs in that time, the oldest first."""


class Blind:
    """Names people and dialogs by digests: written under the first key, found under any."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [blake2b(key.encode(), person=b"kh transcripts").digest() for key in keys]

    def who(self, msisdn: str) -> str:
        """Raises IndexError where there is no key."""
        return _digest(self._keys[0], msisdn, WHO_BYTES)

    def dialog(self, msisdn: str, dialog: str) -> str:
        """A gateway's name for a dialog may hold the number: it is not kept either."""
        return _digest(self._keys[0], f"{msisdn}\n{dialog}", DIALOG_BYTES)

    def all_of(self, msisdn: str) -> list[str]:
        """Every digest the number was written under."""
        return [_digest(key, msisdn, WHO_BYTES) for key in self._keys] if msisdn else []


def around(created_at: datetime, paid_at: datetime | None) -> tuple[datetime, datetime]:
    """When the dialogs were that belong to a payment."""
    return created_at - timedelta(seconds=BEFORE_S), (paid_at or created_at) + timedelta(seconds=AFTER_S)


def _digest(key: bytes, told: str, size: int) -> str:
    return urlsafe_b64encode(blake2b(told.encode(), digest_size=size, key=key).digest()).rstrip(b"=").decode()
