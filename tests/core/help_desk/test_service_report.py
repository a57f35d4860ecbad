"""Times out of counts by span, and the days of a month."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.help_desk.service_report import days_of, quantile, share

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
