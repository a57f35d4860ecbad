"""The evidence sheet of a dispute as a PDF: what answers a bank. Needs the `pdf` extra; slow, as receipts are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from channels.receipt_view import when
from channels.web.desk.dialogs import DialogView
from channels.web.receipts.canvas import Face, PdfCanvas
from core.chargebacks.evidence import Evidence
from core.help_desk.timeline import Source
from core.languages import LANGUAGES, LanguageCode
from core.money import dh
from core.subscribers.lines import national
from core.zone import ZONE

NONE = "—"
ROW_MM, LINE_MM = 6.4, 5.2
LINES_MAX = 400  # of words and messages
LABEL, VALUE, HEADING, TITLE, SMALL = (
    Face(9.5),
    Face(9.5, bold=True),
    Face(12, bold=True),
    Face(16, bold=True),
    Face(8.5),
)

Words = Callable[..., str]


@dataclass(frozen=True, slots=True)
class EvidenceSheet:
    """The evidence as it is printed: facts in order, then sections of lines."""

    title: str
    facts: tuple[tuple[str, str], ...]
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    rtl: bool
    language: LanguageCode


def sheet_of(evidence: Evidence, dialogs: Sequence[DialogView], language: LanguageCode, t: Words) -> EvidenceSheet:
    """Writes the sheet. Every empty fact is printed as one: the bank sees that it was asked for."""
    payment, facts = evidence.payment, evidence.facts
    agreed = evidence.agreed
    card = facts.masked_card or (f"**** {payment.card_last4}" if payment.card_last4 else "")
    told = (
        ("order", payment.id),
        ("amount", dh(payment.approved_centimes or payment.amount_centimes)),
        ("paid-at", when(payment.paid_at) or ""),
        ("auth-code", payment.auth_code or ""),
        ("transaction", payment.transaction_number or ""),
        ("rrn", facts.rrn),
        ("card", " ".join(part for part in (payment.card_brand or "", card) if part)),
        ("cvv", facts.cvv_result),
        ("md-status", facts.md_status),
        ("eci", facts.eci),
        ("cavv", facts.cavv),
        ("xid", facts.xid),
        ("present", facts.cardholder_present),
        ("terminal", facts.terminal),
        ("batch", facts.batch),
        ("channel", payment.channel),
        ("payer", national(payment.payer_msisdn) if payment.payer_msisdn else ""),
        ("line", payment.line_reference),
        ("receipt", payment.receipt_number or ""),
        ("consent", f"{agreed.version}, {agreed.channel}, {when(agreed.at)}" if agreed else ""),
    )
    cases = tuple(
        f"{each.claim.case_id} · {each.claim.reason_code} · {dh(each.claim.amount_centimes)} · "
        f"{t(f'chargeback.state.{each.state}')} · {each.claim.deadline:%d/%m/%Y}"
        for each in evidence.chargebacks
    )
    bills = tuple(f"{bill.number} · {bill.month} · {dh(bill.amount_centimes)}" for bill in payment.invoices)
    sections = (
        ("cases", cases),
        ("bills", bills),
        ("messages", tuple(_messages(evidence, t))),
        ("events", tuple(_events(evidence))),
        ("words", tuple(_words(dialogs))),
    )
    return EvidenceSheet(
        t("evidence.title"),
        tuple((t(f"evidence.{name}"), text or NONE) for name, text in told),
        tuple((t(f"evidence.{name}"), lines[:LINES_MAX] or (NONE,)) for name, lines in sections),
        LANGUAGES[language].rtl,
        language,
    )


def _messages(evidence: Evidence, t: Words) -> Iterator[str]:
    """What was sent, and how far it got."""
    for each in evidence.story:
        if each.source is Source.MESSAGE:
            until = f" {each.until.astimezone(ZONE):%d/%m/%Y %H:%M:%S}" if each.until else ""
            yield f"{each.at.astimezone(ZONE):%d/%m/%Y %H:%M:%S} · {each.what} · {t(f'delivery.{each.status}')}{until}"


def _events(evidence: Evidence) -> Iterator[str]:
    for each in evidence.story:
        if each.source is Source.PAYMENT:
            yield f"{each.at.astimezone(ZONE):%d/%m/%Y %H:%M:%S} · {each.what} · {each.status} · {each.detail or ''}"


def _words(dialogs: Sequence[DialogView]) -> Iterator[str]:
    for dialog in dialogs:
        yield f"{dialog.title} · {dialog.day} {dialog.clock}"
        for line in dialog.lines:
            yield f"{line.clock} · {line.screen} · {' '.join(line.words.split())}"


def render(view: EvidenceSheet, operator: str, payment_id: str) -> bytes:
    """The document. Raises ValueError when it has more pages than a sheet may."""
    sheet = PdfCanvas(rtl=view.rtl)
    sheet.describe(f"{view.title} {payment_id}", operator, view.language.value, None)
    sheet.text(view.title, TITLE)
    sheet.text_end(operator, LABEL, dy=2)
    sheet.down(11)
    sheet.rule()
    sheet.down(3)
    for label, value in view.facts:
        sheet.room(ROW_MM)
        sheet.text(label, LABEL)
        sheet.text_end(value, VALUE, latin=True)
        sheet.down(ROW_MM)
    for heading, lines in view.sections:
        sheet.room(3 * ROW_MM)
        sheet.down(4)
        sheet.text(heading, HEADING)
        sheet.down(7)
        for line in lines:
            sheet.room(LINE_MM)
            sheet.text(line, SMALL, latin=not view.rtl)
            sheet.down(LINE_MM)
    return sheet.finish()
