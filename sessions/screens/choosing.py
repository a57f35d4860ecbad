"""Screens where bills are chosen and the total confirmed, up to the hand-over to voice."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec.structs import replace

from core.billing.invoices import Invoice
from core.payments.service import Refusal
from core.payments.table import Payment
from core.subscribers.emails import email_of
from core.subscribers.lines import mask_email, msisdn, national
from sessions.basket import Basket, basket_of
from sessions.bill_cache import NONE_LEFT, Listed, Unpaid, UntickedBills, all_left
from sessions.screens.ending import Goodbye
from sessions.screens.menu import (
    Again,
    Amount,
    Back,
    Chose,
    Digits,
    Done,
    Event,
    Home,
    Listing,
    Menu,
    Month,
    Noted,
    Option,
    Say,
    ScreenContext,
    Spelled,
    Tell,
    Text,
    Typed,
    say,
)
from sessions.screens.paying import CardNumber, PayByConnector, card_screen
from sessions.screens.wallet import WalletAsked, ways_of
from sessions.turn.effects import (
    Bills,
    LineRef,
    ListBills,
    NoBills,
    NotRung,
    Start,
    StartWallet,
    WalletRefused,
    WalletStarted,
)

TICK_ALL_FROM = 4  # with as many bills, one choice ticks or unticks them all
TICK_ALL_ALOUD_FROM = 1  # a voice says the total first, and bills one by one only to who turns to them
EMAIL_MAX = 120
EMAIL_SHOWN_MAX = 24


class NothingToPay(msgspec.Struct, frozen=True, tag=True):
    """The line has no unpaid bill."""

    reference: str

    def ask(self, visit: ScreenContext) -> Menu:
        return Menu(say("nothing-to-pay", line=Spelled(self.reference)), (Option("other", say("other-bill")),))

    def on(self, event: Event, visit: ScreenContext) -> Home | Again:
        match event:
            case Chose("other"):
                return Home()
            case _:
                return Again(say("wrong-choice"))


class TickBoxes(Listing):
    """An option a bill, made as it is looked at: of five hundred a page shows three. With many, one more for all."""

    __slots__ = ("_all", "_left", "_listed")

    def __init__(self, listed: Listed, left: UntickedBills, all_from: int = TICK_ALL_FROM) -> None:
        self._listed = listed
        self._left = left
        # "all" comes first: who pays one bill of forty must not turn ten pages to untick the others
        self._all = 1 if len(listed.bills) >= all_from else 0

    def __len__(self) -> int:
        return len(self._listed.bills) + self._all

    @property
    def uncounted(self) -> int:
        return self._all

    def at(self, place: int) -> Option:
        if place < self._all:
            ticked = self._left.count < len(self._listed.bills)
            return Option("all", say("bills.none" if ticked else "bills.all"))
        bill = self._listed.bills[place - self._all]
        return Option(
            bill.number,
            Say("bill", (("month", Month(bill.period)), ("amount", Amount(bill.amount_centimes, listed=True)))),
            not self._left.has(place - self._all),
        )

    def place(self, option: str) -> int | None:
        if option == "all":
            return 0 if self._all else None
        place = self._listed.place(option)
        return None if place is None else place + self._all


class PickInvoices(msgspec.Struct, frozen=True, tag=True):
    """Unpaid bills, all ticked; a choice unticks one, 'pay' goes on."""

    line: LineRef
    unpaid: Unpaid
    left: UntickedBills = NONE_LEFT

    @property
    def picked_count(self) -> int:
        return self.unpaid.count - self.left.count

    @property
    def picked_centimes(self) -> int:
        return self.unpaid.total_centimes - self.left.centimes

    def listed(self, visit: ScreenContext) -> Listed:
        """The bills. Raises LookupError when they are not at hand: a turn asks billing before it comes here."""
        listed = visit.shelf.find(self.unpaid)
        if listed is None:
            raise LookupError("a list of bills is not at hand")
        return listed

    def picked(self, visit: ScreenContext) -> tuple[Invoice, ...]:
        return tuple(bill for n, bill in enumerate(self.listed(visit).bills) if not self.left.has(n))

    def ask(self, visit: ScreenContext) -> Menu:
        pay = (Option("pay", say("bills.pay", total=Amount(self.picked_centimes))),) if self.picked_count else ()
        due = Amount(self.picked_centimes)
        if visit.can.takes_card and not self.left.count:
            text = say("unpaid-bills.all", of=self.unpaid.count, total=due)
        else:
            text = say("unpaid-bills", count=self.picked_count, of=self.unpaid.count, total=due)
        all_from = TICK_ALL_ALOUD_FROM if visit.can.takes_card else TICK_ALL_FROM
        return Menu(text, TickBoxes(self.listed(visit), self.left, all_from), back=True, pinned=pay)

    def on(
        self, event: Event, visit: ScreenContext
    ) -> PickInvoices | ConfirmTotal | ListBills | CardNumber | Home | BillsOrWhy:
        match event:
            case Chose("pay") if self.picked_count and visit.can.takes_card:
                return Start(self.line, self.picked(visit))
            case Chose("pay") if self.picked_count:
                return ConfirmTotal(self)
            case Chose("all"):
                return PickInvoices(self.line, self.unpaid, all_left(self.unpaid) if self.picked_count else NONE_LEFT)
            case Chose(number) if (place := (listed := self.listed(visit)).place(number)) is not None:
                return PickInvoices(self.line, self.unpaid, self.left.toggled(place, listed.bills[place]))
            case Done(Payment() as payment):
                return card_screen(basket_of(payment), visit)
            case Done(result):
                return bills_or_why(self.line, result, visit)
            case Back():
                return Home()
            case _:
                return Again(say("wrong-choice"))


class ConfirmTotal(msgspec.Struct, frozen=True, tag=True):
    """The total, and where the receipt goes; 'pay' commits the intent and hands over to voice."""

    pick: PickInvoices
    only_bill: bool = False  # nothing was chosen: its month is told here

    def ask(self, visit: ScreenContext) -> Menu:
        due, count, email = Amount(self.pick.picked_centimes), self.pick.picked_count, self.pick.line.email
        shown = mask_email(email or "@")[:EMAIL_SHOWN_MAX]
        if self.only_bill:
            month = Month(self.pick.listed(visit).bills[0].period)
            receipt = say("confirm-total.only-bill", month=month, total=due, email=shown)
            text = receipt if email else say("confirm-total.only-bill.no-email", month=month, total=due)
        else:
            receipt = say("confirm-total", total=due, count=count, email=shown)
            text = receipt if email else say("confirm-total.no-email", total=due, count=count)
        ways = ways_of(visit, self.pick.picked_centimes)
        options = [
            Option(f"wallet:{name}", say("confirm-total.wallet", wallet=terms.name))
            for name, terms in ways
            if terms.serves(visit.msisdn)
        ]
        options.append(Option("pay", say("confirm-total.card" if ways else "confirm-total.pay")))
        options.extend(
            Option(f"other:{name}", say("confirm-total.other-wallet", wallet=terms.name)) for name, terms in ways[:1]
        )
        if visit.can.types_text:
            options.append(Option("email", say("confirm-total.change-email" if email else "confirm-total.add-email")))
        return Menu(text, tuple(options), back=True)

    def on(
        self, event: Event, visit: ScreenContext
    ) -> (
        HandOver
        | WalletAsked
        | WalletPayer
        | Email
        | PickInvoices
        | Home
        | Start
        | StartWallet
        | ListBills
        | BillsOrWhy
    ):
        match event:
            case Chose(way) if way.startswith("wallet:"):
                provider = way.removeprefix("wallet:")
                return StartWallet(self.pick.line, self.pick.picked(visit), provider, visit.msisdn)
            case Chose(way) if way.startswith("other:"):
                return WalletPayer(self.pick, way.removeprefix("other:"), self.only_bill)
            case Done(WalletStarted() | WalletRefused() as wallet):
                return _wallet_or_why(wallet, self.pick.line, visit)
            case Chose("pay"):
                return Start(self.pick.line, self.pick.picked(visit), ring_back=not visit.can.pays_on_page)
            case Chose("email"):
                return Email(self.pick, self.only_bill)
            case Done(Payment() as payment):
                return HandOver(basket_of(payment))
            case Done(NotRung(payment)):
                return HandOver(basket_of(payment), rings=False)
            case Done(result):
                return bills_or_why(self.pick.line, result, visit)
            case Back():
                return Home() if self.only_bill else self.pick
            case _:
                return Again(say("wrong-choice"))


class WalletPayer(msgspec.Struct, frozen=True, tag=True):
    """Somebody else's wallet pays: the request goes to that telephone, and its owner must agree there."""

    pick: PickInvoices
    provider: str
    only_bill: bool = False

    def ask(self, visit: ScreenContext) -> Digits:
        terms = dict(visit.wallets).get(self.provider)
        return Digits(say("wallet-payer", wallet=terms.name if terms else "-"), say("wallet-payer.wrong"), 9, 15)

    def on(
        self, event: Event, visit: ScreenContext
    ) -> ConfirmTotal | WalletAsked | StartWallet | ListBills | BillsOrWhy:
        match event:
            case Typed(text):
                terms = dict(visit.wallets).get(self.provider)
                try:
                    payer = msisdn(text)
                except ValueError:
                    return Again(say("wallet-payer.wrong"))
                if terms is None or not terms.serves(payer):
                    return Again(say("wallet-payer.wrong"))
                return StartWallet(self.pick.line, self.pick.picked(visit), self.provider, payer)
            case Done(WalletStarted() | WalletRefused() as wallet):
                return _wallet_or_why(wallet, self.pick.line, visit)
            case Done(result):
                return bills_or_why(self.pick.line, result, visit)
            case Back():
                return ConfirmTotal(self.pick, self.only_bill)
            case _:
                return Again(say("wallet-payer.wrong"))


