"""Arabic that keeps its order: every text with its values, laid out by Unicode's own rules (UAX 9)."""

import re
import string

import pytest
from bidi import get_display
from hypothesis import given
from hypothesis import strategies as st

from core.languages import LanguageCode
from core.messaging.bidi import SPOKEN, in_order
from core.messaging.texts import load_texts
from core.money import dh

TEXTS = load_texts()
SEEN = sorted(TEXTS.sections() - SPOKEN)
SAMPLES = {
    "amount": "5 672,60 DH",
    "part": "1 234 567,89 DH",
    "total": "1 769,20 DH",
    "receipt": "2026-00000042",
    "line": "06...003",
    "reference": "482913",
    "month": "05/2019",
    "count": "3",
    "of": "12",
    "digit": "2",
    "code": "012345",
    "authorisation": "390059",
    "ussd": "*1117*123#",
    "short_code": "*1118#",
    "code_number": "1117",
    "voice": "05 37 00 01 03",
    "caller": "+212537000103",
    "help": "0800 00 11 17",
    "help_number": "777",
    "where": "اطلب *1117# أو اتصل بـ 0537000777",
    "at": "29/11/2026 13:05",
    "since": "2026-11-29",
    "number": "0000171682062019",
    "bill": "0000171682062019",
    "operator": "Khallas",
    "email": "s***@example.com",
    "link": "https://pay.example/receipts/0a1B",
    "card": "**** **** **** 0010",
}
NUMBERS = re.compile(r"[*+#]*\d(?:[\d*#]|[ .,:/\-]+(?=\d))*#?")
MARKS = dict.fromkeys(map(ord, "\u200e\u200f\u2066\u2069"))


def laid_out(text: str) -> str:
    """A text as eyes meet it, line by line, from the left; marks are not seen."""
    lines = (get_display(line, base_dir="R") for line in text.split("\n"))
    return "\n".join(lines).translate(MARKS).replace("\u00a0", " ")


@pytest.mark.parametrize("section", SEEN)
def test_every_number_of_every_arabic_text_is_shown_in_its_order(section: str) -> None:
    for key in sorted(TEXTS.keys(LanguageCode.AR, section)):
        template = TEXTS.get(LanguageCode.AR, section, key)
        names = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
        values = {name: SAMPLES.get(name, "7") for name in names}
        seen = laid_out(TEXTS.fill(LanguageCode.AR, section, key, **values))
        own = "".join(part for part, *_ in string.Formatter().parse(template)).translate(MARKS)
        for number in {
            *NUMBERS.findall(own),
            *(found for value in values.values() for found in NUMBERS.findall(value)),
        }:
            assert number in seen, f"{section} {key}: {number} in {seen!r}"


@given(
    st.integers(min_value=0, max_value=10**13), st.sampled_from(["تم أداء {} اليوم", "{}", "أ 12 {} 34 ب", "DH {} ب"])
)
def test_an_amount_of_any_size_is_read_as_it_is(amount_centimes: int, around: str) -> None:
    amount = dh(amount_centimes)
    assert amount.removesuffix(" DH") in laid_out(around.format(in_order(LanguageCode.AR, amount)))


@pytest.mark.parametrize("value", ["1 769,20 DH", "2026-00000042", "*1118#", "+212600000001", "**** 0010"])
def test_other_languages_keep_their_plain_spaces(value: str) -> None:
    """A no-break space is not in GSM-7."""
    assert [in_order(language, value) for language in (LanguageCode.FR, LanguageCode.EN)] == [value, value]


def test_a_value_that_is_in_order_already_is_left() -> None:
    once = in_order(LanguageCode.AR, "اطلب *1117# أو 2026-00000042 ثم 5 672,60 DH")
    assert in_order(LanguageCode.AR, once) == once


def test_two_numbers_side_by_side_stay_two() -> None:
    """The code does not change places with the line it belongs to."""
    text = TEXTS.fill(LanguageCode.AR, "sms", "code", line="06...003", code="482913", where="x", help="777")
    seen = laid_out(text)
    assert seen.index("482913") < seen.index("06...003")  # the line is read first, from the right
