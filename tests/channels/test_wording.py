"""Values in a channel's own format within a customer's language."""

from datetime import date

import pytest

from channels.ussd.speaker import UssdFormats
from channels.wording import Wording
from core.languages import LanguageCode
from core.messaging.texts import MissingText, Texts
from sessions.screens.menu import Amount, Month, Spelled, Worded, say

TABLES = {
    (language, "ussd"): {
        "bill": "{month} {amount} {line} {what} {count} {name}",
        "bill.ticked": "[x]",
        "service": f"service-{language}",
        "braces": "{{}}",
    }
    for language in LanguageCode
}
WORDING = Wording(Texts(TABLES), "ussd", UssdFormats())


@pytest.mark.parametrize("language", LanguageCode)
def test_every_kind_of_value(language: LanguageCode) -> None:
    what = say(
        "bill",
        month=Month(date(2019, 5, 1)),
        amount=Amount(9_999_999),
        line=Spelled("0600000001"),
        what=Worded("service"),
        count=3,
        name="{count}",
    )
    gap = "\u00a0" if language is LanguageCode.AR else " "  # digits keep their order there
    month = "05/19" if language is LanguageCode.AR else "05/2019"  # half the room
    assert WORDING.text(language, what) == f"{month} 99{gap}999,99 DH 0600000001 service-{language} 3 {{count}}"


def test_variants() -> None:
    assert WORDING.text(LanguageCode.FR, say("bill"), ".ticked") == "[x]"
    assert WORDING.has(LanguageCode.FR, "bill.ticked")
    assert not WORDING.has(LanguageCode.FR, "bill.brief")


def test_a_missing_text_is_our_fault() -> None:
    with pytest.raises(MissingText, match=r"locales/fr/ussd\.toml has no 'nothing'"):
        WORDING.text(LanguageCode.FR, say("nothing"))
    with pytest.raises(MissingText):
        WORDING.text(LanguageCode.FR, say("bill", what=Worded("nothing")))
    with pytest.raises(MissingText):
        WORDING.plain(LanguageCode.FR, "nothing")
