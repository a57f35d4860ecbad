"""Every wire against its recorded requests: what it hears, how it answers, which events it takes, what it refuses."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.ussd.wires import WIRES, UssdWire
from channels.ussd.wires.reading import MSISDN_PATTERN, caller
from channels.wire import Incoming, Malformed, Reply
from core.messaging.gsm7 import Coding, coding_of
from sessions.turn.turns import Inbound

RECORDED = Path(__file__).parents[2] / "wires"
NAMES = list(WIRES)
MUST = ("begin", "repeat of the begin", "answer", "repeat", "wrong key", "over-long input")


def of(wire: str) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads((RECORDED / f"ussd-{wire}.json").read_text(encoding="utf-8"))
    return recorded


def every(part: str) -> list[Any]:
    return [pytest.param(WIRES[w], entry, id=f"{w}: {entry['name']}") for w in NAMES for entry in of(w)[part]]


def incoming(request: Mapping[str, Any]) -> Incoming:
    path, _, query = request["path"].partition("?")
    url = "https://pay.example.ma" + request["path"]
    return Incoming(request["method"], url, path, query, request["headers"], request["body"].encode())


def answers(reply: Reply, entry: Mapping[str, Any]) -> None:
    assert (reply.status, reply.media_type, dict(reply.headers)) == (200, entry["media_type"], entry.get("headers", {}))
    if "json" in entry:
        assert json.loads(reply.body) == entry["json"]
    else:
        assert reply.body.decode() == entry["body"]


@pytest.mark.parametrize("wire", NAMES)
def test_every_wire_has_recorded_what_can_happen(wire: str) -> None:
    recorded = of(wire)
    assert recorded["wire"] == WIRES[wire].name == wire
    assert set(MUST) <= {entry["name"] for entry in recorded["requests"]}
    assert any("Arabic" in entry["name"] for entry in recorded["answers"])
    assert any(entry["ends"] for entry in recorded["answers"])
    assert recorded["events"]
    assert recorded["malformed"]


@pytest.mark.parametrize(("wire", "entry"), every("requests"))
def test_what_is_heard(wire: UssdWire, entry: dict[str, Any]) -> None:
    assert entry["request"]["method"] == wire.method
    heard = wire.decode(incoming(entry["request"]))
    assert isinstance(heard, Inbound)
    told = (heard.dialog, heard.msisdn, heard.order, heard.typed, heard.begins)
    want = entry["heard"]
    assert told == (want["dialog"], want["msisdn"], want["order"], want["typed"], want["begins"])


@pytest.mark.parametrize(("wire", "entry"), every("answers"))
def test_what_is_answered(wire: UssdWire, entry: dict[str, Any]) -> None:
    (request,) = (one["request"] for one in of(wire.name)["requests"] if one["name"] == entry["after"])
    heard = wire.decode(incoming(request))
    assert isinstance(heard, Inbound)
    answers(wire.encode(heard, entry["text"], ends=entry["ends"]), entry)


@pytest.mark.parametrize(("wire", "entry"), every("events"))
def test_events_get_a_receipt(wire: UssdWire, entry: dict[str, Any]) -> None:
    reply = wire.decode(incoming(entry["request"]))
    assert isinstance(reply, Reply)
    answers(reply, entry)


@pytest.mark.parametrize(("wire", "entry"), every("malformed"))
def test_what_is_malformed_is_refused_in_words_of_ours(wire: UssdWire, entry: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as refused:
        wire.decode(incoming(entry["request"]))
    assert 0 < len(str(refused.value)) < 80
    assert "nobody" not in str(refused.value)
    assert "212600000001" not in str(refused.value)


# --- whatever a peer sends -------------------------------------------------------------------------------------------


def decodes_or_refuses(wire: UssdWire, request: Incoming) -> None:
    """Heard or a receipt, or Malformed; what was heard can be answered."""
    try:
        heard = wire.decode(request)
    except Malformed:
        return
    if isinstance(heard, Inbound):
        for text in ("Fin", "نهاية\x00\ud7ff"):
            assert wire.encode(heard, text, ends=True).status == 200
        assert 0 < len(heard.dialog) < 300
        heard.dialog.encode()


@pytest.mark.parametrize("wire", WIRES)
@given(body=st.binary(max_size=300), query=st.text("SesionIDMDNiput=&%+0123456789*#\x00é", max_size=80))
def test_no_bytes_make_a_wire_raise_anything_else(wire: str, body: bytes, query: str) -> None:
    below = WIRES[wire].paths[0].below.replace("{id}", "1")
    request = Incoming(WIRES[wire].method, "https://x/", f"/ussd/{wire}{below}", query, {}, body)
    decodes_or_refuses(WIRES[wire], request)


@pytest.mark.parametrize("wire", NAMES)
@given(data=st.data())
def test_no_mutation_makes_a_wire_raise_anything_else(wire: str, data: st.DataObject) -> None:
    """A recorded request with a few bytes changed, cut out or put in."""
    entry = data.draw(st.sampled_from(of(wire)["requests"]))
    got = incoming(entry["request"])
    target = bytearray(got.body or got.query.encode())[:1500]
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(target)))
        target[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=6))
    body, query = (bytes(target), got.query) if got.body else (b"", target.decode("latin-1"))
    decodes_or_refuses(WIRES[wire], Incoming(got.method, got.url, got.path, query, got.headers, body))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)


@pytest.mark.parametrize("wire", ["madapi", "infobip", "hubtel"])
@given(data=st.data())
def test_no_json_makes_a_wire_raise_anything_else(wire: str, data: st.DataObject) -> None:
    """A recorded object with some of its values changed."""
    got = incoming(data.draw(st.sampled_from(of(wire)["requests"]))["request"])
    asked = json.loads(got.body)
    for name in data.draw(st.sets(st.sampled_from(sorted(asked)), max_size=3)):
        asked[name] = data.draw(VALUES)
    body = json.dumps(asked).encode()
    decodes_or_refuses(WIRES[wire], Incoming(got.method, got.url, got.path, got.query, got.headers, body))


DIGITS = "0123456789"
ABROAD = st.tuples(
    st.sampled_from(["", "+", "00"]), st.sampled_from(DIGITS[1:]), st.text(DIGITS, min_size=7, max_size=14)
)
AT_HOME = st.tuples(st.just("0"), st.sampled_from(DIGITS[1:]), st.text(DIGITS, min_size=8, max_size=8))


@given(number=(ABROAD | AT_HOME).map("".join))
def test_every_number_that_the_description_allows_is_taken(number: str) -> None:
    assert re.fullmatch(MSISDN_PATTERN, number)
    assert re.fullmatch(r"\+[1-9][0-9]{5,14}", caller(number, "msisdn"))


@pytest.mark.parametrize(
    "number", ["+212600000001", "212600000001", "00212600000001", "0600000001", " 212600000001", 212600000001]
)
def test_every_spelling_is_one_caller(number: str | int) -> None:
    assert caller(number, "msisdn") == "+212600000001"


TEXTS = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")) | st.just("\n"), max_size=80)


@given(text=TEXTS)
def test_any_text_is_carried_as_it_is(text: str) -> None:
    from lab.twilio.webhooks import Answer
    from lab.ussd_wires import DIALECTS, Dialog

    for wire in WIRES.values():
        heard = Inbound("d", "+212600000001", 1, "1", echo=dict.fromkeys(("transaction", "code", "msisdn"), "1") | ECHO)
        for ends in (False, True):
            reply = wire.encode(heard, text, ends=ends)
            headers = {name.lower(): value for name, value in reply.headers.items()}
            answer = Answer(reply.status, reply.body, reply.media_type, None, 0.0, headers)
            assert DIALECTS[wire.name].read(Dialog("+212600000001", "*1117#"), answer) == (text, ends)


ECHO = {"quoted": "", "session": "1", "state": "", "localId": "1", "invokeId": "1"}


@given(text=st.text("abé1. \nعç€[", max_size=40))
def test_restcomm_names_the_alphabet_of_the_text(text: str) -> None:
    reply = WIRES["restcomm"].encode(Inbound("rc-1", "+212600000001", 1), text, ends=False)
    scheme = {Coding.GSM7: b'dataCodingScheme="15"', Coding.UCS2: b'dataCodingScheme="72"'}[coding_of(text)]
    assert scheme in reply.body


def asked(wire: str, body: bytes, below: str = "") -> Inbound:
    heard = WIRES[wire].decode(Incoming("POST", "https://x/", f"/ussd/{wire}{below}", "", {}, body))
    assert isinstance(heard, Inbound)
    return heard


@pytest.mark.parametrize(
    ("wire", "below", "body"),
    [
        (
            "madapi",
            "",
            '{"sessionId": 17, "messageType": 1, "msisdn": 212600000001, "serviceCode": 1117, "ussdString": 1}',
        ),
        (
            "madapi",
            "",
            '{"sessionId": "17", "messageType": "1", "msisdn": "0600000001", "serviceCode": null, "ussdString": 1.0}',
        ),
        ("infobip", "/session/17/response", '{"msisdn": "212600000001", "text": 1, "shortCode": 1117, "imsi": null}'),
        ("infobip", "/session/17/response/", '{"msisdn": "212600000001", "text": "1"}'),
        ("hubtel", "", '{"SessionId": 17, "Type": "Response", "Mobile": 212600000001, "Message": 1, "Sequence": null}'),
    ],
)
def test_numbers_and_nothing_stand_where_text_stands(wire: str, below: str, body: str) -> None:
    for octets in (body.encode(), b"\xef\xbb\xbf" + body.encode(), body.encode("utf-16")):
        heard = asked(wire, octets, below)
        assert (heard.typed, heard.msisdn) == ("1", "+212600000001")
        assert heard.dialog.endswith("-17")


@pytest.mark.parametrize(
    "spelled", [b'"\xe9"', '"\u00e9"'.encode(), b'"\\u00e9"', b'"\\ud83d"', b'"1\x00"', b'"1\r\n"', b"null"]
)
def test_whatever_json_holds_is_some_answer(spelled: bytes) -> None:
    body = b'{"sessionId": "17", "messageType": 1, "msisdn": "212600000001", "ussdString": %b}' % spelled
    typed = asked("madapi", body).typed
    assert typed is not None
    typed.encode()


def test_a_missing_input_is_no_fault() -> None:
    query = "SessionID=1&MSISDN=212600000001"
    heard = WIRES["comviva"].decode(Incoming("GET", "https://x/", "/ussd/comviva", query, {}, b""))
    assert isinstance(heard, Inbound)
    assert heard.typed == ""


@pytest.mark.parametrize("said", [b"1\xe9", b"&#0;1", b"a&b", b"&#xD83D;", b"\x00", b"\x1b"])
def test_whatever_xml_cannot_hold_is_some_answer(said: bytes) -> None:
    body = (
        b'<?xml version="1.0" encoding="UTF-8"?><dialog type="Continue" localId="12" remoteId="33">'
        b'<unstructuredSSRequest_Response invokeId="1" string="%b"/></dialog>' % said
    )
    assert asked("restcomm", body).typed is not None
    assert asked("restcomm", b"\xef\xbb\xbf" + body).typed is not None
