"""Numbers within Arabic text: groups that hold together, marks where digits would change places."""

import pytest

from core.languages import LanguageCode
from core.messaging.bidi import SPOKEN, in_order, joined

NBSP, LRM = "\u00a0", "\u200e"


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ("5 672,60", f"5{NBSP}672,60"),
        ("1 234 567", f"1{NBSP}234{NBSP}567"),
        ("06 12 34 56 78", f"06{NBSP}12{NBSP}34{NBSP}56{NBSP}78"),
        ("+212 6 12 34 56 78", f"+212{NBSP}6{NBSP}12{NBSP}34{NBSP}56{NBSP}78"),
        ("29/11/2026 13:05", f"29/11/2026{NBSP}13:05"),
        ("le 29/11/2026 13:05.", f"le 29/11/2026{NBSP}13:05."),
        ("12 bills", "12 bills"),
        ("1234 567 a", "1234 567 a"),
        ("1 23 a", "1 23 a"),
        ("29/11/2026 13", "29/11/2026 13"),
    ],
)
def test_what_is_one_number_holds_together(value: str, held: str) -> None:
    assert joined(value) == held


@pytest.mark.parametrize(
    ("value", "marked"),
    [
        ("*1118#", f"{LRM}*1118#"),
        ("+212600000001", f"{LRM}+212600000001"),
        ("400000******0010", f"{LRM}400000******0010"),
        ("1118#", f"{LRM}1118#"),
        ("2026-00000042", f"{LRM}2026-00000042"),
        ("06...003", f"{LRM}06...003"),
        ("06\u2026003", f"{LRM}06\u2026003"),
        ("**** **** **** 0010", f"{LRM}**** **** **** 0010"),
        ("5 672,60", f"5{NBSP}672,60"),
        ("14:15", "14:15"),
        ("no digit *#", "no digit *#"),
    ],
)
def test_a_value_in_arabic_keeps_its_order(value: str, marked: str) -> None:
    assert in_order(LanguageCode.AR, value) == marked
    assert in_order(LanguageCode.FR, value) == in_order(LanguageCode.EN, value) == value


def test_what_is_heard_has_no_marks() -> None:
    assert {"ivr", "pay", "numbers"} == SPOKEN