def _wallet_or_why(
    wallet: WalletStarted | WalletRefused, line: LineRef, visit: ScreenContext
) -> WalletAsked | BillsOrWhy | ListBills:
    """The end of the dialog, or why this wallet asks nobody: the other ways stay on the screen."""
    match wallet:
        case WalletStarted(payment, name):
            return WalletAsked(basket_of(payment), name, payment.wallet_payer or visit.msisdn)
        case WalletRefused(Refusal.LOCKED):
            return Again(say("wallet-too-often"), counts=False)
        case WalletRefused(Refusal.BANK_DOWN):
            return Again(say("wallet-not-now"), counts=False)
    return bills_or_why(line, wallet.why, visit)


class Email(msgspec.Struct, frozen=True, tag=True):
    """Another address for this receipt."""

    pick: PickInvoices
    only_bill: bool = False

    def ask(self, visit: ScreenContext) -> Text:
        return Text(say("email"), say("email.wrong"), EMAIL_MAX)

    def on(self, event: Event, visit: ScreenContext) -> ConfirmTotal | Again:
        match event:
            # networks join a dialog's inputs by stars: in an address one is a slip, however legal
            case Typed(text) if "*" not in text:
                try:
                    address = email_of(text, utf8=visit.mail_utf8)
                except ValueError:
                    return Again(say("email.wrong"))
                old = self.pick.line
                line = LineRef(old.service, old.reference, address, typed=True, others=old.others)
                return ConfirmTotal(replace(self.pick, line=line), self.only_bill)
            case Back():
                return ConfirmTotal(self.pick, self.only_bill)
            case _:
                return Again(say("email.wrong"))


