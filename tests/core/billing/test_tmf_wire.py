"""TMF678 as TM Forum's own schema and other people's systems write it: read, and never silently nothing to pay."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.billing.invoices import Invoice
from core.billing.tmf_wire import NotTmf, bills_of

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
