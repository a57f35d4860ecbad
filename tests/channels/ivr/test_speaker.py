"""Every screen a caller can reach is said in three languages, briefly, and every key offered leads somewhere."""

import re
from datetime import date
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.ivr.formats import VoiceFormats
from channels.ivr.speaker import CAN, CHOICES_MAX, KEYS, NO_MISTAKE, IvrSpeaker, Spoken, spoken
from core.languages import LanguageCode as Lang
from core.languages import plural
from core.messaging.texts import Texts, load_texts
from core.payments.service import Refusal
from core.ports import DeclineKind
from core.subscribers.lines import ServiceType as Kind
from core.wallets.port import WalletTerms
from sessions.basket import Basket
from sessions.pages import PagePosition, Turned
from sessions.screens.choosing import ConfirmTotal, Email, HandOver, NothingToPay, WalletPayer
from sessions.screens.ending import Goodbye, Help, Paid, Unknown
from sessions.screens.journey import Shown, advance
from sessions.screens.menu import Again, Amount, Back, Chose, Digits, Menu, Month, ScreenContext, Spelled, Worded, say
from sessions.screens.opening import Language, PaymentCode, Reference, Resume, Service, Terms
from sessions.screens.paying import (
    BankPin,
    CardCvv,
    CardExpiry,
    CardNumber,
    ConfirmCharge,
    Declined,
    PayByConnector,
    Paying,
)
from sessions.screens.wallet import WalletAsked, WalletOpen
from sessions.turn.effects import CardHint, LineRef
from tests.sessions.paged import spoken_pages
from tests.sessions.samples import SHELF, pick
from tests.support.till import bills

TEXTS = load_texts()
SPEAKER = IvrSpeaker(TEXTS)
LINE = LineRef(Kind.MOBILE, "0600000001")
BASKET = Basket("01JDEMO", "345678", 9_999_999)
PAYABLE = Basket("01JDEMO", "345678", 76_920)  # by a wallet too
CARD = CardHint("visa", "0010")
SCREENS: tuple[Shown, ...] = (
    Language(),
    Service(),
    Service((LINE, LineRef(Kind.FIXED, "0537000103"), LineRef(Kind.INTERNET, "10000042"))),
    Service((LINE,) * 5),
    Service((LINE,), others_only=True),
    *(Reference(kind) for kind in (None, *Kind)),
    Reference(None, "345678"),
    *(PaymentCode(kind, "0600000001") for kind in Kind),
    Terms(LINE),
    pick(LINE, bills(1)),
    pick(LINE, bills(3), 1),
    pick(LINE, bills(40)),
    pick(LINE, bills(5), 5),
    NothingToPay("0600000001"),
    Resume(PaymentCode(Kind.MOBILE, "0600000001")),
    Resume(CardNumber(BASKET)),
    CardNumber(BASKET),
    CardNumber(BASKET, only_bill=True),
    PayByConnector(BASKET),
    *(CardExpiry(BASKET, CardHint(brand, "0010")) for brand in ("visa", "mastercard", "card")),
    ConfirmCharge(BASKET, CARD),
    CardCvv(BASKET, CARD),
    BankPin(BASKET, 3),
    Paying(BASKET),
    Paying(BASKET, polls=1),
    Paid(76920, "A1B2C3"),
    *(Declined(BASKET, kind, may_retry) for kind in DeclineKind for may_retry in (True, False)),
    Unknown(76920),
    Help(),
    Goodbye(),
    *(Goodbye(f"refused.{refusal.value.replace('_', '-')}") for refusal in Refusal),
    *(Goodbye(reason) for reason in ("basket-expired", "undone", "too-many-tries", "terms-refused")),
)
# A caller types no letters and needs no hand-over to a call; test_wallet_by_call.py says what wallets bring.
NEVER_SPOKEN = (ConfirmTotal, Email, HandOver, WalletAsked, WalletOpen, WalletPayer)
NOTICES = (
    "bank-pin.refused",
    "bank-pin.wrong",
    "bills-changed",
    "call-back",
    "card-cvv.wrong",
    "card-expired",
    "card-expiry.wrong",
    "card-gone",
    "card-number.doubled",
    "card-number.wrong",
    "heard-twice",
    "not-heard",
    "payment-code.refused",
    "payment-code.wrong",
    "reference.wrong.proof",
    *(f"reference.wrong.{kind}" for kind in ("basket", *Kind)),
    "restarted",
    "wallet-not-now",
    "wallet-too-often",
    "wrong-choice",
)
PROMPT_CHARACTERS_MAX, PROMPT_WORDS_MAX = 180, 27  # ten seconds of speech
LABEL_CHARACTERS_MAX = 90
ROW = re.compile(r"(?:\[\w\w\] )?(?:Pour .+, (?:tapez )?|To .+, (?:press )?|ل.+ )(\d)\.")
LONGER = (Paid, Language)  # the number twice; one short sentence a language

