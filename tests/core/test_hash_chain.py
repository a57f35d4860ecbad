"""A chain of rows: nothing of it can be changed, taken out, slipped in or put in another order unseen."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.hash_chain import GENESIS, Break, ChainLink, Fields, canonical, first_break, linked

AT = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def chain(rows: list[Fields]) -> list[tuple[ChainLink, Fields | None]]:
    before, made = GENESIS, list[tuple[ChainLink, Fields | None]]()
    for number, fields in enumerate(rows, 1):
        link = linked(before, number, fields)
        made.append((link, fields))
        before = link.hash
    return made


ROWS: list[Fields] = [{"id": n, "at": AT + timedelta(seconds=n), "who": "sami", "detail": None} for n in range(5)]


def test_what_nobody_touched_holds() -> None:
    assert first_break(GENESIS, chain(ROWS)) is None
    assert first_break(GENESIS, []) is None
    told = chain(ROWS)
    assert first_break(told[2][0].hash, told[3:], 4) is None  # from the middle: a day of it


@given(st.integers(0, 4), st.sampled_from(["id", "at", "who", "detail"]))
def test_a_change_anywhere_breaks_it_there(place: int, name: str) -> None:
    told = chain(ROWS)
    link, fields = told[place]
    told[place] = (link, {**(fields or {}), name: "another"})
    assert first_break(GENESIS, told) == Break(place + 1, "its row was changed, or a link before it was")


@given(st.integers(0, 4))
def test_a_row_that_is_gone_is_told(place: int) -> None:
    told = chain(ROWS)
    told[place] = (told[place][0], None)
    assert first_break(GENESIS, told) == Break(place + 1, "its row is gone")


@given(st.integers(0, 3))
def test_a_link_that_is_gone_or_out_of_order_is_told(place: int) -> None:
    told = chain(ROWS)
    gone = first_break(GENESIS, told[:place] + told[place + 1 :])
    assert gone == Break(place + 1, f"link {place + 1} is missing")
    told[place], told[place + 1] = told[place + 1], told[place]
    assert first_break(GENESIS, told) is not None


def test_what_only_looks_different_is_the_same() -> None:
    there = AT.astimezone(timezone(timedelta(hours=1)))
    assert canonical({"a": AT, "b": Decimal("1.50")}) == canonical({"b": Decimal("1.5"), "a": there})
    assert canonical({"a": 1}) != canonical({"a": "1"})
    assert canonical({"a": "b,c"}) != canonical({"a": "b", "c": ""})
    with pytest.raises(ValueError, match="time zone"):
        canonical({"at": datetime(2026, 1, 1)})  # noqa: DTZ001 - the fault under test


class Kind(StrEnum):
    PAID = "paid"


def test_the_spelling_is_fixed_for_ever() -> None:
    """A chain that was written years ago must hold for the code of today."""
    fields: Fields = {"é": "é", "b": None, "a": AT, "day": AT.date(), "kind": Kind.PAID, "sum": Decimal("1.50"), "n": 1}
    assert (
        canonical(fields)
        == (
            '{"a":"2026-11-29T12:00:00.000000+00:00","b":null,"day":"2026-11-29","kind":"paid","n":1,"sum":"1.5","é":"é"}'
        ).encode()
    )
    assert linked(GENESIS, 1, fields).hash.hex() == "4c022d01270fab676f47321409e2a26fc02b290f4e41f0a141e8a83d2a99c61b"


def test_the_first_links_number_is_one_unless_it_is_said() -> None:
    told = chain(ROWS)
    assert first_break(GENESIS, told[1:]) == Break(1, "link 1 is missing")
    assert first_break(GENESIS, told, 2) == Break(2, "link 2 is missing")
