"""Delivery receipts: optional parameters first, else the text that every SMSC writes a little differently. Pure.

A receipt is told by its class, by its parameters, or, where an SMSC sets neither, by a text that no customer types. Its
text is ASCII whatever its data_coding says; only what is no ASCII is read as its coding.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from channels.carriers.smpp.coding import Alphabet, heard
from channels.carriers.smpp.ids import ID_CHARS_MAX, SmscIds, receipted
from channels.carriers.smpp.message import ShortMessage, Tag
from channels.carriers.smpp.states import BY_NUMBER, PartState, state_of, state_within

__all__ = ["ERROR_CHARS_MAX", "ID_CHARS_MAX", "PartState", "Receipt", "ReceiptClaim", "claim_of", "receipt_of"]

ERROR_CHARS_MAX = 16
MARKS_MIN = 4  # of a receipt's own field names: nobody types as many
_ID = re.compile(r"\b(?:message[_ -]?|msg[_ -]?)?id\s*[:=][ \t]*([^\s,;]*)", re.IGNORECASE)
_STATE = re.compile(r"\bstat(?:us|e)?\s*[:=]\s*([A-Za-z0-9_-]+(?: route)?)", re.IGNORECASE)
_ERROR = re.compile(r"\berr(?:or)?\s*[:=]\s*([A-Za-z0-9]+)", re.IGNORECASE)
_MARKS = re.compile(r"\b(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err)\s*[:=]", re.IGNORECASE)
_QUOTED = re.compile(rb"\btext\s*[:=]", re.IGNORECASE)  # what follows are our own words
_FIELD = re.compile(r"(?:sub|dlvrd|submit|done|stat|err|text)\b.*", re.IGNORECASE)
_PLAIN = frozenset({0x09, 0x0A, 0x0D, *range(0x20, 0x7F)})


@dataclass(frozen=True, slots=True)
class Receipt:
    """`state` None: a word or number that nobody knows, which changes nothing.

    `others` are ids it may be about as well: in the other base, or as its text and its parameter differ. `sender` is
    the telephone it tells of. `sure`: told by class or parameter, not by its text alone.
    """

    message_id: str
    state: PartState | None
    error: str | None = None
    others: tuple[str, ...] = ()
    sender: str = ""
    sure: bool = True


class ReceiptClaim(Enum):
    """Tells how much speaks for a message being a receipt."""

    CERTAIN = "certain"
    LIKELY = "likely"  # its text is one; told from an id of ours
    PERHAPS = "perhaps"  # an id and a state: a customer's text, unless that id is of ours
    NONE = "none"


def claim_of(message: ShortMessage) -> ReceiptClaim:
    """Returns whether this is a receipt, or any other word of the network's."""
    if message.is_receipt or Tag.RECEIPTED_MESSAGE_ID in message.tlvs or Tag.MESSAGE_STATE in message.tlvs:
        return ReceiptClaim.CERTAIN
    if message.has_header:
        return ReceiptClaim.NONE
    text = _head(message, Alphabet.GSM7)
    marks = {match[1].lower() for match in _MARKS.finditer(text)}
    if "id" not in marks:
        return ReceiptClaim.NONE
    if len(marks) >= MARKS_MIN:
        return ReceiptClaim.LIKELY
    return ReceiptClaim.PERHAPS if "stat" in marks or state_within(text) is not None else ReceiptClaim.NONE


def receipt_of(
    message: ShortMessage, alphabet: Alphabet = Alphabet.GSM7, ids: SmscIds = SmscIds.AUTO, sender: str = ""
) -> Receipt | None:
    """The delivery that a receipt reports; None when it names no message."""
    text = _head(message, alphabet)
    parameter = message.tlvs.get(Tag.RECEIPTED_MESSAGE_ID, b"").rstrip(b"\0").decode("latin-1")
    match = _ID.search(text)
    named = [each for each in (parameter, match[1] if match and not _FIELD.fullmatch(match[1]) else "") if each.strip()]
    spelled = receipted([each for each in named if len(each) <= ID_CHARS_MAX], ids)
    if not spelled:
        return None
    sure = claim_of(message) is ReceiptClaim.CERTAIN
    return Receipt(spelled[0], _state(message, text), _error(message, text), spelled[1:], sender, sure)


def _head(message: ShortMessage, alphabet: Alphabet) -> str:
    """The text up to the quoted words."""
    octets = message.octets
    quoted = _QUOTED.search(octets)
    head = octets[: quoted.start()] if quoted else octets
    if _PLAIN.issuperset(head):
        return head.decode("ascii")
    text = heard(message.data_coding, octets, alphabet)
    return re.split(r"\btext\s*[:=]", text, maxsplit=1, flags=re.IGNORECASE)[0]


def _state(message: ShortMessage, text: str) -> PartState | None:
    number = message.tlvs.get(Tag.MESSAGE_STATE, b"")
    state = _number(number)
    if state is not None and state in BY_NUMBER:
        return BY_NUMBER[state]
    match = _STATE.search(text)
    return state_of(match[1]) if match else state_within(text)


def _number(value: Sequence[int]) -> int | None:
    """Of one octet; some peers write the digit's letter."""
    if not value:
        return None
    return value[-1] - ord("0") if ord("0") <= value[-1] <= ord("9") else value[-1]


def _error(message: ShortMessage, text: str) -> str | None:
    code = message.tlvs.get(Tag.NETWORK_ERROR_CODE, b"")
    if len(code) == 3:
        return str(int.from_bytes(code[1:], "big")) if any(code[1:]) else None
    match = _ERROR.search(text)
    return match[1][:ERROR_CHARS_MAX] if match and match[1].strip("0") else None
