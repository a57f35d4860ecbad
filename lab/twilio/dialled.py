"""What a telephone call is made of: who calls whom, at what pace, what is heard. Pure."""

from dataclasses import dataclass
from enum import StrEnum

API_VERSION = "2010-04-01"
RING_MAX_S = 60.0


class CallStatus(StrEnum):
    """Twilio's words."""

    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"


class Direction(StrEnum):
    """Twilio's words."""

    INBOUND = "inbound"
    OUTBOUND = "outbound-api"


PAUSE_FACTOR_GROWN_MAX = 0.25
PAUSES_GROW_MAX = 16


@dataclass(frozen=True, slots=True)
class Pace:
    """`pause_factor`: how much of a pause really passes, and of a sentence unless `speech_factor` tells. `timers`: do
    Gathers end by themselves in silence? A script says when it is silent, so that no test depends on this machine's
    speed; of pauses in a row each passes `growth` times as much, up to a quarter, so that a busy machine's answer is
    waited for."""

    pause_factor: float = 0.05
    timers: bool = False
    speech_factor: float | None = None
    growth: float = 2.0

    def pause_s(self, length_s: float, before: int) -> float:
        """How long a pause takes that follows so many others, in seconds."""
        grown = min(self.pause_factor * self.growth ** min(before, PAUSES_GROW_MAX), PAUSE_FACTOR_GROWN_MAX)
        return length_s * max(self.pause_factor, grown)


SCRIPTED = Pace()
INTERACTIVE = Pace(1.0, timers=True)
WATCHED = Pace(1.0, speech_factor=0.05)  # somebody reads the captions: no silence ends a Gather, pauses are real


@dataclass(frozen=True, slots=True)
class Caption:
    """What the customer hears: words with their language, or a recording's URL."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Dialled:
    """Who calls whom, and where the application is asked."""

    sid: str
    account_sid: str
    from_number: str
    to_number: str
    direction: Direction
    url: str
    method: str = "POST"
    status_url: str = ""
    status_events: frozenset[str] = frozenset({"completed"})
    ring_max_s: float = RING_MAX_S

    @property
    def customer(self) -> str:
        """The number of the customer's phone, whoever called."""
        return self.from_number if self.direction is Direction.INBOUND else self.to_number

    def resource(self, status: str) -> dict[str, object]:
        """The call as Twilio's REST API writes it."""
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "from": self.from_number,
            "to": self.to_number,
            "direction": self.direction.value,
            "status": status,
            "uri": f"/{API_VERSION}/Accounts/{self.account_sid}/Calls/{self.sid}.json",
        }

    def fields(self, status: CallStatus) -> dict[str, str]:
        """What every webhook of the call carries (docs/protocols/ivr.md)."""
        return {
            "CallSid": self.sid,
            "AccountSid": self.account_sid,
            "From": self.from_number,
            "To": self.to_number,
            "Caller": self.from_number,
            "Called": self.to_number,
            "CallStatus": status.value,
            "Direction": self.direction.value,
            "ApiVersion": API_VERSION,
            "FromCountry": "MA",
            "ToCountry": "MA",
        }
