"""Where each issuer's numbers begin and end, how long they are, and that each is seen in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.card_issuers import lengths_of, luhn_sums
from core.card_numbers import MASK, holds, masked
from core.card_words import digits_of
from core.cards import luhn

ALL = "13-19"
KNOWN = [  # first and last six digits of a range, and its numbers' lengths
    ("220000", "220599", "16-19"),
    ("222100", "272099", "16"),
    ("300000", "305999", "14 16-19"),
    ("309500", "309599", "14 16-19"),
    ("340000", "349999", "15"),
    ("352800", "358999", "16-19"),
    ("360000", "369999", "14 16-19"),
    ("370000", "379999", "15"),
    ("380000", "399999", "14 16-19"),
    ("400000", "499999", "13 16 19"),
    ("500000", "509999", ALL),
    ("510000", "559999", "16"),
    ("560000", "589999", ALL),
    ("601100", "601199", "16-19"),
    ("603000", "609999", "16"),
    ("620000", "629999", "16-19"),
    ("630400", "630499", ALL),
    ("636000", "639999", "16-19"),
    ("644000", "659999", "16-19"),
    ("670000", "679999", ALL),
    ("810000", "817199", "16-19"),
    ("860000", "860099", "16"),
    ("970400", "970499", "16-19"),
    ("979200", "979299", "16"),
    ("986000", "986099", "16"),
]
NOBODY = (  # beside the ranges
    *("000000", "219999", "220600", "222099", "272100", "299999", "306000", "309499", "309600", "339999", "350000"),
    *("352799", "359000", "590000", "601099", "601200", "602999", "610000", "619999", "630000", "630399", "630500"),
    *("635999", "640000", "643999", "660000", "669999", "680000", "809999", "817200", "859999", "860100", "970399"),
    *("970500", "979199", "979300", "985999", "986100", "999999"),
)


def lengths(text: str) -> set[int]:
    ends = (part.partition("-") for part in text.split())
    return {length for first, _, last in ends for length in range(int(first), int(last or first) + 1)}


def number(begin: str, length: int) -> str:
    body = begin.ljust(length - 1, "7")
    return next(body + last for last in "0123456789" if luhn(body + last))


@pytest.mark.parametrize(("first", "last", "known"), KNOWN)
def test_a_range_begins_and_ends_with_its_own_numbers(first: str, last: str, known: str) -> None:
    assert lengths_of(int(first)) == lengths_of(int(last)) == lengths(known)
    for begin in (first, last):
        for length in lengths(known):
            assert holds(f"no 88 {number(begin, length)}"), (begin, length)


def test_beside_the_ranges_nobody_issues() -> None:
    assert [begin for begin in NOBODY if lengths_of(int(begin))] == []


@given(st.text("0123456789", min_size=2, max_size=24), st.data())
def test_running_sums_tell_every_window_s_check_digit(digits: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(digits) - 1))
    end = data.draw(st.integers(begin + 1, len(digits)))
    sums = luhn_sums(digits)
    assert [len(running) for running in sums] == [len(digits) + 1] * 2
    assert ((sums[(end - 1) % 2][end] - sums[(end - 1) % 2][begin]) % 10 == 0) is luhn(digits[begin:end])


@pytest.mark.parametrize(
    ("char", "digits"),
    [
        *(("0", "0"), ("9", "9"), ("/", ""), (":", ""), ("x", ""), ("é", ""), ("٧", "7"), ("〇", "0"), ("九", "9")),
        *(("⓪", "0"), ("⑩", "10"), ("㊿", "50"), ("½", ""), ("百", ""), ("༳", ""), ("⁷", "7")),
    ],
)
def test_a_sign_s_digits(char: str, digits: str) -> None:
    assert digits_of(char) == digits


NOBODYS = number("912345", 16)


@pytest.mark.parametrize(
    ("text", "logged"),
    [
        (NOBODYS, MASK),
        (f"a{NOBODYS}b", f"a{MASK}b"),
        (f"1 {NOBODYS} 2", f"1 {MASK} 2"),
        (number("912345", 13), MASK),
        (number("912345", 19), MASK),
        (number("912345", 12), None),
        (number("012345", 16), None),  # a bill begins so
        (f"{NOBODYS}7", None),  # digits glued to it
        (f"7{NOBODYS}", None),
    ],
)
def test_of_a_log_a_number_of_no_known_issuer_goes_as_well(text: str, logged: str | None) -> None:
    assert masked(text, any_issuer=True) == (logged or text)
    assert masked(text) == text


@pytest.mark.parametrize(("between", "near"), [("", True), (" ", True), ("   ", True), (" - ", True), (" -- ", False)])
def test_groups_of_a_number_in_a_log_stand_near_one_another(between: str, near: bool) -> None:
    text = between.join(NOBODYS[at : at + 4] for at in range(0, 16, 4))
    assert masked(text, any_issuer=True) == (MASK if near else text)


VISA = "4000 0000 0000 0010"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (f"1234{VISA}", True),
        (f"12345{VISA}", False),
        (f"{VISA}9995", True),
        (f"{VISA}99955", False),  # more than four that are no expiry
        (f"{VISA}1230123456", True),
        (f"{VISA}12301234567", False),
        (f"{VISA}1330123", False),
        (f"{VISA}3012123", True),
        (f"12345{VISA.replace(' ', '')}99999", True),  # one group: no neighbours' pieces
    ],
)
def test_what_is_glued_before_and_after_a_spaced_number(text: str, seen: bool) -> None:
    assert holds(text) is seen
