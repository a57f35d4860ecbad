"""One row of an import, without a database: what each column takes, to its bounds, and what it refuses by name."""

from datetime import date

import pytest

from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.subscribers.import_rows import (
    AMOUNT_MAX_CENTIMES,
    INVOICE_COLUMNS,
    SUBSCRIBER_COLUMNS,
    TEXT_MAX,
    RowError,
    invoice,
    lost_zero,
    subscriber,
)
from core.subscribers.lines import ServiceType, SubscribedLine

LINE = {
    "service": "internet",
    "reference": "7710345",
    "holder": "Nadia",
    "contact_msisdn": "0600000002",
    "email": "nadia@example.com",
    "payment_code": "048291",
    "language": "ar",
}
BILL = {
    "reference": "7710345",
    "number": "0000400215092026",
    "period": "2026-08-01",
    "amount": "299,00",
    "due_date": "2026-09-25",
}
A_NUMBER_OF_IT = ("7.71E+06", "7710345.0")
A_FORMULA = ("=7710345", "@7710345")


def test_a_line_is_kept_as_our_tables_have_it() -> None:
    line = SubscribedLine(
        ServiceType.INTERNET, "7710345", "Nadia", "+212600000002", "nadia@example.com", LanguageCode.AR
    )
    assert subscriber(LINE) == (line, "048291")
    spaced = {name: f" {text.upper() if name in ('service', 'language') else text} " for name, text in LINE.items()}
    assert subscriber(spaced) == (line, "048291")


def test_the_columns_are_those_that_are_read() -> None:
    assert (set(SUBSCRIBER_COLUMNS), set(INVOICE_COLUMNS)) == (set(LINE), set(BILL))


def test_a_line_may_have_no_address() -> None:
    for nothing in ("", "  "):
        assert subscriber({**LINE, "email": nothing})[0].email is None


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        *(("reference", cell) for cell in (*A_NUMBER_OF_IT, *A_FORMULA, "771/0345", "7710345 (old 12)")),
        *(("reference", cell) for cell in ("1234", "ADSL--7710345", "ADSLADSLA-7710345", "7710345-", "77  10345", "")),
        *(("holder", cell) for cell in ("", " ", "=Nadia", "Nadi\ufffd", "Nadia\x07", "N" * (TEXT_MAX + 1))),
        *(("contact_msisdn", cell) for cell in ("2.12600E+11", "=0600000002", "none", "")),
        *(("payment_code", cell) for cell in ("48291.0", "4.8291E+4", "=048291", "048x291", "048 291", "123", "")),
        *(("service", cell) for cell in ("pigeon", "")),
        *(("email", cell) for cell in ("nadia", "nad\u00efa@example.com")),
        *(("language", cell) for cell in ("de", "")),
    ],
)
def test_a_line_s_cell_that_cannot_be_used_is_named(column: str, cell: str) -> None:
    with pytest.raises(RowError, match=f"^{column}: "):
        subscriber({**LINE, column: cell})


@pytest.mark.parametrize(
    "reference", ["7710345", "7 710 345", "77-10.345", "ADSL-7710345", "ADSL 7710345", "A.7710345", "abcdefgh7710345"]
)
def test_a_customer_s_number_may_stand_in_groups_behind_its_letters(reference: str) -> None:
    assert subscriber({**LINE, "reference": reference})[0].reference == "7710345"


def test_letters_before_a_telephone_s_number_cost_nothing() -> None:
    """A mobile's reference is read as people type it: it has a form of its own."""
    row = {**LINE, "service": "mobile", "reference": "tel 06/00-00-00-01"}
    assert subscriber(row)[0].reference == "0600000001"


def test_an_address_beyond_ascii_where_the_mail_server_takes_it() -> None:
    row = {**LINE, "email": "nad\u00efa@example.com"}
    assert subscriber(row, mail_utf8=True)[0].email == "nad\u00efa@example.com"


def test_a_text_has_two_hundred_characters_at_most() -> None:
    longest = "N" * 200
    assert subscriber({**LINE, "holder": longest})[0].holder == longest
    assert len(longest) == TEXT_MAX


@pytest.mark.parametrize(
    ("service", "reference", "code", "told"),
    [
        ("mobile", "611000004", "12345", True),
        (" Fixed ", "537000103", "12345", True),
        ("mobile", "811000004", "12345", True),
        ("mobile", "611000004", "012345", False),  # the code has its zero
        ("mobile", "0611000004", "12345", False),  # so has the reference
        ("mobile", "+212611000004", "12345", False),
        ("mobile", "911000004", "12345", False),  # no number of ours without a zero
        ("mobile", "411000004", "12345", False),
        (" Internet ", "611000004", "12345", False),  # a customer's number has none to lose
    ],
)
def test_a_code_may_have_lost_its_zero_where_the_reference_did(
    service: str, reference: str, code: str, told: bool
) -> None:
    said = lost_zero({"service": service, "reference": reference, "payment_code": code})
    assert said == ("payment_code: the reference lost its first zero, the code may have as well" if told else "")


def test_a_bill_is_kept_as_our_tables_have_it() -> None:
    bill = Invoice("0000400215092026", date(2026, 8, 1), 29900, date(2026, 9, 25))
    assert invoice(BILL) == ("7710345", bill)
    assert invoice({name: f" {text} " for name, text in BILL.items()}) == ("7710345", bill)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        *(("reference", cell) for cell in (*A_NUMBER_OF_IT, *A_FORMULA, "", "7" * (TEXT_MAX + 1))),
        *(("number", cell) for cell in ("4.00215E+11", "400215000000.0", "=1", "", "1\x07")),
        *(("period", cell) for cell in ("September", "01/08/2026", "")),
        *(("amount", cell) for cell in ("0", "0.00", "-1", "1,165", "1.17E+05", "", "1 000 000 000,01")),
        *(("due_date", cell) for cell in ("25/09/2026", "")),
    ],
)
def test_a_bill_s_cell_that_cannot_be_used_is_named(column: str, cell: str) -> None:
    with pytest.raises(RowError, match=f"^{column}: "):
        invoice({**BILL, column: cell})


def test_a_bill_is_a_centime_at_least_and_a_thousand_million_dirhams_at_most() -> None:
    told = [invoice({**BILL, "amount": amount})[1].amount_centimes for amount in ("0.01", "1 000 000 000,00")]
    assert told == [1, 100_000_000_000] == [1, AMOUNT_MAX_CENTIMES]
