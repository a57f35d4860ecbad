"""Giving a wallet's money back: by its own reversal, written down with a reference before it is asked for.

The same reference is asked with until the wallet says what became of it; one reversal of an attempt is under way at a
time, and together they are never more than was taken. What a wallet refuses to give back is a person's.
"""

import logging
from collections.abc import Mapping

from core.ids import Ids
from core.payments.schedule import DAILY_S, later
from core.ports import Clock, Decline, DeclineKind, Pending, Undoing, Undone, UnknownOutcome
from core.wallets.attempts import AttemptState, AttemptUpdate, WalletAttempts, WalletRecord
from core.wallets.port import ReversalRefused, Reversed, Reversing, Wallet

log = logging.getLogger(__name__)

PAUSE_S = 60


class WalletReturns:
    """Carries out reversals. Raises DatabaseUnavailable."""

    def __init__(self, attempts: WalletAttempts, wallets: Mapping[str, Wallet], clock: Clock, ids: Ids) -> None:
        self._attempts = attempts
        self._wallets = wallets
        self._clock = clock
        self._ids = ids

    async def give_back(self, record: WalletRecord, amount_centimes: int) -> Undoing:
        """Ask for it, or ask what became of it."""
        fresh, now = self._ids.uuid(), self._clock.now()
        reversal = await self._attempts.reversing(record, amount_centimes, fresh, now)
        if reversal is None:
            return UnknownOutcome("another reversal is under way, or less is left")
        wallet = self._wallets.get(record.attempt.provider)
        answer: Reversing = ReversalRefused("it is set up no more")
        if wallet is not None:
            try:
                answer = await wallet.reverse(record.attempt, reversal.amount_centimes, reversal.reference)
            except Exception as error:
                log.exception("wallet %s: its code broke", record.attempt.provider)
                answer = UnknownOutcome(f"broken: {type(error).__name__}")
        now = self._clock.now()
        match answer:
            case Reversed(receipt):
                await self._attempts.reversed_(reversal, done=True, detail=receipt, now=now)
                return Undone()
            case ReversalRefused(code):
                log.error("payment %s: the wallet gives nothing back (%s)", record.attempt.payment_id, code)
                await self._attempts.reversed_(reversal, done=False, detail=code, now=now)
                return Decline(code, DeclineKind.OUR_FAULT)
            case Pending():
                return UnknownOutcome("the reversal is under way")
        return answer

    async def give_back_surplus(self, record: WalletRecord) -> None:
        """Money that is nobody's payment goes back whole; refused, it is a person's."""
        now = self._clock.now()
        answer = await self.give_back(record, record.taken_centimes or record.attempt.amount_centimes)
        if isinstance(answer, Decline):
            update = AttemptUpdate(AttemptState.SURPLUS, later(now, DAILY_S), by_hand="reversal_refused")
            await self._attempts.update(record, update)
        elif not isinstance(answer, Undone):
            await self._attempts.update(record, AttemptUpdate(AttemptState.SURPLUS, later(now, PAUSE_S)))
