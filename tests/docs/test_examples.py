"""The worked examples of docs/extending do what their pages say."""

import json
import re
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

from channels.ussd.wires import WIRES, UssdWire
from channels.wire import Incoming, Malformed, Reply
from sessions.screens.menu import Again, Chose, Menu, Unclear
from tests.sessions.samples import USSD, visit

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^( *)```python\n\1# file: (\S+)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def module(page: str, name: str) -> ModuleType:
    """The block of a page that bears this file's name, as a module."""
    for _, file, source in BLOCK.findall((ROOT / "docs/extending" / page).read_text()):
        if file == name:
            made = ModuleType(Path(name).stem)
            code = compile(textwrap.dedent(source), f"<{page} {name}>", "exec")
            exec(code, made.__dict__)  # noqa: S102 - our own page
            return made
    raise AssertionError(f"{page} has no block {name}")


# --- a wire ----------------------------------------------------------------------------------------------------------


def _acme() -> UssdWire:
    wire: UssdWire = module("wire.md", "channels/ussd/wires/acme.py").Acme()
    return wire


def _incoming(body: object) -> Incoming:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Incoming("POST", "https://khallas.example/ussd/acme", "/ussd/acme", "", {}, raw)


def test_the_wire_hears_its_own_request_and_answers_in_kind() -> None:
    wire = _acme()
    heard = wire.decode(_incoming({"dialog": "a1", "from": "212600000001", "turn": 2, "keys": "1"}))
    assert not isinstance(heard, Reply)
    assert (heard.dialog, heard.msisdn, heard.order, heard.typed, heard.begins) == (
        "acme-a1",
        "+212600000001",
        1,
        "1",
        False,
    )
    reply = wire.encode(heard, "1. Mobile", ends=False)
    assert json.loads(reply.body) == {"text": "1. Mobile", "more": True}
    assert wire.name not in WIRES


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 20_000,
        {"dialog": "", "from": "2126", "turn": 1},
        {"dialog": "a", "turn": 0},
        {"dialog": "a", "from": "212600000001", "turn": True},
        {"dialog": "a b", "from": "212600000001", "turn": 1},
        {"dialog": "a", "from": "212600000001", "turn": 2, "keys": "1" * 9_000},
    ],
)
def test_the_wire_refuses_what_acme_never_sends(body: object) -> None:
    with pytest.raises(Malformed):
        _acme().decode(_incoming(body))


def test_the_wire_takes_acmes_event_and_halves_of_an_emoji() -> None:
    wire = _acme()
    assert isinstance(wire.decode(_incoming({"dialog": "a", "from": "212600000001", "turn": 0})), Reply)
    heard = wire.decode(_incoming({"dialog": "a", "from": "212600000001", "turn": 2, "keys": "\ud83d"}))
    assert not isinstance(heard, Reply)
    assert (heard.typed or "").encode()


# --- a menu ----------------------------------------------------------------------------------------------------------


def test_the_menu_asks_and_leads_on() -> None:
    screen = module("menu.md", "sessions/screens/receipt_way.py").ReceiptWay("salma@example.com")
    asked = screen.ask(visit(USSD))
    assert isinstance(asked, Menu)
    assert [option.id for option in asked.every] == ["sms", "email", "both"]
    for option in asked.every:
        assert type(screen.on(Chose(option.id), visit(USSD))).__name__ == "Goodbye"
    assert isinstance(screen.on(Unclear(), visit(USSD)), Again)
    assert len(type(screen)(None).ask(visit(USSD)).options) == 1


# --- a language ------------------------------------------------------------------------------------------------------


def test_what_a_language_lacks_is_told(tmp_path: Path) -> None:
    missing = module("language.md", "missing.py").missing
    for language, text in (("en", 'a = "x"\n[b]\nc = "y"\n'), ("es", 'a = "x"\n')):
        (tmp_path / language).mkdir()
        (tmp_path / language / "ussd.toml").write_text(text)
    assert missing(tmp_path, "es") == {"ussd": {"b.c"}}
    assert missing(ROOT / "locales", "fr") == {}
    assert set(missing(ROOT / "locales", "none")) == {file.stem for file in (ROOT / "locales/en").glob("*.toml")}
