"""Every screen that USSD can show, in every language, with every notice its journey can bring: it fits, whole."""

import pytest

from channels.ussd.speaker import KEYS, SECTION, PageLimits, UssdFormats, UssdSpeaker
from channels.ussd.wires import WIRES
from channels.wording import Wording
from core.languages import LanguageCode
from core.messaging.gsm7 import Coding, coding_of, size
from core.messaging.texts import Texts, load_texts
from sessions.pages import Heard, Page, PagePosition, Turned
from sessions.screens.choosing import PickInvoices
from sessions.screens.journey import Shown, advance
from sessions.screens.menu import Again, Back, Chose, Digits, Menu, Noted, Say, Tell, Text, say
from tests.sessions.events import events_of
from tests.sessions.paged import spoken_pages
from tests.sessions.samples import EVERYWHERE, FIVE_HUNDRED, FORTY, LINE, SOME_PICKED, USSD, bills, pick, visit

NOT_ON_USSD = {"not-heard", "restarted", "heard-twice", "call-back", "card-gone", "bank-pin.refused"}


@pytest.fixture(scope="module")
def texts() -> Texts:
    return load_texts()


def notices() -> dict[str, set[Say | None]]:
    """By screen, what may be said above it: found by giving every screen every event."""
    said: dict[str, set[Say | None]] = {type(screen).__name__: {None} for screen in EVERYWHERE}
    for screen in EVERYWHERE:
        for event in events_of(screen.ask(visit())):
            match advance(screen, event, visit()):
                case Again(notice) if notice.key not in NOT_ON_USSD:
                    said[type(screen).__name__].add(notice)
                case Noted(other, notice) if notice.key not in NOT_ON_USSD:
                    said[type(other).__name__].add(notice)
    return said


NOTICES = notices()


def spoken(
    texts: Texts, screen: Shown, notice: Say | None, language: LanguageCode, limits: PageLimits
) -> tuple[Page, ...]:
    return spoken_pages(UssdSpeaker(texts, limits), screen.ask(visit(USSD, language)), notice, language)


def labels(texts: Texts, words: Menu, language: LanguageCode) -> list[str]:
    wording = Wording(texts, SECTION, UssdFormats())
    ticks = {None: "", True: ".ticked", False: ".unticked"}
    return [wording.text(language, option.label, ticks[option.ticked]) for option in words.every]


def test_the_journey_brings_notices() -> None:
    assert say("payment-code.refused", code_number="1 1 1 7") in NOTICES["PaymentCode"]
    assert say("bills-changed") in NOTICES["PickInvoices"]
    assert say("wrong-choice") in NOTICES["ConfirmTotal"]


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("language", LanguageCode)
@pytest.mark.parametrize("screen", EVERYWHERE, ids=lambda screen: type(screen).__name__)
def test_every_page_fits_its_wire(texts: Texts, screen: Shown, language: LanguageCode, wire: str) -> None:
    limits = WIRES[wire].limits
    for notice in NOTICES[type(screen).__name__]:
        for page in spoken(texts, screen, notice, language, limits):
            room = limits.septets if coding_of(page.text) is Coding.GSM7 else limits.units
            assert size(page.text) <= room, page.text
            if notice is not None:
                assert page.text.startswith(texts.get(language, SECTION, notice.key)), page.text


@pytest.mark.parametrize("language", LanguageCode)
@pytest.mark.parametrize("screen", EVERYWHERE, ids=lambda screen: type(screen).__name__)
def test_every_key_reads_to_its_own_event(texts: Texts, screen: Shown, language: LanguageCode) -> None:
    words = screen.ask(visit(USSD, language))
    if not isinstance(words, Menu):
        return
    made = spoken(texts, screen, None, language, PageLimits())
    by_id = dict(zip((option.id for option in words.every), labels(texts, words, language), strict=True))
    for page in made:
        events = list(page.meaning.values())
        assert len(set(events)) == len(events)
        shown = dict(line.split(". ", 1) for line in page.text.splitlines() if line[:1].isdigit() and line[1:3] == ". ")
        assert set(shown) == set(page.meaning), page.text
        for key, event in page.meaning.items():
            assert page.read(key) == event
            if isinstance(event, Chose):
                assert shown[key] == by_id[event.id], "a label is never cut"
    offered = {event.id for page in made for event in page.meaning.values() if isinstance(event, Chose)}
    assert offered == {option.id for option in words.every}


