"""The short message of submit_sm, deliver_sm and data_sm, and its optional parameters. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from channels.carriers.smpp.pdu import Broken, Command, Cursor, c_octets

SHORT_BYTES_MAX = 254
TLVS_MAX = 64
UDHI = 0x40
_TYPE_BITS = 0x3C
TON_INTERNATIONAL = 1
NPI_ISDN = 1
WANTS_RECEIPT = 1


class Tag(IntEnum):
    """Optional parameters we read or write (SMPP 3.4, 5.3.2; the last two docs/protocols/ussd.md)."""

    RECEIPTED_MESSAGE_ID = 0x001E
    USER_MESSAGE_REFERENCE = 0x0204
    SAR_MSG_REF_NUM = 0x020C
    SAR_TOTAL_SEGMENTS = 0x020E
    SAR_SEGMENT_SEQNUM = 0x020F
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427
    USSD_SERVICE_OP = 0x0501
    ITS_SESSION_INFO = 0x1383


@dataclass(frozen=True, slots=True)
class Address:
    """A number or name, its type (TON) and numbering plan (NPI)."""

    digits: str
    ton: int = 0
    npi: int = 0

    @classmethod
    def of(cls, msisdn: str) -> "Address":
        """The address of an E.164 MSISDN."""
        return cls(msisdn.removeprefix("+"), TON_INTERNATIONAL, NPI_ISDN)

    @property
    def text(self) -> str:
        """The number as text, with "+" where the type says international, as Kannel writes it
        (docs/protocols/sms.md).
        """
        international = self.ton == TON_INTERNATIONAL and self.digits.isdecimal() and not self.digits.startswith("0")
        return f"+{self.digits}" if international else self.digits  # no E.164 number begins with 0, whatever its type

    def encode(self) -> bytes:
        return bytes((self.ton, self.npi)) + c_octets(self.digits)


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """A message either way. Its words are never shown: they may hold a card number or a key pressed."""

    source: Address
    destination: Address
    data: bytes = field(default=b"", repr=False)
    data_coding: int = 0
    esm_class: int = 0
    service_type: str = ""
    registered_delivery: int = 0
    tlvs: Mapping[int, bytes] = field(default_factory=dict, repr=False)

    @property
    def octets(self) -> bytes:
        """The octets of the text, from whichever field holds them."""
        return self.data or self.tlvs.get(Tag.MESSAGE_PAYLOAD, b"")

    @property
    def has_header(self) -> bool:
        return bool(self.esm_class & UDHI)

    @property
    def is_receipt(self) -> bool:
        """The network's word or a telephone's, not its user's: a receipt or an acknowledgement."""
        return bool(self.esm_class & _TYPE_BITS)


def decode_message(command: int, body: bytes) -> ShortMessage:
    """The message of a deliver_sm, submit_sm or data_sm. Raises Broken."""
    cursor = Cursor(body)
    service_type = cursor.name()
    source, destination = _address(cursor), _address(cursor)
    esm_class = cursor.octet()
    data = b""
    if command == Command.DATA_SM:
        registered_delivery, data_coding = cursor.take(2)
    else:
        cursor.take(2)  # protocol, priority
        cursor.name()  # when to deliver
        cursor.name()  # until when
        registered_delivery, _, data_coding, _, length = cursor.take(5)
        data = cursor.take(length)
    return ShortMessage(
        source, destination, data, data_coding, esm_class, service_type, registered_delivery, _tlvs(cursor)
    )


def encode_submit(message: ShortMessage) -> bytes:
    """The body of a submit_sm; what is too long for short_message goes as message_payload."""
    tlvs, data = dict(message.tlvs), message.data
    if len(data) > SHORT_BYTES_MAX:
        tlvs[Tag.MESSAGE_PAYLOAD], data = data, b""
    return b"".join(
        (
            c_octets(message.service_type),
            message.source.encode(),
            message.destination.encode(),
            bytes((message.esm_class, 0, 0)),
            c_octets(""),
            c_octets(""),
            bytes((message.registered_delivery, 0, message.data_coding, 0, len(data))),
            data,
            *(tag.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value for tag, value in tlvs.items()),
        )
    )


def _address(cursor: Cursor) -> Address:
    ton, npi = cursor.take(2)
    return Address(cursor.name(), ton, npi)


def _tlvs(cursor: Cursor) -> dict[int, bytes]:
    """As many as are whole: a message is not refused for what its peer appended to it."""
    values: dict[int, bytes] = {}
    for _ in range(TLVS_MAX):
        if cursor.left < 4:
            break
        tag, length = int.from_bytes(cursor.take(2), "big"), int.from_bytes(cursor.take(2), "big")
        try:
            values[tag] = cursor.take(length)
        except Broken:
            break
    return values
