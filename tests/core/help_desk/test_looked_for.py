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
    ],
)
def test_what_is_kept_of_a_search(typed: str, kept: str) -> None:
    assert logged(typed) == kept


@given(st.text(max_size=80), st.from_regex(r"0[67]\d{8}", fullmatch=True))
def test_no_mobile_is_kept_whatever_stands_beside_it(text: str, mobile: str) -> None:
    typed = f"{text} {mobile}"
    assert mobile not in logged(typed)
    assert mobile[1:] not in logged(typed)
    assert isinstance(numbers_in(typed), tuple)
