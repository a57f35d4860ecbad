"""Long messages: cut for the air with a user data header, recognised by header or sar_* parameters. Pure."""

from dataclasses import dataclass, field, replace

from channels.carriers.smpp.coding import UCS2, Alphabet, encode
from channels.carriers.smpp.message import UDHI, ShortMessage, Tag
from core.messaging.gsm7 import Coding
from core.messaging.gsm7 import parts as cut

PARTS_MAX = 255
_IE_REFERENCE_8, _IE_REFERENCE_16 = 0x00, 0x08


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of a long message, or a whole one (total 1). `data` holds no header."""

    data: bytes = field(repr=False)
    data_coding: int
    reference: int = 0
    total: int = 1
    number: int = 1


def fragment_of(message: ShortMessage) -> Fragment:
    """The place of a received message in a longer one. An impossible numbering makes it a whole message of its own."""
    data, numbering = message.octets, None
    if message.has_header:
        data, numbering = _headed(data)
    numbering = numbering or _sar(message)
    if numbering is not None:
        reference, total, number = numbering
        if 1 < total <= PARTS_MAX and 1 <= number <= total:
            return Fragment(data, message.data_coding, reference, total, number)
    return Fragment(data, message.data_coding)


def split(text: str, reference: int, message: ShortMessage, alphabet: Alphabet = Alphabet.GSM7) -> list[ShortMessage]:
    """The messages that carry a text, each a copy of `message` with its octets; `reference` counts modulo 256.

    The 8-bit reference leaves 153 septets or 67 units a part; escape and surrogate pairs stay whole (protocols/sms.md).
    """
    # one alphabet for all parts: a part of plain letters must not read the other way
    coding, _ = encode(text, alphabet)
    pieces = cut(text, Coding.UCS2 if coding == UCS2 else Coding.GSM7)
    octets = [_encoded(piece, coding, alphabet) for piece in pieces]
    if len(octets) == 1:
        return [replace(message, data=octets[0], data_coding=coding)]
    if len(octets) > PARTS_MAX:
        raise ValueError("a text of more than 255 parts")
    return [
        replace(
            message,
            data=bytes((5, _IE_REFERENCE_8, 3, reference & 0xFF, len(octets), number)) + data,
            data_coding=coding,
            esm_class=message.esm_class | UDHI,
        )
        for number, data in enumerate(octets, 1)
    ]


def _encoded(piece: str, coding: int, alphabet: Alphabet) -> bytes:
    own, data = encode(piece, alphabet)
    return data if own == coding else piece.encode("utf-16-be", "surrogatepass")


Numbering = tuple[int, int, int]


def _headed(data: bytes) -> tuple[bytes, Numbering | None]:
    """Without its header, and reference, total, number if the header holds them."""
    length = data[0] + 1 if data else 1
    if length > len(data):
        return data, None  # the header is a lie: all of it is text
    header, found, at = data[1:length], None, 0
    while at + 2 <= len(header):
        kind, size = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + size]
        if kind == _IE_REFERENCE_8 and len(value) == 3:
            found = (value[0], value[1], value[2])
        elif kind == _IE_REFERENCE_16 and len(value) == 4:
            found = (int.from_bytes(value[:2], "big"), value[2], value[3])
        at += 2 + size
    return data[length:], found


def _sar(message: ShortMessage) -> Numbering | None:
    values = [message.tlvs.get(t) for t in (Tag.SAR_MSG_REF_NUM, Tag.SAR_TOTAL_SEGMENTS, Tag.SAR_SEGMENT_SEQNUM)]
    if not all(values):
        return None
    reference, total, number = (int.from_bytes(value or b"", "big") for value in values)
    return reference, total, number
