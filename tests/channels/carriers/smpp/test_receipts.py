"""Receipts in every hand: told by class, parameter or text; in any word, case, coding, base and alphabet of ids."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.carriers.smpp.account import account_of
from channels.carriers.smpp.ids import SmscIds, fold_id, receipted
from channels.carriers.smpp.message import Address, ShortMessage
from channels.carriers.smpp.receipts import PartState, ReceiptClaim, claim_of, receipt_of
from channels.carriers.smpp.states import state_of
from khallas.telemetry.metrics import Metrics

DELIVERED, FAILED, ON_ITS_WAY = PartState.DELIVERED, PartState.FAILED, PartState.ON_ITS_WAY
WORDS = {
    **dict.fromkeys(("DELIVRD", "DELIVERED", "DELIVERD", "Delivered", "DELIVERED_TO_HANDSET", "2", "002"), DELIVERED),
    **dict.fromkeys(("UNDELIV", "UNDELIVERABLE", "UNDELIVERED", "Undelivrd", "UNDLVRD", "NOT_DELIVERED", "5"), FAILED),
    **dict.fromkeys(
        ("EXPIRED", "EXPIRD", "DELETED", "REJECTD", "REJECTED", "REJCTED", "FAILED", "3", "4", "8"), FAILED
    ),
    **dict.fromkeys(("EXPRD", "ABORTED", "DISCARDED", "TIMEOUT", "MSISDN_ABSENT", "DeliveryImpossible"), FAILED),
    **dict.fromkeys(("SPAM", "NO_ROUTE", "FILTERED"), FAILED),
    **dict.fromkeys(("SEEN", "DISPLAYED"), DELIVERED),
    **dict.fromkeys(("ACPTD", "ENRUTE", "DeliveredToNetwork", "DELIVERED_TO_SMSC", "MessageWaiting"), ON_ITS_WAY),
    **dict.fromkeys(("DELIVERY_FAILED", "DELIVERY FAILURE", "CANCELED", "CANCELLED", "SKIPPED"), FAILED),
    **dict.fromkeys(("ENROUTE", "EN_ROUTE", "EN-ROUTE", "ACCEPTD", "ACCEPTED", "BUFFRED", "BUFFERED"), ON_ITS_WAY),
    **dict.fromkeys(("QUEUED", "PENDING", "SCHEDULED", "SUBMITTED", "SENT", "DELIVERY_PENDING", "1", "6"), ON_ITS_WAY),
}
LAYOUTS = (
    "id:{id} sub:001 dlvrd:001 submit date:2611290900 done date:2611290901 stat:{word} err:000 text:rejected id:9",
    "id:{id} sub:001 dlvrd:001 submit date:261129090000 done date:261129090100 stat:{word} err:000 Text:",
    "ID: {id} SUB: 001 DLVRD: 001 SUBMIT DATE: 2611290900 DONE DATE: 2611290901 STAT: {word} ERR: 000 TEXT: expired",
    "id:{id} stat:{word}",
    "stat:{word} id:{id} err:0",
    "id={id}\r\nsub=001\r\ndlvrd=001\r\nstat={word}\r\nerr=000\r\n",
    "msgid:{id}, status:{word}, err:000",
)
BARE = "id:{id} sub:000 dlvrd:000 submit date:180903120815 done date:180903120816 {word} err:000 Text:undelivered"
ALPHABETS = ("0000000104", "MSG_0A_77", "abc$12@smsc", "33E95179", "6f9619ff-8b86-d011-b42d-00c04fc964ff", "a.b/c+d=")


def message(text: str, coding: int = 0, esm_class: int = 4, codec: str = "ascii", **more: Any) -> ShortMessage:
    source, destination = Address("212600000001", 1, 1), Address("1117")
    return ShortMessage(source, destination, text.encode(codec), coding, esm_class, **more)


@given(
    word=st.sampled_from(sorted(WORDS)),
    layout=st.sampled_from(LAYOUTS),
    named=st.sampled_from(ALPHABETS),
    change=st.sampled_from([str, str.lower, str.upper, str.title]),
    coded=st.sampled_from([(0, "ascii"), (1, "ascii"), (3, "ascii"), (4, "ascii"), (8, "ascii"), (8, "utf-16-be")]),
    esm_class=st.sampled_from([0x04, 0x08, 0x10, 0x20, 0x24, 0x44 & ~0x40, 0x07]),
)
def test_a_receipt_of_any_known_spelling_ends_in_exactly_one_state(
    word: str, layout: str, named: str, change: Any, coded: tuple[int, str], esm_class: int
) -> None:
    text = layout.format(id=named, word=change(word))
    if " " in word:
        text = text.replace(change(word), change(word).replace(" ", "_"))
    read = message(text, coded[0], esm_class, coded[1])
    found = receipt_of(read)
    assert found is not None
    assert found.state is WORDS[word]
    assert found.message_id == fold_id(named)
    assert claim_of(read) is ReceiptClaim.CERTAIN


@pytest.mark.parametrize("word", [word for word in WORDS if word.isalpha() and not word.startswith(("SUB", "SENT"))])
def test_the_word_needs_no_name_before_it(word: str) -> None:
    found = receipt_of(message(BARE.format(id="1", word=word)))
    assert found is not None
    assert found.state is WORDS[word]


@pytest.mark.parametrize("word", ["UNKNOWN", "NONSENSE", "", "77", "DeliveryUncertain"])
def test_what_nobody_knows_changes_nothing(word: str) -> None:
    assert state_of(word) is None


def test_a_receipt_without_its_class() -> None:
    text = LAYOUTS[0].format(id="0000000104", word="DELIVRD")
    assert claim_of(message(text, esm_class=0)) is ReceiptClaim.LIKELY
    assert claim_of(message(text, 8, 0)) is ReceiptClaim.LIKELY
    assert claim_of(message("id:1 stat:DELIVRD", esm_class=0)) is ReceiptClaim.PERHAPS
    assert claim_of(message("", esm_class=0, tlvs={0x001E: b"104\0", 0x0427: b"\x02"})) is ReceiptClaim.CERTAIN
    for words in ("CODE", "mon id: 1234", "stat", "Bonjour, livré?", ""):
        assert claim_of(message(words, esm_class=0, codec="latin-1")) is ReceiptClaim.NONE


@pytest.mark.parametrize("octet", [b"\x02", b"2"])
def test_parameters_alone_are_a_receipt(octet: bytes) -> None:
    found = receipt_of(message("", esm_class=0, tlvs={0x001E: b"0104\0", 0x0427: octet}))
    assert found is not None
    assert (found.message_id, found.state, found.sure) == ("104", PartState.DELIVERED, True)


def test_an_empty_id_is_no_id() -> None:
    for text in ("id: sub:001 dlvrd:001 stat:UNDELIV err:000 text:", "id:stat:UNDELIV", "stat:UNDELIV", "id:"):
        assert receipt_of(message(text)) is None, text
    assert fold_id("") == fold_id(" \0") == ""
    assert receipted(["", " "], SmscIds.AUTO) == ()


@given(number=st.integers(1, 2**63), pad=st.integers(0, 4), upper=st.booleans(), parameter=st.booleans())
def test_every_pair_of_bases_is_one_id(number: int, pad: int, upper: bool, parameter: bool) -> None:
    def spelled(base: str) -> str:
        text = "0" * pad + format(number, base)
        return text.upper() if upper else text

    for answered, told, ids in (
        ("d", "d", SmscIds.SAME),
        ("x", "x", SmscIds.SAME),
        ("x", "d", SmscIds.HEX),
        ("d", "x", SmscIds.DEC),
        *((one, other, SmscIds.AUTO) for one in "dx" for other in "dx"),
    ):
        kept = fold_id(format(number, answered), ids)
        assert kept in receipted([spelled(told)], ids), (answered, told, ids)
        # the parameter in one base, the text in the other
        tlvs = {0x001E: spelled(told).encode()} if parameter else {}
        text = f"id:{spelled('x' if told == 'd' else 'd') if parameter else spelled(told)} stat:DELIVRD"
        found = receipt_of(message(text, tlvs=tlvs), ids=ids)
        assert found is not None
        assert kept in (found.message_id, *found.others)


def test_the_option_of_a_bind() -> None:
    url = "smpp://a:b@127.0.0.1/atlas"
    assert account_of(url).ids is SmscIds.AUTO
    assert [account_of(f"{url}?ids={each}").ids for each in SmscIds] == list(SmscIds)
    with pytest.raises(ValueError, match="ids is one of"):
        account_of(f"{url}?ids=octal")
    assert Metrics()
