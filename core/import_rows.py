"""One row of an import, checked: text to the values our tables keep. Pure."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeVar

from core.amounts import read_unsigned_amount
from core.invoices import Invoice
from core.subscribers import Language, Line, Service, email_of, msisdn, payment_code_of, reference_of

T = TypeVar("T")

SUBSCRIBER_COLUMNS = ("service", "reference", "holder", "contact_msisdn", "email", "payment_code", "language")
INVOICE_COLUMNS = ("reference", "number", "period", "amount", "due_date")
TEXT_MAX = 200
AMOUNT_MAX_CENTIMES = 10**11


class RowError(ValueError):
    """The file's fault: this row cannot be used. The message says which column and why."""


def subscriber(row: Mapping[str, str]) -> tuple[Line, str]:
    """A line and its payment code. Raises RowError."""
    service = _checked("service", lambda: Service(row["service"].strip().lower()))
    line = Line(
        service,
        _checked("reference", lambda: reference_of(service, row["reference"])),
        _text("holder", row["holder"]),
        _checked("contact_msisdn", lambda: msisdn(row["contact_msisdn"])),
        _checked("email", lambda: email_of(row["email"])) if row["email"].strip() else None,
        _checked("language", lambda: Language(row["language"].strip().lower())),
    )
    return line, _checked("payment_code", lambda: _code(row["payment_code"]))


def invoice(row: Mapping[str, str]) -> tuple[str, Invoice]:
    """The line's reference as the file has it, and a bill. Raises RowError."""
    amount_centimes = _checked("amount", lambda: read_unsigned_amount(row["amount"]))
    if not 0 < amount_centimes <= AMOUNT_MAX_CENTIMES:
        raise RowError("amount: a bill is more than nothing, and not this much")
    bill = Invoice(
        _text("number", row["number"]),
        _checked("period", lambda: date.fromisoformat(row["period"].strip())),
        amount_centimes,
        _checked("due_date", lambda: date.fromisoformat(row["due_date"].strip())),
    )
    return _text("reference", row["reference"]), bill


def _code(text: str) -> str:
    """Digits only here: a code with a typing error in a file is not a code."""
    code = payment_code_of(text)
    if code != text.strip():
        raise ValueError("a payment code has 4 to 10 digits")
    return code


def _text(column: str, text: str) -> str:
    text = text.strip()
    if not text or len(text) > TEXT_MAX or not text.isprintable():
        raise RowError(f"{column}: missing, too long or unprintable")
    return text


def _checked(column: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise RowError(f"{column}: {error}") from error
