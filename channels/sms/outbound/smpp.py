"""SMS out over one SMSC: implements ports.Texter. Each part is submitted until it is accepted, and then never again.

What the SMSC did not answer in time may have been sent: its answer is still listened for, and a try that comes
meanwhile waits for that one instead of sending a second (docs/protocols/sms.md).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from channels.carriers.smpp.ids import fold_id
from channels.carriers.smpp.link import Link, Throttled
from channels.carriers.smpp.message import WANTS_RECEIPT, Address, ShortMessage
from channels.carriers.smpp.parts import split
from channels.carriers.smpp.receipts import Receipt
from channels.carriers.smpp.session import WINDOW_MAX_S, NotBound, SubmitAnswer
from channels.carriers.smpp.statuses import HOPELESS, CommandStatus, name_of
from channels.sms.deduplication import AWAY_S, MemoryDown
from channels.sms.outbound.smpp_parts import SentParts
from core.ports import DeliveryFailed, OutgoingSms
from core.repositories import DatabaseUnavailable

log = logging.getLogger(__name__)

FLYING_MAX = 2_000
LINK_AWAY_S = 5.0

Early = Callable[[str, Receipt], Awaitable[object]]
Flight = asyncio.Task[SubmitAnswer]


class SmppTexter:
    """Implements core.ports.Texter over one SMSC. Belongs to one event loop."""

    def __init__(self, link: Link, sent: SentParts, short_code: str, early: Early) -> None:
        """`early` takes receipts that came before the answer to their submit."""
        account = link.account
        self._link = link
        self._sent = sent
        self._early = early
        self._source = Address(account.source or short_code, account.source_ton, account.source_npi)
        self._flying: dict[tuple[str, int], Flight] = {}

    async def send(self, sms: OutgoingSms) -> str:
        """The first part's id, after the SMSC's name. Raises DeliveryFailed."""
        name = self._link.account.name
        if len(self._flying) >= FLYING_MAX:
            raise DeliveryFailed(f"{name} has too much to do", retryable=True, again_in_s=LINK_AWAY_S)
        try:
            begun = await self._sent.begin(sms.reference, sms.to_msisdn)
        except MemoryDown as error:
            raise DeliveryFailed("Redis is away", retryable=True, again_in_s=AWAY_S) from error
        message = ShortMessage(self._source, Address.of(sms.to_msisdn), registered_delivery=WANTS_RECEIPT)
        parts = split(sms.text, begun.reference, message, self._link.account.alphabet)
        missing = [number for number in range(1, len(parts) + 1) if number not in begun.accepted]
        flights = [self._flight(sms.reference, number, parts) for number in missing]
        if flights:
            await asyncio.wait(flights, timeout=WINDOW_MAX_S + self._link.account.response_s)
        ids = dict(begun.accepted)
        failures: list[Exception | SubmitAnswer | None] = []
        for number, flight in zip(missing, flights, strict=True):
            end = _end_of(flight)
            if isinstance(end, SubmitAnswer) and end.status == CommandStatus.ROK:
                ids[number] = end.message_id
            else:
                failures.append(end)
        if failures:
            raise _failed(name, failures, some_sent=bool(ids))
        return f"{name}:{ids[1] or sms.reference}"  # an SMSC may give no id at all

    def _flight(self, reference: str, number: int, parts: Sequence[ShortMessage]) -> Flight:
        """The submit of a part that is under way already, else a new one."""
        key = reference, number
        flying = self._flying.get(key)
        if flying is None:
            flying = asyncio.create_task(self._submit(reference, number, parts), name=f"submit {reference} {number}")
            self._flying[key] = flying
            flying.add_done_callback(lambda task: self._landed(key, task))
        return flying

    def _landed(self, key: tuple[str, int], flight: Flight) -> None:
        del self._flying[key]
        if not flight.cancelled():
            flight.exception()  # looked at: whoever sent it may have gone on

    async def _submit(self, reference: str, number: int, parts: Sequence[ShortMessage]) -> SubmitAnswer:
        name = self._link.account.name
        answer = await self._link.submit(parts[number - 1])
        if answer.status != CommandStatus.ROK:
            return answer
        message_id = fold_id(answer.message_id, self._link.account.ids)
        try:
            early = await self._sent.accepted(name, reference, (number, len(parts)), message_id)
            if early is not None:
                await self._early(name, early)
        except (MemoryDown, DatabaseUnavailable):  # sent is sent; its receipts will find nobody
            log.exception("message %s: part %d was accepted, which cannot be remembered", reference, number)
        return SubmitAnswer(answer.status, message_id)


def _end_of(flight: Flight) -> Exception | SubmitAnswer | None:
    """None: not answered yet."""
    if not flight.done():
        return None
    if flight.cancelled():
        return NotBound("cancelled")
    error = flight.exception()
    if error is None:
        return flight.result()
    if not isinstance(error, Exception):
        raise error
    return error


def _failed(name: str, failures: Sequence[Exception | SubmitAnswer | None], *, some_sent: bool) -> DeliveryFailed:
    """One error for the whole message, the gravest: what may have been sent stays with this SMSC."""
    refused = [end.status for end in failures if isinstance(end, SubmitAnswer)]
    hopeless = [status for status in refused if status in HOPELESS]
    if hopeless:
        return DeliveryFailed(f"{name}: {name_of(hopeless[0])}", retryable=False)
    pauses_s = [_pause_s(end) for end in failures if isinstance(end, Throttled | NotBound)]
    if len(refused) + len(pauses_s) < len(failures):
        return DeliveryFailed(f"{name}: no answer, maybe sent", retryable=True, maybe_sent=True)
    if refused:
        return DeliveryFailed(f"{name}: {name_of(refused[0])}", retryable=True, maybe_sent=some_sent)
    why = f"{name}: {failures[0]}"
    return DeliveryFailed(why, retryable=True, maybe_sent=some_sent, again_in_s=max(pauses_s))


def _pause_s(end: Throttled | NotBound) -> float:
    return end.again_in_s if isinstance(end, Throttled) else LINK_AWAY_S
