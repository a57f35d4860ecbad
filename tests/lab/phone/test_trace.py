"""The wire's trace: what may be shown of it, and what never."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.phone.trace import ENTRIES_MAX, MASK, SECRET_SCREENS, Trace, masked
from lab.twilio.webhooks import Exchange

CALLER = "+212600000001"


def webhook(path: str, screen: str | None, **fields: str) -> Exchange:
    return Exchange("POST", f"http://127.0.0.1{path}", {"From": CALLER, **fields}, 200, "<Response/>", screen, 1.234)


def fresh() -> Trace:
    return Trace(lambda: datetime(2026, 11, 23, tzinfo=UTC))


@pytest.mark.parametrize("screen", sorted(SECRET_SCREENS))
def test_answers_to_secret_questions_are_masked(screen: str) -> None:
    trace = fresh()
    trace.observe(webhook("/ivr/twilio", screen, CallSid="CA1"))
    trace.observe(webhook("/ivr/twilio/turn", "Paying", CallSid="CA1", Digits="1"))
    trace.observe(webhook("/ivr/twilio/turn", "Paid", CallSid="CA1", Digits="77"))
    shown = [entry.fields.get("Digits") for entry in trace.of(CALLER)]
    assert shown == [None, MASK, "77"]


def test_a_status_callback_between_does_not_unmask() -> None:
    trace = fresh()
    trace.observe(webhook("/ivr/twilio", "CardCvv", CallSid="CA1"))
    trace.observe(webhook("/ivr/twilio/status", None, CallSid="CA1", CallStatus="in-progress"))
    trace.observe(webhook("/ivr/twilio/turn", "Paying", CallSid="CA1", Digits="123"))
    assert trace.of(CALLER)[-1].fields["Digits"] == MASK * 3


def test_keys_of_an_untold_screen_are_masked_unless_one() -> None:
    trace = fresh()
    trace.observe(webhook("/ivr/twilio/turn", None, CallSid="CA2", Digits="1"))
    trace.observe(webhook("/ivr/twilio/turn", None, CallSid="CA2", Digits="1229"))
    assert [entry.fields["Digits"] for entry in trace.of(CALLER)] == ["1", MASK * 4]


@given(st.from_regex(r"[0-9]{13,19}", fullmatch=True), st.sampled_from(["", " ", "-"]))
def test_a_card_number_never_passes_whole(card: str, between: str) -> None:
    typed = between.join(card[i : i + 4] for i in range(0, len(card), 4))
    trace = fresh()
    trace.observe(webhook("/sms/twilio", None, Body=f"payer {typed} svp"))
    trace.observe(webhook("/ussd/africastalking", "Service", text=f"1*{card}*2"))
    for entry in trace.of(CALLER):
        told = entry.fields.get("Body", "") + entry.fields.get("text", "")
        assert card[:-4] not in told.replace(" ", "").replace("-", "")
        assert card[-4:] in told.replace(" ", "").replace("-", "")


def test_shorter_numbers_stay_readable() -> None:
    assert masked("0600000001, code 482913, 769,20 DH") == "0600000001, code 482913, 769,20 DH"


def test_a_customer_sees_their_own_entries_newer_than_asked() -> None:
    trace = fresh()
    trace.observe(webhook("/sms/twilio", None, Body="CODE"))
    trace.observe(Exchange("POST", "http://x/y", {"To": "+212600000002"}, 201, "{}", None, 1.0, outgoing=True))
    assert [entry.number for entry in trace.of(CALLER)] == [1]
    assert trace.of(CALLER, after=1) == ()
    assert trace.of("+212600000002")[0].outgoing


def test_the_oldest_are_forgotten() -> None:
    trace = fresh()
    for _ in range(ENTRIES_MAX + 3):
        trace.observe(webhook("/sms/twilio", None))
    kept = trace.of(CALLER)
    assert (len(kept), kept[0].number, trace.last) == (ENTRIES_MAX, 4, ENTRIES_MAX + 3)
