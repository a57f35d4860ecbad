"""SMPP 3.4 frames: a header of four numbers and a body of bytes. Pure; whatever a peer sends, only Broken is raised."""

import struct
from dataclasses import dataclass, field
from enum import IntEnum

HEADER_BYTES = 16
PDU_BYTES_MAX = 70_000  # a message_payload of 64 KiB and its fields
SEQUENCE_MAX = 0x7FFFFFFF
RESPONSE = 0x80000000
NAME_BYTES_MAX = 256  # of a C-octet string: more than the standard's, some peers are generous
INTERFACE_VERSION = 0x34
_HEADER = struct.Struct(">IIII")


class Broken(Exception):
    """The peer's fault: this is no SMPP. The connection, or this message, cannot be gone on with."""


class Command(IntEnum):
    """The commands that we speak."""

    GENERIC_NACK = 0x80000000
    BIND_TRANSMITTER = 0x02
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    BIND_TRANSCEIVER = 0x09
    ENQUIRE_LINK = 0x15
    ALERT_NOTIFICATION = 0x102
    DATA_SM = 0x103


@dataclass(frozen=True, slots=True)
class Pdu:
    """A frame of SMPP. `command` is a number: peers may send commands that are not in Command."""

    command: int
    sequence: int
    status: int = 0
    body: bytes = field(default=b"", repr=False)

    @property
    def is_response(self) -> bool:
        return bool(self.command & RESPONSE)

    def answer(self, status: int = 0, body: bytes = b"") -> "Pdu":
        """The response to this request."""
        return Pdu(self.command | RESPONSE, self.sequence, status, body)

    def encode(self) -> bytes:
        return _HEADER.pack(HEADER_BYTES + len(self.body), self.command, self.status, self.sequence) + self.body


def body_bytes(header: bytes) -> int:
    """Returns how many bytes follow a header. Raises Broken: nothing after it can be believed."""
    length: int = _HEADER.unpack(header)[0]
    if not HEADER_BYTES <= length <= PDU_BYTES_MAX:
        raise Broken("a frame of an impossible length")
    return length - HEADER_BYTES


def decode(header: bytes, body: bytes) -> Pdu:
    """A frame whose bytes are all there."""
    _, command, status, sequence = _HEADER.unpack(header)
    return Pdu(command, sequence, status, body)


class Cursor:
    """Reads fields one after another. Raises Broken past the end."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def octet(self) -> int:
        return self.take(1)[0]

    def take(self, count: int) -> bytes:
        if count > self.left:
            raise Broken("a body is cut off")
        chunk = self._data[self._at : self._at + count]
        self._at += count
        return chunk

    def name(self) -> str:
        """A C-octet string; letters outside ASCII are kept as they look in Latin-1."""
        end = self._data.find(b"\0", self._at, self._at + NAME_BYTES_MAX)
        if end < 0:
            raise Broken("a text without its end")
        return self.take(end + 1 - self._at)[:-1].decode("latin-1")


def c_octets(text: str) -> bytes:
    """A C-octet string of plain letters."""
    return text.encode("latin-1", "replace").replace(b"\0", b"") + b"\0"


def bind_body(system_id: str, password: str, system_type: str, address_range: str) -> bytes:
    """The body of any of the three binds; type and plan of the address range are left open."""
    return (
        c_octets(system_id)
        + c_octets(password)
        + c_octets(system_type)
        + bytes((INTERFACE_VERSION, 0, 0))
        + c_octets(address_range)
    )


def message_id(body: bytes) -> str:
    """The message id in a submit_sm_resp; "" when the peer gave none (it may leave the whole body out of an error)."""
    try:
        return Cursor(body).name()
    except Broken:
        return body.decode("latin-1")[:NAME_BYTES_MAX]
