"""RestComm / Telscale USSD gateway (docs/protocols/ussd.md): MAP dialogs as XML over HTTP. Pure.

The answer carries a userObject that the gateway sends back with the customer's next key: the request's place in the
dialog, the invokeId that the last answer must name, and the caller, whom only the begin is sure to name.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape  # writes our own attributes; the peer's XML goes through defusedxml

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from channels.http.charset import body_of, declared_in
from channels.ussd.speaker import PageLimits
from channels.ussd.wires.dialect import Path
from channels.ussd.wires.reading import TYPED_CHARS_MAX, caller, dialog
from channels.wire import Incoming, Malformed, Reply
from core.messaging.gsm7 import Coding, coding_of
from sessions.turn.turns import Inbound

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

PREFIX = "rc-"
XML = "text/xml; charset=utf-8"
ELEMENTS_MAX = 100
ATTRIBUTE_CHARS_MAX = 256
DIALLED, ANSWERED = "processUnstructuredSSRequest_Request", "unstructuredSSRequest_Response"
PROMPT, FINAL = "unstructuredSSRequest_Request", "processUnstructuredSSRequest_Response"
ECHOED = ("appCntx", "networkId", "localId", "remoteId", "returnMessageOnError")
CODING = {Coding.GSM7: "15", Coding.UCS2: "72"}  # CBS data coding schemes, 3GPP TS 23.038
IN_QUOTES = {'"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}

_STATE = re.compile(r"kh:(\d{1,6}):(-?\d{1,4}):(\+\d{7,15})")
_INVOKE = re.compile(r"-?\d{1,4}")
_BARE = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});)")
# references to what XML cannot hold: signs of control, halves of an emoji
_NO_SIGN = re.compile(
    r"&#(?:0*(?:[0-8]|1[1245-9]|2[0-9]|3[01])|x0*(?:[0-8bceBCE]|1[0-9a-fA-F])|x[dD][89a-fA-F][0-9a-fA-F]{2});"
)
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class _State:
    """What our last answer left with the gateway."""

    order: int
    invoke_id: str
    msisdn: str


class Restcomm:
    """POST <dialog> -> <dialog>: a prompt in a Continue, the last text in an End with prearrangedEnd="false"."""

    name = "restcomm"
    limits = PageLimits(septets=182, units=80)
    method = "POST"
    names_caller_once = True
    paths = (Path(),)

    def decode(self, incoming: Incoming) -> Inbound | Reply:
        root = _dialog(incoming)
        echo = {name: root.get(name, "")[:ATTRIBUTE_CHARS_MAX] for name in ECHOED if name in root.attrib}
        dialled, answered = root.find(DIALLED), root.find(ANSWERED)
        message = dialled if dialled is not None else answered
        if message is None:  # an abort, a refusal, a time-out or an end: no customer is left to answer
            return _reply(echo | {"type": "End", "mapMessagesSize": "0"}, "")
        state = None if dialled is not None else _state(root)
        session = "-".join(root.get(name, "") for name in ("localId", "remoteId"))
        msisdn = _caller(message, state)
        invoke_id = state.invoke_id if state else message.get("invokeId", "")
        echo["invokeId"] = invoke_id if _INVOKE.fullmatch(invoke_id) else "0"
        typed = message.get("string") or message.findtext("string") or ""
        if len(typed) > TYPED_CHARS_MAX:
            raise Malformed("the string is too long")
        return Inbound(
            dialog=PREFIX + dialog(session, "localId, remoteId"),
            msisdn=msisdn,
            order=0 if dialled is not None else state.order + 1 if state else None,
            typed=None if dialled is not None else typed,
            begins=dialled is not None,
            echo=echo,
            ids_return=True,  # localId counts dialogs and starts anew with the gateway
        )

    def encode(self, inbound: Inbound, text: str, *, ends: bool) -> Reply:
        echoed = {name: inbound.echo[name] for name in ECHOED if name in inbound.echo}
        invoke_id = inbound.echo.get("invokeId", "0")
        attributes = {"type": "End" if ends else "Continue", **echoed, "mapMessagesSize": "1"}
        if ends:
            attributes["prearrangedEnd"] = "false"
        elif inbound.order is not None:
            attributes["userObject"] = f"kh:{inbound.order}:{invoke_id}:{inbound.msisdn}"
        said = {"invokeId": invoke_id, "dataCodingScheme": CODING[coding_of(text)], "string": text}
        return _reply(attributes, f"<{FINAL if ends else PROMPT}{_attributes(said)}/>")


def _dialog(incoming: Incoming) -> "Element":
    """The root element: no entities, no document type, a bounded number of elements.

    A body that is no XML for its octets, a control sign or a bare ampersand is mended and read once more: those are
    what a customer typed, and a dialog does not end by that.
    """
    try:
        root = _parsed(incoming.body)
    except Malformed:
        text = body_of(incoming.body, declared_in(incoming.headers.get("content-type", "")))
        root = _parsed(_BARE.sub("&amp;", _NOT_XML.sub("", _NO_SIGN.sub("", text))))
    if root.tag != "dialog":
        raise Malformed("the body is no dialog")
    if sum(1 for _ in root.iter()) > ELEMENTS_MAX:
        raise Malformed("the dialog has too many elements")
    if not root.get("localId") and (root.find(DIALLED) is not None or root.find(ANSWERED) is not None):
        raise Malformed("the dialog has no localId")
    return root


def _parsed(body: bytes | str) -> "Element":
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise Malformed("the body is no XML that is taken here") from None
    return root


def _state(root: "Element") -> _State | None:
    match = _STATE.fullmatch(root.get("userObject", ""))
    return _State(int(match[1]), match[2], match[3]) if match else None


def _caller(message: "Element", state: _State | None) -> str:
    """The message's own msisdn, else what our last answer left; an answer may name nobody.

    Never the dialog's originationReference: that is a node of the network as often as it is a customer.
    """
    msisdn = message.find("msisdn")
    if msisdn is not None:
        return caller(msisdn.get("number", ""), "msisdn")
    if message.tag == DIALLED:
        raise Malformed("the dialog names no msisdn")
    return state.msisdn if state else ""


def _attributes(values: dict[str, str]) -> str:
    return "".join(f' {name}="{escape(_NOT_XML.sub("", value), IN_QUOTES)}"' for name, value in values.items())


def _reply(attributes: dict[str, str], message: str) -> Reply:
    return Reply(
        f'<?xml version="1.0" encoding="UTF-8"?><dialog{_attributes(attributes)}>{message}</dialog>'.encode(), XML
    )
