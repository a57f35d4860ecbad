"""Languages of the latest customers: bounded, and nothing is unlearned by silence."""

from core.languages import LanguageCode
from sessions.turn.context import SPOKEN_MAX, LanguagesSpoken


def test_what_is_not_known_changes_nothing() -> None:
    languages = LanguagesSpoken()
    languages.keep("+212600000001", LanguageCode.AR)
    languages.keep("+212600000001", None)
    assert languages.find("+212600000001") is LanguageCode.AR
    assert languages.find("+212600000002") is None


def test_the_least_recent_is_forgotten_first() -> None:
    languages = LanguagesSpoken()
    for number in range(SPOKEN_MAX):
        languages.keep(str(number), LanguageCode.FR)
    languages.keep("0", LanguageCode.EN)
    languages.keep("one more", LanguageCode.FR)
    assert languages.find("0") is LanguageCode.EN
    assert languages.find("1") is None
