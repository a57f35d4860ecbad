"""A wallet with a ledger of its own, which does as it is told: every debit and every reversal is remembered."""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import timedelta

from core.ports import Clock
from core.wallets.port import (
    Asked,
    Asking,
    NoSuchRequest,
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


@dataclass
class FakeWallet:
    """Asks its payer, who answers when the test says so: `pays`, `declines`."""

    clock: Clock
    terms: WalletTerms = field(default_factory=lambda: WalletTerms("Neqdi", "MAD", ceiling_centimes=500_000))
    answers: deque[Asking] = field(default_factory=deque)  # to asking; the wallet has the request all the same
    drops: int = 0  # requests that never arrive, and nobody hears so
    inquiries: deque[WalletInquiry] = field(default_factory=deque)
    reversals: deque[Reversing] = field(default_factory=deque)
    asked: list[WalletAttempt] = field(default_factory=list)
    prompts: dict[str, WalletAttempt] = field(default_factory=dict)
    debits: dict[str, WalletPaid] = field(default_factory=dict)
    declined: dict[str, WalletDecline] = field(default_factory=dict)
    back: dict[str, int] = field(default_factory=dict)  # reversal reference -> centimes
    gives_back: bool = True
    silent: bool = False

    def pays(self, attempt: WalletAttempt, centimes: int | None = None, currency: str = "MAD") -> None:
        """The payer types the PIN."""
        paid = WalletPaid(
            f"W{len(self.debits) + 1:06d}", centimes or attempt.amount_centimes, currency, attempt.reference
        )
        self.debits[attempt.reference] = paid

    def declines(self, attempt: WalletAttempt, kind: WalletDeclineKind = WalletDeclineKind.REFUSED) -> None:
        """The payer says no."""
        self.declined[attempt.reference] = WalletDecline("no", kind)

    async def ask(self, attempt: WalletAttempt) -> Asking:
        self.asked.append(attempt)
        if self.drops:
            self.drops -= 1
            return UnknownOutcome("time-out")
        self.prompts[attempt.reference] = attempt
        if self.answers:
            return self.answers.popleft()
        return Asked(f"H{len(self.asked)}", self.clock.now() + timedelta(seconds=300))

    async def inquire(self, attempt: WalletAttempt) -> WalletInquiry:
        if self.inquiries:
            return self.inquiries.popleft()
        if self.silent:
            return UnknownOutcome("time-out")
        known = self.debits.get(attempt.reference) or self.declined.get(attempt.reference)
        if known is not None:
            return known
        return Pending() if attempt.reference in self.prompts else NoSuchRequest()

    async def reverse(self, attempt: WalletAttempt, amount_centimes: int, reference: str) -> Reversing:
        if self.reversals:
            answer = self.reversals.popleft()
            if isinstance(answer, UnknownOutcome):  # it went back, and nobody heard so
                self.back.setdefault(reference, amount_centimes)
            return answer
        if not self.gives_back:
            return ReversalRefused("unsupported")
        self.back.setdefault(reference, amount_centimes)
        return Reversed(f"R-{reference[:8]}")

    def handle_of(self, callback: bytes) -> str | None:
        return callback.decode() or None

    async def aclose(self) -> None:
        """Nothing is open."""

    def took_centimes(self) -> int:
        """What it holds of all payers' money."""
        return sum(paid.amount_centimes for paid in self.debits.values()) - sum(self.back.values())


def whole_units(wallet: FakeWallet) -> FakeWallet:
    """One that knows no centimes."""
    wallet.terms = replace(wallet.terms, whole_units=True)
    return wallet
