"""Screens from the first word to the list of bills: who calls, in which language, for which line."""

from __future__ import annotations

import msgspec

from core.languages import LanguageCode as Lang
from core.payments.service import Refusal
from core.payments.table import Payment, PaymentState
from core.subscribers.lines import ServiceType as Kind
from core.subscribers.lines import SubscribedLine, digits_of, national, payment_code_of, reference_of
from sessions.basket import basket_of, takes_another_card
from sessions.screens.choosing import BillsOrWhy, ConfirmTotal, Email, HandOver, PickInvoices, bills_or_why
from sessions.screens.ending import Goodbye, Help, Unknown
from sessions.screens.menu import (
    Again,
    Amount,
    Back,
    Chose,
    Digits,
    Done,
    Event,
    Home,
    Menu,
    Noted,
    Option,
    ScreenContext,
    Spelled,
    Typed,
    say,
)
from sessions.screens.paying import BankPin, CardNumber, PayByConnector, Settled, card_screen, settled
from sessions.screens.wallet import WalletOpen
from sessions.turn.effects import (
    AcceptTerms,
    Bills,
    Cancel,
    FindBasket,
    Identify,
    LineRef,
    ListBills,
    Look,
    NotRung,
    Recall,
    Recalled,
    Remember,
    Remembered,
    RingBack,
    Rung,
    TermsAccepted,
)

LINES_MAX = 5  # own lines offered by number; more are reached by typing one
REFERENCE_DIGITS = 6
PROOF_DIGITS_MIN, PROOF_DIGITS_MAX = 4, 15  # a payment code, or a line


class Opening(msgspec.Struct, frozen=True, tag=True):
    """Stands before the first screen and asks who is there. Never shown. `payment_id` comes with a call
    that we made.
    """

    payment_id: str | None = None
    dropped: Resumable | None = None
    fresh: bool = True  # False: the customer is at home again and knows of the open payment

    def on(
        self, event: Event, visit: ScreenContext
    ) -> Recall | Look | Welcome | Settled | Noted[CardNumber | PayByConnector]:
        match event:
            case Done(Payment() as payment) if takes_another_card(payment):
                return Noted(card_screen(basket_of(payment), visit), say("call-back"))
            case Done(Payment() as payment):
                return settled(payment, visit)
            case Done(Recalled() as recalled):
                return self._welcome(recalled, visit)
            case Done(_):
                return Goodbye("basket-expired")
            case _:
                return Recall() if self.payment_id is None else Look(self.payment_id)

    def _welcome(self, recalled: Recalled, visit: ScreenContext) -> Welcome:
        # whoever is only said to call hears nothing of this number's payments, and is asked for no bank's PIN
        payment = recalled.open_payment if self.fresh and visit.can.caller_proven else None
        if payment is not None and payment.state is PaymentState.CREATED:
            basket = basket_of(payment)
            return Resume(CardNumber(basket) if visit.can.takes_card else HandOver(basket))
        if payment is not None:
            wallet = recalled.wallet
            if wallet is not None and payment.state is PaymentState.SENDING:
                return WalletOpen(basket_of(payment), wallet.name, wallet.payer_msisdn, wallet.until)
            screen = settled(payment, visit)
            return screen if isinstance(screen, BankPin) else Unknown(payment.amount_centimes)
        # whether a basket still waits is the till's to say: it may have been paid on another channel meanwhile
        dropped_here = self.dropped is not None and not isinstance(self.dropped, HandOver | CardNumber)
        if self.dropped is not None and dropped_here and visit.can.caller_proven:
            return Resume(self.dropped)
        service = home(recalled, visit)
        return service if visit.language_known else Language(service.lines)


class Language(msgspec.Struct, frozen=True, tag=True):
    """Asked once, in every language at once; remembered. `lines`: what the dialog goes on with; None, in a record of an
    older version: they are asked for again.
    """

    lines: tuple[LineRef, ...] | None = None

    def ask(self, visit: ScreenContext) -> Menu:
        return Menu(say("language"), tuple(Option(lang.value, say(f"language.{lang.value}")) for lang in Lang))

    def on(self, event: Event, visit: ScreenContext) -> Service | Remember | Again:
        match event:
            case Chose(code):
                return Remember(Lang(code), recall=self.lines is None)
            case Done(Remembered()):
                return Service(self.lines or ())
            case Done(Recalled() as recalled):
                return home(recalled, visit)
            case _:
                return Again(say("wrong-choice"))


