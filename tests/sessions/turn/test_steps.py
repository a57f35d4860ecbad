"""A turn's steps over the till in memory: where each rests, what it counts, and what a dialog begins with."""

import pytest

from core.languages import LanguageCode
from core.payments.consent import TERMS_VERSION
from core.subscribers.lines import ServiceType
from lab.clocks import StillClock
from sessions.pages import PagePosition
from sessions.screens.choosing import HandOver, NothingToPay, PickInvoices
from sessions.screens.ending import Goodbye, Help, Paid, Unknown
from sessions.screens.journey import Runaway, Screen
from sessions.screens.menu import Chose, Event, HelpMe, Restart, Say, Silence, Typed, say
from sessions.screens.opening import Language, Opening, PaymentCode, Resume, Service, Terms
from sessions.store.codec import Record
from sessions.store.protocol import Key
from sessions.turn.context import ScreenContexts, ServiceContext
from sessions.turn.effects import Recall
from sessions.turn.inbound import Inbound
from sessions.turn.perform import DialogKey, EffectPerformer
from sessions.turn.state import TOP, TurnState, known, opening
from sessions.turn.steps import Steps, move
from sessions.turn.turns import is_final
from sessions.vault import Seals
from tests.sessions.fakes import CALLER, CASABLANCA, MASTER_KEYS, NUMBERS
from tests.sessions.samples import BASKET, LINE, USSD, VOICE
from tests.support.till import NOW, FakeTill

PLACE = DialogKey(Key(CALLER, "ussd", "d1"), 1, {})
HEARD = Inbound("d1", CALLER, 1, "1")
CODE = PaymentCode(ServiceType.MOBILE, "0600000001")
NOTICE = say("wrong-choice")
THERE = PagePosition(3)


@pytest.fixture
def till() -> FakeTill:
    return FakeTill(StillClock(NOW))


def draft(screen: Screen, language: LanguageCode | None = LanguageCode.FR, *, terms: bool = False) -> TurnState:
    return TurnState(screen, language, terms)


async def run(till: FakeTill, state: TurnState, event: Event) -> TurnState:
    performer = EffectPerformer(till, Seals(MASTER_KEYS))
    house = ServiceContext(CASABLANCA, check_luhn=True, default_language=LanguageCode.FR)
    steps = Steps(ScreenContexts(till.clock, NUMBERS, house, performer.shelf), performer)
    await steps.run(state, event, PLACE, HEARD, USSD)
    return state


# --- what is kept of a step ------------------------------------------------------------------------------------------


async def test_a_language_on_file_fills_a_gap_and_one_that_is_chosen_stays(till: FakeTill) -> None:
    till.memory.languages[CALLER] = LanguageCode.AR
    for before, after in ((None, LanguageCode.AR), (LanguageCode.EN, LanguageCode.EN)):
        assert (await run(till, draft(Opening(), before), Silence())).language is after
    chosen = await run(till, draft(Language(), LanguageCode.AR), Chose("fr"))
    assert (chosen.language, type(chosen.screen)) == (LanguageCode.FR, Service)


async def test_terms_that_an_effect_says_nothing_of_stay_as_they_are(till: FakeTill) -> None:
    accepted = await run(till, draft(Terms(LINE)), Chose("accept"))
    assert (accepted.terms, type(accepted.screen)) == (True, PickInvoices)
    typed = await run(till, draft(CODE, terms=True), Typed("482913"))
    assert (typed.terms, type(typed.screen)) == (True, PickInvoices)
    till.memory.consents[CALLER] = "2025-01"
    assert not (await run(till, draft(Opening(), terms=True), Silence())).terms
    till.memory.consents[CALLER] = TERMS_VERSION
    assert (await run(till, draft(Opening()), Silence())).terms


async def test_who_goes_home_is_asked_what_to_pay_and_of_no_open_payment(till: FakeTill) -> None:
    till.basket()
    home = await run(till, draft(NothingToPay("0600000004"), terms=True), Chose("other"))
    assert home.screen == Service((LINE,))


