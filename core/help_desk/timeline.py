"""What happened to a payment, as one list: its states, its messages, what the help desk did and wrote. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Source(StrEnum):
    """Names who tells a line of a payment's story."""

    PAYMENT = "payment"  # `what` is an event, `status` the state after it
    MESSAGE = "message"  # `what` is the kind of message, `status` how far it got
    NOTE = "note"
    DESK = "desk"  # `what` is an access.Action
    UNDO = "undo"  # `what` is a state of undoing.UndoState, `detail` the reason


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A line of a payment's story. `until`: when a message's status was last heard of. `request`: whose log lines tell
    more, or none.
    """

    at: datetime
    what: str
    status: str
    detail: str | None = None
    source: Source = Source.PAYMENT
    who: str = ""
    until: datetime | None = None
    request: str = ""
