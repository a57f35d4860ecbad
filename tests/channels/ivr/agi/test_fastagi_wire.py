"""FastAGI's dialect: recorded greetings read, answers turned into steps, and what the protocol's lines mean."""

import contextlib
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.carriers.asterisk.call_tokens import CallTokens
from channels.ivr.agi import protocol
from channels.ivr.agi.field import DIGITS_MAX, Field, Timers
from channels.ivr.agi.protocol import AgiError, CallerHungUp, CommandResult, SwitchFailed
from channels.ivr.prompts import Prompts
from channels.ivr.speaker import IvrSpeaker
from channels.ivr.wires.fastagi import Ask, End, FastAgi, Wait
from channels.ivr.wires.fastagi import CallResult as Left
from channels.wire import Malformed, SenderRefused
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from sessions.basket import Basket
from sessions.screens.ending import Help, Paid
from sessions.screens.journey import Shown
from sessions.screens.menu import ScreenContext
from sessions.screens.paying import CardNumber, ConfirmCharge, Paying
from sessions.turn.effects import CardHint
from sessions.turn.turns import Inbound, TurnAnswer
from tests.sessions.paged import spoken_pages

RECORDED = json.loads((Path(__file__).parents[3] / "wires" / "ivr-fastagi.json").read_text())
PROMPTS = Prompts(load_texts())
SPEAKER = IvrSpeaker(PROMPTS.texts)
WIRE = FastAgi(PROMPTS, CallTokens(["a-key-that-signs-links", "the-key-before"]))
BASKET = Basket("01JDEMO", "345678", 76920)
HEARD = Inbound("1763880000.1", "+212600000001", order=0, begins=True)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded["name"])
def test_recorded_greetings(recorded: dict[str, Any]) -> None:
    greeting = protocol.greeting(recorded["greeting"].splitlines())
    if "heard" in recorded:
        assert WIRE.arrival(greeting) == Inbound(**recorded["heard"])
    else:
        with pytest.raises({"Refused": SenderRefused, "Malformed": Malformed}[recorded["refused"]]):
            WIRE.arrival(greeting)


def _arrived(**told: str) -> Inbound:
    return WIRE.arrival({"network_script": "khallas", "uniqueid": "1763880000.9", "callerid": "0600000001", **told})


@pytest.mark.parametrize("presentation", ["32", "33", "34", "35", "64", "67", "99"])
def test_a_number_that_came_along_although_it_is_hidden_is_not_used(presentation: str) -> None:
    assert _arrived(callingpres=presentation).msisdn == "anonymous:1763880000.9"


@pytest.mark.parametrize("presentation", ["0", "1", "2", "3", "", "rubbish"])
def test_a_number_that_is_shown_is(presentation: str) -> None:
    assert _arrived(callingpres=presentation).msisdn == "+212600000001"


@pytest.mark.parametrize(
    "number", ["anonymous", "Anonymous", "unknown", "Restricted", "unavailable", "Private", "s", "", " ", "salma", "12"]
)
def test_who_gives_no_number_is_served_under_a_name_of_this_call(number: str) -> None:
    assert _arrived(callerid=number).msisdn == "anonymous:1763880000.9"


@pytest.mark.parametrize(
    "uniqueid", ["pbx@casa-1763880000.4", "test 12 123 1236", "été-1.2", "a" * 200, "a/b:c", "{x}"]
)
def test_a_call_of_a_switch_with_any_system_name_is_served(uniqueid: str) -> None:
    dialog = _arrived(uniqueid=uniqueid).dialog
    assert re.fullmatch(r"u-[0-9a-f]{32}", dialog)
    assert dialog == _arrived(uniqueid=uniqueid).dialog != _arrived(uniqueid=f"{uniqueid}1").dialog


def test_a_gate_sees_the_first_argument_and_the_address() -> None:
    greeting = protocol.greeting(RECORDED[0]["greeting"].splitlines())
    incoming = WIRE.incoming(greeting, "192.0.2.1")
    assert (incoming.headers["x-khallas-secret"], incoming.peer) == ("asterisk-and-khallas", "192.0.2.1")


def test_a_token_signed_by_the_key_before_still_opens() -> None:
    token = CallTokens(["the-key-before"]).make("01JDEMO", "+212600000001")
    assert CallTokens(["a-key-that-signs-links", "the-key-before"]).read(token) == ("01JDEMO", "+212600000001")
    with pytest.raises(SenderRefused):
        CallTokens(["a-key-that-signs-links"]).read(token)


def test_what_no_token_can_hold() -> None:
    with pytest.raises(ValueError, match="neither"):
        CallTokens(["key"]).make("01J DEMO", "+212600000001")


# --- answers ----------------------------------------------------------------------------------------------------------


def _answer(screen: Shown) -> TurnAnswer:
    visit = ScreenContext(
        "+212600000001", SPEAKER.can, LanguageCode.FR, True, date(2026, 11, 23), "777", "0537000777", "1117"
    )
    page = spoken_pages(SPEAKER, screen.ask(visit), None, LanguageCode.FR)[0]
    return TurnAnswer(page, type(screen).__name__, LanguageCode.FR, version=7, ends=False)


