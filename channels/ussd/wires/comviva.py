"""Comviva Flares, pull (docs/protocols/ussd.md): a GET a key, the answer's way told by the header Freeflow. Pure."""

from channels.ussd.speaker import PageLimits
from channels.ussd.wires.dialect import Path
from channels.ussd.wires.reading import TYPED_CHARS_MAX, caller, dialog
from channels.wire import Incoming, Malformed, Reply, required
from sessions.turn.turns import Inbound

PREFIX = "cv-"
GOES_ON, ENDS = "FC", "FB"
UNCHARGED = {"charge": "N", "amount": "0"}


class Comviva:
    """GET SessionID, MSISDN, MSC, input -> text/plain; a clean-up call (clean, error) when a dialog has died.

    Nothing tells a dialog's begin or a request's place in it: whatever comes first opens the dialog, and a repeat is
    told by sessions/turn/inbound.py.
    """

    name = "comviva"
    limits = PageLimits(septets=160, units=80)
    method = "GET"
    names_caller_once = False
    paths = (Path(),)

    def decode(self, incoming: Incoming) -> Inbound | Reply:
        # the pull spells MSISDN, the clean-up msisdn
        fields = {name.lower(): value for name, value in incoming.params().items()}
        session = PREFIX + dialog(required(fields, "sessionid"), "SessionID")
        if "clean" in fields or "error" in fields:
            return _reply("", ENDS)
        msisdn = caller(required(fields, "msisdn"), "MSISDN")
        typed = fields.get("input", "")  # nothing was typed: no fault of the customer's that ends a dialog
        if len(typed) > TYPED_CHARS_MAX:
            raise Malformed("input is too long")
        return Inbound(session, msisdn, None, typed, begins=True)

    def encode(self, inbound: Inbound, text: str, *, ends: bool) -> Reply:
        return _reply(text, ENDS if ends else GOES_ON)


def _reply(text: str, freeflow: str) -> Reply:
    return Reply(text.encode(), headers={"Freeflow": freeflow, **UNCHARGED})
