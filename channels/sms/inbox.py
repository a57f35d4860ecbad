"""One text in, at most one reply out: who is answered, how often, and a repeat the same way as the first time.

A reply is remembered beside the message's id before it is given. When the till or Redis is away nothing is remembered
and the gateway's repeat counts as a first time; until then the customer is told so where the reply is the answer to
the request (`take`), and the gateway keeps the message where the reply is a message of its own (`store`).
"""

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from channels.limits import Limit, Limits, LimitsDown
from channels.observer import TextCounts, TranscriptRecorder, uncounted
from channels.sms.answers import Answers, Said
from channels.sms.deduplication import AlreadyAnswered, MemoryDown
from channels.sms.message import DeliveryStatus, MoMessage, OptOut
from core.ports import BillingDown, Clock
from core.repositories import DatabaseUnavailable, Delivery, Messages
from core.subscribers.lines import digits_of, mask_msisdn
from core.subscribers.lines import msisdn as msisdn_of
from core.typed import number_typed

log = logging.getLogger(__name__)

COPY_LOOKS_MAX = 40  # a copy waits at most 4 s for the first one's answer
COPY_PAUSE_S = 0.1
SAME_MAX = 3  # a machine's text is answered twice: the third time ends the loop
PREFIX_CHARS = 7  # "+212600": a block of numbers
_NUMBER = re.compile(r"\+?[0-9]{9,15}")
DOWN: tuple[type[Exception], ...] = (DatabaseUnavailable, BillingDown, LimitsDown, MemoryDown)


class NotStored(Exception):
    """Nothing was kept, by our fault. The gateway is to bring the message again."""


class Seen(Protocol):
    """The messages that were answered (deduplication.RedisDeduplication). Raises MemoryDown."""

    async def claim(self, reference: str) -> bool | AlreadyAnswered: ...

    async def keep(self, reference: str, text: str | None) -> None: ...

    async def release(self, reference: str) -> None: ...

    async def times(self, msisdn: str, text: str) -> int: ...


@dataclass(frozen=True, slots=True)
class SmsLimits:
    """Texts that are answered, per sender, per block of numbers and in all (docs/protocols/security.md 14)."""

    sender: int = 10
    sender_day: int = 50
    prefix: int = 1_000
    everyone: int = 30_000
    window_s: int = 600

    def of(self, msisdn: str) -> tuple[Limit, ...]:
        return (
            Limit("sender", msisdn, self.sender, self.window_s),
            Limit("sender-day", msisdn, self.sender_day, 24 * 3600),
            Limit("prefix", msisdn[:PREFIX_CHARS], self.prefix, self.window_s),
            Limit("everyone", "all", self.everyone, self.window_s),
        )

    def told(self, msisdn: str) -> tuple[Limit, ...]:
        return (Limit("told", msisdn, 1, self.window_s), Limit("everyone", "all", self.everyone, self.window_s))


@dataclass(frozen=True, slots=True)
class InboxDependencies:
    """The stores and recorders that the inbox works with."""

    seen: Seen
    limits: Limits
    messages: Messages
    clock: Clock
    transcripts: TranscriptRecorder | None = None
    counts: TextCounts = uncounted


