"""Infobip (docs/protocols/ussd.md, Aggregators): the dialog and its event in the path, JSON in the body. Pure."""

import re

from pydantic import Field

from channels.ussd.speaker import PageLimits
from channels.ussd.wires.dialect import Path
from channels.ussd.wires.reading import Body, Msisdn, Typed, Word, caller, dialog, parsed
from channels.wire import Incoming, Malformed, Reply
from sessions.turn.turns import Inbound

PREFIX = "ib-"
JSON = "application/json"
TAKEN = 200

_PATH = re.compile(r"/ussd/infobip/session/([^/%]+)/(start|response|end)/?")


class InfobipAsked(Body):
    """A dial or an answer."""

    msisdn: Msisdn
    text: Typed = ""
    shortCode: Word = ""  # noqa: N815 - the dialect's own names, here and below
    imsi: Word = ""
    language: Word = ""


class InfobipOver(Body):
    """The dialog is over, for whatever reason."""

    msisdn: Msisdn | None = None
    exitCode: Word = ""  # noqa: N815
    reason: Word = ""


class InfobipAnswered(Body):
    """What the handset shows, and whether the dialog is over with it."""

    ussdMenu: str  # noqa: N815
    shouldClose: bool  # noqa: N815
    responseExitCode: int = TAKEN  # noqa: N815
    responseMessage: str = ""  # noqa: N815


class InfobipNoted(Body):
    """An end was heard of."""

    responseExitCode: int = TAKEN  # noqa: N815
    responseMessage: str = Field("", description="always empty")  # noqa: N815


class Infobip:
    """POST …/session/{id}/start|response|end. A repeat of an answer is told by sessions/turn/inbound.py."""

    name = "infobip"
    limits = PageLimits(septets=160, units=80)
    method = "POST"
    names_caller_once = False
    paths = (
        Path("/session/{id}/start", InfobipAsked, InfobipAnswered),
        Path("/session/{id}/response", InfobipAsked, InfobipAnswered),
        Path("/session/{id}/end", InfobipOver, InfobipNoted),
    )

    def decode(self, incoming: Incoming) -> Inbound | Reply:
        match = _PATH.fullmatch(incoming.path)
        if match is None:
            raise Malformed("the path names no session")
        session, event = PREFIX + dialog(match[1], "the session's id"), match[2]
        if event == "end":
            parsed(InfobipOver, incoming)
            return Reply(InfobipNoted().model_dump_json().encode(), JSON)
        request = parsed(InfobipAsked, incoming)
        msisdn, begins = caller(request.msisdn, "msisdn"), event == "start"
        return Inbound(session, msisdn, 0 if begins else None, None if begins else request.text, begins=begins)

    def encode(self, inbound: Inbound, text: str, *, ends: bool) -> Reply:
        return Reply(InfobipAnswered(ussdMenu=text, shouldClose=ends).model_dump_json().encode(), JSON)
