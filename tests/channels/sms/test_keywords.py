"""What people send is what they mean: docs/protocols/sms.md's own examples, and properties."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.sms.folding import fold
from channels.sms.keywords import (
    ONE_WORD_CHARS_MAX,
    ONE_WORDS_KEPT_MAX,
    SPELLINGS,
    Chosen,
    Keyword,
    KeywordAsked,
    NoKeyword,
    Request,
    TextMeaning,
    _hear_word,
    hear,
    one_edit,
    read,
    script_language,
)
from core.card_numbers import holds
from core.cards import luhn
from core.languages import LANGUAGES, LanguageCode

CODE = KeywordAsked(Keyword.CODE)
spellings = st.sampled_from([(k, s) for k, group in SPELLINGS.items() for s in group])
noise = st.text("\u200f\u200b\u202b\u2060 .,!?;:\t\n«»\"'", max_size=4)


@pytest.mark.parametrize(
    "text",
    [
        *("CODE", "CODE ", "Code.", "CÔDE", "ＣＯＤＥ", "code\u200f", "كود", "الرمز", "co de", "coed", "сode", "C0DE"),
        *("code svp", "CODE 0600000009", "Bonjour, je veux mon code", "CODE\n--\nSalma", "c o d e", "kode", "codde"),
        *("ﻛﻮﺩ", "كـود", "الرمز من فضلك", "СОДЕ".replace("Д", "D"), "😀 CODE 😀", "CODE\x00"),
    ],
)
def test_all_these_are_code(text: str) -> None:
    assert read(text) == CODE


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("FACTURE", KeywordAsked(Keyword.BILLS)),
        ("solde?", KeywordAsked(Keyword.BILLS)),
        ("فاتورة", KeywordAsked(Keyword.BILLS)),
        ("PAYER", KeywordAsked(Keyword.PAY)),
        ("paye", KeywordAsked(Keyword.PAY)),
        ("أداء", KeywordAsked(Keyword.PAY)),
        ("AIDE", KeywordAsked(Keyword.HELP)),
        ("HELP", KeywordAsked(Keyword.HELP)),
        ("info", KeywordAsked(Keyword.HELP)),
        ("STOP", KeywordAsked(Keyword.STOP)),
        ("ARRÊT", KeywordAsked(Keyword.STOP)),
        ("START", KeywordAsked(Keyword.START)),
        ("LANG FR", KeywordAsked(Keyword.LANGUAGE, LanguageCode.FR)),
        ("lang ar", KeywordAsked(Keyword.LANGUAGE, LanguageCode.AR)),
        ("Langue: anglais", KeywordAsked(Keyword.LANGUAGE, LanguageCode.EN)),
        ("LANGEN", KeywordAsked(Keyword.LANGUAGE, LanguageCode.EN)),
        ("langu fr", KeywordAsked(Keyword.LANGUAGE, LanguageCode.FR)),
        ("لغة العربية", KeywordAsked(Keyword.LANGUAGE, LanguageCode.AR)),
        ("LANG", KeywordAsked(Keyword.LANGUAGE)),
        ("LANG DE", KeywordAsked(Keyword.LANGUAGE)),
        ("LANG FR EN", KeywordAsked(Keyword.LANGUAGE)),
        ("2", Chosen(2)),
        (" 2. ", Chosen(2)),
        ("٢", Chosen(2)),
        ("12", Chosen(12)),
        ("cod", NoKeyword()),  # three letters are too few to guess from
        ("482913", NoKeyword()),
        ("0600000001", NoKeyword()),
        ("", NoKeyword()),
        ("...", NoKeyword()),
        ("bonjour", NoKeyword()),
        ("ne stop pas", NoKeyword()),
        ("facture ou code", KeywordAsked(Keyword.BILLS)),
        ("ma facture, mon code", NoKeyword()),
        ("x " * 20 + "code", NoKeyword()),
        ("x" * 5000, NoKeyword()),
    ],
)
def test_others(text: str, request_: Request) -> None:
    assert read(text) == request_


@given(spelling=spellings, before=noise, after=noise, upper=st.booleans())
def test_every_spelling_is_found_whatever_surrounds_it(
    spelling: tuple[Keyword, str], before: str, after: str, upper: bool
) -> None:
    keyword, text = spelling
    assert read(before + (text.upper() if upper else text) + after) == KeywordAsked(keyword)


@given(spelling=spellings)
def test_spaces_inside_do_not_matter(spelling: tuple[Keyword, str]) -> None:
    keyword, text = spelling
    assert read(" ".join(text)) == KeywordAsked(keyword)


def test_no_two_keywords_share_a_spelling() -> None:
    folded = [(fold(spelling), keyword) for keyword, group in SPELLINGS.items() for spelling in group]
    assert len({spelling for spelling, _ in folded}) == len(folded)
    named = [fold(spelling) for row in LANGUAGES.values() for spelling in row.spellings]
    assert len(set(named)) == len(named)


def edits(word: str, alphabet: Sequence[str]) -> set[str]:
    """Every word one edit away, by the book."""
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    left_out = {a + b[1:] for a, b in cuts if b}
    swapped = {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    changed = {a + c + b[1:] for a, b in cuts if b for c in alphabet}
    added = {a + c + b for a, b in cuts for c in alphabet}
    return (left_out | swapped | changed | added) - {word}


@given(st.text("abcd", min_size=4, max_size=7), st.text("abcd", min_size=3, max_size=8))
def test_one_edit_is_what_the_book_says(meant: str, typed: str) -> None:
    assert one_edit(typed, meant) is (typed in edits(meant, "abcd"))


@given(spelling=spellings.filter(lambda s: len(s[1]) >= 5), data=st.data())
def test_one_edit_never_means_another_keyword(spelling: tuple[Keyword, str], data: st.DataObject) -> None:
    keyword, text = spelling
    typo = data.draw(st.sampled_from(sorted(edits(fold(text), "aeo"))))
    found = read(typo)
    exact = {k for k, group in SPELLINGS.items() for s in group if fold(s) == typo}
    near = {k for k, group in SPELLINGS.items() for s in group if one_edit(typo, fold(s))}
    if exact:
        assert found == KeywordAsked(exact.pop())
    elif near == {keyword}:
        assert found == KeywordAsked(keyword)


@given(st.text(max_size=300) | st.sampled_from([f" {s}\n" for group in SPELLINGS.values() for s in group]))
def test_nothing_makes_it_raise(text: str) -> None:
    assert isinstance(read(text), KeywordAsked | Chosen | NoKeyword)
    assert hear(text) == TextMeaning(script_language(text), holds(text), read(text))


def test_what_is_kept_of_texts_is_bounded_and_holds_no_digit() -> None:
    _hear_word.cache_clear()
    for text in ("4000000000000010", "482913", "CODE 482913", "٤٨٢٩١٣", "a" * (ONE_WORD_CHARS_MAX + 1)):
        hear(text)
    assert _hear_word.cache_info().currsize == 0
    for letter in ("a", "b", "c"):
        for n in range(1, ONE_WORD_CHARS_MAX + 1):
            for _ in range(2):
                hear(letter * n)
    info = _hear_word.cache_info()
    assert (info.currsize, info.hits, info.maxsize) == (36, 36, ONE_WORDS_KEPT_MAX)


def test_script() -> None:
    assert script_language("كود") is LanguageCode.AR
    assert script_language("CODE كود") is LanguageCode.AR
    assert script_language("CODE") is None


# --- card numbers ------------------------------------------------------------------------------------------------


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    body = draw(st.from_regex(r"[3-6][0-9]{11,17}", fullmatch=True))  # ISO/IEC 7812: banking and travel
    return next(body + digit for digit in "0123456789" if luhn(body + digit))


@given(number=card_numbers(), separator=st.sampled_from(["", " ", "-", ".", " - ", "\u00a0"]), word=st.booleans())
def test_a_card_number_is_seen_in_every_dress(number: str, separator: str, word: bool) -> None:
    dressed = separator.join(number[i : i + 4] for i in range(0, len(number), 4))
    assert holds(f"carte {dressed} merci" if word else dressed)
    assert holds(dressed.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")))


@pytest.mark.parametrize(
    "text",
    [
        "4000 0000 0000 0010 12/28 123",
        "12/28 4000000000000010",
        "40000000000000101228123",
        "CODE 4000000000000010",
        "Visa4000000000000010exp1228",
        "4000\n0000\n0000\n0010",
        "11 22 33 44 55 66 77 88 99 00 4000000000000010",
    ],
)
def test_card_numbers_among_other_digits(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text", ["0600000001", "CODE 0600000009", "+212600000001", "0600000001 0600000003", "4000000000000011", "123"]
)
def test_telephone_numbers_are_no_cards(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("bonjour je veux payer ma facture svp", Keyword.PAY),
        ("I want to pay my bill", Keyword.PAY),
        ("salam bghit nkhelles", Keyword.PAY),
        ("bghit nkhlss lfactura", Keyword.PAY),
        ("سلام بغيت نخلص الفاتورة", Keyword.PAY),
        ("combien je dois", Keyword.BILLS),
        ("Bonjour, combien je dois ?", Keyword.BILLS),
        ("how much do I owe", Keyword.BILLS),
        ("شحال عليا", Keyword.BILLS),
        ("je veux mon code de paiement", Keyword.CODE),
        ("رمز", Keyword.CODE),
    ],
)
def test_plain_sentences_are_understood(text: str, meant: Keyword) -> None:
    assert read(text) == KeywordAsked(meant)


def test_our_own_list_of_words_sent_back_asks_for_nothing() -> None:
    assert isinstance(read("Message non compris. Envoyez CODE, FACTURE, PAYER ou AIDE."), NoKeyword)
