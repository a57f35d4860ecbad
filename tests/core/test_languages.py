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
