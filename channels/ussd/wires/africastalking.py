"""Africa's Talking (protocols/ussd.md, Aggregators): all inputs so far joined by `*`, answered CON or END. Pure."""

from channels.ussd.speaker import PageLimits
from channels.ussd.wires.dialect import Path
from channels.ussd.wires.reading import caller
from channels.wire import Incoming, Malformed, Reply, required
from sessions.turn.turns import Inbound

SESSION_ID_MAX = 128


class AfricasTalking:
    """POST form sessionId, serviceCode, phoneNumber, networkCode, text -> text/plain `CON …` or `END …`."""

    name = "africastalking"
    limits = PageLimits(septets=160, units=80)
    method = "POST"
    names_caller_once = False
    paths = (Path(),)

    def decode(self, incoming: Incoming) -> Inbound | Reply:
        form = incoming.form()
        session = required(form, "sessionId")
        if len(session) > SESSION_ID_MAX:
            raise Malformed("sessionId is too long")
        if "status" in form:  # the end event: the dialog is over, nobody reads an answer
            return Reply(b"")
        msisdn = caller(required(form, "phoneNumber"), "phoneNumber")
        text = form.get("text", "")
        # the count of inputs only grows within a dialog: it tells a repeat from a new key
        order = text.count("*") + 1 if text else 0
        typed = text.rpartition("*")[2] if text else None  # until the request before is known: sessions/turn/inbound.py
        return Inbound(session, msisdn, order, typed, begins=order <= 1, so_far=text)

    def encode(self, inbound: Inbound, text: str, *, ends: bool) -> Reply:
        return Reply(f"{'END' if ends else 'CON'} {text}".encode())