@pytest.mark.parametrize("language", LanguageCode)
@pytest.mark.parametrize("pick", [SOME_PICKED, FORTY, FIVE_HUNDRED], ids=["some", "forty", "five-hundred"])
def test_pay_stands_on_every_page_and_next_and_back_lead_on(
    texts: Texts, pick: PickInvoices, language: LanguageCode
) -> None:
    made = spoken(texts, pick, None, language, PageLimits())
    assert len(made) > 1
    for index, page in enumerate(made):
        assert page.meaning["1"] == Chose("pay")
        following, before = page.meaning.get(KEYS.next), page.meaning[KEYS.back]
        if index + 1 < len(made):
            assert following == Turned(made[index + 1].begin)
        else:
            assert following is None
        if index:
            assert before == Turned(page.begin, before=True)
            back = turned(texts, pick, None, language, before)
            assert back.begin < page.begin <= back.end
        else:
            assert before == Back()


@pytest.mark.parametrize("language", LanguageCode)
def test_a_notice_hides_no_bill_from_who_turns_pages(texts: Texts, language: LanguageCode) -> None:
    """With a notice the same menu is cut elsewhere; on from there and back every bill is met all the same."""
    for page in spoken(texts, FORTY, None, language, PageLimits()):
        here = turned(texts, FORTY, say("wrong-choice"), language, Turned(page.begin))
        assert here.begin == page.begin
        if (onward := here.meaning.get(KEYS.next)) is not None:
            assert onward == Turned(here.end)
            assert turned(texts, FORTY, None, language, onward).begin == here.end
        backward = here.meaning[KEYS.back]
        if isinstance(backward, Turned):
            back = turned(texts, FORTY, None, language, backward)
            assert back.begin < here.begin <= back.end


def turned(texts: Texts, pick: PickInvoices, notice: Say | None, language: LanguageCode, to: Heard) -> Page:
    assert isinstance(to, Turned)
    words = pick.ask(visit(USSD, language))
    return UssdSpeaker(texts, PageLimits()).page(words, notice, language, PagePosition(to.option, before=to.before))


def test_free_input_screens_have_no_option_lines(texts: Texts) -> None:
    for screen in EVERYWHERE:
        if isinstance(screen.ask(visit()), Digits | Text | Tell):
            for language in LanguageCode:
                (page,) = spoken(texts, screen, None, language, PageLimits())
                assert not [line for line in page.text.splitlines() if line[1:3] == ". "]
                assert not page.meaning


def test_ticks_are_shown(texts: Texts) -> None:
    (first, *_) = spoken(texts, SOME_PICKED, None, LanguageCode.FR, PageLimits())
    assert "[ ] 01/2010 80,00 DH" in first.text
    assert "[x]" in spoken(texts, FORTY, None, LanguageCode.FR, PageLimits())[0].text


def test_a_wire_too_small_is_said_when_it_is_tried(texts: Texts) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        spoken(texts, EVERYWHERE[-1], None, LanguageCode.FR, PageLimits(septets=20, units=10))
    with pytest.raises(ValueError, match="fit"):
        spoken(texts, FORTY, None, LanguageCode.FR, PageLimits(septets=40, units=20))


def test_an_arabic_list_tells_its_place_and_leaves_out_no_bill(texts: Texts) -> None:
    made = spoken(texts, pick(LINE, bills(40, 8000)), None, LanguageCode.AR, PageLimits())
    shown = [number for page in made for number in range(page.begin, page.end)]
    assert sorted(set(shown)) == list(range(41))  # forty bills and what pays them
    assert "/40" in made[1].text
