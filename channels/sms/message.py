"""What SMS gateways bring, in one form for all of them. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum

from core.repositories import Delivery

PROVIDER_ID_CHARS_MAX = 128
ERROR_CHARS_MAX = 64


class OptOut(StrEnum):
    """A keyword the gateway has answered by itself: we stay silent (docs/protocols/sms.md)."""

    STOP = "stop"
    HELP = "help"
    START = "start"


@dataclass(frozen=True, slots=True)
class MoMessage:
    """A text from a customer. `sender` is as the gateway wrote it: a number, a short code or letters.

    The words are never shown or logged: they may hold a card number.
    """

    provider: str
    provider_id: str
    sender: str
    to: str
    text: str = field(repr=False)
    opt_out: OptOut | None = None
    torn: bool = False  # a part of it never came: nothing of it is read


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """Tells what a gateway says became of a message. `status` None: nothing to write down."""

    provider_id: str
    status: Delivery | None
    reference: str | None = None
    error: str | None = None
