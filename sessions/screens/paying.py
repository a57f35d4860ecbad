"""Screens where the card is taken and the bank answers. Only channels that take cards come here.

A card number never rests on a screen: a screen holds its brand and last four digits, the vault holds the rest. The
security code and the bank's PIN leave with the effect that uses them.
"""

from __future__ import annotations

import msgspec

from core.cards import (
    PAN_MAX,
    PAN_MIN,
    PIN_MAX,
    PIN_MIN,
    cvv_lengths,
    expired,
    expiry_of,
    has_doubled_key,
    pan_plausible,
)
from core.payments.refusal import Refusal
from core.payments.table import Payment, PaymentState
from core.ports import DeclineKind
from sessions.basket import Basket, basket_of, takes_another_card
from sessions.screens.ending import Goodbye, Paid, Unknown
from sessions.screens.menu import (
    Again,
    Amount,
    Back,
    CardTaken,
    Charge,
    Chose,
    Digits,
    Done,
    Event,
    Launched,
    Menu,
    Noted,
    Option,
    ScreenContext,
    Shows,
    Spelled,
    Taken,
    Tell,
    TypedSecret,
    Worded,
    say,
)
from sessions.screens.wallet import WALLET_KEY, WalletAsked, way_by_call
from sessions.turn.effects import (
    AnswerChallenge,
    AskWallet,
    Authorise,
    Cancel,
    CardGone,
    CardHeld,
    CardHint,
    HoldExpiry,
    HoldNumber,
    Look,
    LookAfter,
    PaymentSeen,
    Recalled,
    WalletRefused,
    WalletStarted,
)

POLLS_MAX = 40  # at PAUSE_S each: longer than the acquirer's own time-out, then the customer is let go
POLLS_UNSENT_MAX = 6
CHECKS_MAX = 22  # in all, while a charge is being checked: words and pauses last past the inquiry of the first minute
PAUSE_S = 2.0


class CardNumber(msgspec.Struct, frozen=True, tag=True):
    """The card number, straight into the vault."""

    basket: Basket
    only_bill: bool = False  # nothing was chosen: its amount is said first

    def ask(self, visit: ScreenContext) -> Digits:
        total = Amount(self.basket.amount_centimes)
        way = way_by_call(visit, self.basket.amount_centimes)
        asked = say("card-number.only-bill", total=total) if self.only_bill else say("card-number")
        if way is not None:
            asked = say("card-number.or-wallet", wallet=way[1].name, digit=WALLET_KEY)
        keys = () if way is None else ((WALLET_KEY, f"wallet:{way[0]}"),)
        return Digits(asked, say("card-number.wrong"), PAN_MIN, PAN_MAX, secret=True, back=False, keys=keys)

    def on(self, event: Event, visit: ScreenContext) -> CardNumber | CardExpiry | HoldNumber | AskWallet | AfterWallet:
        match event:
            case Chose(way):
                return AskWallet(self.basket.payment_id, way.removeprefix("wallet:"))
            case Done(WalletStarted() | WalletRefused() | Payment() as came):
                return _after_wallet(came, visit)
            case TypedSecret(digits) if pan_plausible(digits, check_luhn=visit.check_luhn):
                return HoldNumber(digits)
            case TypedSecret(digits) if visit.check_luhn and has_doubled_key(digits):
                return Again(say("card-number.doubled"))
            case Done(CardHint() as card):
                return CardExpiry(self.basket, card)
            case _:
                return Again(say("card-number.wrong"))


class PayByConnector(msgspec.Struct, frozen=True, tag=True):
    """The card, typed at the telephone company: no digit of it comes here. Canonical name: CardNumber."""

    basket: Basket

    def ask(self, visit: ScreenContext) -> Charge:
        basket = self.basket
        return Charge(
            say("pay-by-card", total=Amount(basket.amount_centimes)), basket.payment_id, basket.amount_centimes
        )

    def on(self, event: Event, visit: ScreenContext) -> LookAfter | AfterBank | Again:
        match event:
            case CardTaken(how):
                return LookAfter(self.basket.payment_id, how)
            case Done(PaymentSeen(Payment() as payment, how)):
                # the charge may have been sent whatever the telephone company says of it
                sent = payment.attempts > self.basket.attempts or payment.state not in {
                    PaymentState.CREATED,
                    PaymentState.DECLINED,
                }
                return Paying(self.basket).outcome(payment, visit) if sent else self._unsent(how)
            case Done(PaymentSeen(Refusal() as refusal)):
                return refused(refusal)
            case Done(_):
                return Unknown(self.basket.amount_centimes)
            case _:
                return Again(say("not-heard"))

    def _unsent(self, how: Taken) -> Declined | Goodbye | Unknown | Again:
        match how:
            case Taken.LEFT:
                return Again(say("restarted"))
            case Taken.TRIES:
                return Goodbye("too-many-tries")
            case Taken.FAILED:
                return Declined(self.basket, DeclineKind.BANK_DOWN, may_retry=True)
            case Taken.BROKEN:
                return Declined(self.basket, DeclineKind.OUR_FAULT, may_retry=False)
            case Taken.DONE:  # somebody charged, and it was not us: the customer must not pay again
                return Unknown(self.basket.amount_centimes)