class Service(msgspec.Struct, frozen=True, tag=True):
    """Asks which bill: one of the caller's own lines by one key, or another line by its number and code."""

    lines: tuple[LineRef, ...] = ()
    others_only: bool = False  # a voice says those of other people only to who asks for them

    def ask(self, visit: ScreenContext) -> Menu:
        others = tuple(Option(service.value, say(f"service.{service.value}")) for service in Kind)
        if self.others_only:
            return Menu(say("service"), others, back=True)
        own = tuple(
            Option(f"own:{n}", say(f"own-line.{line.service.value}", line=Spelled(line.reference)))
            for n, line in enumerate(self.lines)
        )
        basket = (Option("basket", say("service.basket")),) if visit.can.takes_card else ()
        if own and visit.can.takes_card:
            others = (Option("other", say("service.other")),)
        last = (Option("language", say("service.language")), Option("help", say("service.help")))
        return Menu(say("service"), (*own, *basket, *others, *last))

    def on(
        self, event: Event, visit: ScreenContext
    ) -> Service | Reference | PaymentCode | Terms | Language | Help | ListBills | Home | BillsOrWhy:
        match event:
            case Chose("language"):
                return Language(self.lines)
            case Chose("help"):
                return Help()
            case Chose("basket"):
                return Reference(None)
            case Chose("other"):
                return Service(self.lines, others_only=True)
            case Back():
                return Home()
            case Chose(choice) if choice.startswith("own:"):
                return self._own(self.lines[int(choice[4:])], visit)
            case Chose(choice):
                return Reference(Kind(choice))
            case Done(Bills(line) as bills):
                return bills_or_why(line, bills, visit)
            case Done(result):
                return bills_or_why(LineRef(Kind.MOBILE, ""), result, visit)
            case _:
                return Again(say("wrong-choice"))

    def _own(self, line: LineRef, visit: ScreenContext) -> PaymentCode | Terms | ListBills:
        # a voice caller's number can be spoofed: it offers the line, the code proves it (docs/protocols/ivr.md)
        if not visit.can.caller_proven:
            return PaymentCode(line.service, line.reference)
        return bills_or_terms(line, visit)


class Reference(msgspec.Struct, frozen=True, tag=True):
    """A line's number (internet: customer number), or the reference of a hand-over and what proves it."""

    service: Kind | None
    quoted: str = ""

    def ask(self, visit: ScreenContext) -> Digits:
        if self.quoted:
            return Digits(say("reference.proof"), say("reference.wrong.proof"), PROOF_DIGITS_MIN, PROOF_DIGITS_MAX)
        kind = self.service.value if self.service else "basket"
        least, most = (5, 15) if self.service else (REFERENCE_DIGITS, REFERENCE_DIGITS)
        return Digits(say(f"reference.{kind}"), say(f"reference.wrong.{kind}"), least, most)

    def on(self, event: Event, visit: ScreenContext) -> Found | Home | Again | Settled | Goodbye | Unknown:
        kind = self.service.value if self.service else "proof" if self.quoted else "basket"
        wrong = Again(say(f"reference.wrong.{kind}"))
        match event:
            case Typed(text) if self.quoted:
                return FindBasket(self.quoted, digits_of(text))
            case Typed(text) if self.service is None:
                return Reference(None, digits_of(text))
            case Typed(text) if self.service is not None:
                try:
                    return PaymentCode(self.service, reference_of(self.service, text))
                except ValueError:
                    return wrong
            case Done(Payment() as payment) if takes_another_card(payment):
                return card_screen(basket_of(payment), visit)
            case Done(Payment() as payment):
                screen = settled(payment, visit)
                # the bank asks whoever pays, in the call that pays
                return Unknown(payment.amount_centimes) if isinstance(screen, BankPin) else screen
            case Done(Refusal() as refusal) if refusal is not Refusal.WRONG_CODE:
                return Goodbye(f"refused.{refusal.value.replace('_', '-')}")
            case Back():
                return Home()
            case _:
                return wrong


