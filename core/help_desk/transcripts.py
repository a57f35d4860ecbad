"""What a customer was shown in a dialog, as the help desk reads it. Pure.

Light and masked when written: a screen's name, its text's key with amounts, months and counts, no other value; of what
was typed the single keys of USSD menus alone, nothing of a call. Whose dialog it was is a digest under a key of ours:
found by whoever has the number, told by no copy of the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Protocol

from core.payments.table import Payment

DIGEST_BYTES = 12  # too long to meet another's, short in an index
BEFORE_S, AFTER_S = 1_800, 7_200  # around a payment: a basket waits for its call for half an hour


@dataclass(frozen=True, slots=True)
class Shown:
    """A screen that was sent. `said`: its text (sessions/shown_texts); `keys`: what was pressed before it."""

    at: datetime
    screen: str
    came_from: str
    outcome: str
    keys: str
    said: str
    request: str = ""


@dataclass(frozen=True, slots=True)
class DialogTranscript:
    """A dialog, call or text; `language` is the customer's, empty where nobody asked."""

    channel: str
    wire: str
    language: str
    shown: tuple[Shown, ...]

    @property
    def began_at(self) -> datetime:
        return self.shown[0].at


class TranscriptRepository(Protocol):
    """Reads what customers were shown. Raises DatabaseUnavailable."""

    async def of(self, msisdn: str, since: datetime, until: datetime) -> tuple[DialogTranscript, ...]:
        """A number's dialogs in that time, the oldest first."""

    async def of_payment(self, payment: Payment) -> tuple[DialogTranscript, ...]:
        """The dialogs around a payment: those kept with it, and until they are its payer's."""


class Pseudonymiser:
    """Names people and dialogs by digests: written under the first key, found under any."""

    def __init__(self, keys: Sequence[str]) -> None:
        keyed = [blake2b(key.encode(), person=b"kh transcripts").digest() for key in keys]
        self._begun = [blake2b(key=key, digest_size=DIGEST_BYTES) for key in keyed]

    def who(self, msisdn: str) -> str:
        """The digest that a number is written under today. Raises IndexError where there is no key."""
        return _digest(self._begun[0], msisdn)

    def dialog(self, msisdn: str, dialog: str) -> str:
        """A gateway's name for a dialog may hold the number: it is not kept either."""
        return _digest(self._begun[0], f"{msisdn}\n{dialog}")

    def all_of(self, msisdn: str) -> list[str]:
        """Returns every digest that a number was written under."""
        return [_digest(begun, msisdn) for begun in self._begun] if msisdn else []


def around(created_at: datetime, paid_at: datetime | None) -> tuple[datetime, datetime]:
    """The span of time of the dialogs that belong to a payment."""
    return created_at - timedelta(seconds=BEFORE_S), (paid_at or created_at) + timedelta(seconds=AFTER_S)


def _digest(begun: blake2b, text: str) -> str:
    digest = begun.copy()  # a third of the time of a key put in anew
    digest.update(text.encode())
    return digest.hexdigest()
