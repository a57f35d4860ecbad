"""MTN MADAPI (protocols/ussd.md): JSON whose messageType says begin, continue, end, notify, cancel or time-out.
Pure.
"""

from enum import IntEnum
from typing import Annotated

from pydantic import Field

from channels.ussd.speaker import PageLimits
from channels.ussd.wires.dialect import Path
from channels.ussd.wires.reading import WHOLE, Body, DialogId, Msisdn, Typed, Word, caller, parsed
from channels.wire import Incoming, Reply
from sessions.turn.turns import Inbound

PREFIX = "mt-"
JSON = "application/json"
DONE, DONE_WORDS = "0000", "Success"


class MessageType(IntEnum):
    """The values of MADAPI's messageType."""

    BEGIN = 0
    CONTINUE = 1
    END = 2
    NOTIFY = 3
    CANCEL = 4
    TIMEOUT = 5


class MadapiAsked(Body):
    """A customer's step, or an event of the dialog."""

    sessionId: DialogId  # noqa: N815 - the dialect's own names, here and below
    messageType: Annotated[int, Field(ge=0, le=5), WHOLE] | Annotated[str, Field(pattern="^[0-5]$")]  # noqa: N815
    msisdn: Msisdn
    serviceCode: Word = ""  # noqa: N815
    ussdString: Typed = ""  # noqa: N815
    transactionId: Word = ""  # noqa: N815


class MadapiData(Body):
    """What the handset shows, and whether it may answer."""

    inboundResponse: str  # noqa: N815
    userInputRequired: bool  # noqa: N815
    messageType: int | str  # noqa: N815
    serviceCode: str  # noqa: N815
    msisdn: str


class MadapiLink(Body):
    """The link that says where the answer came from."""

    href: str = "/ussd/madapi"


class MadapiAnswered(Body):
    """The envelope of MADAPI's answers."""

    statusCode: str = DONE  # noqa: N815
    statusMessage: str = DONE_WORDS  # noqa: N815
    transactionId: str  # noqa: N815
    data: MadapiData
    link: dict[str, MadapiLink] = Field({"self": MadapiLink()}, alias="_link")


class Madapi:
    """POST JSON -> JSON. The begin is told; a repeat of what follows is told by sessions/turn/inbound.py."""

    name = "madapi"
    limits = PageLimits(septets=160, units=80)
    method = "POST"
    names_caller_once = False
    paths = (Path("", MadapiAsked, MadapiAnswered),)

    def decode(self, incoming: Incoming) -> Inbound | Reply:
        request = parsed(MadapiAsked, incoming)
        msisdn, kind = caller(request.msisdn, "msisdn"), MessageType(int(request.messageType))
        echo = {
            "transaction": request.transactionId or request.sessionId,
            "code": request.serviceCode,
            "msisdn": str(request.msisdn),
            "quoted": "yes" if isinstance(request.messageType, str) else "",
        }
        begins = kind is MessageType.BEGIN
        typed = None if begins else request.ussdString
        inbound = Inbound(PREFIX + request.sessionId, msisdn, 0 if begins else None, typed, begins=begins, echo=echo)
        return inbound if kind in (MessageType.BEGIN, MessageType.CONTINUE) else _reply(inbound, "", kind)

    def encode(self, inbound: Inbound, text: str, *, ends: bool) -> Reply:
        return _reply(inbound, text, MessageType.END if ends else MessageType.CONTINUE)


def _reply(inbound: Inbound, text: str, kind: MessageType) -> Reply:
    echo = inbound.echo
    data = MadapiData(
        inboundResponse=text,
        userInputRequired=kind is MessageType.CONTINUE,
        # in the kind of value that this gateway sends itself
        messageType=str(kind.value) if echo["quoted"] else kind.value,
        serviceCode=echo["code"],
        msisdn=echo["msisdn"],
    )
    answered = MadapiAnswered(transactionId=echo["transaction"], data=data)
    return Reply(answered.model_dump_json(by_alias=True).encode(), JSON)
