"""Looking for secrets in whatever a server left behind: in clear, encoded, packed or spelled apart. Pure.

Long secrets (card numbers, long PINs) are told from chance anywhere, in binary files too. A security code of three
digits is not: it is looked for as a word of its own, in what is text and in values that hold nothing else.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

LONG_MIN = 8
NO_MOMENT = rb"(?<!:\d\d\.)"  # six digits of a second are no card's
BETWEEN = b" .,:;-_/|'\"\t\r\n\0"  # what may stand between the digits of a number that is spelled
AROUND = 60
ALONE, LAST = rb"(?<!\d[ ,\-])(?<!\d[ ,\-]{2})", rb"(?![ ,\-]{1,2}\d)"
FOLDED = frozenset({"hex", "URL-encoded", "JSON escapes"})  # written in capitals or not


@dataclass(frozen=True)
class Remains:
    """What lay in one place. `text`: words and numbers of their own stand out in it."""

    data: bytes
    text: bool

    @cached_property
    def lower(self) -> bytes:
        return self.data.lower()

    @cached_property
    def joined(self) -> bytes:
        """As if nothing stood between the digits."""
        return self.lower.translate(None, BETWEEN)


def leaks(left: Remains, secret: str) -> list[str]:
    """Every form in which the secret is there, and what stands before its first place."""
    if len(secret) < LONG_MIN:
        return list(_short(left, secret.encode()))
    found = []
    for form, spelled in _forms(secret):
        where = left.joined if form.endswith("apart") else left.lower if form in FOLDED else left.data
        if form == "all but the ends":  # six digits: as a number of its own, and where numbers stand out
            alone = re.search(rb"(?<!\d)" + NO_MOMENT + spelled + rb"(?!\d)", where) if left.text else None
            at = -1 if alone is None else alone.start()
        else:
            at = where.find(spelled)
        if at >= 0:
            found.append(f"{form}, after {where[max(0, at - AROUND) : at].decode('latin-1')!r}")
    return found


@lru_cache(maxsize=64)
def _forms(secret: str) -> tuple[tuple[str, bytes], ...]:
    raw = secret.encode()
    return (
        ("in clear", raw),
        ("apart", raw),
        ("hex", raw.hex().encode()),
        ("hex, apart", raw.hex().encode()),
        *(("base64", form) for form in _base64_forms(raw)),
        ("URL-encoded", b"".join(f"%{byte:02x}".encode() for byte in raw)),
        ("JSON escapes", b"".join(f"\\u00{byte:02x}".encode() for byte in raw)),
        ("UTF-16", secret.encode("utf-16-le")),
        ("a number, packed", int(secret).to_bytes(8, "big")),
        ("a number, packed", int(secret).to_bytes(8, "little")),
        # of a card nobody needs more than the first six and the last four
        ("all but the ends", raw[6:-4] if len(raw) > 12 else raw),
        ("more than the first six", raw[:9]),
        ("more than the last four", raw[-9:]),
    )


def _base64_forms(raw: bytes) -> Iterator[bytes]:
    """What of it is the same at each of the three places where it may begin in a longer text."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        begin = (0, 2, 3)[shift]  # characters that its neighbours share
        yield encoded[begin : len(encoded) - (0, 3, 2)[(len(raw) + shift) % 3]]


def _short(left: Remains, raw: bytes) -> Iterator[str]:
    edge, end = rb"(?<![\w.:+\-/%#*])", rb"(?![\w.:\-/%])"
    forms = [
        ("a msgpack string", re.escape(bytes([0xA0 + len(raw)]) + raw)),
        ("a whole value", rb"\A" + raw + rb"\Z"),
    ]
    if left.text:
        forms += [
            ("a word of its own", edge + raw + end),
            # within a longer number that is spelled it is that number's: an authorisation has six digits
            ("spelled apart", ALONE + edge + rb"[ ,\-]{1,2}".join(bytes([byte]) for byte in raw) + end + LAST),
            ("base64", edge + re.escape(base64.b64encode(raw)) + rb"(?![\w=])"),
            ("URL-encoded", b"".join(f"%{byte:02x}".encode() for byte in raw)),
        ]
    for form, pattern in forms:
        if match := re.search(pattern, left.data):
            before = left.data[max(0, match.start() - AROUND) : match.start()]
            yield f"{form}, after {before.decode('latin-1')!r}"
