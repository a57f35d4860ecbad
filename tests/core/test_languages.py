"""The table of languages: what its rows say, and what stops the start."""

from dataclasses import replace

import pytest

from core.languages import LANGUAGES, IncompleteLanguage, LanguageCode, checked, plural

FR, AR, EN = LanguageCode.FR, LanguageCode.AR, LanguageCode.EN


def test_the_table_is_whole() -> None:
    checked()
    assert [row.code for row in LANGUAGES.values()] == list(LANGUAGES)
    assert [code for code, row in LANGUAGES.items() if row.rtl] == [AR]


def test_a_row_that_is_missing_is_named() -> None:
    with pytest.raises(IncompleteLanguage, match="no row for ar, en"):
        checked({FR: LANGUAGES[FR]})


def test_a_language_is_chosen_by_its_own_code() -> None:
    with pytest.raises(IncompleteLanguage, match="spellings of en lack 'en'"):
        checked({**LANGUAGES, EN: replace(LANGUAGES[EN], spellings=("english",))})


def test_a_spelling_names_one_language() -> None:
    with pytest.raises(IncompleteLanguage, match="'french' names both fr and en"):
        checked({**LANGUAGES, EN: replace(LANGUAGES[EN], spellings=("en", "french"))})


SPELLINGS = {
    FR: "fr francais french فرنسية الفرنسية فرنسي",
    AR: "ar arabe arabic عربية العربية عربي",
    EN: "en anglais english انجليزية الانجليزية إنجليزي",
}
VOICES = {  # Twilio's, the nearest of its <Pay>, espeak-ng's and its pace; the letters that it says in a second
    FR: ("fr-FR Polly.Lea-Neural", "fr-FR", "fr", 145, 16.0),
    AR: ("arb Polly.Zeina", "fr-FR", "ar", 180, 9.8),
    EN: ("en-GB Polly.Amy-Neural", "en-GB", "en", 145, 13.3),
}


def test_what_customers_call_a_language_and_who_speaks_it() -> None:
    assert {code: " ".join(row.spellings) for code, row in LANGUAGES.items()} == SPELLINGS
    told = {
        code: (" ".join(row.twilio), row.twilio_pay, row.espeak, row.words_per_minute, row.letters_a_second)
        for code, row in LANGUAGES.items()
    }
    assert told == VOICES
    assert [code for code, row in LANGUAGES.items() if row.vowelled] == [AR]
    assert {code: row.sms_segments_max for code, row in LANGUAGES.items()} == {FR: 1, AR: 2, EN: 1}


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        (FR, {0: "one", 1: "one", 2: "other", 11: "other"}),
        (EN, {0: "other", 1: "one", 2: "other", 101: "other"}),
        (AR, {0: "other", 1: "one", 2: "two", 3: "few", 10: "few", 11: "many", 99: "many", 100: "other", 103: "few"}),
    ],
)
def test_the_form_of_a_noun(language: LanguageCode, forms: dict[int, str]) -> None:
    assert {number: plural(language, number) for number in forms} == forms