class HandOver(msgspec.Struct, frozen=True, tag=True):
    """A call is coming for the card; whoever misses it calls the voice line and gives the reference.

    A browser is never shown it: it goes on to the acquirer's page.
    """

    basket: Basket
    rings: bool = True  # False: it rang often enough this hour

    def ask(self, visit: ScreenContext) -> Tell:
        return Tell(
            say(
                "hand-over" if self.rings else "hand-over.no-call",
                total=Amount(self.basket.amount_centimes),
                caller=national(visit.msisdn),
                voice=national(visit.voice_number),
                reference=self.basket.reference,
                until=_clock(self.basket.until, visit),
            )
        )

    def on(self, event: Event, visit: ScreenContext) -> HandOver:
        return self


def _clock(until: datetime | None, visit: ScreenContext) -> str:
    """The hour and minute where the customer is; a dash for a basket that an older version kept."""
    return "-" if until is None else until.astimezone(visit.zone).strftime("%H:%M")


def pick_of(screen: object) -> PickInvoices | None:
    """The choice of bills that a screen needs its list for: to show it, or to pay what is ticked on it."""
    match screen:
        case PickInvoices():
            return screen
        case ConfirmTotal(pick) | WalletPayer(pick):
            return pick
        case _:
            return None


BillsOrWhy = (
    PickInvoices
    | ConfirmTotal
    | NothingToPay
    | Goodbye
    | Noted[PickInvoices]
    | CardNumber
    | PayByConnector
    | Start
    | Again
)


def bills_or_why(line: LineRef, result: object, visit: ScreenContext) -> BillsOrWhy | ListBills:
    """The screen for a list of bills, or for the reason why there is none or the payment did not start.

    One bill alone is not chosen among: by voice its amount is said and the card is asked; on a handset, of somebody
    else's line, whose number and code took two screens already, its total is confirmed at once.
    """
    match result:
        case Bills(bill_line, unpaid, False) if visit.can.takes_card and unpaid.count == 1:
            return Start(bill_line, PickInvoices(bill_line, unpaid).picked(visit))
        case Bills(bill_line, unpaid, False) if bill_line.others and not visit.can.pays_on_page and unpaid.count == 1:
            return ConfirmTotal(PickInvoices(bill_line, unpaid), only_bill=True)
        case Bills(bill_line, unpaid, changed):
            screen = PickInvoices(bill_line, unpaid)
            return Noted(screen, say("bills-changed")) if changed else screen
        case Payment() as payment:
            card = card_screen(basket_of(payment), visit)  # a connector's own words tell the amount
            return replace(card, only_bill=True) if isinstance(card, CardNumber) else card
        case NoBills(bill_line, why):
            return bills_or_why(bill_line, why, visit)
        case Refusal.BILLS_CHANGED:
            return ListBills(line, changed=True)
        case Refusal.NOTHING_TO_PAY:
            return NothingToPay(line.reference)
        case Refusal() as refusal:
            return Goodbye(f"refused.{refusal.value.replace('_', '-')}")
        case _:
            return Again(say("wrong-choice"))
