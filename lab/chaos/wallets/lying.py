"""A wallet with a ledger that lies to whoever asks: the ledger is what really happened, the answers are not."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from core.ports import Clock
from core.wallets.port import (
    Asked,
    Asking,
    NoSuchRequest,
    NotSent,
    Pending,
    ReversalRefused,
    Reversed,
    Reversing,
    UnknownOutcome,
    WalletAttempt,
    WalletDecline,
    WalletDeclineKind,
    WalletInquiry,
    WalletPaid,
    WalletTerms,
)

WINDOW_S = 300
HIDDEN_S = 45  # a request that arrived is not found at once
PAYS_WITHIN_S = 200
LATE_WITHIN_S = 1_500  # a success after "expired"
BIG_LIE = 0.02


class Killed(BaseException):
    """kill -9: nobody catches it, and nothing of what was in memory is left."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a payer will do with a request. `late`: the wallet says "expired" before the payer's word arrives."""

    attempt: WalletAttempt
    begun_at: datetime
    decides_at: datetime | None
    pays: bool
    late: bool
    centimes: int


@dataclass
class LyingWallet:
    """Implements core.wallets.port.Wallet. One reference is debited once, as every wallet with a key promises."""

    clock: Clock
    chance: random.Random
    terms: WalletTerms = field(default_factory=lambda: WalletTerms("Neqdi", "MAD"))
    prompts: dict[str, Prompt] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)  # how often a reference was sent
    back: dict[str, tuple[str, int]] = field(default_factory=dict)  # reversal -> attempt, centimes
    told: set[str] = field(default_factory=set)  # whose end was told in so many words
    keeps: set[str] = field(default_factory=set)  # attempts that it never gives back

    async def ask(self, attempt: WalletAttempt) -> Asking:
        self.asked[attempt.reference] = self.asked.get(attempt.reference, 0) + 1
        self._maybe_killed()
        dice = self.chance.random()
        if dice < 0.03:
            return NotSent("refused")
        if dice < 0.10:
            return UnknownOutcome("lost on its way there")
        if dice < 0.14:
            return WalletDecline("funds", WalletDeclineKind.FUNDS)
        self._arrived(attempt)
        self._maybe_killed()
        if dice < 0.30:
            return UnknownOutcome("lost on its way back")
        if dice < 0.35:
            return Pending()
        return Asked(f"H-{attempt.reference}", self.clock.now() + timedelta(seconds=WINDOW_S))

    async def inquire(self, attempt: WalletAttempt) -> WalletInquiry:
        self._maybe_killed()
        if self.chance.random() < 0.2:
            return self.chance.choice((Pending(), UnknownOutcome("500"), UnknownOutcome("no JSON")))
        prompt, now = self.prompts.get(attempt.reference), self.clock.now()
        if prompt is None or ((now - prompt.begun_at).total_seconds() < HIDDEN_S and self.chance.random() < 0.3):
            return NoSuchRequest()
        if self.took(prompt):
            return WalletPaid(f"W-{attempt.reference[:8]}", prompt.centimes, "MAD", attempt.reference)
        over = (now - prompt.begun_at).total_seconds() > WINDOW_S
        decided = prompt.decides_at is not None and now >= prompt.decides_at
        if prompt.late and over:
            return WalletDecline("expired", WalletDeclineKind.EXPIRED)
        if decided and not prompt.pays:
            return WalletDecline("no", WalletDeclineKind.REFUSED)
        return WalletDecline("expired", WalletDeclineKind.EXPIRED) if over and prompt.decides_at is None else Pending()

    async def reverse(self, attempt: WalletAttempt, amount_centimes: int, reference: str) -> Reversing:
        self._maybe_killed()
        if attempt.reference in self.keeps or self.chance.random() < 0.01:
            self.keeps.add(attempt.reference)
            return ReversalRefused("never")
        if reference not in self.back and self.chance.random() < 0.1:
            return UnknownOutcome("lost on its way there")
        self.back.setdefault(reference, (attempt.reference, amount_centimes))
        self._maybe_killed()
        return UnknownOutcome("lost on its way back") if self.chance.random() < 0.2 else Reversed(f"R-{reference[:8]}")

    def handle_of(self, callback: bytes) -> str | None:
        return callback.decode() or None

    async def aclose(self) -> None:
        """Nothing is open."""

    def took(self, prompt: Prompt) -> bool:
        """Whether the payer's money is gone by now."""
        return prompt.pays and prompt.decides_at is not None and self.clock.now() >= prompt.decides_at

    def net_centimes(self) -> dict[str, int]:
        """Attempt -> what it holds of its payer's money."""
        net = {reference: prompt.centimes for reference, prompt in self.prompts.items() if self.took(prompt)}
        for attempt, centimes in self.back.values():
            net[attempt] = net.get(attempt, 0) - centimes
        return {reference: centimes for reference, centimes in net.items() if centimes}

    def _arrived(self, attempt: WalletAttempt) -> None:
        if attempt.reference in self.prompts:
            return
        now, dice = self.clock.now(), self.chance.random()
        late = dice < 0.1
        within_s = LATE_WITHIN_S if late else PAYS_WITHIN_S
        after_s = self.chance.uniform(WINDOW_S + 1 if late else 2, within_s)
        decides_at = None if 0.1 <= dice < 0.2 else now + timedelta(seconds=after_s)
        centimes = attempt.amount_centimes + (100 if self.chance.random() < BIG_LIE else 0)
        pays = late or dice > 0.3
        self.prompts[attempt.reference] = Prompt(attempt, now, decides_at, pays, late, centimes)

    def _maybe_killed(self) -> None:
        if self.chance.random() < 0.02:
            raise Killed


@dataclass
class DyingAttempts:
    """The repository of a process that is killed before or after a commit now and then."""

    real: object
    chance: random.Random

    def __getattr__(self, name: str) -> object:
        method = getattr(self.real, name)

        async def mortal(*args: object, **more: object) -> object:
            if self.chance.random() < 0.01:
                raise Killed
            result = await method(*args, **more)
            if self.chance.random() < 0.01:
                raise Killed
            return result

        return mortal
