"""Which payment a dialog led to: begun or paid while it lasted, or a minute after, by the same number."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.help_desk.dialog_records import LASTS_MAX, PAID_AFTER, DialogPayment, DialogRecord
from core.help_desk.transcripts import AFTER_S, BEFORE_S, DialogTranscript, Pseudonymiser, Shown, around

BEGAN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ENDED = BEGAN + timedelta(minutes=3)
LATER = timedelta(microseconds=1)
RECORD = DialogRecord("d", "salma", "ivr", "twilio", "fr", BEGAN, ENDED, 4, "Paid", "answered")
LONG_AGO = BEGAN - timedelta(days=1)
PAYMENT = DialogPayment(frozenset({"salma", "salma of yesterday's key"}), "P1", "captured", LONG_AGO, None)


@pytest.mark.parametrize(
    ("moment", "belongs"),
    [
        (BEGAN - LATER, False),
        (BEGAN, True),
        (ENDED, True),
        (ENDED + PAID_AFTER, True),
        (ENDED + PAID_AFTER + LATER, False),
    ],
)
def test_a_payment_was_begun_or_paid_in_the_dialog(moment: datetime, *, belongs: bool) -> None:
    for payment in (
        replace(PAYMENT, created_at=moment),
        replace(PAYMENT, created_at=moment, paid_at=ENDED + timedelta(days=1)),
        replace(PAYMENT, paid_at=moment),
    ):
        assert RECORD.paid_with([payment]) == (payment if belongs else None)
        assert RECORD.paid_with([replace(payment, payers=frozenset({"driss"}))]) is None


def test_a_dialog_lasts_two_hours_and_its_payment_a_minute_more() -> None:
    assert (timedelta(hours=2), timedelta(minutes=1)) == (LASTS_MAX, PAID_AFTER)


def test_of_several_it_is_the_latest_and_of_none_nothing() -> None:
    first, second = replace(PAYMENT, created_at=BEGAN), replace(PAYMENT, created_at=BEGAN + LATER, reference="P2")
    assert RECORD.paid_with([second, first]) == RECORD.paid_with(iter([first, second])) == second
    assert RECORD.paid_with([]) is None
    assert RECORD.paid_with([PAYMENT]) is None


def test_the_dialogs_around_a_payment() -> None:
    before, after = timedelta(seconds=BEFORE_S), timedelta(seconds=AFTER_S)
    assert (before, after) == (timedelta(minutes=30), timedelta(hours=2))
    assert around(BEGAN, None) == (BEGAN - before, BEGAN + after)
    assert around(BEGAN, ENDED) == (BEGAN - before, ENDED + after)
    first, second = (Shown(at, "Service", "", "answered", "", "") for at in (BEGAN, ENDED))
    assert DialogTranscript("ussd", "x", "fr", (first, second)).began_at == BEGAN


def test_numbers_and_dialogs_are_digests_that_an_earlier_release_wrote_too() -> None:
    blind = Pseudonymiser(("today", "yesterday"))
    assert blind.who("+212600000001") == "8a8db28f8d39dba03bd82873"
    assert blind.dialog("+212600000001", "ATUid_1") == "5e489a9c601574b22a9cd79a"
    assert blind.all_of("+212600000001") == [
        "8a8db28f8d39dba03bd82873",
        Pseudonymiser(("yesterday",)).who("+212600000001"),
    ]
    assert blind.all_of("") == []
    assert Pseudonymiser(()).all_of("+212600000001") == []
    with pytest.raises(IndexError):
        Pseudonymiser(()).who("+212600000001")
