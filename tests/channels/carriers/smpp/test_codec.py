"""Frames, messages and codings: what goes in comes out, and no bytes make them raise anything but Broken."""

from contextlib import suppress

import gsm0338
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from channels.carriers.smpp.coding import GSM_EXTENSION, GSM_TABLE, LATIN1, UCS2, Alphabet, decode, encode
from channels.carriers.smpp.message import Address, ShortMessage, decode_message, encode_submit
from channels.carriers.smpp.pdu import HEADER_BYTES, Broken, Command, Pdu, bind_body, body_bytes, message_id
from channels.carriers.smpp.pdu import decode as decode_pdu
from channels.carriers.smpp.receipts import PartState, receipt_of
from core.messaging.gsm7 import BASIC, EXTENDED

gsm_text = st.text(st.sampled_from(sorted(BASIC | EXTENDED)))
number = st.from_regex(r"[0-9A-Za-z+]{0,20}", fullmatch=True)
address = st.builds(Address, number, st.integers(0, 6), st.integers(0, 18))
messages = st.builds(
    ShortMessage,
    source=address,
    destination=address,
    data=st.binary(max_size=300),
    data_coding=st.integers(0, 255),
    esm_class=st.integers(0, 255),
    service_type=st.from_regex(r"[A-Z]{0,5}", fullmatch=True),
    registered_delivery=st.integers(0, 255),
    tlvs=st.dictionaries(st.sampled_from([0x0501, 0x1383, 0x0204, 0x9999]), st.binary(max_size=20), max_size=4),
)


def test_the_tables_are_the_ones_texts_are_counted_by() -> None:
    assert set(GSM_TABLE) - {"\x1b"} == set(BASIC)
    assert set(GSM_EXTENSION.values()) == set(EXTENDED)


@given(gsm_text)
def test_gsm_texts_survive_and_agree_with_another_codec(text: str) -> None:
    coding, data = encode(text)
    assert (coding, data) == (0, gsm0338.Codec().encode(text)[0])
    assert decode(coding, data) == text


@given(st.text())
@example("Ä¡")
def test_every_text_survives(text: str) -> None:
    for alphabet in Alphabet:
        coding, data = encode(text, alphabet)
        if _taken_for_utf8(coding, data):
            assert data.decode("latin-1") == text  # an SMSC that is bound to Latin-1 guesses nothing
        else:
            assert decode(coding, data, alphabet).removeprefix("\ufeff") == text.removeprefix("\ufeff")


def _taken_for_utf8(coding: int, data: bytes) -> bool:
    """Whether octets under the default's number are UTF-8 as well: peers mean that, hardly ever such Latin-1."""
    try:
        return coding == 0 and not data.isascii() and bool(data.decode("utf-8"))
    except UnicodeDecodeError:
        return False


@given(st.integers(0, 255), st.binary())
def test_no_coding_and_no_bytes_are_refused(coding: int, data: bytes) -> None:
    assert isinstance(decode(coding, data), str)


def test_unknown_codings_are_read_as_their_bits_suggest() -> None:
    arabic = "كود".encode("utf-16-be")
    assert [decode(coding, arabic) for coding in (8, 0x18, 0x19, 0x48, 0xE0)] == ["كود"] * 5
    assert [decode(coding, b"CODE") for coding in (0, 1, 2, 3, 4, 0x0B, 0x10, 0x99, 0xC0, 0xF0, 0xF5)] == ["CODE"] * 11
    assert decode(0, "كود".encode()) == "كود"  # UTF-8 under the default's number
    assert decode(0, "CÔDE".encode("latin-1")) == "CÔDE"
    assert decode(LATIN1, b"\xe9") == "é"
    assert decode(UCS2, b"\x06") == "\ufffd"  # an odd byte


@given(messages)
def test_messages_survive(message: ShortMessage) -> None:
    found = decode_message(Command.SUBMIT_SM, encode_submit(message))
    assert found.octets == message.octets
    for name in ("source", "destination", "data_coding", "esm_class", "service_type", "registered_delivery"):
        assert getattr(found, name) == getattr(message, name)
    assert {tag: found.tlvs[tag] for tag in message.tlvs} == message.tlvs


@given(st.integers(0, 0xFFFFFFFF), st.integers(1, 0x7FFFFFFF), st.integers(0, 0xFFFFFFFF), st.binary(max_size=50))
def test_frames_survive(command: int, sequence: int, status: int, body: bytes) -> None:
    pdu = Pdu(command, sequence, status, body)
    wire = pdu.encode()
    header, rest = wire[:HEADER_BYTES], wire[HEADER_BYTES:]
    assert body_bytes(header) == len(rest)
    assert decode_pdu(header, rest) == pdu
    assert pdu.answer().is_response


@given(st.sampled_from([Command.DELIVER_SM, Command.SUBMIT_SM, Command.DATA_SM]), st.binary(max_size=120))
def test_any_bytes_are_a_message_or_broken(command: Command, body: bytes) -> None:
    with suppress(Broken):
        message = decode_message(command, body)
        receipt_of(message)
    assert isinstance(message_id(body), str)


def test_a_message_cut_off_anywhere_is_broken_or_whole() -> None:
    body = encode_submit(ShortMessage(Address("1"), Address("2"), b"CODE", tlvs={0x0501: b"\x01", 0x1383: b"\0\2"}))
    outcomes: list[bytes | None] = []
    for end in range(len(body)):
        try:
            outcomes.append(decode_message(Command.DELIVER_SM, body[:end]).data)
        except Broken:
            outcomes.append(None)
    whole = len(body) - 11  # what follows the text may be missing
    assert outcomes == [None] * whole + [b"CODE"] * 11


def test_impossible_frames_are_broken() -> None:
    for length in (0, 15, 70_001, 0xFFFFFFFF):
        with pytest.raises(Broken):
            body_bytes(length.to_bytes(4, "big") + bytes(12))


def test_a_bind_is_what_the_standard_says() -> None:
    assert bind_body("khallas", "secret", "", "") == b"khallas\0secret\0\0\x34\0\0\0"


def receipt(text: str = "", tlvs: dict[int, bytes] | None = None) -> ShortMessage:
    return ShortMessage(Address("1"), Address("2"), text.encode(), esm_class=4, tlvs=tlvs or {})


def test_receipts_in_every_hand() -> None:
    text = "id:A1b2 sub:001 dlvrd:001 submit date:2611231200 done date:2611231201 stat:{} err:{} text:id:9"
    states = {
        "DELIVRD": PartState.DELIVERED,
        "delivrd": PartState.DELIVERED,
        "2": PartState.DELIVERED,
        "UNDELIV": PartState.FAILED,
        "EXPIRED": PartState.FAILED,
        "REJECTD": PartState.FAILED,
        "8": PartState.FAILED,
        "ACCEPTD": PartState.ON_ITS_WAY,
        "77": None,
        "NONSENSE": None,
    }
    for word, state in states.items():
        found = receipt_of(receipt(text.format(word, "000")))
        assert found is not None
        assert (found.message_id, found.state, found.error) == ("a1b2", state, None)
    failed = receipt_of(receipt(text.format("UNDELIV", "0c1")))
    assert failed is not None
    assert failed.error == "0c1"


def test_receipt_parameters_speak_before_the_text() -> None:
    tlvs = {0x001E: b"77\0", 0x0427: b"\x02", 0x0423: b"\x03\x00\x21"}
    found = receipt_of(receipt("id:1 stat:UNDELIV", tlvs))
    assert found is not None
    assert (found.message_id, found.state, found.error) == ("77", PartState.DELIVERED, "33")
    assert receipt_of(receipt("no id at all")) is None