async def test_a_turn_that_would_not_end_is_our_fault(till: FakeTill, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = 0

    def again(*_: object) -> Recall:
        nonlocal begun
        begun += 1
        return Recall()

    monkeypatch.setattr("sessions.turn.steps.advance", again)
    with pytest.raises(Runaway, match="Service"):
        await run(till, draft(Service()), Silence())
    assert begun == 8


# --- what is counted -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mistakes", [0, 4])
async def test_the_third_wrong_answer_to_one_question_ends_the_dialog(till: FakeTill, mistakes: int) -> None:
    state = draft(CODE)
    assert (state.tries, state.mistakes) == (0, 0)
    state.mistakes, state.spot = mistakes, THERE
    for tries in (1, 2):
        await run(till, state, Typed("1"))
        assert (state.screen, state.tries, state.mistakes) == (CODE, tries, mistakes + tries)
        assert state.notice == say("payment-code.wrong")
        assert state.spot is THERE
    await run(till, state, Typed("1"))
    assert (state.screen, state.notice) == (Goodbye("too-many-tries"), None)


async def test_the_tenth_wrong_answer_of_a_dialog_ends_it_whatever_was_asked(till: FakeTill) -> None:
    state = draft(CODE)
    state.mistakes = 8
    await run(till, state, Typed("1"))
    assert (state.screen, state.mistakes) == (CODE, 9)
    await run(till, state, Typed("1"))
    assert state.screen == Goodbye("too-many-tries")


async def test_who_asks_to_begin_anew_makes_no_mistake(till: FakeTill) -> None:
    state = draft(CODE)
    state.tries, state.mistakes = 2, 9
    await run(till, state, Restart())
    assert (state.screen, state.notice) == (CODE, say("restarted"))
    assert (state.tries, state.mistakes) == (2, 9)


async def test_an_answer_is_counted_anew_on_each_screen(till: FakeTill) -> None:
    state = draft(CODE)
    state.tries, state.mistakes = 2, 5
    await run(till, state, HelpMe())
    assert (state.screen, state.tries, state.mistakes, state.notice) == (Help(), 0, 5, None)


# --- the page --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("screen", "notice", "stays"),
    [(Service(), None, True), (Service((LINE,)), None, True), (Service(), NOTICE, False), (Language(), None, False)],
)
def test_the_page_stays_where_the_same_screen_is_shown_without_a_word(
    screen: Service | Language, notice: Say | None, stays: bool
) -> None:
    state = draft(Service())
    state.spot, state.tries = THERE, 2
    move(state, screen, notice)
    assert (state.screen, state.notice, state.tries) == (screen, notice, 0)
    assert state.spot is (THERE if stays else TOP)


# --- the beginning and the end ---------------------------------------------------------------------------------------


def record(screen: Screen) -> Record:
    return Record(1, 1, screen, LanguageCode.AR, True)


@pytest.mark.parametrize(
    ("previous", "dropped"),
    [
        (None, None),
        (record(CODE), CODE),
        (record(Resume(CODE)), CODE),
        (record(HandOver(BASKET)), HandOver(BASKET)),
        (record(Service()), None),
        (record(Paid(100, "1")), None),
    ],
)
def test_a_dialog_begins_with_what_the_last_one_dropped(previous: Record | None, dropped: object) -> None:
    assert opening(HEARD, previous) == Opening(None, dropped)  # type: ignore[arg-type]
    rung = Inbound("d1", CALLER, 0, payment_id="p1")
    assert opening(rung, previous) == Opening("p1", dropped)  # type: ignore[arg-type]


def test_what_the_last_dialog_knew_is_known() -> None:
    assert known(None) == (None, False)
    assert known(record(CODE)) == (LanguageCode.AR, True)
    assert known(Record(1, 1, CODE)) == (None, False)


def test_a_dialog_is_over_with_its_last_screen_and_a_call_with_an_uncertain_charge() -> None:
    for can in (USSD, VOICE):
        assert [is_final(screen, can) for screen in (Goodbye("goodbye"), Paid(1, "1"), Help(), HandOver(BASKET))] == [
            True
        ] * 4
        assert [is_final(screen, can) for screen in (CODE, Service(), Opening())] == [False] * 3
    assert (is_final(Unknown(1), USSD), is_final(Unknown(1), VOICE)) == (False, True)
