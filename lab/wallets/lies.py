"""How a wallet network misbehaves, on order or by a seeded chance. Its purses never lie. Pure."""

import random
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class WalletLie(StrEnum):
    """How one push is treated."""

    TRUE = "true"
    LOST_ANSWER = "lost_answer"  # taken, the payer is asked; the answer is cut off
    LOST_AFTER_DEBIT = "lost_after_debit"  # taken and paid before the answer is cut off
    NOT_TAKEN = "not_taken"  # the answer is cut off, and nothing was taken
    CALLBACK_FIRST = "callback_first"  # paid and called back before the push is answered
    CALLBACK_TWICE = "callback_twice"
    CALLBACK_NEVER = "callback_never"
    CALLBACK_OTHER_AMOUNT = "callback_other_amount"
    CALLBACK_FORGED = "callback_forged"  # says paid while the payer has not answered
    PAID_AFTER_EXPIRY = "paid_after_expiry"  # declined as expired, and paid a while later
    ODD_WORDS = "odd_words"  # statuses that nobody documented, until the payer answers
    TROUBLE = "trouble"  # 5xx to every inquiry until the payer answers
    BUSY = "busy"  # the telephone is in another dialog: no prompt


@dataclass(slots=True)
class WalletLies:
    """Lies in the order in which they were ordered; then each push lies with `probability`."""

    ordered: deque[WalletLie] = field(default_factory=lambda: deque(maxlen=1_000))
    probability: float = 0.0
    seed: int = 0
    _chance: random.Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    def next(self) -> WalletLie:
        if self.ordered:
            return self.ordered.popleft()
        if self._chance.random() < self.probability:
            return self._chance.choice([lie for lie in WalletLie if lie is not WalletLie.TRUE])
        return WalletLie.TRUE
