"""What every screen keeps to, on every channel that shows it."""

import msgspec
import pytest

from core.languages import LanguageCode as Lang
from sessions.screens.diagram import mermaid, moves, results_of
from sessions.screens.ending import Help, Paid, Unknown
from sessions.screens.journey import advance, name_of
from sessions.screens.menu import (
    Again,
    Amount,
    Charge,
    Chose,
    Digits,
    Done,
    Launched,
    Menu,
    Noted,
    Restart,
    Say,
    Silence,
    Spelled,
    Tell,
    Text,
    Unclear,
    say,
)
from sessions.screens.opening import Opening, Resumable, Service
from sessions.screens.paying import CardExpiry, CardNumber
from sessions.store.codec import Record, Unreadable, decode, encode, notice_of, say_of
from sessions.turn.effects import Effect
from sessions.turn.turns import is_final
from tests.sessions.events import events_of
from tests.sessions.samples import CASES, KINDS, LINE, SAMPLES, USSD, VOICE, Case, visit

# fmt: off
CANONICAL = {
    "Language", "Service", "Reference", "PaymentCode", "Terms", "PickInvoices",
    "Email", "ConfirmTotal", "HandOver", "Resume", "CardNumber", "CardExpiry",
    "CardCvv", "BankPin", "Paying", "Paid", "Declined", "Unknown",
    "NothingToPay", "Help", "Goodbye", "WalletPayer", "WalletAsked", "WalletOpen",
}
# fmt: on


def test_every_screen_has_a_sample() -> None:
    assert {type(screen) for screen in SAMPLES} == KINDS


def test_names_are_the_canonical_ones() -> None:
    assert {name_of(screen) for screen in SAMPLES} == CANONICAL


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_screen_rests_and_comes_back_the_same(case: Case) -> None:
    record = Record(7, 6, case.screen, Lang.AR, True, 3, ("wrong-choice", {}), 1, 2)
    read = decode(encode(record))
    assert read == record
    assert type(read.screen) is type(case.screen)
    assert read.screen.ask(case.visit) == case.screen.ask(case.visit)


@pytest.mark.parametrize("screen", [s for s in SAMPLES if isinstance(s, Resumable)], ids=lambda s: type(s).__name__)
def test_a_beginning_rests_with_what_was_dropped(screen: Resumable) -> None:
    record = Record(1, 0, Opening("p1", screen, fresh=False))
    assert decode(encode(record)) == record


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_option_moves(case: Case) -> None:
    words = case.screen.ask(case.visit)
    if not isinstance(words, Menu):
        assert isinstance(words, Digits | Text | Tell | Charge)
        return
    assert len({option.id for option in words.every}) == len(words.every)
    for option in words.every:
        following = advance(case.screen, Chose(option.id), case.visit)
        assert not isinstance(following, Again)
        assert following != case.screen


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_event_breaks_a_screen(case: Case) -> None:
    for event in events_of(case.screen.ask(case.visit)):
        for terms in (False, True):
            following = advance(case.screen, event, visit(case.can, terms=terms))
            reached = following.screen if isinstance(following, Noted | Launched) else following
            assert isinstance(reached, Again | Opening | Effect) or type(reached) in KINDS, (event, following)
            if isinstance(following, Again | Noted):
                notice_of(following.notice)  # holds plain values only


@pytest.mark.parametrize("case", CASES, ids=str)
def test_screens_lead_only_where_they_say(case: Case) -> None:
    kind = type(case.screen)
    allowed = {*moves(kind), kind.__name__, "Help", "Goodbye"}
    for event in events_of(case.screen.ask(case.visit)):
        following = advance(case.screen, event, case.visit)
        if isinstance(following, Effect):
            assert type(following) in results_of(kind)
        elif isinstance(following, Opening):
            assert "Service" in allowed
        elif not isinstance(following, Again):
            reached = following.screen if isinstance(following, Noted | Launched) else following
            assert type(reached).__name__ in allowed, event


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_same_answers_mean_the_same_everywhere(case: Case) -> None:
    words = case.screen.ask(case.visit)
    silent = advance(case.screen, Silence(), case.visit)
    assert isinstance(silent, Again) is not (isinstance(words, Tell) and not isinstance(case.screen, Unknown))
    assert isinstance(advance(case.screen, Unclear(), case.visit), Again)
    assert advance(case.screen, Restart(), case.visit) == Again(say("restarted"), counts=False)


def test_what_ends_a_conversation_is_final() -> None:
    for case in CASES:
        words = case.screen.ask(case.visit)
        ends = isinstance(words, Tell) and words.ends
        assert ends is is_final(case.screen, case.can), case


def test_a_person_on_the_phone_only_for_help() -> None:
    for case in CASES:
        words = case.screen.ask(case.visit)
        assert (isinstance(words, Tell) and words.transfer) is isinstance(case.screen, Help)


def test_secret_fields_are_the_cards() -> None:
    secret = {
        type(case.screen).__name__
        for case in CASES
        if isinstance(words := case.screen.ask(case.visit), Digits) and words.secret
    }
    assert secret == {"CardNumber", "CardExpiry", "CardCvv", "BankPin"}


def test_no_screen_of_a_channel_without_cards_asks_for_one() -> None:
    for case in (case for case in CASES if case.can is USSD):
        for event in events_of(case.screen.ask(case.visit)):
            if not isinstance(event, Done):
                following = advance(case.screen, event, case.visit)
                assert not isinstance(following, Launched | CardNumber | CardExpiry | Paid), (case, event)


def test_an_own_line_needs_its_code_where_the_number_can_be_forged() -> None:
    screen = Service((LINE,))
    assert type(advance(screen, Chose("own:0"), visit(VOICE, terms=True))).__name__ == "PaymentCode"
    assert type(advance(screen, Chose("own:0"), visit(USSD, terms=True))).__name__ == "ListBills"
    assert type(advance(screen, Chose("own:0"), visit(USSD))).__name__ == "Terms"


def test_the_picture_names_every_screen() -> None:
    drawn = mermaid()
    for kind in KINDS:
        assert kind.__name__ in drawn
    assert "Opening --> Language" in drawn
    assert "HandOver --> [*]" in drawn


@pytest.mark.parametrize(
    "data", [b"", b"\xc1", b"\x93\x01\x02\x03", b"{}", msgspec.msgpack.encode([1, 2, {"type": "x"}])]
)
def test_what_is_no_session_is_unreadable(data: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(data)


def test_a_notice_rests_with_plain_values_only() -> None:
    assert say_of(notice_of(None)) is None
    notice = say("left", count=3, name="x")
    assert say_of(notice_of(notice)) == notice
    with pytest.raises(TypeError, match="total"):
        notice_of(say("x", total=Amount(1)))
    with pytest.raises(TypeError):
        notice_of(Say("x", (("line", Spelled("1")),)))
