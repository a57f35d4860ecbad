"""The vault's cryptography: what is sealed for one call and field opens for that alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.cards import Secret
from sessions.vault import EXPIRY, NUMBER, Seals, mark_of

OLD, NEW = {"k1": b"1" * 32}, {"k2": b"2" * 32}
PAN = Secret("5453010000066100")
RESTED = (  # under the first key and a memory of 32 times "m", by an earlier release
    "6b313a4b8466b022e9a89f53f74ee5f35a70be3902f2b214a36ace9f65b33f67d4df20e980defc2b1ebd9dd989c02e"
)


@given(digits=st.from_regex(r"[0-9]{3,19}", fullmatch=True), call=st.text(max_size=40))
def test_what_is_sealed_opens(digits: str, call: str) -> None:
    seals = Seals(OLD)
    blob = seals.seal(call, NUMBER, Secret(digits))
    opened = seals.open(call, NUMBER, blob)
    assert opened is not None
    assert opened.reveal() == digits


@given(garbage=st.binary(max_size=80))
def test_garbage_opens_nothing(garbage: bytes) -> None:
    seals = Seals(OLD)
    assert seals.open("c", NUMBER, garbage) is None
    assert seals.open("c", NUMBER, b"k1:" + garbage) is None


def test_the_call_and_the_field_are_bound() -> None:
    seals = Seals(OLD)
    blob = seals.seal("call", NUMBER, PAN)
    assert seals.open("other", NUMBER, blob) is None
    assert seals.open("call", EXPIRY, blob) is None
    assert seals.open("call", NUMBER, blob[:-1]) is None
    assert seals.seal("call", NUMBER, PAN) != blob


def test_keys_rotate() -> None:
    blob = Seals(OLD).seal("call", NUMBER, PAN)
    both = Seals(NEW | OLD)
    assert both.open("call", NUMBER, blob) is not None
    assert both.seal("call", NUMBER, PAN).startswith(b"k2:")
    assert Seals(NEW).open("call", NUMBER, blob) is None


def test_a_card_is_whole_or_none() -> None:
    seals = Seals(OLD)
    number, expiry = seals.seal("call", NUMBER, PAN), seals.seal("call", EXPIRY, Secret("1228"))
    card = seals.card("call", {NUMBER: number, EXPIRY: expiry})
    assert card is not None
    assert (card.last4, card.expiry_month, card.expiry_year) == ("6100", 12, 2028)
    assert seals.card("call", {NUMBER: number}) is None
    assert seals.card("call", {EXPIRY: expiry}) is None
    assert seals.card("other", {NUMBER: number, EXPIRY: expiry}) is None
    strange = seals.seal("other", EXPIRY, Secret("1228"))
    assert seals.card("call", {NUMBER: number, EXPIRY: strange}) is None
    assert seals.card("call", {NUMBER: seals.seal("other", NUMBER, PAN), EXPIRY: expiry}) is None


@pytest.mark.parametrize("keys", [{}, {"k": b"short"}, {"": b"1" * 32}, {"a:b": b"1" * 32}, {"k" * 33: b"1" * 32}])
def test_bad_keys_stop_the_start(keys: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="key"):
        Seals(keys)


def test_without_the_memory_s_key_whoever_has_the_settings_has_no_card() -> None:
    blob = Seals(OLD, b"m" * 32).seal("call", NUMBER, PAN)
    for memory in (b"", b"n" * 32):
        assert Seals(OLD, memory).open("call", NUMBER, blob) is None
    opened = Seals(NEW | OLD, b"m" * 32).open("call", NUMBER, blob)
    assert opened is not None
    assert opened.reveal() == PAN.reveal()


def test_marks_and_keys_need_no_memory_and_each_purpose_has_its_own() -> None:
    one, other = Seals(OLD), Seals(OLD, b"m" * 32)
    assert one.mark("d", "1") == other.mark("d", "1")
    assert one.key("fingerprints") == other.key("fingerprints")
    assert len({one.key("fingerprints"), one.key("other"), Seals(NEW).key("fingerprints")}) == 3
    assert len(one.key("other")) == 32
    assert Seals(NEW | OLD).key("other") == Seals(NEW).key("other")


def test_what_is_cut_short_opens_nothing() -> None:
    seals = Seals(OLD)
    empty = seals.seal("call", NUMBER, Secret(""))
    opened = seals.open("call", NUMBER, empty)
    assert opened is not None
    assert opened.reveal() == ""
    for length in range(len(empty)):
        assert seals.open("call", NUMBER, empty[:length]) is None


def test_a_key_s_name_has_one_to_thirty_two_letters() -> None:
    for name in ("k", "k" * 32):
        assert Seals({name: b"1" * 32}).seal("c", NUMBER, PAN).startswith(f"{name}:".encode())
    for length in (31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            Seals({"k": b"1" * length})


def test_marks_and_keys_are_those_of_an_earlier_release() -> None:
    """Two releases side by side know each other's repeats, and count the same cards."""
    seals = Seals(OLD)
    assert (seals.mark("d", "1"), seals.mark("d", None)) == (4249862515, 794193124)
    assert seals.mark("d", "half a sign: \ud800") == seals.mark("d", "half a sign: ?")
    opened = Seals(OLD, b"m" * 32).open("call", NUMBER, bytes.fromhex(RESTED))
    assert opened is not None
    assert opened.reveal() == PAN.reveal()
    assert seals.key("fingerprints").hex() == "1ae3e904ff389b747f5f1998dd902a60a308ae823ef01814015907d8883119f1"


def test_a_mark_is_never_nothing() -> None:
    assert mark_of(bytes(4) + b"\1" * 28) == 1
    assert mark_of(b"\0\0\1\2" + bytes(28)) == 258
