"""What networks and telephones make of a caller and of keys: every voice wire meets tests/support/hostile.py.

A wire that is added to WIRES meets it by itself, and fails here until tests/channels/ivr/switches.py has its side.
"""

import pytest

from channels.ivr.speaker import IvrSpeaker
from channels.ivr.wires import WIRES
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from sessions.pages import Page
from sessions.screens.menu import (
    Chose,
    Digits,
    HeardTwice,
    HelpMe,
    Menu,
    Option,
    Restart,
    Silence,
    Spelled,
    Typed,
    TypedSecret,
    Unclear,
    say,
)
from tests.channels.ivr.switches import SIDES, VoiceGateway
from tests.sessions.paged import spoken_pages
from tests.support.hostile import CALLER, CALLERS, NOBODY

SPEAKER = IvrSpeaker(load_texts())
wires = pytest.mark.parametrize("wire", WIRES)


def side_of(wire: str) -> VoiceGateway:
    assert wire in SIDES, f"tests/channels/ivr/switches.py does not know how {wire} tells of a call"
    return SIDES[wire]()


def page(words: Menu | Digits) -> Page:
    return spoken_pages(SPEAKER, words, None, LanguageCode.FR)[0]


MENU = page(Menu(say("service"), (Option("help", say("service.help")), Option("other", say("service.help")))))
CODE = page(Digits(say("card-cvv"), say("card-cvv.wrong"), 3, 3, secret=True))


@wires
def test_a_caller_is_one_however_the_network_writes_the_number(wire: str) -> None:
    for written in CALLERS:
        assert side_of(wire).arrives(written.encode()).msisdn == CALLER, ascii(written)


@wires
@pytest.mark.parametrize("hidden", [*NOBODY, "anonymous", "Anonymous", "Restricted", "unknown", "sip:anonymous@x.ma"])
def test_who_gives_no_number_is_served_under_a_name_of_the_call(wire: str, hidden: str) -> None:
    assert side_of(wire).arrives(hidden.encode()).msisdn.startswith("anonymous:")


@wires
@pytest.mark.parametrize("octets", ["H\u00e9l\u00e8ne", "\u0633\u0644\u0645\u0649", "\U0001f600", "a;b=c&d", "x" * 200])
@pytest.mark.parametrize("charset", ["utf-8", "latin-1", "utf-16-le", "cp1256"])
def test_a_name_in_any_encoding_ends_no_call(wire: str, octets: str, charset: str) -> None:
    heard = side_of(wire).arrives(CALLER.encode(), octets.encode(charset, "replace").replace(b"\n", b""))
    assert (heard.msisdn, heard.begins) == (CALLER, True)


@wires
def test_keys_mean_the_same_on_every_wire(wire: str) -> None:
    def heard(keys: str, where: Page) -> object:
        return where.read(side_of(wire).types(keys, where).typed)

    assert (heard("1", MENU), heard("2", MENU)) == (Chose("help"), Chose("other"))
    assert isinstance(heard("7", MENU), Unclear)
    assert isinstance(heard("", MENU), Silence)
    assert isinstance(heard("0", MENU), HelpMe)
    for more_time in ("*", "#"):
        assert isinstance(heard(more_time, CODE), Restart), more_time
    assert isinstance(heard("0#", CODE), HelpMe)
    for typed, meant in (("123#", "123"), ("123", "123"), ("112233#", "123"), ("007#", "007")):
        event = heard(typed, CODE)
        assert isinstance(event, TypedSecret), typed
        assert event.digits.reveal() == meant
    for wrong in ("1123#", "12#", "1234567#", "1*3#"):
        assert isinstance(heard(wrong, CODE), Unclear | Restart), wrong


@wires
def test_a_key_that_a_line_tells_twice_is_noticed_where_the_field_has_room_for_it(wire: str) -> None:
    """Heard as sound and as event: longer than it can be, it is halved; else nobody guesses which was meant."""

    def heard(keys: str, least: int, most: int) -> object:
        where = page(Digits(say("payment-code.printed", line=Spelled("1")), say("payment-code.wrong"), least, most))
        return where.read(side_of(wire).types(keys, where).typed)

    assert heard("1122334455#", 4, 10) == HeardTwice(Typed("1122334455"))
    assert heard("77771100334455#", 5, 15) == HeardTwice(Typed("77771100334455"))
    assert heard("112233445566#", 4, 10) == Typed("123456")
    assert heard("11220000#", 4, 4) == Typed("1200")
    for as_typed in ("1122", "123456", "112234", "1122334"):
        assert heard(f"{as_typed}#", 4, 10) == Typed(as_typed)


@wires
def test_a_request_that_comes_again_is_the_same_request(wire: str) -> None:
    """The order is the page's: the turn it asks for is taken once (sessions/turn/turns.py)."""
    first, again = (side_of(wire).types("1", MENU) for _ in range(2))
    assert (first, first.order) == (again, 7)