def card_screen(basket: Basket, visit: ScreenContext) -> CardNumber | PayByConnector:
    """The screen that takes the card on this channel."""
    return PayByConnector(basket) if visit.can.pays_by_connector else CardNumber(basket)


class CardExpiry(msgspec.Struct, frozen=True, tag=True):
    """The card's last four digits are read back, then its expiry is asked."""

    basket: Basket
    card: CardHint

    def ask(self, visit: ScreenContext) -> Digits:
        text = say("card-expiry", brand=Worded(f"brand.{self.card.brand}"), last4=Spelled(self.card.last4))
        return Digits(text, say("card-expiry.wrong"), 4, 4, secret=True)

    def on(
        self, event: Event, visit: ScreenContext
    ) -> ConfirmCharge | CardNumber | HoldExpiry | Noted[CardNumber] | Again:
        match event:
            case TypedSecret(digits):
                try:
                    month, year = expiry_of(digits.reveal())
                except ValueError:
                    return Again(say("card-expiry.wrong"))
                if expired(month, year, visit.today):
                    return Again(say("card-expired"))
                return HoldExpiry(digits)
            case Done(CardHeld()):
                return ConfirmCharge(self.basket, self.card)
            case Done(CardGone()):
                return Noted(CardNumber(self.basket), say("card-gone"))
            case Back():
                return CardNumber(self.basket)
            case _:
                return Again(say("card-expiry.wrong"))


class ConfirmCharge(msgspec.Struct, frozen=True, tag=True):
    """The total once more, with the card it goes to. Canonical name: ConfirmTotal."""

    basket: Basket
    card: CardHint

    def ask(self, visit: ScreenContext) -> Menu:
        return Menu(
            say("confirm-charge", total=Amount(self.basket.amount_centimes), last4=Spelled(self.card.last4)),
            (Option("pay", say("confirm-charge.pay")), Option("card", say("other-card"))),
        )

    def on(self, event: Event, visit: ScreenContext) -> CardCvv | CardNumber | Again:
        match event:
            case Chose("pay"):
                return CardCvv(self.basket, self.card)
            case Chose("card"):
                return CardNumber(self.basket)
            case _:
                return Again(say("wrong-choice"))


class CardCvv(msgspec.Struct, frozen=True, tag=True):
    """The security code, asked last and used in the request that brings it."""

    basket: Basket
    card: CardHint

    def ask(self, visit: ScreenContext) -> Digits:
        least, most = cvv_lengths(self.card.brand)
        return Digits(say("card-cvv"), say("card-cvv.wrong"), least, most, secret=True)

    def on(
        self, event: Event, visit: ScreenContext
    ) -> Launched[Authorise, Paying] | ConfirmCharge | Noted[CardNumber] | Again:
        match event:
            case TypedSecret(digits):
                return Launched(Authorise(self.basket.payment_id, digits), Paying(self.basket))
            case Done(CardGone()):
                return Noted(CardNumber(self.basket), say("card-gone"))
            case Back():
                return ConfirmCharge(self.basket, self.card)
            case _:
                return Again(say("card-cvv.wrong"))


_HOLDING_CARD = frozenset({CardExpiry, ConfirmCharge, CardCvv})


def holds_card(screen: object) -> bool:
    """Returns whether something of a card waits in the vault meanwhile."""
    return type(screen) in _HOLDING_CARD  # each turn asks several times: a seventh of isinstance's time


class BankPin(msgspec.Struct, frozen=True, tag=True):
    """The bank's one-time PIN (3-D Secure). Never the card's ATM PIN: the words say so."""

    basket: Basket
    attempts_left: int

    def ask(self, visit: ScreenContext) -> Digits:
        return Digits(say("bank-pin"), say("bank-pin.wrong"), PIN_MIN, PIN_MAX, secret=True, back=False)

    def on(self, event: Event, visit: ScreenContext) -> Launched[AnswerChallenge, Paying] | Again:
        match event:
            case TypedSecret(digits):
                effect = AnswerChallenge(self.basket.payment_id, digits)
                return Launched(effect, Paying(self.basket, pin_tries_left=self.attempts_left))
            case _:
                return Again(say("bank-pin.wrong"))