class Inbox:
    """Takes texts and delivery reports of all SMS gateways."""

    def __init__(
        self,
        answers: Answers,
        post: InboxDependencies,
        *,
        country_codes: Sequence[str] = ("212",),
        limits: SmsLimits | None = None,
        copy_looks_max: int = COPY_LOOKS_MAX,
    ) -> None:
        """`country_codes`: without "+", of the numbers that are answered."""
        self._answers = answers
        self._post = post
        self._country_codes = tuple(country_codes)
        self._limits = limits or SmsLimits()
        self._copy_looks_max = copy_looks_max

    async def take(self, message: MoMessage) -> str | None:
        """The reply, None for silence. Raises what nobody foresaw, with the message left to be repeated."""
        try:
            return await self._counted(message, Delivery.SENT)
        except DOWN:
            log.exception("text %s cannot be answered now", reference_of(message))
            return self._answers.unavailable(message.text)

    async def store(self, message: MoMessage) -> None:
        """Takes a text of a gateway whose reply is a message of its own: it waits in the outbox when this returns.

        Raises NotStored, and what nobody foresaw, with the message left to be repeated.
        """
        reference = reference_of(message)
        try:
            if await self._counted(message, Delivery.QUEUED) is not None:
                # also for a repeat: whoever answered the first one may have died before this
                await self._post.messages.release(reference, self._post.clock.now())
        except DOWN as error:
            log.exception("text %s cannot be kept now", reference)
            raise NotStored(reference) from error

    async def report(self, status: DeliveryStatus) -> None:
        """Writes down what became of a message; a state never goes backwards. Raises DatabaseUnavailable."""
        if status.status is None or status.status is Delivery.QUEUED:  # as every message is from its first moment
            return
        await self._post.messages.report(
            status.status,
            self._post.clock.now(),
            reference=status.reference,
            provider_id=status.provider_id,
            error=status.error,
        )

    def unavailable(self, message: MoMessage) -> str | None:
        """The answer when `take` raised; None for those who are never answered."""
        customer = customer_of(message.sender, message.to, self._country_codes)
        return None if customer is None else self._answers.unavailable(message.text)

    async def _counted(self, message: MoMessage, status: Delivery) -> str | None:
        outcome = "failed"
        try:
            reply = await self._once(message, status)
            outcome = "silent" if reply is None else "answered"
        except DOWN:
            outcome = "later"
            raise
        finally:
            self._post.counts(message.provider, outcome).inc()
        return reply

    async def _once(self, message: MoMessage, status: Delivery) -> str | None:
        """The reply, made once. Raises DOWN and what nobody foresaw, with nothing remembered."""
        reference = reference_of(message)
        msisdn = customer_of(message.sender, message.to, self._country_codes)
        if msisdn is None:
            log.info("text %s: not from a number that is answered", reference)
            return None
        claimed = await self._claim(reference)
        if isinstance(claimed, AlreadyAnswered):
            return claimed.text
        try:
            answer = await self._reply(message, reference, msisdn)
            if answer is not None:
                await self._post.messages.record(
                    reference,
                    answer.kind,
                    msisdn,
                    self._post.clock.now(),
                    status=status,
                    route=message.provider,
                )
            reply = answer.text if answer else None
            await self._post.seen.keep(reference, reply)
            if answer is not None and self._post.transcripts is not None:
                self._post.transcripts.text(msisdn, reference, message.provider, answer.kind)
        except BaseException:
            await asyncio.shield(self._release_quietly(reference))
            raise
        return reply

    async def _claim(self, reference: str) -> AlreadyAnswered | None:
        """None when the message is ours to answer; a copy waits for the first one, and succeeds it when that died."""
        for _ in range(self._copy_looks_max):
            claimed = await self._post.seen.claim(reference)
            if isinstance(claimed, AlreadyAnswered):
                return claimed
            if claimed:
                return None
            await asyncio.sleep(COPY_PAUSE_S)
        return None

    async def _reply(self, message: MoMessage, reference: str, msisdn: str) -> Said | None:
        if message.opt_out is not None:
            if message.opt_out is not OptOut.HELP:
                await self._answers.opted(msisdn, out=message.opt_out is OptOut.STOP)
            return None
        used_up = await self._post.limits.spend(self._limits.of(msisdn))
        if used_up is not None:
            log.warning("text %s from %s: limit %s", reference, mask_msisdn(msisdn), used_up.name)
            if await self._post.limits.spend(self._limits.told(msisdn)) is not None:
                return None
            return Said(self._answers.too_many(message.text))
        if message.torn:
            return await self._answers.torn(msisdn)
        answer = await self._answers.answer(msisdn, message.text)
        if answer is not None and answer.may_loop and await self._post.seen.times(msisdn, message.text) >= SAME_MAX:
            log.info("text %s: the same for the %d. time: silence", reference, SAME_MAX)
            return None
        return answer

    async def _release_quietly(self, reference: str) -> None:
        try:
            await self._post.seen.release(reference)
        except MemoryDown:
            log.warning("text %s stays claimed for a while", reference)


def reference_of(message: MoMessage) -> str:
    """Our name of the reply to a message, the same at every repeat."""
    return f"{message.provider}-{message.provider_id}"


def customer_of(sender: str, to: str, country_codes: Sequence[str]) -> str | None:
    """The MSISDN that may be answered, or None: short and alphanumeric senders, our own number, foreign prefixes.

    A reply to those costs money and feeds loops and SMS pumping (docs/protocols/security.md 14).
    """
    written = sender if _NUMBER.fullmatch(sender) else number_typed(sender) or ""
    if not _NUMBER.fullmatch(written) or digits_of(written) == digits_of(to):
        return None
    try:
        number = msisdn_of(written)
    except ValueError:
        return None
    return number if number.startswith(tuple(f"+{code}" for code in country_codes)) else None
