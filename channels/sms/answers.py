"""What a customer's text is answered. Knows no gateway and no socket; limits and repeats are the inbox's business.

The reply goes to the sending mobile and speaks of its own lines only; a number inside the text is never looked up.
STOP is remembered, and ends nothing that a customer asked for: every message Khallas sends is an answer or tells of
that customer's own money, so there is no other message to stop.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from channels.sms.keywords import (
    Chosen,
    Keyword,
    KeywordAsked,
    NoKeyword,
    TextMeaning,
    hear,
    may_be_a_machine,
    script_language,
)
from channels.sms.words import CHOICES_MAX, Words
from core.billing.invoices import Invoice, total
from core.languages import LanguageCode
from core.money import dh
from core.payments.refusal import Refusal
from core.payments.table import UNDECIDED, Payment, PaymentState
from core.ports import BillingDown, BillingSystem
from core.repositories import People
from core.subscribers.lines import ServiceType, SubscribedLine, mask_reference
from core.wallets.port import WalletTerms

BILL_LINES_MAX = 20  # read for one text; whoever has more is served at the help number

Reference = tuple[ServiceType, str]
PayLink = Callable[[str], str]  # of a payment's id


class AnswerKind(StrEnum):
    """Tells in the message log what an answer said; its words are never kept."""

    CODE = "code_sms"
    ANSWER = "answer_sms"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer and its kind."""

    text: str
    kind: AnswerKind = AnswerKind.ANSWER
    may_loop: bool = False  # to what a machine may have written: three of the same are enough


class SmsPayments(Protocol):
    """The part of core.payments.service.PaymentService that texts need. Raises DatabaseUnavailable, BillingDown."""

    async def remember_language(self, msisdn: str, language: LanguageCode) -> None: ...

    async def open_payment(self, msisdn: str) -> Payment | None: ...

    async def unpaid(self, service: ServiceType, reference: str) -> tuple[Invoice, ...] | Refusal: ...


class Memory(Protocol):
    """The memory between two texts of a customer. Raises MemoryDown."""

    async def offer(self, msisdn: str, references: tuple[Reference, ...]) -> None:
        """A numbered list was sent; forgotten after ten minutes."""

    async def offered(self, msisdn: str) -> tuple[Reference, ...]: ...

    async def stop(self, msisdn: str, *, stopped: bool) -> None: ...


def code_text(words: Words, language: LanguageCode, line: SubscribedLine, code: str) -> str:
    """Words one line's payment code, whether it was asked for by a text or in a browser."""
    return words.say(language, "code", line=mask_reference(line.reference), code=code)


