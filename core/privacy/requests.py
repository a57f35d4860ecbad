"""What a person may ask for under law 09-08: everything held of a number, its correction, its erasure.

Erasing keeps what the law wants kept and says so: amounts, bills and dates for the accounts, consent as evidence, the
help desk's log for its period. Every request is written into that log. Nothing is erased under a payment that is open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from core.help_desk.access_log import Access, AccessLog, Action
from core.languages import LanguageCode
from core.ports import Clock
from core.subscribers.emails import email_of
from core.subscribers.lines import mask_msisdn, msisdn

OPERATOR = "operator"  # the role of whoever has the terminal

KEPT = {
    "payments": "amount, bills, line, dates, authorisation and card's last four digits: accounts, ten years",
    "consents": "number, text's version, time and channel: evidence of consent",
    "evidence": "what was shown around a payment, without number or typed text, as long as a dispute can come",
    "lines": "the subscriber's contract belongs to the billing system: it is corrected and ended there",
    "notes": "what the help desk wrote about a payment, with the payment",
    "access_log": "what the help desk looked at, for its own period",
    "wallets": "a request's wallet, amount, dates and transaction there, without the telephone: accounts",
    "paid_elsewhere": "bills that a wallet, bank or counter took: its key, line, amount, dates: accounts",
    "acquirer": "what was sent with a charge (order, amount, e-mail, telephone) is held by the acquirer",
    "counters": "limits in Redis count the number for an hour at most; answers to SMS are remembered for three days",
    "backups": "copies of the database end with their own period",
}
NEVER_HELD = (
    "card numbers, security codes, bank PINs, words of messages, what was typed but for keys of USSD menus, recordings"
)


class StillOpen(Exception):
    """The person's payment is not over: ask again when it is. Nothing was erased."""

    def __init__(self, references: tuple[str, ...]) -> None:
        super().__init__(f"payments are still open: {', '.join(references)}")
        self.references = references


@dataclass(frozen=True, slots=True)
class Erasure:
    """The counts of rows that were erased, and what is kept and why."""

    erased: Mapping[str, int]
    kept: Mapping[str, str]


class PrivacyRepository(Protocol):
    """The rows of one person. Each method is one transaction. All raise DatabaseUnavailable."""

    async def held(self, msisdn: str) -> dict[str, Any]:
        """Everything, by table, ready for JSON once dates are written out."""

    async def correct(
        self, msisdn: str, email: str | None, language: LanguageCode | None, now: datetime
    ) -> dict[str, int]:
        """Rows changed, by table."""

    async def erase(self, msisdn: str, now: datetime) -> dict[str, int]:
        """Rows changed, by table. Raises StillOpen."""


class Conversations(Protocol):
    """The conversations that Redis holds of a number."""

    async def held(self, msisdn: str) -> list[str]:
        """The names of what is there."""

    async def forget(self, msisdn: str) -> int:
        """Drops the conversations of a number. Returns how many."""


class Privacy:
    """Carries out what a person asks under law 09-08, for `who` at the operator's terminal. Raises DatabaseUnavailable,
    and ValueError for a bad number.
    """

    def __init__(
        self,
        books: PrivacyRepository,
        conversations: Conversations,
        log: AccessLog,
        clock: Clock,
        who: str,
        *,
        mail_utf8: bool = False,
    ) -> None:
        """`mail_utf8`: the mail server takes letters beyond ASCII in an address."""
        self._books = books
        self._conversations = conversations
        self._log = log
        self._clock = clock
        self._who = who
        self._mail_utf8 = mail_utf8

    async def export(self, number: str) -> dict[str, Any]:
        """Everything held of a number, as plain values."""
        number = msisdn(number)
        await self._write(Action.EXPORT, number)
        rows = await self._books.held(number)
        return {
            "msisdn": number,
            "exported_at": self._clock.now().isoformat(),
            **rows,
            "conversations": await self._conversations.held(number),
            "never_held": NEVER_HELD,
        }

    async def correct(
        self, number: str, *, email: str | None = None, language: LanguageCode | None = None
    ) -> dict[str, int]:
        """The address receipts go to, and the language a person is spoken to in. Raises ValueError for neither."""
        number = msisdn(number)
        if email is None and language is None:
            raise ValueError("say what to correct: an e-mail address or a language")
        address = None if email is None else email_of(email, utf8=self._mail_utf8)
        await self._write(Action.CORRECT, number)
        return await self._books.correct(number, address, language, self._clock.now())

    async def erase(self, number: str) -> Erasure:
        """Erases whatever does not have to be kept. Safe to repeat. Raises StillOpen."""
        number = msisdn(number)
        await self._write(Action.ERASE, number)
        erased = await self._books.erase(number, self._clock.now())
        return Erasure(erased | {"conversations": await self._conversations.forget(number)}, KEPT)

    async def _write(self, action: Action, number: str) -> None:
        # masked: the log must not keep what is about to be erased
        await self._log.write(Access(self._clock.now(), self._who, OPERATOR, action, detail=mask_msisdn(number)))
