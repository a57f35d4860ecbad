"""What people type, in every spelling that handsets, gateways and phone books make of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.subscribers.lines import ServiceType, reference_of
from core.typed import (
    TYPED_CHARS_MAX,
    choice_of,
    digits_typed,
    heard_once,
    key_of,
    maybe_twice,
    number_typed,
    plain,
    tidy,
)
from tests.support.hostile import DIGIT_SCRIPTS, GAPS, KEYS_OF_ONE, NUMBERS, UNSEEN, in_script


@pytest.mark.parametrize("typed", KEYS_OF_ONE)
def test_every_spelling_of_one_is_one(typed: str) -> None:
    assert choice_of(typed) == "1"


@pytest.mark.parametrize("typed", ["9*1", "1*", "X1X", "*1", "1x", "un", "1 2", "1.2", "12", "²", "0001", "1" * 500])
def test_what_is_more_than_a_key_is_not_one(typed: str) -> None:
    assert choice_of(typed) != "1"


@pytest.mark.parametrize("typed", ["(x)", "(\u00b2)", "1)2", "#"])
def test_what_is_no_number_stays_as_it_is(typed: str) -> None:
    assert key_of(typed) == typed


@pytest.mark.parametrize("sign", "-.+/()[]{}\\_:;,|'\"`´·•~=<>#°")
def test_every_sign_that_parts_digits_says_nothing(sign: str) -> None:
    assert digits_typed(f"06{sign}00") == "0600"
    assert [key_of(text) for text in (f"{sign}1", f"1{sign}", f"{sign} 1 {sign}!", f"? {sign}1&")] == ["1"] * 4


def test_zeros_before_a_key_say_nothing_on_a_menu_alone() -> None:
    assert (choice_of("01"), choice_of("00"), choice_of("0")) == ("1", "0", "0")
    assert (key_of("009"), key_of("000")) == ("009", "000"), "a security code is no key"


@pytest.mark.parametrize("typed", NUMBERS)
def test_every_spelling_of_a_number_is_that_number(typed: str) -> None:
    digits = digits_typed(typed)
    assert digits is not None
    assert reference_of(ServiceType.MOBILE, digits) == "0600000003"


@given(
    digits=st.from_regex(r"[0-9]{4,15}", fullmatch=True),
    script=st.sampled_from(DIGIT_SCRIPTS),
    gap=st.sampled_from(GAPS),
    mark=st.sampled_from(UNSEEN),
)
def test_digits_are_read_in_any_script_group_and_wrapping(digits: str, script: str, gap: str, mark: str) -> None:
    typed = mark + gap.join(in_script(digits, script)) + mark
    assert digits_typed(typed) == digits


@given(
    digits=st.from_regex(r"[0-9]{2,15}", fullmatch=True),
    letters=st.text(st.characters(categories=["L"]), min_size=1, max_size=8),
    at=st.integers(1, 15),
)
def test_nothing_becomes_digits_that_holds_a_letter(digits: str, letters: str, at: int) -> None:
    """A number's name may stand before it; letters within and behind are letters."""
    assert digits_typed(digits[:at] + letters + digits[at:]) is None


def test_more_digits_than_there_can_be_each_twice_were_each_pressed_once() -> None:
    told = [
        ("112233", 3),
        ("11222288", 4),
        ("4400000000000000000000000000001100", 19),
        ("112233", 6),
        ("112234", 3),
        ("11223", 3),
    ]
    meant = [heard_once(typed, most) for typed, most in told]
    assert meant == ["123", "1228", "40000000000000010", "112233", "112234", "11223"]


def test_digits_that_may_have_been_heard_twice_where_there_is_room_for_both() -> None:
    told = [("11223344", 4), ("1122334455", 4), ("0000000000", 5), ("1122", 3), ("1122334", 3), ("112334", 3), ("", 3)]
    assert [maybe_twice(digits, least) for digits, least in told] == [True, True, True, False, False, False, False]


@pytest.mark.parametrize("typed", ["0600*0003", "06OO000003", "", "@", "()", "²²²²", "1" * TYPED_CHARS_MAX + " x"])
def test_what_is_no_number_is_none(typed: str) -> None:
    assert digits_typed(typed) is None


def test_a_number_has_one_name() -> None:
    assert (digits_typed("tel 0600 0003"), digits_typed("tel 0600 tel 0003")) == ("06000003", None)


def test_padding_and_marks_go_and_what_is_within_stays() -> None:
    assert tidy("\u200f a@b.co@\r\x00") == "a@b.co"
    assert tidy("sal\u200bma@example.com") == "sal\u200bma@example.com"
    assert tidy("\x00@\r ") == ""
    assert tidy("\x01\u2028\u2029\u3000a\x1b\x7f\u2028") == "a"
    assert digits_typed(" !06 00-00.00 03?&") == "0600000003"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("0612345678", "0612345678"),
        ("+212612345678", "+212612345678"),
        (" +212 (0)6-12.34/56 78 ", "+2120612345678"),
        ("(+212) 612345678", "+212612345678"),
        ("tel:+212612345678;phone-context=x", "+212612345678"),
        ("sip:+212612345678@10.0.0.1:5060", "+212612345678"),
        ("SIPS:0612345678@example.com", "0612345678"),
        ('"Salma 3" <sip:0612345678@example.com>', "0612345678"),
        ("<tel:0612345678>", "0612345678"),
        ("رقم 0612345678", "0612345678"),
        ("tél. 0612345678", None),  # letters of an address are never part of a number
        ("\u0660\u0666\u0661\u0662", "0612"),
        ("\u0631\u0642\u0645 06 \u0631\u0642\u0645 12", None),
        ("Salma <0612345678", None),
        ("0612345678>", "0612345678"),
        ("#tel:0612345678", "0612345678"),
        ("06+12", None),
        ("++0612", None),
        ("sip:salma@example.com", None),
        ("0612x", None),
        ("x", None),
        ("+", None),
        ("", None),
        ("()", None),
    ],
)
def test_a_telephone_number_as_networks_and_phone_books_write_it(written: str, number: str | None) -> None:
    assert number_typed(written) == number


def test_of_a_text_a_named_part_is_looked_at() -> None:
    for length, kept in ((TYPED_CHARS_MAX, TYPED_CHARS_MAX), (TYPED_CHARS_MAX + 9, TYPED_CHARS_MAX + 1)):
        assert len(plain("\u0661" * length)) == kept
        assert len(tidy("x" * length)) == kept
    assert digits_typed("1 " * (TYPED_CHARS_MAX // 2)) == "1" * (TYPED_CHARS_MAX // 2)
    assert digits_typed("1 " * (TYPED_CHARS_MAX // 2) + "1") is None
    assert (choice_of("001"), choice_of("0001")) == ("1", "0001")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        *(
            ("\u0661\uff12\u06f3", "123"),
            ("\u00a01\u20282\t3", " 1 2 3"),
            ("1\r\n", "1  "),
            ("e\u0301\u200b\ufe0f", "e"),
        ),
        *(
            ("\u20131\u2212\u2010", "-1--"),
            ("\u00ab1\u00bb", "'1'"),
            ("\u00b2\u2460", "\u00b2\u2460"),
            ("\uff08\uff21", "(A"),
        ),
        *(("\x01\ud800\ue000\ufdd0", ""), ("~ a", "~ a"), ("\u1680\u2029\u3000", "   ")),
    ],
)
def test_each_sign_in_its_one_form(text: str, form: str) -> None:
    assert plain(text) == form
