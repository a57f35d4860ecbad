"""The USSD phone: what it sends, what it draws, how it ends."""

import asyncio
import json

import pytest

from khallas.cli.terminal.dial import Dialling, dial, split_code
from khallas.cli.terminal.faults import Failed
from lab.servers.serving import serving
from tests.khallas.cli.terminal.apps import SECRET, UssdApp
from tests.khallas.cli.terminal.stdin import WAIT_MAX_S, Person, Printed, script

CALLER = "+212600000003"
ARABIC = "2. \u0627\u0644\u0639\u0631\u0628\u064a\u0629"


async def played(app: UssdApp, *lines: str, printed: Printed, keys: str = "", secret: str = "") -> None:
    async with serving(app.asgi) as url:
        with script(*lines) as keyboard:
            await dial(Dialling(url, CALLER, "*1117#", keys, secret), keyboard, printed.show)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", ("*1117#", "")),
        ("*1117#", ("*1117#", "")),
        ("*1117*1*2#", ("*1117#", "1*2")),
        ("*555*1#", ("*555#", "1")),
        ("*11170#", ("*11170#", "")),
        ("1*2", ("*1117#", "1*2")),
        ("*1117*1117#", ("*1117#", "1117")),
    ],
)
def test_a_code_may_hold_keys(code: str, expected: tuple[str, str]) -> None:
    assert split_code(code, "*1117#") == expected


def test_a_shared_code_has_stars_of_its_own() -> None:
    assert split_code("*384*12*1#", "*384*12#") == ("*384*12#", "1")


async def test_a_scripted_session_to_its_end() -> None:
    app, printed = UssdApp(), Printed()
    await played(app, "1", "1", "never sent", printed=printed)
    assert printed.lines == [
        *("Langue", "1. Francais", ARABIC, "[29/80 UCS-2 characters]", "Language", "> 1"),
        *("Factures [brackets] {and}", "1. [x] 05/2019", "[46/160 septets]", "PickInvoices", "> 1"),
        *("Un appel arrive. Ref 123456", "[27/160 septets]", "HandOver"),
        "The card is taken by voice: khallas call --from 0600000003 (--answer if your phone rings)",
    ]
    assert [form["text"] for form in app.asked] == ["", "1", "1*1"]
    assert {form["phoneNumber"] for form in app.asked} == {CALLER}
    assert len({form["sessionId"] for form in app.asked}) == 1


async def test_keys_in_the_code_and_an_input_that_ends_first() -> None:
    app, printed = UssdApp(), Printed()
    await played(app, keys="1", printed=printed)
    assert [form["text"] for form in app.asked] == ["1"]
    assert printed.lines[-2:] == ["> ", "left before the end"]


async def test_no_call_is_suggested_without_a_hand_over() -> None:
    printed = Printed()
    await played(UssdApp(), "1", "hello", printed=printed)
    assert "khallas call" not in printed.text
    assert printed.lines[-1] == "Goodbye"


async def test_a_handset_is_drawn_on_a_terminal() -> None:
    printed = Printed(terminal=True)
    await played(UssdApp(), keys="1", printed=printed)
    top, title, bill, bottom = (line.rstrip() for line in printed.lines[:4])
    assert top.startswith("╭")
    assert "*1117#" in top
    assert title.strip("│ ") == "Factures [brackets] {and}"
    assert bill.strip("│ ") == "1. [x] 05/2019"
    assert "46/160 septets" in bottom
    assert {len(line) for line in (top, title, bill, bottom)} == {40}


async def test_a_server_does_not_move_the_cursor() -> None:
    printed = Printed()
    await played(UssdApp(), keys="2", printed=printed)
    assert "\x1b" not in printed.text
    assert "mechant \ufffd[2J" in printed.text


async def test_a_person_types_lines_that_the_terminal_echoes() -> None:
    app, printed = UssdApp(), Printed()
    person = Person(printed)
    try:
        async with serving(app.asgi) as url:
            live = asyncio.create_task(dial(Dialling(url, CALLER, "*1117#"), person.keyboard, printed.show))
            await person.press("Language\n> ", "2\x7f1\n")  # a slip, taken back
            await person.press("PickInvoices\n> ", "\x04")
            await asyncio.wait_for(live, WAIT_MAX_S)
    finally:
        person.close()
    assert [form["text"] for form in app.asked] == ["", "1"]
    assert "> 1" not in printed.text
    assert printed.lines[-1] == "left before the end"


async def test_json_is_one_object_a_page() -> None:
    printed = Printed(as_json=True)
    await played(UssdApp(), "1", "1", printed=printed)
    pages = [json.loads(line) for line in printed.lines]
    assert [page["screen"] for page in pages] == ["Language", "PickInvoices", "HandOver"]
    assert pages[1] == {
        "keys": "1",
        "text": "Factures [brackets] {and}\n1. [x] 05/2019",
        "ended": False,
        "screen": "PickInvoices",
        "used": 46,
        "limit": 160,
        "unit": "septets",
    }


async def test_the_secret_opens_the_wire() -> None:
    printed = Printed()
    await played(UssdApp(secret=SECRET), keys="1", secret=SECRET, printed=printed)
    assert "PickInvoices" in printed.lines
    with pytest.raises(Failed, match=r"refused the request \(403\).*--secret"):
        await played(UssdApp(secret=SECRET), keys="1", printed=printed)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, r"did not take the request \(400: the field phoneNumber is missing\)$"),
        (404, r"no such door \(404\)"),
        (500, r"failed \(500\): its log"),
    ],
)
async def test_refusals_are_one_sentence(status: int, words: str) -> None:
    with pytest.raises(Failed, match=words) as failed:
        await played(UssdApp(status=status), printed=Printed())
    assert "\n" not in str(failed.value)


async def test_nobody_there() -> None:
    async with serving(UssdApp().asgi) as url:
        pass
    with script() as keyboard, pytest.raises(Failed, match=f"^no answer from {url}: is Khallas running"):
        await dial(Dialling(url, CALLER, "*1117#"), keyboard, Printed().show)
