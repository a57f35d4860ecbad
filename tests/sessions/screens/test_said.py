"""Every text that a screen names is there, in every language, with its values; and what the fields of a card take."""

from collections.abc import Iterator

import msgspec
import pytest

from core.cards import Secret
from core.languages import LanguageCode
from core.messaging.texts import Texts
from sessions.screens.ending import Goodbye, Paid, Unknown
from sessions.screens.journey import advance
from sessions.screens.menu import (
    Again,
    Back,
    Chose,
    Digits,
    Done,
    HeardTwice,
    Launched,
    Menu,
    Noted,
    Say,
    ScreenContext,
    Text,
    TypedSecret,
    Unclear,
    Worded,
    Words,
    say,
)
from sessions.screens.paying import BankPin, CardCvv, CardExpiry, CardNumber, ConfirmCharge, Declined, Paying
from sessions.turn.effects import (
    AnswerChallenge,
    Authorise,
    CardGone,
    CardHeld,
    CardHint,
    HoldExpiry,
    HoldNumber,
    TermsAccepted,
)
from tests.sessions.events import events_of
from tests.sessions.samples import BASKET, CASES, OTHER, VISA, VOICE, visit
from tests.sessions.screens.test_wallet_by_call import rung

CALL = visit(VOICE)
UNCHECKED = msgspec.structs.replace(CALL, check_luhn=False)


def said(words: Words) -> Iterator[Say]:
    yield words.text
    if isinstance(words, Digits | Text):
        yield words.wrong
    if isinstance(words, Menu):
        for option in words.every:
            tick = "" if option.ticked is None else ".ticked" if option.ticked else ".unticked"
            yield Say(option.label.key + tick, option.label.values)


def shape(section: str, text: Say) -> tuple[str, ...]:
    """What a text must have: its key, its values' names, and the texts that stand within it."""
    within = [f"={value.key}" for _, value in text.values if isinstance(value, Worded)]
    return (section, text.key, *(name for name, _ in text.values), *within)


def test_whatever_a_screen_says_there_is_a_text_for_it(texts: Texts) -> None:
    shapes: set[tuple[str, ...]] = set()
    for case in CASES:
        words = case.screen.ask(case.visit)
        shapes |= {shape(case.can.channel, text) for text in said(words)}
        aloud = case.can.takes_card
        for event in events_of(words):
            if isinstance(event, HeardTwice) and not aloud:
                continue  # a telephone's tones alone
            following = advance(case.screen, event, case.visit)
            if isinstance(following, Again | Noted):
                shapes.add(shape(case.can.channel, following.notice))
            # a call may come to any end; on USSD most of these results cannot come
            elif aloud and isinstance(following, Goodbye | Paid | Declined | Unknown | Paying):
                shapes |= {shape(case.can.channel, text) for text in said(following.ask(case.visit))}
    for asked in (CardNumber(BASKET), Declined(BASKET, "limit", may_retry=True)):  # a wallet is offered beside them
        shapes |= {shape("ivr", text) for text in said(asked.ask(rung()))}
    assert len(shapes) > 100
    for section, key, *names in shapes:
        for language in LanguageCode:
            assert texts.fill(language, section, key, **dict.fromkeys(names, "x"))
            for within in (name[1:] for name in names if name[0] == "="):
                assert texts.get(language, section, within)


# --- the card's fields -----------------------------------------------------------------------------------------------


def field(key: str, least: int, most: int, *, back: bool) -> Digits:
    return Digits(say(key), say(f"{key}.wrong"), least, most, secret=True, back=back)


def test_the_fields_of_a_card_and_of_a_pin() -> None:
    assert CardNumber(BASKET).ask(CALL) == field("card-number", 13, 19, back=False)
    only = CardNumber(BASKET, only_bill=True).ask(CALL)
    assert (only.text.key, only.least, only.most, only.keys) == ("card-number.only-bill", 13, 19, ())
    expiry = CardExpiry(BASKET, VISA).ask(CALL)
    assert expiry == msgspec.structs.replace(field("card-expiry", 4, 4, back=True), text=expiry.text)
    assert CardCvv(BASKET, VISA).ask(CALL) == field("card-cvv", 3, 3, back=True)
    assert CardCvv(BASKET, OTHER).ask(CALL) == field("card-cvv", 3, 4, back=True)
    assert BankPin(BASKET, 2).ask(CALL) == field("bank-pin", 3, 8, back=False)


PAN, TWICE = "4000000000000010", "40000000000000100"  # a key of the second was heard twice


@pytest.mark.parametrize(
    ("digits", "visitor", "notice"),
    [
        (PAN, CALL, None),
        (PAN, UNCHECKED, None),
        ("4000000000000011", CALL, "card-number.wrong"),
        ("4000000000000011", UNCHECKED, None),
        (TWICE, CALL, "card-number.doubled"),
        (TWICE, UNCHECKED, "card-number.wrong"),
        ("400000000000001", CALL, "card-number.wrong"),
    ],
)
def test_a_card_s_number_is_held_or_asked_again(digits: str, visitor: ScreenContext, notice: str | None) -> None:
    typed = Secret(digits)
    told = CardNumber(BASKET).on(TypedSecret(typed), visitor)
    assert told == (HoldNumber(typed) if notice is None else Again(say(notice)))


@pytest.mark.parametrize(
    ("digits", "notice"),
    [
        ("1126", None),
        ("1226", None),
        ("1026", "card-expired"),
        ("1326", "card-expiry.wrong"),
        ("12a6", "card-expiry.wrong"),
    ],
)
def test_an_expiry_is_held_to_the_last_day_of_its_month(digits: str, notice: str | None) -> None:
    typed = Secret(digits)
    told = CardExpiry(BASKET, VISA).on(TypedSecret(typed), CALL)
    assert told == (HoldExpiry(typed) if notice is None else Again(say(notice)))


def test_from_screen_to_screen_with_a_card() -> None:
    gone, code = Noted(CardNumber(BASKET), say("card-gone")), Secret("123")
    number, expiry, total = CardNumber(BASKET), CardExpiry(BASKET, VISA), ConfirmCharge(BASKET, VISA)
    cvv, pin = CardCvv(BASKET, VISA), BankPin(BASKET, 2)
    for screen, event, following in (
        (number, Done(CardHint("visa", "0010")), expiry),
        (number, Unclear(), Again(say("card-number.wrong"))),
        (expiry, Done(CardHeld()), total),
        (expiry, Done(CardGone()), gone),
        (expiry, Back(), number),
        (expiry, Unclear(), Again(say("card-expiry.wrong"))),
        (total, Chose("pay"), cvv),
        (total, Chose("card"), number),
        (total, Chose("x"), Again(say("wrong-choice"))),
        (cvv, TypedSecret(code), Launched(Authorise("p1", code), Paying(BASKET))),
        (cvv, Done(CardGone()), gone),
        (cvv, Back(), total),
        (cvv, Unclear(), Again(say("card-cvv.wrong"))),
        (pin, TypedSecret(code), Launched(AnswerChallenge("p1", code), Paying(BASKET, 0, 2))),
        (pin, Done(TermsAccepted()), Again(say("bank-pin.wrong"))),
    ):
        assert screen.on(event, CALL) == following


def test_where_no_other_card_may_do_none_is_offered() -> None:
    options = {
        may_retry: [option.id for option in Declined(BASKET, "limit", may_retry).ask(CALL).every]
        for may_retry in (True, False)
    }
    assert options == {True: ["card", "stop"], False: ["stop"]}