class PaymentCode(msgspec.Struct, frozen=True, tag=True):
    """The code printed on the bill; a mobile's comes by SMS."""

    service: Kind
    reference: str

    def ask(self, visit: ScreenContext) -> Digits:
        kind = "mobile" if self.service is Kind.MOBILE else "printed"
        return Digits(
            say(f"payment-code.{kind}", line=Spelled(self.reference), code_number=Spelled(visit.short_code)),
            say("payment-code.wrong"),
            4,
            10,
        )

    def on(self, event: Event, visit: ScreenContext) -> Terms | Reference | Identify | ListBills | BillsOrWhy:
        match event:
            case Typed(text):
                try:
                    return Identify(self.service, self.reference, payment_code_of(text))
                except ValueError:
                    return Again(say("payment-code.wrong"))
            case Done(SubscribedLine() as line):
                # whoever pays for another is not asked by default to show that person which card paid
                own = line.contact_msisdn == visit.msisdn
                email = line.email if own else None
                return bills_or_terms(LineRef(line.service, line.reference, email, others=not own), visit)
            case Done(Refusal.WRONG_CODE):
                return Again(say("payment-code.refused", code_number=" ".join(visit.short_code)))
            case Done(Bills(line_ref) as bills):
                return bills_or_why(line_ref, bills, visit)
            case Done(result):
                return bills_or_why(LineRef(self.service, self.reference), result, visit)
            case Back():
                return Reference(self.service)
            case _:
                return Again(say("payment-code.wrong"))


class Terms(msgspec.Struct, frozen=True, tag=True):
    """The terms with the law 09-08 line, before any personal data is shown."""

    line: LineRef

    def ask(self, visit: ScreenContext) -> Menu:
        return Menu(
            say("terms", help=Spelled(visit.help_number)),
            (Option("accept", say("terms.accept")), Option("refuse", say("terms.refuse"))),
        )

    def on(self, event: Event, visit: ScreenContext) -> Goodbye | AcceptTerms | ListBills | BillsOrWhy:
        match event:
            case Chose("accept"):
                return AcceptTerms(self.line.service, self.line.reference)
            case Chose("refuse"):
                return Goodbye("terms-refused")
            case Done(TermsAccepted()):
                return ListBills(self.line)
            case Done(result):
                return bills_or_why(self.line, result, visit)
            case _:
                return Again(say("wrong-choice"))


Resumable = PaymentCode | Terms | PickInvoices | ConfirmTotal | Email | HandOver | CardNumber


class Resume(msgspec.Struct, frozen=True, tag=True):
    """A dropped dialog, or a basket that waits for its card: go on or start over."""

    previous: Resumable

    def ask(self, visit: ScreenContext) -> Menu:
        options = (Option("resume", say("resume.resume")), Option("over", say("resume.over")))
        match self.previous:
            case HandOver(basket) | CardNumber(basket):
                return Menu(say("resume.basket", total=Amount(basket.amount_centimes)), options)
            case PickInvoices(line) | Terms(line):
                reference = line.reference
            case ConfirmTotal(pick) | Email(pick):
                reference = pick.line.reference
            case PaymentCode(_, reference):
                pass
        return Menu(say("resume", line=Spelled(reference)), options)

    def on(
        self, event: Event, visit: ScreenContext
    ) -> Resumable | PayByConnector | Service | Language | RingBack | Cancel | Home | Again:
        match event, self.previous:
            case Chose("resume"), HandOver(basket):
                return RingBack(basket.payment_id)
            case Chose("resume"), CardNumber(basket):
                return card_screen(basket, visit)
            case Chose("resume"), previous:
                return previous
            case Chose("over"), HandOver(basket) | CardNumber(basket):
                return Cancel(basket.payment_id)
            case Chose("over"), _:
                return Home()
            case Done(Rung()), previous:
                return previous
            case Done(NotRung(payment)), _:
                return HandOver(basket_of(payment), rings=False)
            case Done(Recalled() as recalled), _:
                return home(recalled, visit)
            case _:
                return Again(say("wrong-choice"))


Found = PaymentCode | CardNumber | PayByConnector | FindBasket | Reference
Welcome = Resume | Unknown | WalletOpen | BankPin | Service | Language


def home(recalled: Recalled, visit: ScreenContext) -> Service:
    """The choice of a line, the caller's own first. Only the network's own word for a number shows that person's other
    lines and e-mail; who is merely said to call is offered the number that was said."""
    lines = recalled.person.lines
    if not visit.can.caller_proven:
        number = national(visit.msisdn)
        return Service(tuple(LineRef(line.service, line.reference) for line in lines if line.reference == number))
    return Service(tuple(LineRef(line.service, line.reference, line.email) for line in lines[:LINES_MAX]))


def bills_or_terms(line: LineRef, visit: ScreenContext) -> ListBills | Terms:
    """Consent to the terms in force comes before the bills; who gave it is not asked again."""
    return ListBills(line) if visit.terms_accepted else Terms(line)
