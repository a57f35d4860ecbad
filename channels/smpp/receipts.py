"""Delivery receipts: optional parameters first, else the text that every SMSC writes a little differently. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from channels.smpp.coding import decode
from channels.smpp.message import ShortMessage, Tag

ID_CHARS_MAX = 65
ERROR_CHARS_MAX = 16
_ID = re.compile(r"\bid:\s*([^\s:]+)", re.IGNORECASE)
_STATE = re.compile(r"\bstat:\s*([A-Za-z0-9]+)", re.IGNORECASE)
_ERROR = re.compile(r"\berr:\s*([A-Za-z0-9]+)", re.IGNORECASE)


class State(StrEnum):
    """What became of one part."""

    ON_ITS_WAY = "on_its_way"
    DELIVERED = "delivered"
    FAILED = "failed"


_BY_NUMBER: Mapping[int, State] = {
    1: State.ON_ITS_WAY,
    2: State.DELIVERED,
    3: State.FAILED,  # expired
    4: State.FAILED,  # deleted
    5: State.FAILED,  # undeliverable
    6: State.ON_ITS_WAY,  # accepted
    8: State.FAILED,  # rejected
}
_BY_NAME: Mapping[str, State] = {
    "ENROUTE": State.ON_ITS_WAY,
    "ACCEPTD": State.ON_ITS_WAY,
    "BUFFRED": State.ON_ITS_WAY,
    "DELIVRD": State.DELIVERED,
    "EXPIRED": State.FAILED,
    "DELETED": State.FAILED,
    "UNDELIV": State.FAILED,
    "REJECTD": State.FAILED,
}


@dataclass(frozen=True, slots=True)
class Receipt:
    """`state` None: a word or number that nobody knows, which changes nothing."""

    message_id: str
    state: State | None
    error: str | None = None


def receipt_of(message: ShortMessage) -> Receipt | None:
    """What a receipt says; None when it names no message."""
    text = decode(message.data_coding, message.octets)
    found = message.tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0").decode("latin-1")
    if not found and (match := _ID.search(text)):
        found = match[1]
    if not found or len(found) > ID_CHARS_MAX:
        return None
    state = None
    if number := message.tlvs.get(Tag.MESSAGE_STATE):
        state = _BY_NUMBER.get(number[0])
    elif match := _STATE.search(text):
        word = match[1].upper()
        state = _BY_NUMBER.get(int(word)) if word.isdecimal() else _BY_NAME.get(word)
    return Receipt(found, state, _error(message, text))


def _error(message: ShortMessage, text: str) -> str | None:
    code = message.tlvs.get(Tag.NETWORK_ERROR_CODE, b"")
    if len(code) == 3:
        return str(int.from_bytes(code[1:], "big")) if any(code[1:]) else None
    match = _ERROR.search(text)
    return match[1][:ERROR_CHARS_MAX] if match and match[1].strip("0") else None