each_screen = pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: type(screen).__name__)
each_language = pytest.mark.parametrize("language", list(Lang))


def visit(language: Lang) -> ScreenContext:
    return ScreenContext("+212600000001", CAN, language, False, date(2026, 11, 23), "777", "0537000777", "1117", SHELF)


def test_every_screen_that_can_be_reached_is_walked() -> None:
    walked = {type(screen) for screen in SCREENS}
    assert walked == set(get_args(Shown)) - set(NEVER_SPOKEN)


@each_screen
@each_language
def test_every_page_is_said_and_every_key_leads_somewhere(screen: Shown, language: Lang) -> None:
    visiting = visit(language)
    words = screen.ask(visiting)
    made = spoken_pages(SPEAKER, words, None, language)
    offered: set[str] = set()
    for page in made:
        assert "{" not in page.text
        told = {row[1] for line in page.text.split("\n") if (row := ROW.fullmatch(line))}
        assert told <= set(page.meaning)
        # within a list the pinned ones are said where it begins and where it ends
        inner = page.begin > 0 and KEYS.next in page.meaning
        pinned = {str(n + 1) for n in range(len(words.pinned))} if isinstance(words, Menu) and inner else set()
        assert set(page.meaning) - told <= {KEYS.back, *pinned}
        assert len(page.meaning) <= CHOICES_MAX
        for key in page.meaning:
            match page.read(key):
                case Turned(option, before):
                    turned = SPEAKER.page(words, None, language, PagePosition(option, before=before))
                    assert turned in made
                    assert turned != page
                case Back() as event:
                    assert not isinstance(advance(screen, event, visiting), Again)
                case Chose(chosen) as event:
                    offered.add(chosen)
                    assert not isinstance(advance(screen, event, visiting), Again)
                case event:
                    pytest.fail(f"{key} means {event}")
    assert offered == ({option.id for option in words.every} if isinstance(words, Menu) else set())


@each_screen
@each_language
def test_prompts_take_ten_seconds_at_most(screen: Shown, language: Lang) -> None:
    words = screen.ask(visit(language))
    page = spoken_pages(SPEAKER, words, None, language)[0]
    lines = page.text.split("\n")
    keys = [line for line in lines if ROW.fullmatch(line)]
    prompt = lines[: len(lines) - len(keys)]
    assert all(len(line) <= LABEL_CHARACTERS_MAX for line in keys)
    if not isinstance(screen, LONGER):
        said = " ".join(prompt)
        assert len(said) <= PROMPT_CHARACTERS_MAX
        assert len(re.findall(r"[^\W\d]{2,}", said)) <= PROMPT_WORDS_MAX


@each_language
def test_options_are_said_action_first(language: Lang) -> None:
    template = {Lang.FR: r"Pour .+, tapez \d\.", Lang.AR: r".+، اضغطوا \d\.", Lang.EN: r"To .+, press \d\."}[language]
    page = spoken_pages(SPEAKER, Service((LINE,)).ask(visit(language)), None, language)[0]
    assert all(re.fullmatch(template, line) for line in page.text.split("\n")[1:])


@each_language
@pytest.mark.parametrize("notice", NOTICES)
def test_notices_come_first_and_fields_tell_the_ways_out(notice: str, language: Lang) -> None:
    field = Digits(say("card-cvv"), say("card-cvv.wrong"), 3, 4, secret=True)
    plain = spoken_pages(SPEAKER, field, None, language)[0].text
    corrected = spoken_pages(SPEAKER, field, say(notice, code_number="1"), language)[0].text
    assert corrected.startswith(TEXTS.get(language, "ivr", notice).partition("{")[0])
    assert corrected.endswith(TEXTS.get(language, "ivr", "field" if notice in NO_MISTAKE else "field.back"))
    assert plain.endswith(TEXTS.get(language, "ivr", "field"))


def test_the_language_menu_is_corrected_in_both_languages_of_its_welcome_and_its_options() -> None:
    page = spoken_pages(SPEAKER, Language().ask(visit(Lang.FR)), say("wrong-choice"), Lang.FR)[0]
    first = spoken(page.text, Lang.FR)[: len(Lang)]
    assert first == tuple(Spoken(each, TEXTS.get(each, "ivr", "wrong-choice")) for each in Lang)


def test_the_language_menu_reads_the_same_in_all_files() -> None:
    keys = ["language", *(f"language.{each}" for each in Lang)]
    for key in keys:
        assert len({TEXTS.get(each, "ivr", key) for each in Lang}) == 1


