"""Small things that others build on: names as they are searched for, messages' references, a request's marks."""

import dataclasses
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from core.chargebacks.model import NO_FACTS, DisputeFacts
from core.clock import SystemClock
from core.names import FOLDED_FROM, FOLDED_TO, folded
from core.payments.table import PaymentEvent
from core.ports import Approved, Attempt, Decline, DeclineKind, DeliveryFailed, OutgoingSms
from core.repositories import Calls, Change, MessageKind, copy_of, copy_reference, message_reference
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


def test_what_a_change_does_not_say_is_not_done() -> None:
    bare = Change(PaymentEvent.SEND)
    assert (bare.lets_go, bare.counts_as_decline, bare.card_unsure, bare.frees) == (False, False, False, False)
    assert (bare.messages, bare.facts, bare.due_at, bare.attempt) == ((), NO_FACTS, None, None)
    assert set(dataclasses.astuple(NO_FACTS)) == {""}


def test_an_attempt_is_one_by_telephone_and_a_text_nobody_waits_for_unless_it_is_said() -> None:
    assert Attempt("p1", 100, "MAD").telephone
    assert not OutgoingSms("r", "+212600000001", "text").urgent
    assert Decline("05", DeclineKind.OTHER_CARD).message == ""


def test_an_approval_is_the_same_whatever_else_the_acquirer_told() -> None:
    assert Approved("1", "2", facts=DisputeFacts(rrn="3")) == Approved("1", "2")


def test_a_text_that_was_not_taken_says_whether_another_way_may_be_tried() -> None:
    failed = DeliveryFailed("busy", retryable=True, again_in_s=1.5)
    assert (str(failed), failed.retryable, failed.maybe_sent, failed.again_in_s) == ("busy", True, False, 1.5)
    lost = DeliveryFailed("lost", retryable=False, maybe_sent=True)
    assert (lost.retryable, lost.maybe_sent, lost.again_in_s) == (False, True, None)


def test_the_real_clock_tells_the_time_of_now_in_utc() -> None:
    before = datetime.now(UTC)
    told = SystemClock().now()
    assert before <= told <= datetime.now(UTC)
    assert told.tzinfo is UTC
