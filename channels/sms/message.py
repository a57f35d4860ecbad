"""What SMS gateways bring, in one form for all of them. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from core.repositories import Delivery
from core.subscribers.lines import digits_of, msisdn
from core.typed import number_typed

PROVIDER_ID_CHARS_MAX = 128
ERROR_CHARS_MAX = 64
_NUMBER = re.compile(r"\+?[0-9]{9,15}")


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

    @property
    def reference(self) -> str:
        """Our name of the reply, the same at every repeat."""
        return f"{self.provider}-{self.provider_id}"


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """Tells what a gateway says became of a message. `status` None: nothing to write down."""

    provider_id: str
    status: Delivery | None
    reference: str | None = None
    error: str | None = None


def customer_of(sender: str, to: str, country_codes: Sequence[str]) -> str | None:
    """The MSISDN that may be answered, or None: short and alphanumeric senders, our own number, foreign prefixes.

    A reply to those costs money and feeds loops and SMS pumping (docs/protocols/security.md 14).
    """
    written = sender if _NUMBER.fullmatch(sender) else number_typed(sender) or ""
    if not _NUMBER.fullmatch(written) or digits_of(written) == digits_of(to):
        return None
    try:
        number = msisdn(written)
    except ValueError:
        return None
    return number if number.startswith(tuple(f"+{code}" for code in country_codes)) else None
