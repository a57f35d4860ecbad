"""Rows that vouch for each other: each link's hash covers its own fields and the hash before it.

Whoever changes, removes or slips in a row must make every later link anew; the newest hash, kept outside the database,
shows that. Used by the access log, the payments' events and the ledger, each with links of its own. Pure.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum

GENESIS = bytes(32)  # what comes before the first link

Value = str | int | bool | None | datetime | date | Decimal | Enum
Fields = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class ChainLink:
    """A row's place in a chain, as it was written down: `number` counts from 1 without gaps."""

    number: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Break:
    """The place where a chain does not hold, and why: in words for the auditor."""

    number: int
    why: str


def linked(before: bytes, number: int, fields: Fields) -> ChainLink:
    """The link that follows `before`. Order of names, time zones and spacing make no difference."""
    digest = hashlib.sha256(before + number.to_bytes(8, "big") + canonical(fields))
    return ChainLink(number, digest.digest())


def first_break(before: bytes, rows: Iterable[tuple[ChainLink, Fields | None]], number: int = 1) -> Break | None:
    """The first link that is not what its row and the chain so far say; None when all hold.

    `rows` come in the chain's order, from the one that `number` names; None stands for a row that is gone.
    """
    for link, fields in rows:
        if link.number != number:
            return Break(number, f"link {number} is missing")
        if fields is None:
            return Break(number, "its row is gone")
        if linked(before, number, fields).hash != link.hash:
            return Break(number, "its row was changed, or a link before it was")
        before, number = link.hash, number + 1
    return None


def canonical(fields: Fields) -> bytes:
    """Spells a row's fields in the one way that is hashed, whatever wrote them."""
    values = {name: _told(value) for name, value in fields.items()}
    return json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _told(value: Value) -> str | int | bool | None:
    match value:
        case datetime():
            if value.tzinfo is None:
                raise ValueError("a moment in a chain has a time zone")
            return value.astimezone(UTC).isoformat(timespec="microseconds")
        case date():
            return value.isoformat()
        case Decimal():
            return str(value.normalize())
        case Enum():
            return str(value.value)
        case _:
            return value
