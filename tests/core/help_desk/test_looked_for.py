"""The access log keeps no name and no number of a search: it can neither be changed nor erased."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.help_desk.looked_for import logged, numbers_in


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Salma Demo 0612345678", "* * +2126*****678"),
        ("06 12 34 56 78", "+2126*****678"),
        ("+212612345678", "+2126*****678"),
        ("salma@example.com", "*"),
        ("سلمى 0612345678", "* +2126*****678"),
        ("17168206", "17...206"),
        ("P4K7X2", "P4K7X2"),
        ("482913", "482913"),
        ("0000171682062019", "0000171682062019"),
        ("2026-00000042", "2026-00000042"),
        ("**** 0010, 23.11.26", "**** 0010, 23.11.26"),
        ("01KATWQ2YD0123456789ABCDEF", "01KATWQ2YD0123456789ABCDEF"),
        ("", ""),
        ("1234", "1234"),
        ("12345", "12...345"),
        ("123456", "123456"),  # an authorisation
        ("1234567", "12...567"),
        ("123456789012", "12...012"),
        ("1234567890123", "1234567890123"),
        ("0512345678", "+2125*****678"),
        ("0412345678", "04...678"),
        ("00212612345678 212612345678", "+2126*****678 +2126*****678"),
        ("tel 0612345678!", "* +2126*****678*"),
        ("x0612345678", "x0612345678"),
        ("+33612345678", "+3361****678"),
        ("+123", "*"),
        ("23/11 23.11.2026, 2026-11-23", "23/11 23.11.2026, 2026-11-23"),
        ("٢٣/١١", "*"),
        ("x" * 39 + "1", "x" * 39 + "1"),
        ("x" * 40 + "1", "*"),
        ("*** #4 a/b", "*** #4 *"),
    ],
)
def test_what_is_kept_of_a_search(typed: str, kept: str) -> None:
    assert logged(typed) == kept


@given(st.text(max_size=80), st.from_regex(r"0[67][0-9]{8}", fullmatch=True))
def test_no_mobile_is_kept_whatever_stands_beside_it(text: str, mobile: str) -> None:
    typed = f"{text} {mobile}"
    assert mobile not in logged(typed)
    assert mobile[1:] not in logged(typed)
    assert f"+212{mobile[1:]}" in numbers_in(typed) or any(sign.isalnum() or sign == "_" for sign in text)


def test_the_numbers_of_a_search_are_told_apart_each_once_and_not_without_end() -> None:
    assert numbers_in("0612345678, +212 6 12 34 56 78 et 121306 ou 0000171682062019") == ("+212612345678",)
    many = [f"061234567{last}" for last in range(10)]
    assert numbers_in(" ".join(many)) == tuple(f"+212{each[1:]}" for each in many[:8])
    assert numbers_in("0412345678 1612345678") == ()
