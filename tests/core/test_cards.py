"""Cards: plausible or not, and never to be seen."""

import copy
import pickle
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cards import (
    PIN_MAX,
    PIN_MIN,
    Card,
    Secret,
    brand_of,
    cvv_lengths,
    cvv_plausible,
    expired,
    expiry_of,
    has_doubled_key,
    luhn,
    pan_plausible,
)

KIT = ("4000000000000010", "5453010000066100", "5191630100004896")  # docs/protocols/cmi.md


@pytest.mark.parametrize("pan", KIT)
def test_the_acquirers_test_cards_are_plausible(pan: str) -> None:
    assert pan_plausible(Secret(pan))
    assert not pan_plausible(Secret(pan[:-1] + str((int(pan[-1]) + 1) % 10)))


@given(st.text("0123456789", min_size=12, max_size=18))
def test_one_digit_makes_any_number_pass(digits: str) -> None:
    assert sum(luhn(digits + last) for last in "0123456789") == 1


def test_what_is_no_card_number() -> None:
    assert [luhn(text) for text in ("", "4x", "٤")] == [False, False, False]
    assert not pan_plausible(Secret("4242"))
    assert not pan_plausible(Secret("4" * 20), check_luhn=False)
    assert pan_plausible(Secret("4000000000000011"), check_luhn=False)


def with_check_digit(body: str) -> str:
    return body + next(last for last in "0123456789" if luhn(body + last))


@pytest.mark.parametrize(
    ("begin", "lengths"), [("4", {13, 16, 19}), ("51", {16}), ("2221", {16}), ("6", {13, 14, 15, 16, 17, 18, 19})]
)
def test_a_number_has_a_length_of_its_brand(begin: str, lengths: set[int]) -> None:
    """A key that was heard twice makes seventeen digits, of which one in ten pass by their check digit."""
    numbers = {length: Secret(with_check_digit(begin.ljust(length - 1, "0"))) for length in range(12, 21)}
    assert {length for length, pan in numbers.items() if pan_plausible(pan)} == lengths
    assert {length for length, pan in numbers.items() if pan_plausible(pan, check_luhn=False)} == lengths


@given(st.sampled_from(KIT), st.integers(0, 15))
def test_a_key_of_a_known_brand_that_was_told_twice_is_noticed(pan: str, at: int) -> None:
    assert has_doubled_key(Secret(pan[: at + 1] + pan[at:]))
    assert not has_doubled_key(Secret(pan))
    assert not has_doubled_key(Secret(pan[:at] + pan[at + 1 :]))


def test_a_code_has_the_digits_of_its_scheme_and_a_bank_s_pin_three_to_eight() -> None:
    told = [cvv_lengths(brand) for brand in ("visa", "mastercard", "card", "")]
    assert told == [(3, 3), (3, 3), (3, 4), (3, 4)]
    assert (cvv_lengths(), PIN_MIN, PIN_MAX) == ((3, 4), 3, 8)


def test_the_longest_number_may_have_had_any_key_told_twice() -> None:
    longest = "4000000000000000006"
    assert all(has_doubled_key(Secret(longest[: at + 1] + longest[at:])) for at in range(19))


@pytest.mark.parametrize("digits", ["", "4", "44", "4000000000000011", "123456789012345678", "0" * 40])
def test_what_is_merely_wrong_has_no_doubled_key(digits: str) -> None:
    assert not has_doubled_key(Secret(digits))


@pytest.mark.parametrize(
    ("pan", "brand"),
    [(KIT[0], "visa"), (KIT[1], "mastercard"), ("2221000000000009", "mastercard"), ("6011000000000004", "card")],
)
def test_brands_are_data(pan: str, brand: str) -> None:
    assert brand_of(Secret(pan)) == Card(Secret(pan), 1, 2030).brand == brand


def test_expiry_is_month_and_year() -> None:
    assert expiry_of("1228") == (12, 2028)
    for text in ("", "1328", "0028", "128", "12a8"):
        with pytest.raises(ValueError, match="1228"):
            expiry_of(text)
    assert not expired(11, 2026, date(2026, 11, 30))
    assert expired(10, 2026, date(2026, 11, 1))
    assert not expired(1, 2027, date(2026, 12, 31))


def test_nothing_shows_a_card() -> None:
    card = Card(Secret(KIT[0]), 12, 2030)
    shown = f"{card} {card!r} {card.pan} {card.pan!r} {card.pan:>20} {[card]}"
    assert KIT[0] not in shown
    assert "2030" not in shown
    assert repr(card) == "Card()"
    assert (card.last4, len(card.pan)) == ("0010", 16)
    for hide in (card, card.pan):
        for take in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match="never pickled or copied"):
                take(hide)


@pytest.mark.parametrize(
    ("digits", "brand"),
    [
        ("50", "card"),
        ("51", "mastercard"),
        ("55", "mastercard"),
        ("56", "card"),
        ("2220", "card"),
        ("2221", "mastercard"),
        ("2720", "mastercard"),
        ("2721", "card"),
        ("4", "visa"),
        ("", "card"),
    ],
)
def test_a_brand_begins_and_ends_where_its_range_does(digits: str, brand: str) -> None:
    assert brand_of(Secret(digits)) == brand


@pytest.mark.parametrize(("length", "plausible"), [(12, False), (13, True), (19, True), (20, False)])
def test_a_number_has_thirteen_to_nineteen_digits(length: int, plausible: bool) -> None:
    assert pan_plausible(Secret("0" * length)) is plausible
    assert pan_plausible(Secret("1" * length), check_luhn=False) is plausible
    assert not pan_plausible(Secret("\u0664" * length), check_luhn=False)


@pytest.mark.parametrize(
    ("code", "any_card", "visa"),
    [
        ("12", False, False),
        ("123", True, True),
        ("1234", True, False),
        ("12345", False, False),
        ("12a", False, False),
        ("\u0661\u0662\u0663", False, False),
    ],
)
def test_a_security_code_has_its_schemes_length(code: str, any_card: bool, visa: bool) -> None:
    assert (cvv_plausible(Secret(code)), cvv_plausible(Secret(code), "visa")) == (any_card, visa)


def test_january_and_december_are_months() -> None:
    assert (expiry_of("0130"), expiry_of("1200")) == ((1, 2030), (12, 2000))
    with pytest.raises(ValueError, match="1228"):
        expiry_of("12288")
