"""Whoever took a payment's money is asked to give it back: a wallet's by the wallet, a card's by its acquirer."""

from datetime import datetime

from core.cards import Card, Secret
from core.ports import (
    Acquirer,
    Acquirers,
    Approved,
    Attempt,
    Authorisation,
    Decline,
    Inquiry,
    Order,
    TooLate,
    Undoing,
    Undone,
    UnknownOutcome,
)
from core.wallets.attempts import WalletAttempts
from core.wallets.returns import WalletReturns


class TenderAcquirer:
    """Implements core.ports.Acquirer over the cards' own: a payment that a wallet paid goes back to that wallet. Raises
    DatabaseUnavailable besides."""

    def __init__(self, cards: Acquirer, attempts: WalletAttempts, returns: WalletReturns) -> None:
        self._cards = cards
        self._attempts = attempts
        self._returns = returns

    async def aclose(self) -> None:
        await self._cards.aclose()

    async def authorise(self, order: Order, card: Card, cvv: Secret) -> Authorisation:
        return await self._cards.authorise(order, card, cvv)

    async def answer_challenge(self, order: Order, challenge_id: str, pin: Secret) -> Authorisation:
        return await self._cards.answer_challenge(order, challenge_id, pin)

    async def inquire(self, order_id: str) -> Inquiry:
        taking = await self._attempts.paid_by(order_id)
        if taking is None:
            return await self._cards.inquire(order_id)
        receipt = taking.record.attempt.receipt or ""
        if taking.back_centimes >= taking.taken_centimes:
            return Undone()
        return Approved(receipt, receipt, taking.taken_centimes)

    async def capture(self, order_id: str, amount_centimes: int) -> Authorisation:
        if await self._attempts.paid_by(order_id) is not None:
            return UnknownOutcome("a wallet holds nothing back")
        return await self._cards.capture(order_id, amount_centimes)

    async def void(self, order_id: str) -> Undoing:
        """Gives back what a wallet took; what it does not reverse is a refund's matter, and then a person's."""
        taking = await self._attempts.paid_by(order_id)
        if taking is None:
            return await self._cards.void(order_id)
        rest = taking.taken_centimes - taking.back_centimes
        answer = await self._returns.give_back(taking.record, rest) if rest > 0 else Undone()
        return TooLate() if isinstance(answer, Decline) else answer

    async def refund(self, order_id: str, amount_centimes: int) -> Undoing:
        taking = await self._attempts.paid_by(order_id)
        if taking is None:
            return await self._cards.refund(order_id, amount_centimes)
        return await self._returns.give_back(taking.record, amount_centimes)

    async def credited_centimes(self, order_id: str) -> int | None:
        """Sums what the wallet said of every reversal, in centimes; one that is under way is asked about first."""
        taking = await self._attempts.paid_by(order_id)
        if taking is None:
            return await self._cards.credited_centimes(order_id)
        if taking.under_way_centimes:
            await self._returns.give_back(taking.record, taking.under_way_centimes)
            taking = await self._attempts.paid_by(order_id) or taking
        return None if taking.under_way_centimes else taking.back_centimes


class TenderAcquirers:
    """Implements core.ports.Acquirers over the cards' own: whoever is asked about a payment, a wallet's money is the
    wallet's."""

    def __init__(self, cards: Acquirers, attempts: WalletAttempts, returns: WalletReturns) -> None:
        self._cards = cards
        self._attempts = attempts
        self._returns = returns

    def of(self, acquirer_id: str) -> Acquirer:
        return TenderAcquirer(self._cards.of(acquirer_id), self._attempts, self._returns)

    def shut(self, acquirer_id: str) -> bool:
        return self._cards.shut(acquirer_id)

    def candidates(self, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        return self._cards.candidates(attempt, now)

    async def aclose(self) -> None:
        await self._cards.aclose()
