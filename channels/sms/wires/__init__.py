"""SMS gateways, one small file each. Adding one: its file, its line in WIRES, its recorded requests in tests/wires."""

from typing import Protocol

from channels.sms.message import DeliveryStatus, MoMessage
from channels.sms.wires.kannel import KannelSmsWire
from channels.sms.wires.twilio import TwilioSmsWire
from channels.wire import Incoming, Reply


class SmsWire(Protocol):
    """A gateway's dialect. Pure; raises Malformed only.

    `replies_later`: the reply is a message of its own, by the outbox; the request is answered once that is kept.
    """

    name: str
    replies_later: bool
    method: str
    path: str
    status_path: str

    def decode(self, incoming: Incoming) -> MoMessage:
        """A text from a customer."""

    def encode(self, text: str | None, status_url: str) -> Reply:
        """The reply, None for silence; its delivery is reported to `status_url`."""

    def decode_status(self, incoming: Incoming) -> DeliveryStatus:
        """Reads a delivery report."""


WIRES: dict[str, SmsWire] = {"twilio": TwilioSmsWire(), "kannel": KannelSmsWire()}