class Declined(msgspec.Struct, frozen=True, tag=True):
    """The bank said no, or could not be asked: nothing was charged. Another card may do."""

    basket: Basket
    kind: str
    may_retry: bool

    def ask(self, visit: ScreenContext) -> Menu:
        retry = (Option("card", say("other-card")),) if self.may_retry else ()
        way = way_by_call(visit, self.basket.amount_centimes) if self.may_retry else None
        # a prompt has ten seconds: who wants neither way hangs up
        last = Option("stop", say("declined.stop"))
        if way is not None:
            last = Option(f"wallet:{way[0]}", say("declined.wallet", wallet=way[1].name))
        return Menu(say(f"declined.{self.kind}", help=Spelled(visit.help_number)), (*retry, last))

    def on(
        self, event: Event, visit: ScreenContext
    ) -> CardNumber | PayByConnector | Goodbye | Cancel | AskWallet | AfterWallet:
        match event:
            case Chose("card") if self.may_retry:
                return card_screen(self.basket, visit)
            case Chose(way) if way.startswith("wallet:"):
                return AskWallet(self.basket.payment_id, way.removeprefix("wallet:"))
            case Done(WalletStarted() | WalletRefused() | Payment() as came):
                return _after_wallet(came, visit)
            case Chose("stop"):
                return Cancel(self.basket.payment_id)
            case Done(Recalled()):
                return Goodbye()
            case _:
                return Again(say("wrong-choice"))


class Paying(msgspec.Struct, frozen=True, tag=True):
    """The bank is asked: words fill the silence, and each pause looks at what became of the payment."""

    basket: Basket
    polls: int = 0
    pin_tries_left: int | None = None

    def ask(self, visit: ScreenContext) -> Tell:
        return Tell(say("paying" if self.polls % 4 == 0 else "paying.more"), wait_s=PAUSE_S)

    def on(self, event: Event, visit: ScreenContext) -> Look | AfterBank:
        match event:
            case Done(Payment() as payment):
                return self.outcome(payment, visit)
            case Done(Refusal() as refusal):
                return refused(refusal)
            case Done(_):
                return Unknown(self.basket.amount_centimes)
            case _:
                return Look(self.basket.payment_id)

    def outcome(self, payment: Payment, visit: ScreenContext) -> AfterBank:
        """The screen for a payment that was, or should have been, sent."""
        waits = Paying(self.basket, self.polls + 1, self.pin_tries_left)
        if payment.attempts <= self.basket.attempts and payment.state is not PaymentState.EXPIRED:
            # launched and not yet sent, or the process died in between: nothing of this attempt was charged
            return waits if self.polls < POLLS_UNSENT_MAX else Noted(card_screen(self.basket, visit), say("card-gone"))
        looks_max = {PaymentState.SENDING: POLLS_MAX, PaymentState.UNKNOWN: CHECKS_MAX}.get(payment.state, 0)
        if self.polls < looks_max:
            return waits
        return settled(payment, visit, self.pin_tries_left)


def _after_wallet(came: WalletStarted | WalletRefused | Payment, visit: ScreenContext) -> AfterWallet:
    """The end of the call, or why this wallet asks nobody; what something else made of the payment is told as it is."""
    match came:
        case WalletStarted(payment, name):
            return WalletAsked(basket_of(payment), name, visit.msisdn)
        case WalletRefused(Refusal.LOCKED):
            return Again(say("wallet-too-often"), counts=False)
        case WalletRefused(Refusal.BANK_DOWN):
            return Again(say("wallet-not-now"), counts=False)
        case WalletRefused(why):
            return refused(why)
    screen = settled(came, visit)
    # the bank asks for its PIN in the call that pays
    return Unknown(came.amount_centimes) if isinstance(screen, BankPin | Noted) else screen


def refused(refusal: Refusal) -> Goodbye:
    """The end, with the reason why nothing was sent."""
    return Goodbye(f"refused.{refusal.value.replace('_', '-')}")


def settled(payment: Payment, visit: ScreenContext, pin_tries_before: int | None = None) -> Settled:
    """The screen for what the bank made of a payment."""
    basket = basket_of(payment)
    match payment.state:
        case PaymentState.CAPTURED:
            return Paid(payment.amount_centimes, payment.auth_code or "")
        case PaymentState.CHALLENGE if payment.challenge is not None and Shows.OTP_NUMERIC in visit.can.challenges:
            screen = BankPin(basket, payment.challenge.attempts_left)
            return screen if pin_tries_before is None else Noted(screen, say("bank-pin.refused"))
        case PaymentState.DECLINED:
            kind = payment.decline_kind or DeclineKind.OTHER_CARD
            return Declined(basket, kind, takes_another_card(payment))
        case PaymentState.EXPIRED | PaymentState.CREATED:
            return Goodbye("basket-expired")
        case (
            PaymentState.VOIDING
            | PaymentState.VOIDED
            | PaymentState.REFUNDING
            | PaymentState.REFUNDED
            | PaymentState.INTEGRITY_FAILURE
        ):
            return Goodbye("undone")
        case _:
            return Unknown(payment.amount_centimes)


Settled = Paid | Declined | Unknown | BankPin | Goodbye | Noted[BankPin]
AfterWallet = WalletAsked | Paid | Declined | Unknown | Goodbye | Again
AfterBank = Settled | Paying | Noted[CardNumber | PayByConnector]
