"""What a telephone did, read from the manager's events of its call (`read = call`). Pure.

OriginateResponse says little: 4 for answered, 3 for no answer in time, 0 for everything else, whatever SIP said. What
came before it tells a telephone that rang, and was refused or left, from one that was never reached. Events of a call
bear its id as ActionID, Uniqueid or Linkedid, and as DestUniqueid or DestLinkedid where another channel dials it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from core.ports import CallEnd

OURS_MAX = 2_000  # calls followed at once; the oldest is let go
ANSWERED = "4"
_IDS = ("ActionID", "Uniqueid", "Linkedid", "DestUniqueid", "DestLinkedid")
_RINGING = "RINGING"  # 183 is PROGRESS: a recorded voice of the network, or ringing; nobody can tell


@dataclass(frozen=True, slots=True)
class CallEnded:
    """Tells how a call that we placed ended."""

    call_id: str
    end: CallEnd
    why: str


@dataclass(slots=True)
class _Progress:
    rang: bool = False
    cause: str = ""
    dialled: str = ""  # BUSY, NOANSWER, CONGESTION, ...

    def why(self, reason: str) -> str:
        parts = (("reason", reason), ("cause", self.cause), ("status", self.dialled))
        return ", ".join(f"{name} {value}" for name, value in parts if value)


class CallProgress:
    """Follows the calls that were placed until they have ended."""

    def __init__(self) -> None:
        self._calls: dict[str, _Progress] = {}

    def placed(self, call_id: str) -> None:
        """Begins to wait for a call's events; called before the order is sent, for they may overtake its answer."""
        while len(self._calls) >= OURS_MAX:
            del self._calls[next(iter(self._calls))]
        self._calls[call_id] = _Progress()

    def forget(self, call_id: str) -> None:
        """Stops waiting for a call that was not placed after all."""
        self._calls.pop(call_id, None)

    def hear(self, event: Mapping[str, str]) -> CallEnded | None:
        """The end of one of ours, once; None for everything else."""
        call_id = next((event[name] for name in _IDS if event.get(name) in self._calls), None)
        if call_id is None:
            return None
        call = self._calls[call_id]
        match event.get("Event"):
            case "Newstate":
                call.rang |= event.get("ChannelStateDesc") == "Ringing" or event.get("ChannelState") == "5"
            case "DialState":
                call.rang |= event.get("DialStatus") == _RINGING
            case "DialEnd":
                call.dialled = event.get("DialStatus", "")
            case "Hangup":
                call.rang |= event.get("ChannelStateDesc") == "Ringing"
                call.cause = event.get("Cause", "")
            case "OriginateResponse":
                return self._ended(call_id, call, event.get("Reason", ""))
        return None

    def _ended(self, call_id: str, call: _Progress, reason: str) -> CallEnded:
        del self._calls[call_id]
        if reason == ANSWERED:
            return CallEnded(call_id, CallEnd.ANSWERED, "answered")
        return CallEnded(call_id, CallEnd.RANG if call.rang else CallEnd.NOT_RUNG, call.why(reason))
