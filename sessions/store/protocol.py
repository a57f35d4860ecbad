"""Where sessions rest, as a port. A turn costs one load and one save; there is no lock, a save compares and sets.

What this process saved last may be guessed instead of loaded, by a turn that does nothing before it saves.
"""

from collections.abc import Mapping
from typing import Protocol

import msgspec
from msgspec.structs import force_setattr

from sessions.store.codec import Record

SESSION_TTL_S = 600  # also how long a dropped dialog is offered again
POINTER_TTL_S = 2 * SESSION_TTL_S + 1800  # outlives the longest dialog, so that the last one is found
VAULT_TTL_S = 180  # docs/protocols/security.md 2: set once, never extended
HUNG_UP_TTL_S = 180  # longer than any turn takes


class StoreDown(Exception):
    """Redis's fault: nothing was changed; the request may be repeated."""


class Key(msgspec.Struct, frozen=True):
    """The key of one customer's dialog. Everything of one MSISDN shares a hash tag, so that a turn touches one cluster
    slot.
    """

    msisdn: str
    channel: str
    dialog: str
    pointer: str = ""
    record: str = ""

    def __post_init__(self) -> None:
        """Named once: a turn asks for both several times."""
        pointer = f"kh:{{{self.msisdn}}}:{self.channel}"
        force_setattr(self, "pointer", pointer)
        force_setattr(self, "record", f"{pointer}:{self.dialog}")

    def sealed(self, field_name: str) -> str:
        return f"{self.record}:{field_name}"

    @property
    def hung_up(self) -> str:
        return f"{self.record}:hung-up"


class Loaded(msgspec.Struct, frozen=True):
    """What one round trip brings: this dialog, the one before it, and what the vault holds of the card.

    `version` is what a save must expect to find: also that of a record which cannot be read any more.
    """

    record: Record | None
    version: int = 0
    previous: Record | None = None
    sealed: Mapping[str, bytes] = {}


class Guessed(msgspec.Struct, frozen=True):
    """A record as this process saved it last, and its very bytes. Whether it is still there, a save over it tells."""

    record: Record
    payload: bytes


class Store(Protocol):
    """The port of sessions at rest. Raises StoreDown only."""

    async def load(self, key: Key, *, begins: bool, with_card: bool) -> Loaded: ...

    async def save(self, key: Key, record: Record, *, expected: int, seal: Mapping[str, bytes], erase: bool) -> bool:
        """Writes a dialog. Returns False when another copy of the request was faster: nothing was written."""

    def guess(self, key: Key) -> Guessed | None:
        """Returns what is likely stored, without a look; None where nothing is known, and where a card
        was concerned.
        """

    async def save_over(self, key: Key, guessed: Guessed, record: Record) -> bool:
        """Writes a dialog over a guessed one. Returns False when the stored record is not that, byte for byte: nothing
        was written.
        """

    async def erase(self, key: Key) -> None:
        """The card of this dialog leaves the vault now."""

    async def hang_up(self, key: Key) -> Record | None:
        """Erases the card as `erase` does, and keeps a turn that is still under way from putting one there: the call's
        end may overtake it. Returns where the dialog stood, if that is known.
        """
