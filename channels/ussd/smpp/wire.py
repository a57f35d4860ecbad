"""USSD over SMPP 3.4 (docs/protocols/ussd.md): what a deliver_sm asks, the submit_sm that answers it. Pure.

its_session_info names the dialog (15 bits, or a first octet and a count in the second; the last bit says "end"), or
user_message_reference does, or nothing: smpp_dialogs.py tells which. What a gateway sends is sent back as it came.
Whatever is neither a dial nor an answer ends the dialog.
"""

from dataclasses import dataclass, field
from enum import Enum

from channels.carriers.smpp.coding import Alphabet, encode, heard
from channels.carriers.smpp.message import ShortMessage, Tag
from channels.ussd.speaker import PageLimits
from core.subscribers.lines import msisdn as msisdn_of

SERVICE_TYPE = "USSD"
LIMITS = PageLimits(septets=160, units=80)
TYPED_CHARS_MAX = 182
PSSD_INDICATION, PSSR_INDICATION, USSR_REQUEST, PSSR_RESPONSE, USSR_CONFIRM = 0, 1, 2, 17, 18


class UssdOperation(Enum):
    """The operations that a gateway tells by ussd_service_op."""

    DIAL = "dial"
    ANSWER = "answer"
    END = "end"
    UNSAID = "unsaid"  # no ussd_service_op: a dial where no dialog is known, else an answer


@dataclass(frozen=True, slots=True)
class UssdRequest:
    """A deliver_sm for USSD. `dialog` is the gateway's name for it, `reference` its user_message_reference, if any."""

    event: UssdOperation
    msisdn: str
    dialog: str
    typed: str = field(repr=False)
    reference: str = ""


def is_ussd(message: ShortMessage) -> bool:
    """Returns whether this is for USSD and not for SMS."""
    return message.service_type.upper() == SERVICE_TYPE or Tag.USSD_SERVICE_OP in message.tlvs


def asked_of(message: ShortMessage, alphabet: Alphabet = Alphabet.GSM7) -> UssdRequest | None:
    """The request in a message; None when it comes from no telephone number."""
    try:
        caller = msisdn_of(message.source.text)
    except ValueError:
        return None
    dialog, ended = _dialog(message)
    typed = heard(message.data_coding, message.octets, alphabet)[:TYPED_CHARS_MAX]
    reference = message.tlvs.get(Tag.USER_MESSAGE_REFERENCE, b"").hex()
    return UssdRequest(UssdOperation.END if ended else _event(message), caller, dialog, typed, reference)


def answer_to(message: ShortMessage, text: str, *, ends: bool, alphabet: Alphabet = Alphabet.GSM7) -> ShortMessage:
    """Back to where it came from, in its own dialect: 2 asks on, 17 is the last word."""
    tlvs: dict[int, bytes] = {Tag.USSD_SERVICE_OP: bytes((PSSR_RESPONSE if ends else USSR_REQUEST,))}
    info = message.tlvs.get(Tag.ITS_SESSION_INFO, b"")
    if info:  # of whatever length: the last bit is the end's
        tlvs[Tag.ITS_SESSION_INFO] = info[:-1] + bytes((info[-1] & 0xFE | ends,))
    reference = message.tlvs.get(Tag.USER_MESSAGE_REFERENCE)
    if reference is not None:
        tlvs[Tag.USER_MESSAGE_REFERENCE] = reference
    data_coding, data = encode(text, alphabet)
    return ShortMessage(
        source=message.destination,
        destination=message.source,
        data=data,
        data_coding=data_coding,
        service_type=message.service_type or SERVICE_TYPE,
        tlvs=tlvs,
    )


def _dialog(message: ShortMessage) -> tuple[str, bool]:
    """The dialog's name and whether it is over."""
    info = message.tlvs.get(Tag.ITS_SESSION_INFO, b"")
    if len(info) == 2:
        number = int.from_bytes(info, "big")
        return f"its{number >> 1}", bool(number & 1)
    return f"ref{message.tlvs.get(Tag.USER_MESSAGE_REFERENCE, b'').hex()}", False


def _event(message: ShortMessage) -> UssdOperation:
    operation = message.tlvs.get(Tag.USSD_SERVICE_OP, b"")
    if not operation:
        return UssdOperation.UNSAID
    if operation[0] in {PSSD_INDICATION, PSSR_INDICATION}:
        return UssdOperation.DIAL
    return UssdOperation.ANSWER if operation[0] == USSR_CONFIRM else UssdOperation.END
