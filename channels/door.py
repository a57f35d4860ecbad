"""What every wire does: decode(Incoming) -> what was heard, encode(answer) -> Reply. Pure.

A wire raises Malformed for what its gateway should never send (our answer: a clear 4xx, nothing changed) and nothing
else, whatever the peer sends. Sockets, limits and secrets are the endpoint's business.
"""

import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

import msgspec

FIELDS_MAX = 64
FIELD_BYTES_MAX = 8 * 1024


class DoorError(Exception):
    """What comes in at a door and is not let through."""


class Malformed(DoorError):
    """The gateway's fault: do not repeat as it is. The words hold nothing of what was sent."""


class Refused(DoorError):
    """Wrong or missing signature, secret or address."""


class Incoming(msgspec.Struct, frozen=True, dict=True):  # a dict: the parsed form is kept
    """A request as bytes and strings. `url` is built from the public base, never from Host (facts/sms.md)."""

    method: str
    url: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: str = ""

    @property
    def pairs(self) -> Sequence[tuple[str, str]]:
        """The urlencoded body's names and values as sent, parsed once. Raises Malformed."""
        known: Sequence[tuple[str, str]] | None = self.__dict__.get("_pairs")
        if known is None:
            known = self.__dict__["_pairs"] = _pairs(self.body)
        return known

    def form(self) -> dict[str, str]:
        """The urlencoded body's fields, empty ones kept. Raises Malformed."""
        return _fields(self.pairs)

    def params(self) -> dict[str, str]:
        """The query's fields. Raises Malformed."""
        return fields(self.query.encode())


class Reply(msgspec.Struct, frozen=True):
    """What goes back on the wire."""

    body: bytes
    media_type: str = "text/plain; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = {}


def fields(encoded: bytes) -> dict[str, str]:
    """Urlencoded fields, the last of a name wins. Raises Malformed past the bounds or when it is not UTF-8."""
    return _fields(_pairs(encoded))


def _pairs(encoded: bytes) -> Sequence[tuple[str, str]]:
    """As urllib's parse_qsl reads them, blank values kept, in a third of its time: every request comes by here."""
    try:
        text = encoded.decode("ascii").replace("+", " ")
        if text.count("&") >= FIELDS_MAX:
            raise Malformed("too many fields")
        parted = [piece.partition("=") for piece in text.split("&") if piece]
        if "%" not in text:
            return [(name, value) for name, _, value in parted]
        return [
            (_plain(name) if "%" in name else name, _plain(value) if "%" in value else value)
            for name, _, value in parted
        ]
    except ValueError:
        raise Malformed("the body is no urlencoded form in UTF-8") from None


def _plain(spelled: str) -> str:
    return unquote_to_bytes(spelled).decode()


def _fields(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    for _, value in pairs:
        if len(value) > FIELD_BYTES_MAX:
            raise Malformed("a field is too long")
    return dict(pairs)


def required(values: Mapping[str, str], name: str) -> str:
    """A field that must be there and not empty. Raises Malformed."""
    value = values.get(name, "")
    if not value:
        raise Malformed(f"the field {name} is missing")
    return value


def same(left: str, right: str) -> bool:
    """Secrets compared in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())