class Answers:
    """Answers texts. Raises DatabaseUnavailable, BillingDown, MemoryDown; then `unavailable` is what to say."""

    def __init__(
        self,
        words: Words,
        people: People,
        billing: BillingSystem,
        till: SmsPayments,
        memory: Memory,
        *,
        default_language: LanguageCode = LanguageCode.FR,
        pay_link: PayLink | None = None,
        wallets: Sequence[WalletTerms] = (),
    ) -> None:
        """`pay_link` makes the address where a basket is paid in a browser; None where nobody pays in one. `wallets`:
        those that USSD may offer."""
        self._wallets = tuple(wallets)
        self._pay_link = pay_link
        self._words = words
        self._people = people
        self._billing = billing
        self._till = till
        self._memory = memory
        self._default = default_language

    async def answer(self, msisdn: str, text: str) -> Said | None:
        """The reply to one text, in the script's language, else the stored one, else the default; None for silence."""
        meaning = hear(text)
        if meaning.is_reaction:
            return None
        said = await self._answer(msisdn, meaning)
        return replace(said, may_loop=True) if may_be_a_machine(text) else said

    async def _answer(self, msisdn: str, meaning: TextMeaning) -> Said:
        language = meaning.language or await self._chosen_language(msisdn) or self._default
        if meaning.holds_card_number:
            return self._say(language, "card")
        match meaning.asks:
            case KeywordAsked(Keyword.CODE):
                return await self._code(msisdn, language)
            case Chosen(number):
                return await self._chosen(msisdn, language, number)
            case KeywordAsked(Keyword.BILLS):
                return await self._bills(msisdn, language)
            case KeywordAsked(Keyword.PAY):
                return await self._pay(msisdn, language)
            case KeywordAsked(Keyword.LANGUAGE, chosen):
                return await self._language(msisdn, language, chosen)
            case KeywordAsked(Keyword.STOP | Keyword.START as keyword):
                await self._memory.stop(msisdn, stopped=keyword is Keyword.STOP)
                return self._say(language, keyword)
            case KeywordAsked(keyword):
                return self._say(language, keyword)
            case NoKeyword():
                return self._say(language, "unclear")

    async def opted(self, msisdn: str, *, out: bool) -> None:
        """The gateway took STOP or START and has answered it."""
        await self._memory.stop(msisdn, stopped=out)

    async def torn(self, msisdn: str) -> Said:
        """Answers whoever wrote a text of which a part never came."""
        return self._say(await self._chosen_language(msisdn) or self._default, "torn")

    def unavailable(self, text: str) -> str:
        """The answer when the payment service cannot be asked, not even for the stored language."""
        return self._words.say(script_language(text) or self._default, "unavailable")

    def too_many(self, text: str) -> str:
        """The answer that a sender past the limit is given once."""
        return self._words.say(script_language(text) or self._default, "too_many")

    def _say(self, language: LanguageCode, key: str, **values: str) -> Said:
        return Said(self._words.say(language, key, **values))

    async def _chosen_language(self, msisdn: str) -> LanguageCode | None:
        """The language that this customer once chose, None for one who never did."""
        language, _ = await self._people.remembered(msisdn)
        return language

    async def _code(self, msisdn: str, language: LanguageCode) -> Said:
        codes = await self._billing.codes_of(msisdn)
        if not codes:
            return self._say(language, "unknown")
        if len(codes) == 1:
            return Said(code_text(self._words, language, *codes[0]), AnswerKind.CODE)
        lines = [line for line, _ in codes]
        references = tuple((line.service, line.reference) for line in lines[:CHOICES_MAX])
        await self._memory.offer(msisdn, references)
        return Said(self._words.lines(language, lines))

    async def _chosen(self, msisdn: str, language: LanguageCode, number: int) -> Said:
        offered = await self._memory.offered(msisdn)
        wanted = offered[number - 1] if 1 <= number <= len(offered) else None
        # read anew: a line that changed hands since the list is no longer among them
        for line, code in await self._billing.codes_of(msisdn) if wanted else ():
            if (line.service, line.reference) == wanted:
                return Said(code_text(self._words, language, line, code), AnswerKind.CODE)
        return self._say(language, "choice_gone")

    async def _bills(self, msisdn: str, language: LanguageCode) -> Said:
        lines = tuple(line for line, _ in await self._billing.codes_of(msisdn))
        if not lines:
            return self._say(language, "unknown")
        if len(lines) > BILL_LINES_MAX:
            return self._say(language, "bills_many")
        unpaid: list[Invoice] = []
        in_progress = False
        for line in lines:
            bills = await self._till.unpaid(line.service, line.reference)
            if bills is Refusal.BILLING_DOWN:
                raise BillingDown("no sum without every line")
            in_progress |= bills is Refusal.IN_PROGRESS
            unpaid += () if isinstance(bills, Refusal) else bills
        if unpaid:
            return self._say(language, "bills", count=str(len(unpaid)), total=dh(total(unpaid)))
        return self._say(language, "bills_in_progress" if in_progress else "bills_none")

    async def _pay(self, msisdn: str, language: LanguageCode) -> Said:
        """How to pay, unless the bank may have taken the money already."""
        payment = await self._till.open_payment(msisdn)
        if payment is not None and payment.state in UNDECIDED:
            return self._say(language, "undecided", amount=dh(payment.amount_centimes))
        if payment is not None and payment.state is PaymentState.CREATED and self._pay_link is not None:
            # whoever has a smartphone in the family pays this very basket; the link dies with it
            amount, link = dh(payment.amount_centimes), self._pay_link(payment.id)
            return self._say(language, "pay_link", amount=amount, link=link)
        own = [terms.name for terms in self._wallets if terms.serves(msisdn)]
        return Said(self._words.pay(language, own))

    async def _language(self, msisdn: str, language: LanguageCode, chosen: LanguageCode | None) -> Said:
        if chosen is None:
            return self._say(language, "language_ask")
        await self._till.remember_language(msisdn, chosen)
        return self._say(chosen, "language_set")
