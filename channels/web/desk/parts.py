"""Parts of a payment at the help desk: the bills of the form, and what was typed beside them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.amounts import read_unsigned_amount
from core.help_desk.service import Case
from core.money import decimal_text, dh
from core.payments.table import Payment
from core.refunds.model import RefundPart
from core.refunds.requests import BillLeft

BILLS_SHOWN_MAX = 100  # of one payment
FIELD = "part-{}"  # the bill's place among the payment's


class NotAnAmount(ValueError):
    """The agent's mistake: something beside a bill is no amount."""


@dataclass(frozen=True, slots=True)
class DeskBillRow:
    """A paid bill. `left`, as it would be typed, is empty when nothing of it can go back; `returned` when
    nothing did.
    """

    field: str
    number: str
    period: str
    amount: str
    left: str
    left_words: str
    returned: str


def bill_rows(case: Case) -> tuple[DeskBillRow, ...]:
    """The payment's bills, with what is left of each."""
    bills = {bill.number: bill for bill in case.bills}
    rows = []
    for index, invoice in enumerate(case.payment.invoices):
        bill = bills.get(invoice.number) or BillLeft(invoice.number, invoice.amount_centimes, 0, returnable=False)
        left_centimes = bill.left_centimes if index < BILLS_SHOWN_MAX else 0
        returned = dh(bill.returned_centimes) if bill.returned_centimes else ""
        typed = decimal_text(left_centimes) if left_centimes else ""
        field, amount = FIELD.format(index), dh(invoice.amount_centimes)
        rows.append(DeskBillRow(field, invoice.number, invoice.month, amount, typed, dh(left_centimes), returned))
    return tuple(rows)


def parts_typed(form: Mapping[str, str], payment: Payment) -> tuple[RefundPart, ...]:
    """The parts that were typed, bill by bill; empty fields are none. Raises NotAnAmount."""
    parts = []
    for index, invoice in enumerate(payment.invoices[:BILLS_SHOWN_MAX]):
        text = form.get(FIELD.format(index), "").strip()
        if not text:
            continue
        try:
            parts.append(RefundPart(invoice.number, read_unsigned_amount(text)))
        except ValueError:
            raise NotAnAmount from None
    return tuple(parts)


def parts_told(parts: Sequence[RefundPart]) -> tuple[tuple[str, str], ...]:
    """(bill, amount) of a request that waits."""
    return tuple((part.number, dh(part.amount_centimes)) for part in parts)
