"""What the payment service needs of a mobile wallet: ask a payer's telephone for money, say what came of it, give back.

Rules of this file: every attempt has a reference of its own, written down before anything is sent; an answer is always
one of the types below and no method raises for what the other side does; what a wallet does not say in so many words
is Pending or UnknownOutcome, never paid and never declined. The payer's PIN is typed in the wallet's own prompt: none
of these types could hold it.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from core.languages import LanguageCode
from core.ports import NotSent, Pending, UnknownOutcome

__all__ = [
    "Asked",
    "Asking",
    "NoSuchRequest",
    "NotSent",
    "Pending",
    "ReversalRefused",
    "Reversed",
    "Reversing",
    "UnknownOutcome",
    "Wallet",
    "WalletAttempt",
    "WalletDecline",
    "WalletDeclineKind",
    "WalletInquiry",
    "WalletPaid",
    "WalletTerms",
]

CENTIMES = 100


class WalletDeclineKind(StrEnum):
    """Tells why nothing was debited, as far as the payer may hear it. Each is the wallet's own last word."""

    FUNDS = "funds"  # not enough money in it: another tender may do
    LIMIT = "limit"  # a ceiling of the wallet's level, a daily or a transaction limit
    REFUSED = "refused"  # the payer said no, or typed a wrong PIN too often
    EXPIRED = "expired"  # nobody typed the PIN in time
    UNREACHABLE = "unreachable"  # the prompt never appeared: telephone off, or in another dialog
    NO_WALLET = "no_wallet"  # this number has none there
    BUSY = "busy"  # the wallet's side is away or asks for fewer requests: nothing was debited, the same may do later
    OUR_FAULT = "our_fault"  # configuration: alert operations, do not blame the payer


@dataclass(frozen=True, slots=True)
class WalletTerms:
    """Tells what a wallet can be asked for. `name` is what payers know it by."""

    name: str
    currency: str
    whole_units: bool = False  # it knows no centimes: 769.20 cannot be paid there
    floor_centimes: int = 1
    ceiling_centimes: int | None = None
    window_s: int = 300  # how long a payer may take, where an answer does not say until when
    prefixes: tuple[str, ...] = ()  # of the MSISDNs (+212661...) it may hang on; none: of any

    def takes(self, amount_centimes: int, currency: str) -> bool:
        """Returns whether this amount can be asked for at all; a payer's own limit may be lower."""
        if currency != self.currency or amount_centimes < self.floor_centimes:
            return False
        if self.whole_units and amount_centimes % CENTIMES:
            return False
        return self.ceiling_centimes is None or amount_centimes <= self.ceiling_centimes

    def serves(self, msisdn: str) -> bool:
        """Returns whether a wallet of this kind may hang on the number."""
        return msisdn.startswith("+") and (not self.prefixes or msisdn.startswith(self.prefixes))


@dataclass(frozen=True, slots=True)
class WalletAttempt:
    """A request to one payer, committed before it is sent. `reference` is a UUIDv4 of this attempt alone."""

    reference: str
    payment_id: str
    payment_reference: str  # what people quote
    provider: str  # which of the configured wallets
    payer_msisdn: str  # "+" and digits
    amount_centimes: int
    currency: str
    language: LanguageCode
    sent_at: datetime  # when it was written down, to leave at once
    handle: str | None = None  # the wallet's own name for it, of Asked or of a callback
    receipt: str | None = None  # the wallet's transaction reference, once paid
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """The wallet took the request and asks its payer now. Nothing is paid. `expires_at` None: it does not say."""

    handle: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WalletDecline:
    """An explicit last word: nothing was debited. `code` is the wallet's own, for logs and operators."""

    code: str
    kind: WalletDeclineKind


@dataclass(frozen=True, slots=True)
class WalletPaid:
    """The wallet says it took so much. `reference` is the attempt's as the wallet tells it, where it does (it is
    compared), `receipt` its transaction reference, which the payer sees in the wallet's own message."""

    receipt: str
    amount_centimes: int
    currency: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class NoSuchRequest:
    """The wallet knows nothing of this attempt (yet)."""


@dataclass(frozen=True, slots=True)
class Reversed:
    """So much is back in the payer's wallet. `receipt` is the reversal's own transaction reference."""

    receipt: str


@dataclass(frozen=True, slots=True)
class ReversalRefused:
    """An explicit no, or a wallet that cannot give back by itself: a person's."""

    code: str


Asking = Asked | WalletPaid | WalletDecline | Pending | UnknownOutcome | NotSent
WalletInquiry = WalletPaid | Pending | WalletDecline | NoSuchRequest | UnknownOutcome
Reversing = Reversed | ReversalRefused | Pending | UnknownOutcome


class Wallet(Protocol):
    """The side of one mobile wallet that takes money and gives it back."""

    @property
    def terms(self) -> WalletTerms: ...

    async def ask(self, attempt: WalletAttempt) -> Asking:
        """Have the wallet ask its payer. WalletPaid only where it decides at once. Pending: the wallet has this
        reference already, or took it and gave no handle. UnknownOutcome: it may have been taken; nobody sends it
        again."""

    async def inquire(self, attempt: WalletAttempt) -> WalletInquiry:
        """Returns what became of an attempt; UnknownOutcome where the wallet can only be asked by a handle and there is
        none.
        """

    async def reverse(self, attempt: WalletAttempt, amount_centimes: int, reference: str) -> Reversing:
        """Give back all or a part. Sent again with the same `reference` (a UUIDv4) nothing goes back twice: it tells
        what became of the first. A wallet that cannot promise that is ReversalRefused at once."""

    def handle_of(self, callback: bytes) -> str | None:
        """The wallet's name for the attempt that a callback speaks of; nothing else of a callback is read. None:
        it tells none, or cannot be read."""

    async def aclose(self) -> None:
        """Closes the wallet's connections."""
