"""A mobile line's payment code, texted to that line's own contact number. Only who holds that telephone reads it."""

from collections.abc import Callable
from typing import Protocol

from core.ids import Ids
from core.languages import LanguageCode
from core.ports import BillingSystem, Clock
from core.repositories import Delivery, MessageKind, Messages, People
from core.subscribers.lines import ServiceType, SubscribedLine, reachable

REFERENCE = "web-code-"
WordsOfCode = Callable[[LanguageCode, SubscribedLine, str], str]


class KeptReplies(Protocol):
    """The store in which the words of an answer rest, sealed, until it is sent."""

    async def keep(self, reference: str, text: str | None) -> None: ...


class CodeTexts:
    """Sends payment codes by text. Raises DatabaseUnavailable, BillingDown, and what the kept replies raise."""

    def __init__(
        self,
        billing: BillingSystem,
        people: People,
        messages: Messages,
        replies: KeptReplies,
        words: WordsOfCode,
        clock: Clock,
    ) -> None:
        self._billing = billing
        self._people = people
        self._messages = messages
        self._replies = replies
        self._words = words
        self._clock = clock
        self._ids = Ids()

    async def send(self, reference: str) -> bool:
        """Queue the text; False for a line that there is not, or that no telephone stands behind."""
        line = await self._billing.line(ServiceType.MOBILE, reference)
        if line is None or not reachable(line.contact_msisdn):
            return False
        code = await self._billing.code_of(ServiceType.MOBILE, reference)
        if code is None:
            return False
        language, _ = await self._people.remembered(line.contact_msisdn)
        now = self._clock.now()
        name = f"{REFERENCE}{self._ids.payment(now)}"
        await self._messages.record(name, MessageKind.CODE_SMS, line.contact_msisdn, now, status=Delivery.QUEUED)
        await self._replies.keep(name, self._words(language or line.language, line, code))
        await self._messages.release(name, now)
        return True
