"""USSD gateways, one small file each. Adding one: its file, its line in WIRES, its recorded requests in tests/."""

from typing import Protocol

from channels.door import Incoming, Reply
from channels.ussd.speak import Limits
from channels.ussd.wires.africastalking import AfricasTalking
from sessions.turn import Heard


class UssdWire(Protocol):
    """A gateway's dialect. Pure; raises Malformed only."""

    name: str
    limits: Limits

    def decode(self, incoming: Incoming) -> Heard | None:
        """What was heard; None for an event that wants no answer but a receipt."""

    def encode(self, heard: Heard, text: str, *, ends: bool) -> Reply: ...


WIRES: dict[str, UssdWire] = {"africastalking": AfricasTalking()}
