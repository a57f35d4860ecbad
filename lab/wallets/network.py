"""A mobile-money network: purses by wallet and number, requests to pay, prompts on telephones.

Rule of this file: written from the network's side, apart from the clients. A purse is debited once a request, by its
PIN. What lies is what was ordered to, and the books never do. PINs are typed at telephones and asked of nobody else.
"""

import itertools
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from lab.wallets.lies import WalletLie, WalletLies

PIN_TRIES_MAX = 3
WINDOW = timedelta(seconds=120)
REQUESTS_MAX = 100_000
DEMO_PIN = "0000"


class Stand(StrEnum):
    """Where a request to pay stands."""

    PENDING = "pending"
    PAID = "paid"
    DECLINED = "declined"


@dataclass(slots=True)
class Purse:
    """One wallet of one number."""

    wallet: str
    msisdn: str
    balance_centimes: int
    limit_centimes: int = 500_000
    pin: str = DEMO_PIN


@dataclass(slots=True)
class PushRequest:
    """A request to pay. `key` is the merchant's name for it, `id` the network's."""

    id: str
    key: str
    wallet: str
    payer: str
    centimes: int
    currency: str
    reference: str
    text: str
    callback_url: str
    made_at: datetime
    lie: WalletLie
    stand: Stand = Stand.PENDING
    reason: str = ""  # funds, limit, refused, expired, pin, busy
    number: str = ""  # the transaction's, once paid
    tries: int = 0
    returned_centimes: int = 0
    prompts: bool = True
    expires_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.expires_at = self.made_at + WINDOW

    @property
    def waits(self) -> bool:
        """Does a telephone show its prompt?"""
        late = self.lie is WalletLie.PAID_AFTER_EXPIRY and self.reason == "expired"
        return self.prompts and (self.stand is Stand.PENDING or late)


class KnownKey(Exception):
    """The merchant used this name before."""


class Unpayable(Exception):
    """Refused before anybody is asked: `reason` is no_wallet or limit."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class WalletNetwork:
    """The books. `changed` hears of every request that reached an end, or is to be called back."""

    def __init__(self, now: Callable[[], datetime], lies: WalletLies | None = None) -> None:
        self._now = now
        self.lies = lies or WalletLies()
        self.purses: dict[tuple[str, str], Purse] = {}
        self.requests: dict[str, PushRequest] = {}
        self._keys: dict[tuple[str, str], PushRequest] = {}
        self._numbers: Iterator[int] = itertools.count(100_001)
        self.debits: list[tuple[str, str, int]] = []  # request, number, centimes: what never lies
        self.reversals: dict[str, tuple[str, int]] = {}  # key -> number, centimes
        self.in_dialog: Callable[[str], bool] = lambda msisdn: False
        self.changed: Callable[[PushRequest], None] = lambda request: None

    def give(self, wallet: str, msisdn: str, balance_centimes: int) -> Purse:
        purse = Purse(wallet, msisdn, balance_centimes)
        self.purses[wallet, msisdn] = purse
        return purse

    def known(self, wallet: str, key: str) -> PushRequest | None:
        return self._keys.get((wallet, key))

    def push(
        self, wallet: str, key: str, payer: str, centimes: int, currency: str, reference: str, text: str, callback: str
    ) -> PushRequest:
        """Raises KnownKey, Unpayable."""
        if key and (wallet, key) in self._keys:
            raise KnownKey(key)
        if len(self.requests) >= REQUESTS_MAX:
            raise Unpayable("limit")
        purse = self.purses.get((wallet, payer))
        if purse is None:
            raise Unpayable("no_wallet")
        lie = self.lies.next()
        request = PushRequest(
            str(uuid.uuid4()), key, wallet, payer, centimes, currency, reference, text, callback, self._now(), lie
        )
        if lie is WalletLie.NOT_TAKEN:
            return request
        self.requests[request.id] = request
        if key:
            self._keys[wallet, key] = request
        if lie is WalletLie.BUSY or self.in_dialog(payer):
            self._decline(request, "busy")
        elif centimes > purse.limit_centimes:
            self._decline(request, "limit")
        elif lie in {WalletLie.LOST_AFTER_DEBIT, WalletLie.CALLBACK_FIRST}:
            self.answer(request.id, purse.pin)
        elif lie is WalletLie.CALLBACK_FORGED:
            self.changed(request)
        return request

    def prompts_of(self, msisdn: str) -> list[PushRequest]:
        """What a telephone shows now, the oldest first."""
        self.expire()
        return [each for each in self.requests.values() if each.payer == msisdn and each.waits]

    def answer(self, request_id: str, pin: str) -> PushRequest:
        """The payer typed a PIN at the prompt. Raises KeyError for no such prompt."""
        request = self._prompt(request_id)
        purse = self.purses[request.wallet, request.payer]
        if pin != purse.pin:
            request.tries += 1
            if request.tries >= PIN_TRIES_MAX:
                self._decline(request, "pin")
        elif purse.balance_centimes < request.centimes:
            self._decline(request, "funds")
        else:
            purse.balance_centimes -= request.centimes
            request.stand, request.reason, request.prompts = Stand.PAID, "", False
            request.number = f"MP{next(self._numbers)}"
            self.debits.append((request.id, request.number, request.centimes))
            self.changed(request)
        return request

    def refuse(self, request_id: str) -> PushRequest:
        """The payer pressed the red key. Raises KeyError."""
        request = self._prompt(request_id)
        self._decline(request, "refused")
        return request

    def expire(self) -> None:
        """End what nobody answered in time."""
        for request in self.requests.values():
            if request.stand is Stand.PENDING and request.expires_at <= self._now():
                self._decline(request, "expired", still=request.lie is WalletLie.PAID_AFTER_EXPIRY)

    def lapse(self, request_id: str) -> PushRequest:
        """The payer's time is over now. Raises KeyError."""
        request = self._prompt(request_id)
        request.expires_at = self._now()
        self.expire()
        return request

    def reverse(self, key: str, number: str, centimes: int | None) -> tuple[str, int]:
        """The reversal's number and amount; a repeat is the same. Raises KeyError, Unpayable."""
        if key in self.reversals:
            raise KnownKey(key)
        request = next(each for each in self.requests.values() if each.number == number)
        amount = request.centimes - request.returned_centimes if centimes is None else centimes
        if not 0 < amount <= request.centimes - request.returned_centimes:
            raise Unpayable("limit")
        request.returned_centimes += amount
        self.purses[request.wallet, request.payer].balance_centimes += amount
        self.reversals[key] = f"RV{next(self._numbers)}", amount
        return self.reversals[key]

    def taken_centimes(self, key: str) -> int:
        """What went out of a purse for a merchant's key and did not come back."""
        found = [each for each in self.requests.values() if each.key == key and each.number]
        return sum(each.centimes - each.returned_centimes for each in found)

    def _prompt(self, request_id: str) -> PushRequest:
        self.expire()
        request = self.requests[request_id]
        if not request.waits:
            raise KeyError(request_id)
        return request

    def _decline(self, request: PushRequest, reason: str, *, still: bool = False) -> None:
        request.stand, request.reason, request.prompts = Stand.DECLINED, reason, still
        self.changed(request)
