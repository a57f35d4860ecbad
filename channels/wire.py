"""What every wire does: decode(Incoming) -> what was heard, encode(answer) -> Reply. Pure.

A wire raises Malformed for what its gateway should never send (our answer: a clear 4xx, nothing changed) and nothing
else, whatever the peer sends. Sockets, limits and secrets are the endpoint's business.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from email.message import Message
from urllib.parse import unquote_to_bytes, urlencode

import msgspec

from channels.http.charset import declared_in, text_of

FIELDS_MAX = 64
FIELD_BYTES_MAX = 8 * 1024
BOM = b"\xef\xbb\xbf"
MULTIPART = "multipart/form-data"
REFERENCE_PARAM = "ref"
REFERENCE_CHARS_MAX = 128
_REFERENCE = re.compile(rf"[!-~]{{1,{REFERENCE_CHARS_MAX}}}")


class DoorError(Exception):
    """The base of what comes in at a door and is not let through."""


class Malformed(DoorError):
    """The gateway's fault: do not repeat as it is. The words hold nothing of what was sent."""


class SenderRefused(DoorError):
    """Wrong or missing signature, secret or address."""


class Incoming(msgspec.Struct, frozen=True, dict=True):  # a dict: the parsed form is kept
    """A request as bytes and strings. `url` is built from the public base, never from Host (docs/protocols/sms.md)."""

    method: str
    url: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    peer: str = ""

    @property
    def pairs(self) -> Sequence[tuple[str, str]]:
        """The form's names and values as sent, urlencoded or multipart, parsed once. Raises Malformed."""
        known: Sequence[tuple[str, str]] | None = self.__dict__.get("_pairs")
        if known is None:
            kind = self.headers.get("content-type", "")
            parted = kind[: len(MULTIPART)].lower() == MULTIPART
            read = _parts(kind, self.body) if parted else _pairs(self.body, kind)
            known = self.__dict__["_pairs"] = read
        return known

    def form(self) -> Mapping[str, str]:
        """The form's fields, empty ones kept, read once. Raises Malformed."""
        known: Mapping[str, str] | None = self.__dict__.get("_form")
        if known is None:
            known = self.__dict__["_form"] = _fields(self.pairs)
        return known

    def params(self) -> dict[str, str]:
        """The query's fields. Raises Malformed."""
        return fields(self.query.encode("latin-1", "replace"))  # its octets, as receive.py read them


class Reply(msgspec.Struct, frozen=True):
    """The answer that goes back on the wire."""

    body: bytes
    media_type: str = "text/plain; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = {}


def fields(encoded: bytes) -> dict[str, str]:
    """Urlencoded fields, the last of a name wins. Raises Malformed past the bounds."""
    return _fields(_pairs(encoded))


def _pairs(encoded: bytes, content_type: str = "") -> Sequence[tuple[str, str]]:
    """As urllib's parse_qsl reads them, blank values kept, in a third of its time: every request comes by here.

    Octets that are no ASCII are read as channels/http/charset.py says, raw ones as well as those behind a percent sign.
    """
    plain = encoded.removeprefix(BOM).replace(b"+", b" ")
    if plain.count(b"&") >= FIELDS_MAX:
        raise Malformed("too many fields")
    if b"%" in plain:  # a telephone's signs part no fields: undone in one go, they are nearly all there is to undo
        plain = plain.replace(b"%2B", b"+").replace(b"%2A", b"*").replace(b"%23", b"#")
    if plain.isascii() and b"%" not in plain:
        parted = [piece.partition("=") for piece in plain.decode("ascii").split("&") if piece]
        return [(name, value) for name, _, value in parted]
    pieces = [piece.partition(b"=") for piece in plain.split(b"&") if piece]
    octets = [(_unquoted(name), _unquoted(value)) for name, _, value in pieces]
    if all(name.isascii() and value.isascii() for name, value in octets):
        return [(name.decode("ascii"), value.decode("ascii")) for name, value in octets]
    declared = declared_in(content_type)
    return [(text_of(name, declared), text_of(value, declared)) for name, value in octets]


def _unquoted(spelled: bytes) -> bytes:
    return unquote_to_bytes(spelled) if b"%" in spelled else spelled


def _parts(content_type: str, body: bytes) -> Sequence[tuple[str, str]]:
    """The fields of a multipart form. Raises Malformed past the bounds."""
    whole = message_from_bytes(b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n" + body)
    pieces = whole.get_payload() if whole.is_multipart() else []
    if len(pieces) > FIELDS_MAX:
        raise Malformed("too many fields")
    return [_part(piece) for piece in pieces if isinstance(piece, Message)]


def _part(piece: Message) -> tuple[str, str]:
    name, octets = piece.get_param("name", "", "content-disposition"), piece.get_payload(decode=True)
    value = octets if isinstance(octets, bytes) else b""
    return name if isinstance(name, str) else "", text_of(value, declared_in(piece.get("content-type", "")))


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


def with_reference(url: str, reference: str) -> str:
    """A URL that a gateway reports to, with our own reference: it comes back whatever became of the answer."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode({REFERENCE_PARAM: reference})}"


def reference_in(returned: str) -> str:
    """The reference that came back, which is ours and so is plain text. Raises Malformed."""
    if _REFERENCE.fullmatch(returned) is None:
        raise Malformed("the reference is none of ours")
    return returned
