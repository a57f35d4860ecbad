"""Small things that others build on: names as they are searched for, messages' references, a request's marks."""

from zoneinfo import ZoneInfo

import pytest

from core.names import FOLDED_FROM, FOLDED_TO, folded
from core.repositories import Calls, MessageKind, copy_of, copy_reference, message_reference
from core.tracing import NO_TRACER, about, about_now, request, request_id
from core.zone import ZONE, load_zone


def test_a_name_is_folded_letter_by_letter() -> None:
    assert len(FOLDED_FROM) == len(FOLDED_TO) == len(set(FOLDED_FROM))
    assert folded("HÉLÈNE Noël Ÿ Ça") == "helene noel y ca"
    assert folded("أحمد إبراهيم آمنة سلمى فؤاد وائل ٱ") == "احمد ابراهيم امنه سلمي فواد وايل ا"
    assert folded(folded(FOLDED_FROM)) == FOLDED_TO


@pytest.mark.parametrize("copy", [1, 2, 15])
def test_a_copy_of_a_message_is_told_from_the_first(copy: int) -> None:
    first = message_reference("01KATWQ2YD", MessageKind.RECEIPT_SMS, 3)
    again = copy_reference("01KATWQ2YD", MessageKind.RECEIPT_SMS, copy)
    assert (first, again) == ("01KATWQ2YD-receipt_sms-3", f"01KATWQ2YD-receipt_sms-again-{copy}")
    assert (copy_of(first), copy_of(again)) == (0, copy)
    assert [copy_of(text) for text in ("", "3", "x-again-", "x-again-y", "x-again-1-again-2")] == [0, 0, 0, 0, 2]


def test_a_telephone_rings_so_often_and_no_more() -> None:
    assert Calls() == Calls(payment_max=5, number_hour_max=6)


def test_a_request_s_marks_are_its_own_and_end_with_it() -> None:
    assert (request_id.get(), dict(about_now.get())) == ("", {})
    with request() as outer, about(call="1"):
        assert request_id.get() == outer
        with request("told") as inner, about(request="2", call="3"):
            assert (inner, request_id.get()) == ("told", "told")
            assert about_now.get() == {"call": "3", "request": "2"}
        assert (request_id.get(), dict(about_now.get())) == (outer, {"call": "1"})
    assert (request_id.get(), dict(about_now.get())) == ("", {})
    with request("") as none, NO_TRACER.span("x", y="z"):
        assert none == ""


def test_a_request_s_name_is_short_and_its_own() -> None:
    made: set[str] = set()
    for _ in range(200):
        with request() as name:
            made.add(name)
    assert len(made) == 200
    assert all(len(each) == 12 and int(each, 16) >= 0 for each in made)


def test_the_zone_is_the_operator_s_out_of_the_package() -> None:
    assert ZONE.key == "Africa/Casablanca"
    assert load_zone("Europe/Paris").key == "Europe/Paris"
    assert isinstance(load_zone("UTC"), ZoneInfo)
