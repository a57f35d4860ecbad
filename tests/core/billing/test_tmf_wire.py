"""TMF678 as TM Forum's own schema and other people's systems write it: read, and never silently nothing to pay."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.billing.invoices import Invoice
from core.billing.tmf_wire import (
    CustomerBill,
    KnownPayment,
    NotTmf,
    bills_of,
    correlator,
    payment_body,
    payments_of,
    refund_body,
)
from core.refunds.model import Reversal
from lab.clocks import NOON
from tests.support.paid import PAID_AT, paid

TODAY = date(2026, 11, 29)
BILL: dict[str, object] = {
    "id": "b-1",
    "billNo": "0000171682062019",
    "state": "sent",
    "billDate": "2026-09-05T00:00:00Z",
    "paymentDueDate": "2026-10-25T00:00:00Z",
    "amountDue": {"unit": "MAD", "value": 769.2},
    "remainingAmount": {"unit": "MAD", "value": 769.2},
    "billingPeriod": {"startDateTime": "2026-08-02T00:00:00Z", "endDateTime": "2026-08-31T00:00:00Z"},
}


def owed(**changes: object) -> Invoice | None:
    """Of a bill with these changes; None as a change leaves the field out."""
    fields = {name: value for name, value in {**BILL, **changes}.items() if value is not None}
    (bill,) = bills_of(json.dumps([fields]).encode())
    return bill.owed("MAD", TODAY)


@pytest.mark.parametrize(
    "state",
    ["new", "validated", "sent", "Sent", "partiallyPaid", "partiallySettled", "PartialPaid", "overdue", "", None],
)
def test_any_state_but_two_owes(state: str | None) -> None:
    found = owed(state=state)
    assert found is not None
    assert found.amount_centimes == 76920


@pytest.mark.parametrize("state", ["settled", "Settled", "SETTLED", "onHold", "on_hold", "ONHOLD", "on-hold"])
@pytest.mark.parametrize(
    "amount", [{"unit": "EUR", "value": 0}, {"unit": "MAD", "value": 1e-13}, {"value": "many"}, "x", {}, [1]]
)
def test_what_is_settled_need_not_be_readable(state: str, amount: object) -> None:
    assert owed(state=state, remainingAmount=amount, billDate="long ago", billingPeriod="none") is None


@pytest.mark.parametrize(
    ("value", "centimes"),
    [(1127.3500000000001, 112735), (769.1999999999999, 76920), (69.2, 6920), ("769.20", 76920), (1e-13, None),
     (0, None), (-5, None), (769, 76900)],
)  # fmt: skip
def test_the_noise_of_binary_floats_is_no_money(value: object, centimes: int | None) -> None:
    found = owed(remainingAmount={"unit": "MAD", "value": value})
    assert (found and found.amount_centimes) == centimes


@given(st.integers(min_value=1, max_value=10**11))
def test_every_amount_is_read_as_the_float_that_json_makes_of_it(centimes: int) -> None:
    found = owed(remainingAmount={"unit": "MAD", "value": centimes / 100})
    assert found is not None
    assert found.amount_centimes == centimes


@pytest.mark.parametrize(
    "amount",
    [{"unit": "MAD", "value": 769.205}, {"unit": "EUR", "value": 1}, {"unit": "MAD"}, {}, "769.20",
     {"unit": "MAD", "value": "many"}, {"unit": "MAD", "value": "NaN"}],
)  # fmt: skip
def test_what_is_owed_and_cannot_be_read_is_an_error(amount: object) -> None:
    with pytest.raises(NotTmf):
        owed(remainingAmount=amount)
    with pytest.raises(NotTmf):
        owed(remainingAmount=None, amountDue=None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"billDate": None}, ("0000171682062019", date(2026, 8, 1), date(2026, 10, 25))),
        ({"amountDue": None}, ("0000171682062019", date(2026, 8, 1), date(2026, 10, 25))),
        ({"remainingAmount": None}, ("0000171682062019", date(2026, 8, 1), date(2026, 10, 25))),
        ({"billNo": 171682}, ("171682", date(2026, 8, 1), date(2026, 10, 25))),
        ({"billNo": None}, ("b-1", date(2026, 8, 1), date(2026, 10, 25))),
        ({"id": None}, ("0000171682062019", date(2026, 8, 1), date(2026, 10, 25))),
        ({"id": 7}, ("0000171682062019", date(2026, 8, 1), date(2026, 10, 25))),
        (
            {"billingPeriod": {"endDateTime": "2026-08-31T23:00:00Z"}},
            ("0000171682062019", date(2026, 8, 1), date(2026, 10, 25)),
        ),
        ({"billingPeriod": None}, ("0000171682062019", date(2026, 9, 1), date(2026, 10, 25))),
        ({"billingPeriod": {}, "billDate": ""}, ("0000171682062019", date(2026, 10, 1), date(2026, 10, 25))),
        ({"paymentDueDate": None}, ("0000171682062019", date(2026, 8, 1), date(2026, 9, 5))),
        (
            {"paymentDueDate": None, "billDate": None, "billingPeriod": None},
            ("0000171682062019", date(2026, 11, 1), TODAY),
        ),
        # midnight in Casablanca, which was UTC+1 until September 2026
        (
            {"billingPeriod": {"startDateTime": "2026-08-31T23:00:00Z"}, "paymentDueDate": "2019-11-27T23:00:00Z"},
            ("0000171682062019", date(2026, 9, 1), date(2019, 11, 28)),
        ),
        (
            {"billingPeriod": {"startDateTime": "2019-04-30T23:00Z"}},
            ("0000171682062019", date(2019, 5, 1), date(2026, 10, 25)),
        ),
        (
            {"billingPeriod": {"startDateTime": "2026-08-31"}},
            ("0000171682062019", date(2026, 8, 1), date(2026, 10, 25)),
        ),
    ],
)
def test_optional_fields_are_optional(changes: dict[str, object], expected: tuple[str, date, date]) -> None:
    found = owed(**changes)
    assert found is not None
    assert (found.number, found.period, found.due_date) == expected


@pytest.mark.parametrize(
    ("value", "centimes"), [("769.200001", 76920), ("769.199999", 76920), ("769.200002", None), ("769.199998", None)]
)
def test_noise_ends_where_it_is_named(value: str, centimes: int | None) -> None:
    if centimes is None:
        with pytest.raises(NotTmf):
            owed(remainingAmount={"unit": "MAD", "value": value})
    else:
        found = owed(remainingAmount={"unit": "MAD", "value": value})
        assert (found and found.amount_centimes) == centimes


@pytest.mark.parametrize(("unit", "value"), [("EUR", 0.01), ("EUR", 100), ("", 0.01)])
def test_a_centime_of_another_currency_is_an_error_and_nothing_of_it_is_nothing(unit: str, value: float) -> None:
    with pytest.raises(NotTmf, match="currency"):
        owed(remainingAmount={"unit": unit, "value": value})
    assert owed(remainingAmount={"unit": unit, "value": 0}) is None
    assert owed(remainingAmount={"unit": " mad ", "value": 0.01}) == replace(_owed(), amount_centimes=1)
    assert owed(remainingAmount={"value": 0.01}) == replace(_owed(), amount_centimes=1)


def _owed() -> Invoice:
    found = owed()
    assert found is not None
    return found


def test_a_number_is_so_long_at_most_and_is_text() -> None:
    assert replace(_owed(), number="9" * 64) == owed(billNo="9" * 64)
    with pytest.raises(NotTmf, match="too long"):
        owed(billNo="9" * 65)
    with pytest.raises(NotTmf):
        owed(billNo=True)
    with pytest.raises(NotTmf):
        owed(billNo=["9"])


@pytest.mark.parametrize("name", ["id", "billNo", "state"])
def test_a_text_of_a_bill_is_a_hundred_signs_at_most(name: str) -> None:
    bills_of(json.dumps([{**BILL, name: "x" * 100}]).encode())
    with pytest.raises(NotTmf):
        bills_of(json.dumps([{**BILL, name: "x" * 101}]).encode())


def test_what_a_bill_holds_stands_in_no_error() -> None:
    with pytest.raises(ValidationError) as raised:
        CustomerBill.model_validate({**BILL, "id": ["a name"]})
    assert "a name" not in str(raised.value)


def test_a_payment_that_has_its_correlator_alone_was_made() -> None:
    assert payments_of(b'[{"correlatorId": "c"}]') == [KnownPayment(id="", correlatorId="c", status="done")]


def test_a_period_that_ends_with_a_day_s_first_second_ended_the_day_before() -> None:
    end = {"billingPeriod": {"endDateTime": "2026-09-01T00:00:00"}, "billDate": None, "paymentDueDate": None}
    found = owed(**end)
    assert found is not None
    assert (found.period, found.due_date) == (date(2026, 8, 1), date(2026, 8, 31))
    later = owed(**end | {"billingPeriod": {"endDateTime": "2026-09-01T00:00:01"}})
    assert later is not None
    assert (later.period, later.due_date) == (date(2026, 9, 1), date(2026, 9, 1))


PAYMENT = paid()
BILL_PAID = PAYMENT.invoices[0]


def test_a_payment_as_tmf676_has_it() -> None:
    money = {"unit": "MAD", "value": 769.2}
    told = {
        "@type": "Payment",
        "correlatorId": f"{PAYMENT.id}:0012345678",
        "authorizationCode": "Q41T9Z",
        "paymentDate": PAID_AT.isoformat(),
        "account": {"id": "0600000001", "@referredType": "BillingAccount"},
        "amount": money,
        "totalAmount": money,
        "paymentMethod": {"@type": "BankCard", "name": "card"},
        "channel": {"name": "ussd"},
        "paymentItem": [
            {"amount": money, "totalAmount": money, "item": {"id": "b-1", "@referredType": "CustomerBill"}}
        ],
    }
    assert payment_body(PAYMENT, BILL_PAID, "b-1", "0600000001") == told
    bare = replace(PAYMENT, auth_code=None, paid_at=None)
    moment = PAYMENT.created_at.isoformat()
    assert payment_body(bare, BILL_PAID, "b-1", "0600000001") == told | {"authorizationCode": "", "paymentDate": moment}


def test_a_refund_as_tmf676_has_it() -> None:
    reversal = Reversal(PAYMENT, "0012345678", 30_001, "r" * 101)
    money = {"unit": "MAD", "value": 300.01}
    told = {
        "@type": "Refund",
        "correlatorId": "r" * 100,
        "authorizationCode": "Q41T9Z",
        "refundDate": NOON.isoformat(),
        "account": {"id": "0600000001", "@referredType": "BillingAccount"},
        "payment": {"id": "p-1", "@referredType": "Payment"},
        "amount": money,
        "totalAmount": money,
        "paymentMethod": {"@type": "BankCard", "name": "card"},
        "channel": {"name": "ussd"},
    }
    assert refund_body(reversal, "p-1", "0600000001", NOON) == told
    bare = replace(reversal, payment=replace(PAYMENT, auth_code=None))
    assert refund_body(bare, "p-1", "0600000001", NOON) == told | {"authorizationCode": ""}


def test_a_correlator_is_so_long_at_most() -> None:
    assert correlator(PAYMENT, "9") == f"{PAYMENT.id}:9"
    assert correlator(PAYMENT, "9" * 99) == f"{PAYMENT.id}:{'9' * 99}"[:100]
