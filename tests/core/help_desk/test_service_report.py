"""Times out of counts by span, and the days of a month."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.help_desk.service_report import (
    DoorCount,
    DoorMonth,
    PeerMonth,
    ServiceCounts,
    days_of,
    doors_of,
    peers_of,
    quantile,
    share,
)

INFINITE = float("inf")


@pytest.mark.parametrize(
    ("spans", "part", "time"),
    [
        ({}, 0.5, None),
        ({0.1: 0}, 0.5, None),
        ({0.1: 10}, 0.5, 0.05),
        ({0.1: 10, 0.2: 10}, 0.5, 0.1),
        ({0.1: 10, 0.2: 10}, 0.75, 0.15),
        ({0.1: 98, INFINITE: 2}, 0.99, INFINITE),
        ({0.1: 0, 0.2: 4}, 0.5, 0.15),
    ],
)
def test_a_time_lies_within_its_span(spans: dict[float, int], part: float, time: float | None) -> None:
    found = quantile(spans, part)
    assert found == time or (found is not None and time is not None and abs(found - time) < 1e-9)


@given(st.dictionaries(st.sampled_from((0.005, 0.1, 1.0, INFINITE)), st.integers(0, 1_000)))
def test_the_slower_part_is_never_faster(spans: dict[float, int]) -> None:
    times = [quantile(spans, part) for part in (0.5, 0.95, 0.99)]
    assert all(each is None for each in times) is not any(spans.values())
    told = [each for each in times if each is not None]
    assert told == sorted(told)


def test_a_month_has_its_days() -> None:
    assert len(list(days_of(date(2028, 2, 17)))) == 29
    assert next(days_of(date(2026, 11, 30))) == date(2026, 11, 1)
    assert (share(0, 0), share(1, 4)) == (None, 0.25)


def test_a_door_s_month_is_the_sum_of_its_hours() -> None:
    hours = [
        DoorCount("ussd", "b", "answered", "", 90),
        DoorCount("ussd", "b", "answered", "", 5),
        DoorCount("ussd", "b", "failed", "", 5),
        DoorCount("ussd", "b", "answered", "0.1", 10),
        DoorCount("ussd", "b", "failed", "0.2", 5),
        DoorCount("ussd", "b", "answered", "0.2", 5),
        DoorCount("ivr", "c", "answered", "", 3),
        DoorCount("ussd", "a", "late", "+Inf", 2),
    ]
    found = doors_of(iter(hours))
    assert [(door.channel, door.wire, door.asked, door.answered) for door in found] == [
        ("ivr", "c", 3, 3),
        ("ussd", "a", 0, 0),
        ("ussd", "b", 100, 95),
    ]
    assert [door.availability for door in found] == [1.0, None, 0.95]
    assert found[0].times_s == (None, None, None)
    assert found[1].times_s == (INFINITE, INFINITE, INFINITE)
    assert found[2].times_s == pytest.approx((0.1, 0.19, 0.198))
    assert DoorMonth("ussd", "b", 4, 3, ()).availability == 0.75


def test_a_peer_s_month_is_the_sum_of_its_days_the_banks_first() -> None:
    days = [
        PeerMonth("mtn", wallet=True, asked=4, answered=1),
        PeerMonth("z", wallet=False, asked=1, answered=0),
        PeerMonth("cmi", wallet=False, asked=10, answered=9),
        PeerMonth("cmi", wallet=False, asked=10, answered=8),
        PeerMonth("cmi", wallet=True, asked=1, answered=1),
    ]
    found = peers_of(iter(days))
    assert found == (
        PeerMonth("cmi", wallet=False, asked=20, answered=17),
        PeerMonth("z", wallet=False, asked=1, answered=0),
        PeerMonth("cmi", wallet=True, asked=1, answered=1),
        PeerMonth("mtn", wallet=True, asked=4, answered=1),
    )
    assert [peer.availability for peer in found] == [0.85, 0.0, 1.0, 0.25]


def test_counts_of_days_add_up_each_for_itself() -> None:
    one, other = ServiceCounts(1, 2, 3, 4, 5), ServiceCounts(10, 20, 30, 40, 50)
    assert one + other == ServiceCounts(11, 22, 33, 44, 55)
    assert ServiceCounts() + one == one


def test_a_time_is_told_where_a_span_is_just_reached() -> None:
    assert quantile({1.0: 5, 2.0: 0, 4.0: 5}, 0.5) == 1.0
    assert quantile({1.0: 5, 2.0: 0, 4.0: 5}, 0.6) == pytest.approx(2.4)
    assert list(days_of(date(2026, 12, 31)))[-1] == date(2026, 12, 31)
