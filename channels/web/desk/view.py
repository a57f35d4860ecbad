"""A payment as the help desk reads it, worded in one language. Pure.

Masked unless it must be seen: four digits of the card for ever; the payer's number and address until somebody asks for
them, which is logged. Words that locales/ does not know (a new event, an old reason) are shown as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from channels.receipt_view import STATUS, ReceiptStatus, when
from channels.web.desk.checking import answer_until, bank_told
from channels.web.desk.dialogs import DialogView, DialogWords
from channels.web.desk.parts import DeskBillRow, bill_rows, parts_told
from core.help_desk.access_log import Access, Actor
from core.help_desk.service import Case, sendable
from core.help_desk.timeline import Source, TimelineEntry
from core.languages import LanguageCode
from core.messaging.texts import Texts
from core.money import dh
from core.payments.table import UNDECIDED, Payment, PaymentState
from core.refunds.requests import Reason, RefundRequest, RefundRequests, given_back
from core.repositories import Delivery, MessageKind
from core.subscribers.lines import mask_email, mask_msisdn, national
from core.zone import ZONE

SECTION = "desk"
NONE = "—"
_GOOD = frozenset({"approved", "bill_posted"})
_BAD = frozenset({"refused", "lost", "mismatch", "undo_refused", "bill_refused", "bill_stuck", "expire", "absent"})
_BAD |= {"part_refused", "part_stuck", "part_untold"}
_BACK = frozenset({"void", "voided", "refund", "refunded", "bill_crediting", "bill_credited"})
_BAD |= {"wallet_by_hand"}
_BACK |= {"wallet_surplus", "wallet_returned"}
_BACK |= {"part", "part_asked", "part_crediting", "part_credited", "part_told"}
_ASKABLE = UNDECIDED | {PaymentState.EXPIRED, PaymentState.DECLINED}


@dataclass(frozen=True, slots=True)
class CaseFact:
    """A labelled value; `latin` ones read left to right in every language."""

    label: str
    value: str
    latin: bool = True
    href: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the story. `tone` colours it: good, bad, back, out, desk, plain."""

    tone: str
    title: str
    detail: str
    at: str
    clock: str
    iso: str
    who: str
    request: str = ""  # whose log lines tell more
    dialog: DialogView | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A line of a search's result."""

    id: str
    status: ReceiptStatus
    state: str
    amount: str
    line: str
    at: str
    tender_label: str
    tender: str
    auth_code: str
    payer: str


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request to give money back, as it waits."""

    id: int
    payment_id: str
    amount: str
    line: str
    reason: str
    comment: str
    by: str
    at: str
    may_approve: bool
    may_reject: bool
    parts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A line that says who looked."""

    who: str
    what: str
    at: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """Everything a payment's page prints."""

    id: str
    status: ReceiptStatus
    state: str
    say: str
    amount: str
    line: str
    facts: tuple[CaseFact, ...]
    bills: tuple[DeskBillRow, ...]
    items: tuple[Item, ...]
    contact_shown: bool
    payer_known: bool
    can_ask: bool
    resends: tuple[tuple[str, str], ...]
    can_undo: bool
    can_part: bool
    alone: bool
    undo_amount: str
    reasons: tuple[tuple[str, str], ...]
    asked: RequestView | None
    looked: tuple[LookedAt, ...]
    bank: tuple[str, ...] = ()  # of what is being checked: what the bank said, and how it goes on
    sends: tuple[tuple[str, str], ...] = ()  # what may go to another number or address
    others: tuple[Found, ...] = ()


