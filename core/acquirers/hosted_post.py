"""A form that the acquirer's page posted, in the alphabets that it may be written in. Pure.

What comes from a gateway names its encoding inside itself, and not always the true one: a post has several readings,
and its hash says which one was meant (core/acquirers/hosted_hash.py).
"""

from collections.abc import Mapping, Sequence
from urllib.parse import unquote_to_bytes

from core.acquirers.hosted import FIELDS_MAX
from core.acquirers.hosted_hash import LATIN_1, UTF_8, charset_of
from core.payments.hosted_page_port import UnreadablePost

Fields = Mapping[str, str]


def readings(encoded: bytes) -> Sequence[Fields]:
    """The fields by the encoding that the post names, in UTF-8 and in ISO-8859-1; each reading once, none guessed.

    Bytes are bounded by whoever received them. Raises UnreadablePost for more than FIELDS_MAX fields.
    """
    pairs = _pairs(encoded)
    named = charset_of(_decoded(pairs, LATIN_1) or {})
    parsed: list[Fields] = []
    for codec in dict.fromkeys((named or UTF_8, UTF_8, LATIN_1)):
        fields = _decoded(pairs, codec)
        if fields is not None and fields not in parsed:
            parsed.append(fields)
    return parsed


def _pairs(encoded: bytes) -> Sequence[tuple[bytes, bytes]]:
    pieces = [piece for piece in encoded.replace(b"+", b" ").split(b"&") if piece]
    if len(pieces) > FIELDS_MAX:
        raise UnreadablePost(f"more than {FIELDS_MAX} fields")
    parted = [piece.partition(b"=") for piece in pieces]
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in parted]


def _decoded(pairs: Sequence[tuple[bytes, bytes]], codec: str) -> Fields | None:
    """None where the bytes are none of that encoding, or where a name has two values."""
    fields: dict[str, str] = {}
    try:
        for name, value in pairs:
            text = value.decode(codec)
            if fields.setdefault(name.decode(codec), text) != text:
                return None
    except UnicodeDecodeError:
        return None
    return fields
