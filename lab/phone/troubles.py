"""What can be made to go wrong at a click; a part that is no stand-in (its setting was given) is left alone."""

from enum import StrEnum

from lab.cmi.lies import Manner
from lab.cmi.stand import EmulatedCmi
from lab.twilio.server import Fault, Twilio

SLOW_BANK_S = 8.0
SLOW_SHARE = 0.6  # of the wait for an answer, where that is short: a slow bank answers in time


class Trouble(StrEnum):
    """A fault that stays armed until it has struck or is taken back."""

    SLOW_BANK = "slow-bank"  # the next charge takes SLOW_BANK_S, or less where nobody waits so long
    SILENT_BANK = "silent-bank"  # the next charge is carried out and never answered
    MUTE_SMSC = "mute-smsc"  # texts are accepted and never delivered


_MANNERS = {Trouble.SLOW_BANK: Manner.SLOW, Trouble.SILENT_BANK: Manner.SILENT_AFTER_CHARGING}


class Troubles:
    """A hand on the stand-ins."""

    def __init__(self, twilio: Twilio, cmi: EmulatedCmi | None, bank_timeout_s: float) -> None:
        """`bank_timeout_s`: how long Khallas waits for the bank."""
        self._twilio, self._cmi = twilio, cmi
        self._slow_s = min(SLOW_BANK_S, SLOW_SHARE * bank_timeout_s)

    def state(self) -> dict[str, bool | None]:
        """Armed or not by name; None where it cannot be."""
        states: dict[str, bool | None] = {trouble.value: self._lying(manner) for trouble, manner in _MANNERS.items()}
        return states | {Trouble.MUTE_SMSC.value: self._twilio.messages_fault is Fault.MUTE}

    def turn(self, trouble: Trouble, *, on: bool) -> None:
        """Arm it or take it back."""
        if trouble is Trouble.MUTE_SMSC:
            self._twilio.messages_fault = Fault.MUTE if on else Fault.NONE
        elif self._cmi is not None:
            manner, book = _MANNERS[trouble], self._cmi.gateway.lies
            book.lies = [lie for lie in book.lies if lie.manner is not manner]
            if on:
                self._cmi.lie(manner, seconds=self._slow_s)

    def _lying(self, manner: Manner) -> bool | None:
        if self._cmi is None:
            return None
        return any(lie.manner is manner and lie.times != 0 for lie in self._cmi.gateway.lies.lies)
