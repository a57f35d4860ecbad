"""Every wire against its recorded requests; what is malformed says so and nothing else."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given
from hypothesis import strategies as st

from channels.carriers.twilio.signature import guard
from channels.sms.inbox import customer_of
from channels.sms.message import MoMessage
from channels.sms.wires import WIRES, SmsWire
from channels.sms.wires.twilio import _NOT_IN_XML, TwilioSmsWire
from channels.wire import Incoming, Malformed
from core.repositories import Delivery

RECORDED = Path(__file__).parents[2] / "wires"
FORM = {"content-type": "application/x-www-form-urlencoded"}


def recorded(wire: str, part: str) -> list[Any]:
    entries: list[Any] = json.loads((RECORDED / f"sms-{wire}.json").read_text(encoding="utf-8"))[part]
    return [pytest.param(WIRES[wire], entry, id=f"{wire}: {entry['name']}") for entry in entries]


def every(part: str) -> list[Any]:
    return [each for wire in WIRES for each in recorded(wire, part)]


def incoming(request: Mapping[str, Any], base: str = "https://pay.example.ma") -> Incoming:
    path, _, query = request["path"].partition("?")
    headers = request.get("headers", FORM)
    return Incoming(request["method"], base + request["path"], path, query, headers, request["body"].encode())


@pytest.mark.parametrize(("wire", "entry"), every("texts"))
def test_texts(wire: SmsWire, entry: dict[str, Any]) -> None:
    assert (entry["request"]["method"], entry["request"]["path"].partition("?")[0]) == (wire.method, wire.path)
    message = wire.decode(incoming(entry["request"]))
    assert asdict(message) == {"provider": wire.name, "torn": False, **entry["heard"]}
    assert message.text not in repr(message) or message.text == ""


@pytest.mark.parametrize(("wire", "entry"), every("reports"))
def test_reports(wire: SmsWire, entry: dict[str, Any]) -> None:
    assert entry["request"]["path"].partition("?")[0] == wire.status_path
    assert asdict(wire.decode_status(incoming(entry["request"]))) == entry["told"]


@pytest.mark.parametrize(("wire", "entry"), every("malformed"))
def test_malformed(wire: SmsWire, entry: dict[str, Any]) -> None:
    decode = wire.decode if entry["path"].partition("?")[0] == wire.path else wire.decode_status
    with pytest.raises(Malformed) as refused:
        decode(incoming(entry))
    assert "212600000001" not in str(refused.value)


@pytest.mark.parametrize(("wire", "entry"), recorded("twilio", "texts") + recorded("twilio", "reports"))
def test_recorded_requests_are_signed(wire: SmsWire, entry: dict[str, Any]) -> None:
    guard(("demo-token",), incoming(entry["request"]))


@given(body=st.binary(max_size=200), query=st.text("abcdef=&%?+0123456789", max_size=40))
def test_no_bytes_make_a_wire_raise_anything_else(body: bytes, query: str) -> None:
    for wire in WIRES.values():
        for decode in (wire.decode, wire.decode_status):
            try:
                decode(Incoming("POST", "https://x/", "/", query, FORM, body))
            except Malformed:
                continue


# --- Twilio's dialect ----------------------------------------------------------------------------------------------


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=100))
def test_any_text_is_carried_as_it_is(text: str) -> None:
    body = TwilioSmsWire().encode(f"é & <b>\n{text}", "https://x/status?ref=a&b=c").body
    message = fromstring(body).find("Message")
    assert message is not None
    assert (message.get("action"), message.get("method")) == ("https://x/status?ref=a&b=c", "POST")
    assert message.text == f"é & <b>\n{text}"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.text("az&=?<>\"'/%", max_size=20))
def test_twiml_is_what_a_serialiser_writes(text: str, query: str) -> None:
    response = Element("Response")
    assert TwilioSmsWire().encode(None, "").body == tostring(response, encoding="utf-8", xml_declaration=True)
    message = SubElement(response, "Message", {"action": f"https://x/{query}", "method": "POST"})
    message.text = _NOT_IN_XML.sub("", text)
    body = TwilioSmsWire().encode(text, f"https://x/{query}").body
    assert fromstring(body).find("Message") is not None
    if message.text:
        assert body == tostring(response, encoding="utf-8", xml_declaration=True)


def test_what_xml_cannot_carry_is_left_out() -> None:
    message = fromstring(TwilioSmsWire().encode("a\x00b\x1b\ufffec", "https://x/").body).find("Message")
    assert message is not None
    assert message.text == "abc"


def test_silence() -> None:
    response = fromstring(TwilioSmsWire().encode(None, "https://x/status").body)
    assert (response.tag, list(response)) == ("Response", [])


@pytest.mark.parametrize(
    ("status", "means"),
    [
        *((s, Delivery.QUEUED) for s in ("accepted", "scheduled", "queued", "sending")),
        *((s, Delivery.SENT) for s in ("sent", "partially_delivered")),
        *((s, Delivery.DELIVERED) for s in ("delivered", "read", "Delivered")),
        *((s, Delivery.FAILED) for s in ("undelivered", "failed", "canceled")),
        *((s, None) for s in ("receiving", "received", "beamed")),
    ],
)
def test_every_status_of_twilio(status: str, means: Delivery | None) -> None:
    body = f"MessageSid=SM1&MessageStatus={status}".encode()
    assert TwilioSmsWire().decode_status(Incoming("POST", "https://x/", "/", "", FORM, body)).status is means


def test_a_reference_has_its_bound() -> None:
    body = b"MessageSid=SM1&MessageStatus=sent"
    with pytest.raises(Malformed):
        TwilioSmsWire().decode_status(Incoming("POST", "https://x/", "/", "ref=" + "a" * 200, FORM, body))


# --- who is answered -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "customer"),
    [
        ("+212600000001", "+212600000001"),
        ("212600000001", "+212600000001"),
        ("00212600000001", "+212600000001"),
        ("0600000001", "+212600000001"),
        ("1117", None),
        ("777", None),
        ("MAROCTEL", None),
        ("0600FLOWERS", None),
        ("+33612345678", None),
        ("+882161234567", None),
        ("+2126000000010000", None),
        ("+99999999999999", None),
        ("", None),
        ("+212537001117", None),  # our own number
    ],
)
def test_who_is_answered(sender: str, customer: str | None) -> None:
    assert customer_of(sender, "+212537001117", ["212"]) == customer


def test_other_countries_can_be_allowed() -> None:
    assert customer_of("+33612345678", "1117", ["212", "33"]) == "+33612345678"


def test_the_words_of_a_message_are_not_shown() -> None:
    assert "4000" not in repr(MoMessage("twilio", "SM1", "+212600000001", "1117", "4000000000000010"))


@pytest.mark.parametrize("reference", ["a%00b", "%C3%A9", "a%20b", "x" * 129])
def test_a_reference_that_is_none_of_ours(reference: str) -> None:
    kannel = Incoming("GET", "", "/sms/kannel/dlr", f"ref={reference}&type=1", {}, b"")
    twilio = Incoming("POST", "", "/sms/twilio/status", f"ref={reference}", {}, b"MessageSid=SM1&MessageStatus=sent")
    for wire, told in (("kannel", kannel), ("twilio", twilio)):
        with pytest.raises(Malformed, match="none of ours"):
            WIRES[wire].decode_status(told)


def test_an_error_code_is_kept_as_text() -> None:
    told = Incoming("POST", "", "/sms/twilio/status", "", {}, b"MessageSid=SM1&MessageStatus=failed&ErrorCode=30%00008")
    assert WIRES["twilio"].decode_status(told).error == "30008"
