"""What becomes of a call once it has ended: rung again, left in peace, or told by a text where to call instead."""

from core.messaging.outbox import CALL_PAUSES_S
from core.ports import CallEnd, Clock
from core.repositories import Delivery, Messages


class KeptCallEnds:
    """Implements core.ports.CallEnds in the books; the text goes out by the outbox."""

    def __init__(self, messages: Messages, clock: Clock) -> None:
        self._messages = messages
        self._clock = clock

    async def __call__(self, call_id: str, end: CallEnd, why: str) -> bool:
        now = self._clock.now()
        match end:
            case CallEnd.ANSWERED:
                return await self._messages.report(Delivery.DELIVERED, now, provider_id=call_id)
            case CallEnd.RANG:
                return await self._messages.call_ended(call_id, why, now, ())
            case CallEnd.NOT_RUNG:
                return await self._messages.call_ended(call_id, why, now, CALL_PAUSES_S)
