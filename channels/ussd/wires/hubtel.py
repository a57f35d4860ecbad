"""Hubtel (docs/protocols/ussd.md, Aggregators): JSON whose Sequence tells a repeat. Pure."""

from typing import Annotated, Literal

from pydantic import Field

from channels.ussd.speaker import PageLimits
from channels.ussd.wires.dialect import Path
from channels.ussd.wires.reading import WHOLE, Body, DialogId, Msisdn, Typed, Word, caller, parsed
from channels.wire import Incoming, Reply
from sessions.turn.turns import Inbound

PREFIX = "ht-"
JSON = "application/json"
SEQUENCE_MAX = 100_000
LABEL_CHARS_MAX = 40
BEGINS, ENDED = "initiation", ("release", "timeout")
KINDS = (BEGINS, "response", "query", *ENDED)
ANY_CASE = ["".join(f"[{letter.upper()}{letter}]" for letter in kind) for kind in KINDS]


class HubtelAsked(Body):
    """A customer's step, or the dialog's end."""

    SessionId: DialogId
    Type: Annotated[str, Field(pattern=f"^({'|'.join(ANY_CASE)})$")]
    Mobile: Msisdn
    Message: Typed = ""
    Sequence: (
        Annotated[int, Field(ge=0, le=SEQUENCE_MAX), WHOLE] | Annotated[str, Field(pattern="^[0-9]{0,5}$")] | None
    ) = None
    ServiceCode: Word = ""
    Operator: Word = ""
    Platform: Word = ""
    ClientState: Word = ""


class HubtelAnswered(Body):
    """What the handset shows; Label, DataType and FieldType are for Hubtel's app and web."""

    SessionId: str
    Type: Literal["response", "release"]
    Message: str
    Label: str
    ClientState: str
    DataType: Literal["input", "display"]
    FieldType: Literal["text"] = "text"


class Hubtel:
    """POST JSON -> JSON."""

    name = "hubtel"
    limits = PageLimits(septets=160, units=80)
    method = "POST"
    names_caller_once = False
    paths = (Path("", HubtelAsked, HubtelAnswered),)

    def decode(self, incoming: Incoming) -> Inbound | Reply:
        request = parsed(HubtelAsked, incoming)
        msisdn, kind = caller(request.Mobile, "Mobile"), request.Type.lower()
        begins = kind == BEGINS
        order = int(request.Sequence) if request.Sequence or request.Sequence == 0 else None
        echo = {"session": request.SessionId, "state": request.ClientState}
        typed = None if begins else request.Message
        inbound = Inbound(PREFIX + request.SessionId, msisdn, 0 if begins else order, typed, begins=begins, echo=echo)
        return _reply(inbound, "", ends=True) if kind in ENDED else inbound

    def encode(self, inbound: Inbound, text: str, *, ends: bool) -> Reply:
        return _reply(inbound, text, ends=ends)


def _reply(inbound: Inbound, text: str, *, ends: bool) -> Reply:
    answered = HubtelAnswered(
        SessionId=inbound.echo["session"],
        Type="release" if ends else "response",
        Message=text,
        Label=text.partition("\n")[0][:LABEL_CHARS_MAX],
        ClientState=inbound.echo["state"],
        DataType="display" if ends else "input",
    )
    return Reply(answered.model_dump_json().encode(), JSON)
