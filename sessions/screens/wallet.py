"""Screens of a wallet that is about to ask its payer, or asks: the PIN is typed in its own prompt, never here."""

from __future__ import annotations

from datetime import datetime

import msgspec

from core.subscribers.lines import national
from core.wallets.port import WalletTerms
from sessions.basket import Basket
from sessions.screens.menu import Again, Amount, Chose, Event, Home, Menu, Option, ScreenContext, Tell, say

WALLETS_SHOWN_MAX = 3
WALLET_KEY = "1"  # in the field of a card's number: no card begins so and ends there


def ways_of(visit: ScreenContext, amount_centimes: int) -> tuple[tuple[str, WalletTerms], ...]:
    """The wallets that can take an amount, where the network vouches for the caller's number and a prompt can follow
    the dialog."""
    if visit.can.takes_card or visit.can.pays_on_page or not visit.can.caller_proven:
        return ()
    able = [(name, terms) for name, terms in visit.wallets if terms.takes(amount_centimes, visit.currency)]
    return tuple(able[:WALLETS_SHOWN_MAX])


def way_by_call(visit: ScreenContext, amount_centimes: int) -> tuple[str, WalletTerms] | None:
    """The wallet that may pay on a call: only of the number that we rang, for who calls can forge a number."""
    if not visit.placed or not visit.can.takes_card:
        return None
    able = (
        (name, terms)
        for name, terms in visit.wallets
        if terms.serves(visit.msisdn) and terms.takes(amount_centimes, visit.currency)
    )
    return next(able, None)


class WalletAsked(msgspec.Struct, frozen=True, tag=True):
    """The end of the dialog, or of the call: a telephone that is in one cannot take the wallet's prompt."""

    basket: Basket
    wallet: str
    payer: str

    def ask(self, visit: ScreenContext) -> Tell:
        payer = national(self.payer)
        return Tell(say("wallet-asked", wallet=self.wallet, payer=payer, total=Amount(self.basket.amount_centimes)))

    def on(self, event: Event, visit: ScreenContext) -> WalletAsked:
        return self


class WalletOpen(msgspec.Struct, frozen=True, tag=True):
    """Dialled again while the wallet asks: another way follows its own last word."""

    basket: Basket
    wallet: str
    payer: str
    until: datetime

    def ask(self, visit: ScreenContext) -> Menu:
        until = self.until.astimezone(visit.zone).strftime("%H:%M")
        total = Amount(self.basket.amount_centimes)
        text = say("wallet-open", wallet=self.wallet, payer=national(self.payer), total=total, until=until)
        return Menu(text, (Option("other", say("other-bill")),))

    def on(self, event: Event, visit: ScreenContext) -> Home | Again:
        match event:
            case Chose("other"):
                return Home()
            case _:
                return Again(say("wrong-choice"))