def test_no_text_is_left_unsaid() -> None:
    """Every key of the file is asked for by some screen, notice, layout or value."""
    said: set[str] = {
        "row",
        "row.brief",
        "next",
        "back",
        "paid.no-sms",
        "field",
        "field.again",
        "field.back",
        "apology",
        *NOTICES,
    }
    said |= {"go-on", "call-too-long"}  # by a wire that hears each key
    said |= {"amount.and", "spelled.and", *(f"month.{n}" for n in range(1, 13))}
    said |= {f"{unit}.{n}" for unit in ("dirham", "centime") for n in ("one", "two", "few", "many", "other")}
    rung = msgspec.structs.replace(visit(Lang.FR), wallets=(("neqdi", WalletTerms("Neqdi", "MAD")),), placed=True)
    asked = [(screen, visit(Lang.FR)) for screen in SCREENS]
    asked += [(CardNumber(PAYABLE), rung), (Declined(PAYABLE, "other_card", may_retry=True), rung)]
    asked.append((WalletAsked(PAYABLE, "Neqdi", "+212600000001"), rung))
    for screen, here in asked:
        words = screen.ask(here)
        said.add(words.text.key)
        said |= {value.key for _, value in words.text.values if isinstance(value, Worded)}
        if isinstance(words, Menu):
            said |= {o.label.key + ("" if o.ticked is None else ".un" * (not o.ticked) + ".") for o in words.every}
    said |= {screen.ask(msgspec.structs.replace(visit(Lang.FR), language_known=False)).text.key for screen in SCREENS}
    said = {re.sub(r"\.un\.$", ".unticked", key) for key in said}
    said = {re.sub(r"\.$", ".ticked", key) for key in said}
    assert TEXTS.keys(Lang.FR, "ivr") == said


def test_neighbouring_lines_of_one_voice_are_one_utterance() -> None:
    assert spoken("Un.\nDeux.\n[ar] ثلاثة.\n[fr] Quatre.", Lang.FR) == (
        Spoken(Lang.FR, "Un. Deux."),
        Spoken(Lang.AR, "ثلاثة."),
        Spoken(Lang.FR, "Quatre."),
    )


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def formats(texts: Texts) -> VoiceFormats:
    return VoiceFormats(texts)


@pytest.mark.parametrize(
    ("language", "centimes", "expected"),
    [
        (Lang.FR, 76920, "769 dirhams et 20 centimes"),
        (Lang.FR, 76900, "769 dirhams"),
        (Lang.FR, 1, "1 centime"),
        (Lang.FR, 0, "0 dirham"),
        (Lang.FR, 101, "1 dirham et 1 centime"),
        (Lang.FR, 9_999_999, "99999 dirhams et 99 centimes"),
        (Lang.EN, 76920, "769 dirhams and 20 centimes"),
        (Lang.EN, 100, "1 dirham"),
        (Lang.EN, 0, "0 dirhams"),
        (Lang.AR, 76920, "769 درهمًا و20 سنتيمًا"),
        (Lang.AR, 100, "درهم واحد"),
        (Lang.AR, 202, "درهمين وسنتيمين"),
        (Lang.AR, 1003, "10 دراهم و3 سنتيمات"),
        (Lang.AR, 10000, "100 درهم"),
        (Lang.AR, 10500, "105 دراهم"),
        (Lang.AR, 1, "سنتيم واحد"),
    ],
)
def test_money_is_said_in_words_and_numbers(
    formats: VoiceFormats, language: Lang, centimes: int, expected: str
) -> None:
    assert formats.amount(Amount(centimes), language) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0600000001", "0 6, 0 0, 0 0, 0 0, 0 1"),
        ("123456", "1 2 3, 4 5 6"),
        ("0010", "0 0 1 0"),
        ("777", "7 7 7"),
        ("A1B2C3", "A 1 B, 2 C 3"),
        ("", ""),
    ],
)
def test_digits_are_said_one_by_one_in_groups(formats: VoiceFormats, text: str, expected: str) -> None:
    assert formats.spelled(Spelled(text), Lang.FR) == expected


@given(st.text("0123456789", max_size=30), st.sampled_from(Lang))
def test_no_digit_is_lost_or_joined(text: str, language: Lang) -> None:
    said = VoiceFormats(TEXTS).spelled(Spelled(text), language)
    assert "".join(re.findall(r"\d", said)) == text
    assert re.search(r"\d\d", said) is None


def test_months_are_said_by_name(formats: VoiceFormats) -> None:
    may, april = Month(date(2019, 5, 1)), Month(date(2019, 4, 1))
    assert formats.month(may, Lang.FR) == "mai 2019"
    assert formats.month(april, Lang.FR) == "avril 2019"
    assert formats.month(may, Lang.EN) == "May 2019"
    assert formats.month(may, Lang.AR) == "ماي 2019"


@given(st.integers(0, 10_000_000), st.sampled_from(Lang))
def test_every_number_has_a_plural_that_is_written(number: int, language: Lang) -> None:
    assert TEXTS.get(language, "ivr", f"dirham.{plural(language, number)}")
