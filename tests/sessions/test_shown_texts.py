"""What a transcript keeps of a text: its key, amounts, months and counts; every other value is hidden by its kind."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.languages import LanguageCode
from core.messaging.texts import Texts
from sessions.screens.menu import Amount, Month, Spelled, Worded, say
from sessions.shown_texts import HIDDEN, keep, read

TABLE = {"bill": "{month}: {total} ({count}) for {name}, {service}", "mobile": "Mobile", "bare": "no value"}
TEXTS = Texts({(LanguageCode.EN, "ussd"): TABLE, (LanguageCode.FR, "ussd"): {"bare": "aucune valeur"}})
BILL = say("bill", month=Month(date(2019, 5, 1)), total=Amount(76920), count=3, name="Salma", service=Worded("mobile"))


def shown(said: str, language: LanguageCode = LanguageCode.EN) -> str:
    return read(said, TEXTS, "ussd", language)


def test_what_is_kept_and_how_it_is_read() -> None:
    assert keep(BILL) == (
        '["bill",{"month":{"month":"05/2019"},"total":{"centimes":76920},"count":3,"name":null,'
        '"service":{"word":"mobile"}}]'
    )
    assert shown(keep(BILL)) == f"05/2019: 769,20 DH (3) for {HIDDEN}, Mobile"
    assert shown(keep(say("bare"))) == "no value"
    assert shown(keep(say("bare")), LanguageCode.FR) == "aucune valeur"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_no_text_of_a_value_is_kept(value: str) -> None:
    for hidden in (value, Spelled(value)):
        assert keep(say("bill", name=hidden)) == '["bill",{"name":null}]'


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("", ""),
        ("{}", ""),
        ('["",{}]', ""),
        ('["gone",{}]', ""),
        ('["bill",{"name":null}]', ""),  # values that this release wants
        ('["bill",{"month":1,"total":2,"count":3,"name":4,"service":5}]', "1: 2 (3) for 4, 5"),
        (
            '["bill",{"month":{"x":1},"total":{"centimes":"x"},"count":{"month":1},"name":{"word":"gone"},"service":null}]',
            f"{HIDDEN}: {HIDDEN} ({HIDDEN}) for {HIDDEN}, {HIDDEN}",
        ),
    ],
)
def test_of_another_release_is_told_what_can_be(said: str, told: str) -> None:
    assert shown(said) == told
