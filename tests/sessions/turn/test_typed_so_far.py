"""What was typed since the last request, where a gateway joins everything by stars; and the service's own code."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.screens.opening import Language
from sessions.store.codec import Record
from sessions.turn.inbound import Inbound, dials_again, is_dialled, latest
from sessions.vault import Seals

MARK: Callable[[str], int] = lambda text: Seals({"k": b"1" * 32}).mark("d", text)  # noqa: E731
SAID = "384*1*2"


def heard(so_far: str | None) -> Inbound:
    return Inbound("d", "+212600000001", 4, "as the wire cut it", so_far=so_far)


def record(said: str | None) -> Record:
    if said is None:
        return Record(1, 1, Language())
    return Record(1, 1, Language(), said_mark=MARK(said), said_chars=len(said))


@pytest.mark.parametrize(
    ("said", "so_far", "typed"),
    [
        (SAID, f"{SAID}*3", "3"),
        (SAID, f"{SAID}*3*4#", "3*4#"),  # the customer's own star
        (SAID, f"{SAID}*", ""),
        (SAID, SAID, None),  # nothing since
        (SAID, f"{SAID}3", None),  # another answer began so
        (SAID, "384*1*9*3", None),
        (SAID, "", None),
        ("", "3", "3"),  # nothing was typed before
        ("", "3*4", "3*4"),
        ("", "*3", "*3"),
        (None, f"{SAID}*3", None),  # a record that has no mark
    ],
)
def test_what_was_typed_since(said: str | None, so_far: str, typed: str | None) -> None:
    got = latest(heard(so_far), record(said), MARK)
    assert got == (heard(so_far) if typed is None else msgspec.structs.replace(heard(so_far), typed=typed))


@given(st.text(max_size=12), st.text(max_size=12))
def test_what_follows_is_the_answer_whatever_was_typed(said: str, answer: str) -> None:
    so_far = f"{said}*{answer}" if said else answer
    assert latest(heard(so_far), record(said), MARK).typed == answer


def test_where_one_star_more_has_come_the_wire_cut_it_right() -> None:
    next_one = msgspec.structs.replace(heard(f"{SAID}*3"), order=2)
    assert latest(next_one, record(SAID), MARK) == next_one


def test_who_begins_or_sends_one_answer_at_a_time_is_read_as_it_is() -> None:
    assert latest(heard(f"{SAID}*3"), None, MARK) == heard(f"{SAID}*3")
    assert latest(heard(None), record(SAID), MARK) == heard(None)


@pytest.mark.parametrize(
    ("text", "dialled"),
    [
        ("*384#", True),
        (" * 384 # ", True),
        ("*٣٨٤#", True),
        ("*384*1*2#", True),
        ("*384*1*2", False),
        ("*3841#", False),
        ("384#", False),
        ("*384", False),
        ("*384#1", False),
        ("1*384#", False),
        ("#", False),
        ("", False),
        (None, False),
    ],
)
def test_the_service_s_own_code_is_a_new_dial(text: str | None, dialled: bool) -> None:
    for code in ("*384#", "384", "*384"):
        assert is_dialled(text, code) is dialled
    assert not is_dialled(text, "")
    assert not is_dialled(text, "*#")


def test_an_id_that_returns_begins_again_at_its_first_request_alone() -> None:
    dial = Inbound("d", "+212600000001", 0, begins=True, ids_return=True)
    ended = Record(3, 5, Language())
    assert dials_again(dial, ended)
    for change in ({"ids_return": False}, {"begins": False}, {"order": 1}, {"order": None}):
        assert not dials_again(msgspec.structs.replace(dial, **change), ended)
    assert not dials_again(dial, Record(1, 0, Language()))


def test_a_request_in_a_log_says_nothing_that_was_typed() -> None:
    assert repr(heard(SAID)) == "Heard(dialog='d', order=4)"
