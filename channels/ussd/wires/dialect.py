"""What a USSD gateway's dialect is made of. Pure."""

from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel

from channels.ussd.speaker import PageLimits
from channels.wire import Incoming, Reply
from sessions.turn.turns import Inbound


@dataclass(frozen=True, slots=True)
class Path:
    """A path below /ussd/<wire>, and the JSON that goes in and out there, for GET /openapi.json."""

    below: str = ""
    asked: type[BaseModel] | None = None
    answered: type[BaseModel] | None = None


class UssdWire(Protocol):
    """A gateway's dialect. Pure; raises Malformed only."""

    name: str
    limits: PageLimits
    method: str
    names_caller_once: bool  # only a dialog's begin is sure to name its caller; Heard.msisdn may be empty after it

    @property
    def paths(self) -> tuple[Path, ...]: ...

    def decode(self, incoming: Incoming) -> Inbound | Reply:
        """Returns what was heard; or, for an event that changes nothing (an end, an abort, a time-out), its receipt."""

    def encode(self, inbound: Inbound, text: str, *, ends: bool) -> Reply:
        """The answer; `ends` where the dialog is over."""
