"""Centimes in, centimes out, and nothing but digits on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.billing.invoices import total
from core.money import decimal_text, dh, parse_centimes, signed_dh
from tests.support.shop import BILL

AMOUNTS = st.integers(0, 10**12 - 1)


@given(AMOUNTS)
def test_every_amount_is_read_back(amount_centimes: int) -> None:
    assert parse_centimes(decimal_text(amount_centimes)) == amount_centimes
    assert parse_centimes(dh(amount_centimes).removesuffix(" DH").replace(" ", "")) == amount_centimes


@pytest.mark.parametrize(
    ("text", "amount_centimes"),
    [("769.20", 76920), (" 769,2 ", 76920), ("769", 76900), ("0.01", 1), ("007.5", 750), ("١٢", 1200)],
)
def test_amounts_as_people_write_them(text: str, amount_centimes: int) -> None:
    assert parse_centimes(text) == amount_centimes


@pytest.mark.parametrize("text", ["", "-1", "1.234", "1e3", "1,000.00", "12 DH", "99999999999"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValueError, match=r"769\.20"):
        parse_centimes(text)


def test_amounts_as_customers_read_them() -> None:
    assert [dh(1), dh(76920), dh(9_999_999), dh(123_456_789)] == [
        "0,01 DH",
        "769,20 DH",
        "99 999,99 DH",
        "1 234 567,89 DH",
    ]
    assert (BILL.month, total([BILL, BILL])) == ("05/2019", 153_840)


@pytest.mark.parametrize("written", [decimal_text, dh])
def test_an_amount_is_never_negative(written: object) -> None:
    assert callable(written)
    with pytest.raises(ValueError, match="never negative"):
        written(-1)


def test_a_sum_may_be_less_than_nothing() -> None:
    assert [signed_dh(amount) for amount in (-76920, -1, 0, 1)] == ["-769,20 DH", "-0,01 DH", "0,00 DH", "0,01 DH"]


def test_the_largest_amount_has_ten_digits_before_the_point() -> None:
    assert parse_centimes("9999999999.99") == 999_999_999_999
    assert (decimal_text(0), decimal_text(100), dh(0)) == ("0.00", "1.00", "0,00 DH")
