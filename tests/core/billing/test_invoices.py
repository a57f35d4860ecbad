"""Bills as values."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from core.billing.invoices import Invoice, total

DUE = date(2026, 1, 25)


@given(st.lists(st.integers(1, 10**9)))
def test_the_total_is_the_sum(amounts: list[int]) -> None:
    assert total(Invoice(str(n), DUE, amount, DUE) for n, amount in enumerate(amounts)) == sum(amounts)


def test_the_month_as_customers_read_it() -> None:
    assert Invoice("0000171682062019", date(2019, 5, 1), 76920, DUE).month == "05/2019"
    assert Invoice("0", date(2026, 12, 31), 1, DUE).month == "12/2026"
