"""One word for one thing: what the term list of locales/README.md left behind stands in no text."""

import re
from pathlib import Path

import pytest

from core.languages import LanguageCode
from core.messaging.texts import load_texts

TEXTS = load_texts()
README = Path(__file__).parents[2] / "locales" / "README.md"
LEFT_BEHIND = {
    LanguageCode.FR: r"restitu|payez pas une deuxième|N° client Internet|code PIN|[Ff]actures? impayée",
    LanguageCode.EN: r"\btries\b|\b[Ll]ink to pay|Fixed line|This is no |[Bb]egin again|[Tt]urned down"
    r"|pay a second time|PIN code|secret PIN|bank(?: has)? refused",
    # the last: the singular imperative, where everybody is spoken to in the plural
    LanguageCode.AR: r"يقتطع|المقتطع|مجددا|متوفر|الدفعات|قائمة الفواتير|رمز الاستعمال مرة"
    r"|(?:المكتوب|مكتوبة?) على الفاتورة|غير المؤداة"
    r"|تؤدوا (?:من جديد|مرة ثانية)|(?<!\w)(?:اتصل|أعد|اكتب|أدخل|اضغط|انتظر|حاول|اختر|ابدأ)(?!\w)",
}
WARNED = {LanguageCode.FR: "payez pas", LanguageCode.EN: "not pay", LanguageCode.AR: "لا تؤدوا"}
WARNING = {
    LanguageCode.FR: r"payez pas (?:à nouveau|autrement|maintenant)",
    LanguageCode.EN: r"not pay (?:again|another way|now)",
    LanguageCode.AR: r"لا تؤدوا (?:مرة أخرى|بطريقة)",
}


def texts_of(language: LanguageCode) -> list[tuple[str, str]]:
    keys = [(section, key) for section in sorted(TEXTS.sections()) for key in sorted(TEXTS.keys(language, section))]
    # the sentences of ".every" are in all languages at once
    return [
        (f"{section}/{key}", TEXTS.get(language, section, key)) for section, key in keys if not key.endswith(".every")
    ]


@pytest.mark.parametrize("language", list(LanguageCode))
def test_no_text_uses_a_word_that_was_given_up(language: LanguageCode) -> None:
    given_up = re.compile(LEFT_BEHIND[language])
    assert not [(key, text) for key, text in texts_of(language) if given_up.search(text)]


@pytest.mark.parametrize("language", list(LanguageCode))
def test_the_warning_not_to_pay_again_has_one_wording(language: LanguageCode) -> None:
    warnings = [(key, text) for key, text in texts_of(language) if WARNED[language] in text]
    assert len(warnings) > 5
    assert not [(key, text) for key, text in warnings if not re.search(WARNING[language], text)]


@pytest.mark.parametrize("language", list(LanguageCode))
def test_an_amount_written_as_an_example_is_written_as_amounts_are_shown(language: LanguageCode) -> None:
    assert not [(key, text) for key, text in texts_of(language) if re.search(r"\d\.\d\d\b", text)]


def test_the_list_has_a_word_for_each_language() -> None:
    rows = [row for row in README.read_text(encoding="utf-8").splitlines() if row.startswith("| ")]
    assert len(rows) > 20
    for row in rows:
        assert len([cell for cell in row.strip("| ").split(" | ") if cell.strip()]) == 4, row
