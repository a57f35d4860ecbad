"""Screens where bills are chosen and the total confirmed, up to the hand-over to voice."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from core.billpay import Refusal
from core.invoices import Invoice, total
from core.payment import Payment
from core.subscribers import email_of, mask_email, national
from sessions.basket import Basket, basket_of
from sessions.effects import Bills, LineRef, ListBills, NoBills, Start
from sessions.ending import Goodbye
from sessions.paying import CardNumber, PayByConnector, card_screen
from sessions.screen import (
    Again,
    Amount,
    Back,
    Chose,
    Done,
    Event,
    Home,
    Menu,
    Month,
    Noted,
    Option,
    Spelled,
    Tell,
    Text,
    Typed,
    Visit,
    say,
)

TICK_ALL_FROM = 4  # with as many bills, one choice ticks or unticks them all
EMAIL_MAX = 120
EMAIL_SHOWN_MAX = 24


class NothingToPay(msgspec.Struct, frozen=True, tag=True):
    """No unpaid bill on this line."""

    reference: str

    def ask(self, visit: Visit) -> Menu:
        return Menu(say("nothing-to-pay", line=Spelled(self.reference)), (Option("other", say("other-bill")),))

    def on(self, event: Event, visit: Visit) -> Home | Again:
        match event:
            case Chose("other"):
                return Home()
            case _:
                return Again(say("wrong-choice"))


class PickInvoices(msgspec.Struct, frozen=True, tag=True):
    """Unpaid bills, all ticked; a choice unticks one, 'pay' goes on."""

    line: LineRef
    unpaid: tuple[Invoice, ...]
    left_out: frozenset[str] = frozenset()

    @property
    def picked(self) -> tuple[Invoice, ...]:
        return tuple(i for i in self.unpaid if i.number not in self.left_out)

    def ask(self, visit: Visit) -> Menu:
        bills = tuple(
            Option(
                i.number,
                say("bill", month=Month(i.period), amount=Amount(i.amount_centimes)),
                ticked=i.number not in self.left_out,
            )
            for i in self.unpaid
        )
        everything = (
            (Option("all", say("bills.none" if self.picked else "bills.all")),) if len(bills) >= TICK_ALL_FROM else ()
        )
        pay = (Option("pay", say("bills.pay", total=Amount(total(self.picked))), pinned=True),) if self.picked else ()
        # "all" comes first: who pays one bill of forty must not turn ten pages to untick the others
        return Menu(
            say("unpaid-bills", count=len(self.picked), of=len(self.unpaid)), (*everything, *bills, *pay), back=True
        )

    def on(
        self, event: Event, visit: Visit
    ) -> PickInvoices | ConfirmTotal | Start | ListBills | CardNumber | PayByConnector | Home | Refused:
        match event:
            case Chose("pay") if self.picked and visit.can.takes_card:
                return Start(self.line, self.picked)
            case Chose("pay") if self.picked:
                return ConfirmTotal(self)
            case Chose("all"):
                return replace(self, left_out=frozenset(i.number for i in self.unpaid) if self.picked else frozenset())
            case Chose(number) if number in {i.number for i in self.unpaid}:
                return replace(self, left_out=self.left_out ^ {number})
            case Done(Payment() as payment):
                return card_screen(basket_of(payment), visit)
            case Done(result):
                return bills_or_why(self.line, result)
            case Back():
                return Home()
            case _:
                return Again(say("wrong-choice"))


class ConfirmTotal(msgspec.Struct, frozen=True, tag=True):
    """The total, and where the receipt goes; 'pay' commits the intent and hands over to voice."""

    pick: PickInvoices

    def ask(self, visit: Visit) -> Menu:
        picked, email = self.pick.picked, self.pick.line.email
        receipt = say(
            "confirm-total",
            total=Amount(total(picked)),
            count=len(picked),
            email=mask_email(email or "@")[:EMAIL_SHOWN_MAX],
        )
        text = receipt if email else say("confirm-total.no-email", total=Amount(total(picked)), count=len(picked))
        options = [Option("pay", say("confirm-total.pay"))]
        if visit.can.types_text:
            options.append(Option("email", say("confirm-total.change-email" if email else "confirm-total.add-email")))
        return Menu(text, tuple(options), back=True)

    def on(self, event: Event, visit: Visit) -> HandOver | Email | PickInvoices | Start | ListBills | Refused:
        match event:
            case Chose("pay"):
                return Start(self.pick.line, self.pick.picked, ring_back=True)
            case Chose("email"):
                return Email(self.pick)
            case Done(Payment() as payment):
                return HandOver(basket_of(payment))
            case Done(result):
                return bills_or_why(self.pick.line, result)
            case Back():
                return self.pick
            case _:
                return Again(say("wrong-choice"))


class Email(msgspec.Struct, frozen=True, tag=True):
    """Another address for this receipt."""

    pick: PickInvoices

    def ask(self, visit: Visit) -> Text:
        return Text(say("email"), say("email.wrong"), EMAIL_MAX)

    def on(self, event: Event, visit: Visit) -> ConfirmTotal | Again:
        match event:
            case Typed(text):
                try:
                    address = email_of(text)
                except ValueError:
                    return Again(say("email.wrong"))
                line = LineRef(self.pick.line.service, self.pick.line.reference, address)
                return ConfirmTotal(replace(self.pick, line=line))
            case Back():
                return ConfirmTotal(self.pick)
            case _:
                return Again(say("email.wrong"))


class HandOver(msgspec.Struct, frozen=True, tag=True):
    """A call is coming for the card; whoever misses it calls the voice line and gives the reference."""

    basket: Basket

    def ask(self, visit: Visit) -> Tell:
        return Tell(
            say(
                "hand-over",
                total=Amount(self.basket.amount_centimes),
                caller=national(visit.msisdn),
                voice=national(visit.voice_number),
                reference=self.basket.reference,
            )
        )

    def on(self, event: Event, visit: Visit) -> HandOver:
        return self


Refused = PickInvoices | NothingToPay | Goodbye | Noted[PickInvoices] | Again


def bills_or_why(line: LineRef, result: object) -> Refused | ListBills:
    """The screen for a list of bills, or for the reason why there is none or the payment did not start."""
    match result:
        case Bills(bill_line, invoices, changed):
            screen = PickInvoices(bill_line, invoices)
            return Noted(screen, say("bills-changed")) if changed else screen
        case NoBills(bill_line, why):
            return bills_or_why(bill_line, why)
        case Refusal.BILLS_CHANGED:
            return ListBills(line, changed=True)
        case Refusal.NOTHING_TO_PAY:
            return NothingToPay(line.reference)
        case Refusal() as refusal:
            return Goodbye(f"refused.{refusal.value.replace('_', '-')}")
        case _:
            return Again(say("wrong-choice"))
