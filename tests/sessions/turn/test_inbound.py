"""Repeats of gateways that count nothing: a copy does nothing, the same key on the next screen counts."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.screens.ending import Goodbye
from sessions.screens.opening import Language
from sessions.store.codec import Record, encode
from sessions.turn.inbound import REPEAT_MS, Inbound, before, place, stamp
from sessions.turn.turns import TurnAnswer
from sessions.vault import Seals
from tests.sessions.fakes import CALLER, Stage

MOMENTS = st.integers(0, 2**40).map(lambda ms: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms))


def record(moment: datetime, mark: int, order: int = 3) -> Record:
    return Record(1, order, Language(), mark=mark, answered_ms=stamp(moment))


def heard(order: int | None = None) -> Inbound:
    return Inbound("d", CALLER, order, "1")


@given(answered=MOMENTS, since_ms=st.integers(-20_000, 60_000))
def test_the_same_keys_are_a_copy_for_a_second(answered: datetime, since_ms: int) -> None:
    arrived_ms = stamp(answered + timedelta(milliseconds=since_ms))
    near = abs(since_ms - REPEAT_MS) <= 1  # stamps are rounded
    assert near or before(heard(), record(answered, 7), 7, arrived_ms) == (since_ms < REPEAT_MS)
    assert not before(heard(), record(answered, 7), 8, arrived_ms)


def test_a_copy_follows_within_a_second_and_the_time_wraps() -> None:
    assert stamp(datetime(1970, 1, 1, 0, 0, 1, 234_000, tzinfo=UTC)) == 1_234
    assert stamp(datetime.fromtimestamp(2**32 / 1000 + 1, UTC)) == 1_000
    for answered_ms, arrived_ms, copy in ((5, 1_004, True), (5, 1_005, False), (2**32 - 500, 499, True)):
        last = Record(1, 3, Language(), mark=7, answered_ms=answered_ms)
        assert before(heard(), last, 7, arrived_ms) is copy


@given(order=st.integers(0, 9), last=st.integers(0, 9))
def test_a_number_alone_tells_where_there_is_one(order: int, last: int) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert before(heard(order), record(now, 7, last), 7, stamp(now)) == (order <= last)
    assert place(heard(order), record(now, 7, last)) == order


def test_what_bears_no_number_is_counted_here() -> None:
    assert place(heard(), None) == 0
    assert place(heard(), record(datetime(2026, 11, 23, tzinfo=UTC), 7, 4)) == 5


@given(typed=st.none() | st.text(max_size=20), other=st.none() | st.text(max_size=20))
def test_a_mark_holds_no_key_and_needs_ours(typed: str | None, other: str | None) -> None:
    ours, theirs = Seals({"k": b"1" * 32}), Seals({"k": b"2" * 32})
    mark = ours.mark("d", typed)
    assert 0 < mark < 2**32
    assert (mark == ours.mark("d", other)) == (typed == other)
    assert mark != theirs.mark("d", typed)
    assert mark != ours.mark("e", typed)


def test_of_what_a_wire_says_nothing_of_nothing_is_taken_for_granted() -> None:
    bare = Inbound("d", CALLER, 4)
    assert (bare.typed, bare.payment_id, bare.so_far, bare.echo, bare.asks_from) == (None, None, None, {}, "")
    assert (bare.begins, bare.ids_return, bare.placed) == (False, False, False)


def test_a_mark_costs_a_record_ten_bytes() -> None:
    bare, marked = Record(1, 1, Goodbye()), Record(1, 1, Goodbye(), mark=2**32 - 1, answered_ms=2**32 - 1)
    assert len(encode(marked)) - len(encode(bare)) <= 10


# --- over a real Valkey ----------------------------------------------------------------------------------------------


class Uncounted:
    """A customer behind a gateway that counts nothing, on a clock that stands still between two keys."""

    def __init__(self, on: Stage) -> None:
        self.on = on
        self.speaker = on.ussd().speaker

    async def send(self, typed: str | None, after_s: float = 0.0) -> TurnAnswer:
        self.on.clock.forward(after_s)
        return await self.on.turns.take(Inbound("d", CALLER, None, typed, begins=True), self.speaker)


async def test_one_key_on_two_screens_counts_twice(on: Stage) -> None:
    phone = Uncounted(on)
    seen = [(await phone.send("1117")).screen]
    seen += [(await phone.send("1", after_s=3)).screen for _ in range(5)]
    assert seen == ["Language", "Service", "Terms", "PickInvoices", "ConfirmTotal", "HandOver"]


@pytest.mark.parametrize("after_s", [0.0, 0.3, 0.9])
async def test_a_copy_does_nothing(on: Stage, after_s: float) -> None:
    phone = Uncounted(on)
    await phone.send("1117")
    first = await phone.send("1", after_s=3)
    done = on.till.calls.copy()
    again = await phone.send("1", after_s=after_s)
    assert again.replayed
    assert (again.screen, again.page.text, again.version) == (first.screen, first.page.text, first.version)
    assert on.till.calls == done


async def test_a_copy_of_the_dial_is_no_key(on: Stage) -> None:
    phone = Uncounted(on)
    first = await phone.send("1117")
    assert (await phone.send("1117", after_s=0.5)).page.text == first.page.text


async def test_another_key_counts_at_once(on: Stage) -> None:
    phone = Uncounted(on)
    await phone.send("1117")
    assert (await phone.send("1")).screen == "Service"
    assert (await phone.send("2")).screen == "Reference"


async def test_the_service_s_code_in_mid_dialog_dials_anew_and_its_copy_does_not(on: Stage) -> None:
    phone = Uncounted(on)
    await phone.send("1117")
    await phone.send("1", after_s=3)
    await phone.send("3", after_s=3)
    anew = await phone.send("*1117#", after_s=3)
    done = on.till.calls.copy()
    assert (anew.replayed, anew.screen, anew.came_from) == (False, "Service", "")
    copy = await phone.send("*1117#", after_s=0.5)
    assert (copy.replayed, copy.page.text, on.till.calls) == (True, anew.page.text, done)
    assert not (await phone.send("*1117#", after_s=3)).replayed


async def test_copies_at_once_are_one_step(on: Stage) -> None:
    phone = Uncounted(on)
    await phone.send("1117")
    on.clock.forward(3)
    answers = await asyncio.gather(*(phone.send("1") for _ in range(20)))
    assert {answer.screen for answer in answers} == {"Service"}
    assert sum(not answer.replayed for answer in answers) == 1


async def test_a_copy_of_a_slow_answer_is_a_copy(on: Stage) -> None:
    """It arrived while the first was still being answered, and is read when that has been saved."""
    phone = Uncounted(on)
    await phone.send("1117")
    on.clock.forward(3)
    on.till.before["remember_language"] = lambda: on.clock.forward(8)
    began = on.clock.now()
    first, second = await asyncio.gather(phone.send("1"), phone.send("1"))
    assert first.screen == second.screen == "Service"
    assert first.replayed != second.replayed
    assert on.clock.now() - began >= timedelta(seconds=8)


# --- ids that a gateway gives twice ----------------------------------------------------------------------------------


async def test_a_new_dial_on_an_old_id_is_a_new_dialog(on: Stage) -> None:
    speaker = on.ussd().speaker
    dial = Inbound("7", CALLER, 0, None, begins=True, ids_return=True)
    await on.turns.take(dial, speaker)
    for order in range(1, 6):
        last = await on.turns.take(Inbound("7", CALLER, order, "1"), speaker)
    assert (last.screen, last.ends) == ("HandOver", True)
    assert (await on.turns.take(Inbound("7", CALLER, 5, "1"), speaker)).page.text == last.page.text
    again = await on.turns.take(dial, speaker)
    assert (again.replayed, again.screen) == (False, "Resume")
    assert (await on.turns.take(dial, speaker)).replayed


async def test_where_ids_are_never_given_twice_a_begin_after_the_end_is_a_copy(on: Stage) -> None:
    speaker = on.ussd().speaker
    dial = Inbound("7", CALLER, 0, None, begins=True)
    await on.turns.take(dial, speaker)
    for order in range(1, 6):
        last = await on.turns.take(Inbound("7", CALLER, order, "1"), speaker)
    copy = await on.turns.take(dial, speaker)
    assert (copy.replayed, copy.page.text) == (True, last.page.text)


async def test_a_copy_of_the_dial_is_not_a_new_dial(on: Stage) -> None:
    speaker = on.ussd().speaker
    dial = Inbound("7", CALLER, 0, None, begins=True)
    await on.turns.take(dial, speaker)
    current = await on.turns.take(Inbound("7", CALLER, 1, "1"), speaker)
    assert (await on.turns.take(dial, speaker)).page.text == current.page.text
