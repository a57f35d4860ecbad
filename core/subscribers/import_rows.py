"""One row of an import, checked: text to the values our tables keep. Pure."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeVar

from core.amounts import read_unsigned_amount
from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.spreadsheets import spoilt, tidy
from core.subscribers.emails import email_of
from core.subscribers.lines import ServiceType, SubscribedLine, digits_of, msisdn, payment_code_of, reference_of

T = TypeVar("T")

SUBSCRIBER_COLUMNS = ("service", "reference", "holder", "contact_msisdn", "email", "payment_code", "language")
INVOICE_COLUMNS = ("reference", "number", "period", "amount", "due_date")
TEXT_MAX = 200
AMOUNT_MAX_CENTIMES = 10**11
# "7710345", "7 710 345", "ADSL-7710345": nothing else's digits are a customer number
_CUSTOMER = re.compile(r"(?:[A-Za-z]{1,8}[ .-]?)?\d+(?:[ .-]\d+)*", re.ASCII)
_NO_ZERO = re.compile(r"[5-8]\d{8}", re.ASCII)


class RowError(ValueError):
    """The file's fault: this row cannot be used. The message says which column and why."""


def subscriber(row: Mapping[str, str], *, mail_utf8: bool = False) -> tuple[SubscribedLine, str]:
    """A line and its payment code. `mail_utf8`: the mail server takes addresses beyond ASCII. Raises RowError."""
    for column in ("reference", "holder", "contact_msisdn", "payment_code"):
        _kept(column, row[column])
    service = _checked("service", lambda: ServiceType(row["service"].strip().lower()))
    line = SubscribedLine(
        service,
        _checked("reference", lambda: _reference(service, row["reference"])),
        _text("holder", row["holder"]),
        _checked("contact_msisdn", lambda: msisdn(row["contact_msisdn"])),
        _checked("email", lambda: email_of(row["email"], utf8=mail_utf8)) if row["email"].strip() else None,
        _checked("language", lambda: LanguageCode(row["language"].strip().lower())),
    )
    return line, _checked("payment_code", lambda: _code(row["payment_code"]))


def lost_zero(row: Mapping[str, str]) -> str:
    """A warning when a payment code may have lost its first zero as the row's reference visibly did; else empty."""
    internet = row["service"].strip().lower() == ServiceType.INTERNET
    if not internet and _NO_ZERO.fullmatch(digits_of(row["reference"])) and not row["payment_code"].startswith("0"):
        return "payment_code: the reference lost its first zero, the code may have as well"
    return ""


def invoice(row: Mapping[str, str]) -> tuple[str, Invoice]:
    """The line's reference as the file has it, and a bill. Raises RowError."""
    for column in ("reference", "number"):
        _kept(column, row[column])
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


def _reference(service: ServiceType, text: str) -> str:
    if service is ServiceType.INTERNET and _CUSTOMER.fullmatch(text.strip()) is None:
        raise ValueError("a customer number is digits, with spaces, dots or dashes between groups")
    return reference_of(service, text)


def _kept(column: str, text: str) -> None:
    """Raises RowError for a cell that a spreadsheet changed, or would run."""
    if why := spoilt(tidy(text)):
        raise RowError(f"{column}: {why}")


def _text(column: str, text: str) -> str:
    text = tidy(text)
    if not text or len(text) > TEXT_MAX or not text.isprintable():
        raise RowError(f"{column}: missing, too long or unprintable")
    return text


def _checked(column: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as error:
        raise RowError(f"{column}: {error}") from error