class DeskWords:
    """Cases and lists in one language. Raises MissingText for what locales/ must have."""

    def __init__(self, texts: Texts, language: LanguageCode, wallets: Mapping[str, str] | None = None) -> None:
        """`wallets`: what people know each by."""
        self._texts = texts
        self._wallets = wallets or {}
        self._language = language

    def case(self, case: Case, actor: Actor, undoing: RefundRequests) -> CaseView:
        """A payment's page, for whoever sits there."""
        payment, request = case.payment, case.open_undo
        status = STATUS[payment.state]
        return CaseView(
            id=payment.id,
            status=status,
            state=self._receipt(f"{status}.state"),
            say=self._script(case),
            amount=dh(payment.amount_centimes),
            line=self._line(payment),
            facts=self._facts(payment, contact=case.contact) + self._pay_link(case.pay_link),
            bills=bill_rows(case),
            items=self._items(case),
            contact_shown=case.contact,
            payer_known=bool(payment.payer_msisdn),
            can_ask=payment.state in _ASKABLE and payment.sent_at is not None,
            resends=tuple((kind.value, self.t(f"resend.{kind}")) for kind in MessageKind if kind in case.resendable),
            can_undo=payment.state is PaymentState.CAPTURED
            and request is None
            and not any(b.returned_centimes for b in case.bills),
            can_part=payment.state is PaymentState.CAPTURED
            and request is None
            and any(b.left_centimes for b in case.bills),
            alone=undoing.alone(actor, given_back(payment)),
            undo_amount=dh(given_back(payment)),
            reasons=tuple((reason.value, self.t(f"reason.{reason}")) for reason in Reason),
            asked=None if request is None else self.asked(request, payment, actor),
            looked=tuple(self._looked(access) for access in case.accesses),
            bank=bank_told(case, self.t),
            sends=tuple((kind.value, self.t(f"send.{kind}")) for kind in MessageKind if kind in sendable(payment)),
            others=tuple(self.found(other) for other in case.others),
        )

    def _script(self, case: Case) -> str:
        """What the agent says to the customer of this state."""
        payment, status = case.payment, STATUS[case.payment.state]
        if status is ReceiptStatus.PAID and case.open_undo is not None:
            return self.t("tell.paid.pending")
        if status is ReceiptStatus.PAID and any(bill.returned_centimes for bill in case.bills):
            return self.t("tell.paid.partly")
        if status is not ReceiptStatus.CHECKING:
            return self.t(f"tell.{status}")
        until = answer_until(payment)
        late = case.at is not None and case.at > until
        moment = f"\u2066{until.astimezone(ZONE):%d/%m/%Y %H:%M}\u2069"
        return self.t("tell.checking.late" if late else "tell.checking", until=moment)

    def found(self, payment: Payment, centimes: int | None = None) -> Found:
        """A line of a search's result; `centimes`: what a list counts of it, where that is not its amount."""
        status = STATUS[payment.state]
        return Found(
            payment.id,
            status,
            self._receipt(f"{status}.state"),
            dh(payment.amount_centimes if centimes is None else centimes),
            self._line(payment),
            when(payment.created_at) or NONE,
            self.t("fact.card" if payment.wallet is None else "fact.wallet"),
            self._tender(payment),
            payment.auth_code or NONE,
            mask_msisdn(payment.payer_msisdn),
        )

    def asked(self, request: RefundRequest, payment: Payment, actor: Actor) -> RequestView:
        """A request that waits."""
        return RequestView(
            request.id,
            request.payment_id,
            dh(request.amount_centimes),
            self._line(payment),
            self.t(f"reason.{request.reason}"),
            request.comment,
            request.proposed_by,
            when(request.proposed_at) or NONE,
            request.may_approve(actor),
            request.may_reject(actor),
            parts_told(request.parts),
        )

    def t(self, key: str, **values: str) -> str:
        return self._texts.fill(self._language, SECTION, key, **values)

    def status(self, status: ReceiptStatus) -> str:
        """A state in one or two words."""
        return self._receipt(f"{status}.state")

    def _receipt(self, key: str) -> str:
        return self._texts.get(self._language, "receipt", key)

    def _known(self, key: str, otherwise: str) -> str:
        return self.t(key) if self._texts.has(self._language, SECTION, key) else otherwise

    def _line(self, payment: Payment) -> str:
        return f"{self._receipt(f'line.{payment.service}')} \u2068{payment.line_reference}\u2069"

    def _facts(self, payment: Payment, *, contact: bool) -> tuple[CaseFact, ...]:
        msisdn, email = payment.payer_msisdn, payment.email
        payer = national(msisdn) if contact else mask_msisdn(msisdn)
        address = (email if contact else mask_email(email)) if email else ""
        return (
            self._fact("auth-code", payment.auth_code),
            self._fact("receipt", payment.receipt_number),
            self._fact("transaction", payment.transaction_number),
            self._fact("reference", payment.reference),
            self._fact("card" if payment.wallet is None else "wallet", self._tender(payment)),
            self._fact("payer", payer, href=f"tel:{msisdn}" if contact and msisdn else ""),
            self._fact("email", address),
            self._fact("channel", self._known(f"channel.{payment.channel}", payment.channel), latin=False),
            self._fact("language", self._texts.get(payment.language, "web", "language.name"), latin=False),
            self._fact("paid-at" if payment.paid_at else "begun-at", when(payment.paid_at or payment.created_at)),
        )

    def _pay_link(self, link: str) -> tuple[CaseFact, ...]:
        return (self._fact("pay-link", link, href=link),) if link else ()

    def _fact(self, name: str, value: str | None, *, latin: bool = True, href: str = "") -> CaseFact:
        return CaseFact(self.t(f"fact.{name}"), value or NONE, latin, href)

    def _items(self, case: Case) -> tuple[Item, ...]:
        """What happened and what the payer was shown meanwhile, in order."""
        words = DialogWords(self._texts, self._language)
        entry = [(entry.at, self._item(entry)) for entry in case.story]
        for dialog in case.dialogs:
            view = words.one(dialog)
            entry.append(
                (dialog.began_at, Item("seen", view.title, "", view.day, view.clock, view.iso, "", dialog=view))
            )
        return tuple(item for _, item in sorted(entry, key=lambda pair: pair[0]))

    def _item(self, entry: TimelineEntry) -> Item:
        match entry.source:
            case Source.MESSAGE:
                tone = "bad" if entry.status == Delivery.FAILED else "out"
                title = self._known(f"message.{entry.what}", entry.what)
                detail = self._delivery(entry)
            case Source.NOTE:
                tone, title, detail = "desk", self.t("story.note"), entry.detail or ""
            case Source.DESK:
                to_whom = (entry.detail or "").partition(" ")[2]  # masked, where it was not the payer
                tone, title, detail = "desk", self._known(f"action.{entry.what}", entry.what), to_whom
            case Source.UNDO:
                tone, title, detail = "back", self._known(f"undo.{entry.what}", entry.what), self._reason(entry.detail)
            case _:
                tone, title, detail = _tone(entry.what), self._event(entry), self._event_detail(entry)
        moment = entry.at.astimezone(ZONE)
        day, clock = f"{moment:%d/%m/%Y}", f"{moment:%H:%M:%S}"
        return Item(tone, title, detail, day, clock, entry.at.isoformat(), entry.who, entry.request)

    def _delivery(self, entry: TimelineEntry) -> str:
        """How far a message got, and when that was heard."""
        words = self._known(f"delivery.{entry.status}", entry.status)
        moved = entry.until is not None and entry.until != entry.at and entry.status != Delivery.QUEUED
        parts = [words, _clock(entry.until) if moved and entry.until else "", entry.detail or ""]
        return " · ".join(part for part in parts if part)

    def _event(self, entry: TimelineEntry) -> str:
        """A wallet's own words where it was asked, or answered."""
        words, detail = self._known(f"event.{entry.what}", entry.what), entry.detail or ""
        by_wallet = detail.startswith("wallet ") or (entry.what == "send" and detail in self._wallets)
        return self._known(f"event.{entry.what}.wallet", words) if by_wallet else words

    def _tender(self, payment: Payment) -> str:
        """Four digits of a card, or the wallet and its payer, masked."""
        if payment.wallet is not None:
            name = self._wallets.get(payment.wallet, payment.wallet)
            return f"{name} {mask_msisdn(payment.wallet_payer or '')}".strip()
        return f"**** {payment.card_last4}" if payment.card_last4 else NONE

    def _event_detail(self, entry: TimelineEntry) -> str:
        """An answer's code, a bill's number, a channel: as it was written."""
        if entry.what == "create" and entry.detail:
            return self._known(f"channel.{entry.detail}", entry.detail)
        reason = (entry.detail or "").partition(":")[0]
        return self._reason(entry.detail) if reason in tuple(Reason) else entry.detail or ""

    def _reason(self, detail: str | None) -> str:
        reason, _, comment = (detail or "").partition(" ")
        reason = reason.removesuffix(":")
        words = self._known(f"reason.{reason}", reason)
        return f"{words} · {comment}" if comment else words

    def _looked(self, access: Access) -> LookedAt:
        return LookedAt(access.who, self._known(f"action.{access.action}", access.action), when(access.at) or NONE)


def _tone(event: str) -> str:
    if event in _GOOD:
        return "good"
    if event in _BAD:
        return "bad"
    return "back" if event in _BACK else "plain"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%H:%M:%S}"