def test_a_menu_is_one_key_and_a_field_many() -> None:
    field, menu = _answer(CardNumber(BASKET)), _answer(ConfirmCharge(BASKET, CardHint("visa", "0010")))
    said, go_on = PROMPTS.phrases(field.page.text, LanguageCode.FR), PROMPTS.say("go-on", LanguageCode.FR)
    assert WIRE.step(field, None, None) == Ask(said, False, drain=False, least=13, secret=True, go_on=go_on)
    step = WIRE.step(menu, field, "1")
    assert isinstance(step, Ask)
    assert step.one_key


def test_what_was_typed_for_an_earlier_question_is_drained() -> None:
    asked = _answer(CardNumber(BASKET))
    drains = {typed: WIRE.step(asked, asked, typed).drain for typed in ("411", None, "*")}  # type: ignore[union-attr]  # a question
    assert drains == {"411": True, None: False, "*": False}


def test_the_line_waits_ends_or_is_given_back() -> None:
    waits, paid, helped = (WIRE.step(_answer(s), None, None) for s in (Paying(BASKET), Paid(76920, "123456"), Help()))
    assert isinstance(waits, Wait)
    assert waits.wait_s > 0
    assert isinstance(paid, End)
    assert paid.result is Left.ENDED
    assert isinstance(helped, End)
    assert helped.result is Left.TRANSFER


def test_the_order_grows_with_the_page() -> None:
    assert WIRE.turn(HEARD, _answer(CardNumber(BASKET)), "1") == Inbound(HEARD.dialog, HEARD.msisdn, order=7, typed="1")


# --- lines ------------------------------------------------------------------------------------------------------------


def test_replies() -> None:
    assert protocol.reply("200 result=49 endpos=8000") == CommandResult(49, 8000)
    assert protocol.reply("200 result=0 endpos=0").key is None  # type: ignore[union-attr]  # it is a reply
    assert protocol.reply("200 result=1 (speech) endpos=12") == CommandResult(1, 12)
    told = protocol.reply("200 result=1 (a (secret) of ours)")
    assert told is not None
    assert (told.value, "secret" in repr(told)) == ("a (secret) of ours", False)
    assert protocol.reply("200 result=0").value == ""  # type: ignore[union-attr]  # it is a reply
    assert protocol.reply("100 Trying...") is None
    missing = protocol.reply("200 result=-1 endpos=0")
    assert missing is not None
    assert missing.failed
    for gone in ("HANGUP", "511 Command Not Permitted on a dead channel or intercept routine"):
        with pytest.raises(CallerHungUp):
            protocol.reply(gone)
    for odd in ("520-Invalid command syntax.", "510 Invalid or unknown command", "200", "", "500", "OK 200"):
        with pytest.raises(SwitchFailed):
            protocol.reply(odd)


@given(st.text(max_size=80) | st.from_regex(r"\d{3}[ -].{0,40}", fullmatch=True))
def test_no_line_raises_anything_else(line: str) -> None:
    with contextlib.suppress(AgiError):
        protocol.reply(line)
    with contextlib.suppress(AgiError):
        protocol.greeting([line])


def test_an_error_repeats_nothing_of_a_reply() -> None:
    with pytest.raises(SwitchFailed) as failed:
        protocol.reply("200 4000000000000010")
    assert "4000" not in str(failed.value)


@given(st.text(max_size=40))
def test_no_value_leaves_its_quotes_or_its_line(value: str) -> None:
    command = protocol.set_variable("KHALLAS_RESULT", value)
    assert command.splitlines() == [command] or not command.isascii()
    assert "\n" not in command
    inner = command.removeprefix('SET VARIABLE KHALLAS_RESULT "').removesuffix('"')
    assert '"' not in inner.replace("\\\\", "").replace('\\"', "")


# --- keys -------------------------------------------------------------------------------------------------------------


@given(st.text("0123456789", min_size=1, max_size=19))
def test_a_field_is_what_was_typed_before_the_hash(digits: str) -> None:
    field = Field(Timers())
    assert [field.hear(key, 5.0) for key in digits] == [None] * len(digits)
    assert field.wait_s() == Timers().next_digit_s
    assert field.hear("#", 6.0) == digits
    assert digits not in repr(field) or len(digits) < 3


def test_a_fields_other_keys() -> None:
    for soon_s in (0.2, 0.4, 1.0, 1.9):
        assert Field(Timers()).hear("#", soon_s) is None
    assert Field(Timers()).hear("#", 2.0) == "*"
    assert Field(Timers()).hear("*", 0.0) == "*"
    assert Field(Timers()).wait_s() == Timers().first_digit_s
    assert Field(Timers()).silence() is None
    half = Field(Timers())
    half.hear("4", 1.0)
    assert half.silence() == "4"
    half = Field(Timers(), least=13, secret=True)
    for key in "4000":
        half.hear(key, 1.0)
    assert (half.whole, half.silence(), half.wait_s()) == (False, "*", Timers().slow_digit_s)
    assert Field(Timers(), one_key=True).hear("#", 0.2) is None
    assert Field(Timers(), one_key=True).hear("#", 20.0) is None
    assert Field(Timers(), one_key=True).hear("7", 0.0) == "7"


def test_a_field_has_an_end() -> None:
    field = Field(Timers())
    assert [field.hear("1", 1.0) for _ in range(DIGITS_MAX)][-1] == "1" * DIGITS_MAX
