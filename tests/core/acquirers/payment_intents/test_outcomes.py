"""Properties of what is believed: only the documented words, for this order, in this currency, mean paid. Pure."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.acquirers.payment_intents.codes import KINDS, IntentStatus, clean_code, kind_of
from core.acquirers.payment_intents.finding import made_at_of
from core.acquirers.payment_intents.outcomes import judged, settles, standing_of
from core.acquirers.payment_intents.transport import GatewayAnswer
from core.acquirers.payment_intents.wire import IntentList, IntentObject, Refused, read
from core.chargebacks.model import DisputeFacts
from core.ids import Ids
from core.ports import (
    Approved,
    AuthorisedOnly,
    Decline,
    DeclineKind,
    Inquiry,
    NoSuchOrder,
    Pending,
    Undone,
    UnknownOutcome,
)
from lab.clocks import NOON

PAID: dict[str, Any] = {
    "id": "pi_1",
    "object": "payment_intent",
    "status": "succeeded",
    "amount": 5000,
    "amount_received": 5000,
    "amount_capturable": 0,
    "currency": "mad",
    "metadata": {"order_id": "o-1", "way": "phone"},
    "last_payment_error": None,
    "latest_charge": {
        "id": "ch_1",
        "status": "succeeded",
        "amount": 5000,
        "captured": True,
        "amount_refunded": 0,
        "currency": "mad",
        "payment_method_details": {"card": {"brand": "visa", "last4": "4242", "authorization_code": "123456"}},
    },
}
HELD: dict[str, Any] = {
    "status": "requires_capture",
    "amount_received": 0,
    "amount_capturable": 1,
    "latest_charge": PAID["latest_charge"] | {"captured": False},
}
DOCUMENTED = {status.value for status in IntentStatus}
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def said(**changes: object) -> Inquiry | None:
    intent = read(IntentObject, json.dumps(PAID | changes).encode())
    return None if intent is None else judged(intent, "o-1", "mad")


def test_paid_is_paid() -> None:
    told = said()
    assert isinstance(told, Approved)
    assert (told.auth_code, told.transaction_number, told.amount_centimes) == ("123456", "pi_1", 5000)
    assert (told.brand, told.facts.last4) == ("visa", "4242")


@given(st.text(max_size=30))
def test_no_undocumented_status_means_anything(status: str) -> None:
    told = said(status=status)
    if status not in DOCUMENTED:
        assert isinstance(told, UnknownOutcome)
    assert isinstance(told, Approved) == (status == "succeeded")


@pytest.mark.parametrize("status", sorted(DOCUMENTED - {"succeeded"}))
def test_no_other_documented_status_is_paid(status: str) -> None:
    assert not isinstance(said(status=status), Approved)


@given(st.sampled_from(sorted(PAID)), JUNK)
def test_one_field_of_nonsense_is_never_another_payment(name: str, junk: object) -> None:
    told = said(**{name: junk})
    if isinstance(told, Approved):
        assert junk == PAID[name] or name in {
            "amount",
            "amount_capturable",
            "last_payment_error",
            "id",
            "amount_received",
        }
    assert not isinstance(told, AuthorisedOnly)


@given(st.sampled_from(sorted(PAID["latest_charge"])), JUNK)
def test_a_charge_that_says_otherwise_is_not_believed(name: str, junk: object) -> None:
    told = said(latest_charge=PAID["latest_charge"] | {name: junk})
    if name in {"status", "captured", "currency"} and junk != PAID["latest_charge"][name]:
        assert not isinstance(told, Approved | AuthorisedOnly)


@given(JUNK | st.binary(max_size=64))
def test_bodies_of_nonsense_are_read_as_nothing(junk: object) -> None:
    body = junk if isinstance(junk, bytes) else json.dumps(junk).encode()
    for kind in (IntentObject, IntentList, Refused):
        assert read(kind, body) is None


def test_a_body_of_brackets_is_read_as_nothing() -> None:
    assert read(IntentObject, b"[" * 200_000) is None
    assert read(IntentObject, b'{"id":' * 50_000) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"currency": "eur"}, UnknownOutcome("an intent in another currency")),
        ({"metadata": {"order_id": "o-2"}}, UnknownOutcome("an intent of another order")),
        ({"metadata": {}}, UnknownOutcome("an intent of another order")),
        ({"object": "charge"}, UnknownOutcome("an intent of another order")),
        ({"latest_charge": "ch_1"}, UnknownOutcome("paid, and its charge does not say so")),
        ({"latest_charge": None}, UnknownOutcome("paid, and its charge does not say so")),
        ({"amount_received": 0}, UnknownOutcome("paid, with an amount that cannot be believed")),
        ({"latest_charge": PAID["latest_charge"] | {"amount_refunded": 5000}}, Undone()),
        ({"amount_received": 1}, Approved("123456", "pi_1", 1, "visa")),
        ({"status": "processing"}, Pending()),
        ({"status": "canceled"}, Undone()),
        ({"status": "canceled", "latest_charge": None}, NoSuchOrder()),
        ({"status": "requires_payment_method"}, NoSuchOrder()),
        ({"status": "requires_confirmation"}, NoSuchOrder()),
        ({"status": "requires_action"}, Decline("authentication_required", DeclineKind.OTHER_CARD)),
        ({"status": "requires_action", "metadata": {"order_id": "o-1", "way": "page"}}, Pending()),
        (HELD, AuthorisedOnly("123456", "pi_1", 1)),
        (HELD | {"amount_capturable": 0}, UnknownOutcome("held, with an amount that cannot be believed")),
        (HELD | {"latest_charge": PAID["latest_charge"]}, UnknownOutcome("held, and its charge does not say so")),
        (
            HELD | {"latest_charge": PAID["latest_charge"] | {"captured": False, "status": "failed"}},
            UnknownOutcome("held, and its charge does not say so"),
        ),
        (HELD | {"latest_charge": "ch_1"}, UnknownOutcome("held, and its charge does not say so")),
        (
            {"status": "canceled", "latest_charge": None, "last_payment_error": {"code": "expired_card"}},
            Decline("expired_card", DeclineKind.OTHER_CARD),
        ),
        (
            {"status": "requires_confirmation", "last_payment_error": {"type": "card_error"}},
            Decline("card_error", DeclineKind.OTHER_CARD),
        ),
        (
            {
                "status": "requires_payment_method",
                "last_payment_error": {"code": "card_declined", "decline_code": "x y"},
            },
            Decline("?", DeclineKind.OTHER_CARD),
        ),
    ],
)
def test_what_an_intent_says(changes: dict[str, object], told: Inquiry) -> None:
    assert said(**changes) == told


def test_an_intent_without_our_name_is_of_no_order() -> None:
    intent = read(IntentObject, json.dumps(PAID | {"metadata": {}}).encode())
    assert intent is not None
    assert intent.order_id == ""


@pytest.mark.parametrize(
    ("answer", "settled"),
    [
        (A_CHARGE := Approved("1", "pi_1", 5000), True),
        (AuthorisedOnly("1", "pi_1", 5000), True),
        (Pending(), True),
        (NoSuchOrder(), False),
        (Decline("x", DeclineKind.OTHER_CARD), False),
        (Undone(), False),
        (UnknownOutcome("?"), False),
    ],
)
def test_what_further_intents_would_not_change(answer: Inquiry, settled: bool) -> None:
    assert settles(answer) is settled


@given(
    st.lists(st.sampled_from([NoSuchOrder(), Decline("x", DeclineKind.OTHER_CARD), Undone(), Pending()]), max_size=4)
)
def test_one_charge_outweighs_all_that_is_not(others: list[Inquiry]) -> None:
    for place in range(len(others) + 1):
        assert standing_of([*others[:place], A_CHARGE, *others[place:]]) == A_CHARGE
    assert isinstance(standing_of([A_CHARGE, *others, A_CHARGE]), UnknownOutcome)
    unsure = UnknownOutcome("?")
    assert standing_of([*others, unsure]) == unsure, "what was not read may be a charge"


@given(st.text(max_size=80))
def test_codes_are_fit_for_a_log(text: str) -> None:
    code = clean_code(text)
    assert code in {"", "?", text}
    assert code.isascii()
    assert "\n" not in code
    assert isinstance(kind_of(code), DeclineKind)


def test_every_listed_code_is_clean() -> None:
    assert {clean_code(code) for code in KINDS} == set(KINDS)


def test_an_order_s_name_tells_when_it_was_made() -> None:
    assert made_at_of(Ids().payment(NOON)) == pytest.approx(NOON.timestamp(), abs=0.001)
    for name in ("", "o-1", "p" * 26, "01KAZB3S5V000000000000000U"):
        assert made_at_of(name) is None


@pytest.mark.parametrize(
    ("card", "auth_code", "brand", "facts"),
    [
        (None, "", None, DisputeFacts()),
        ({}, "", None, DisputeFacts()),
        (
            {"brand": "visa", "last4": "4242", "authorization_code": "a1", "network_transaction_id": "n-1"},
            *("a1", "visa"),
            DisputeFacts(rrn="n-1", masked_card="************4242"),
        ),
        (
            {"brand": "x" * 20, "authorization_code": "1" * 12, "network_transaction_id": "1" * 64},
            *("1" * 12, "x" * 20),
            DisputeFacts(rrn="1" * 64),
        ),
        (
            {"brand": "x" * 21, "authorization_code": "1" * 13, "network_transaction_id": "1" * 65},
            *("", None),
            DisputeFacts(),
        ),
        ({"brand": "Visa", "authorization_code": "1-2", "network_transaction_id": "a b"}, "", None, DisputeFacts()),
    ],
)
def test_what_is_kept_of_the_card_behind_a_charge(
    card: dict[str, str] | None, auth_code: str, brand: str | None, facts: DisputeFacts
) -> None:
    for details in ({"card": card}, *([None] if card is None else [])):
        told = said(latest_charge=PAID["latest_charge"] | {"payment_method_details": details})
        assert told == Approved(auth_code, "pi_1", 5000, brand)
        assert isinstance(told, Approved)
        assert told.facts == facts


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (DeclineKind.LIMIT, "card_velocity_exceeded withdrawal_count_limit_exceeded"),
        (DeclineKind.NEUTRAL, "fraudulent lost_card stolen_card pickup_card restricted_card security_violation"),
        (DeclineKind.NEUTRAL, "merchant_blacklist highest_risk_level do_not_try_again stop_payment_order"),
        (DeclineKind.BANK_BUSY, "issuer_not_available processing_error reenter_transaction try_again_later"),
        (DeclineKind.OUR_FAULT, "testmode_decline test_mode_live_card live_mode_test_card duplicate_transaction"),
        (DeclineKind.OUR_FAULT, "invalid_amount amount_too_large amount_too_small invalid_account service_not_allowed"),
    ],
)
def test_what_a_documented_code_means_to_who_pays(kind: DeclineKind, codes: str) -> None:
    """Of a stolen card nothing is said; what is our fault is not told as theirs."""
    assert {code: kind_of(code) for code in codes.split()} == dict.fromkeys(codes.split(), kind)


def test_an_answer_shows_nothing_of_its_body() -> None:
    assert "4242" not in repr(GatewayAnswer(200, b'{"last4": "4242"}'))


@pytest.mark.parametrize(
    ("changes", "is_read"),
    [
        ({"id": "a" * 255}, True),
        ({"id": "a" * 256}, False),
        ({"id": "pi_1 "}, False),
        ({"id": ""}, False),
        ({"currency": "m" * 2_000}, True),
        ({"currency": "m" * 2_001}, False),
        ({"amount": 10**12}, True),
        ({"amount": 10**12 + 1}, False),
        ({"amount": -1}, False),
        ({"amount": "5000"}, False),
        ({"amount": 5000.0}, False),
        ({"nobody": "knows"}, True),
    ],
)
def test_what_is_read_of_an_intent(changes: dict[str, object], is_read: bool) -> None:
    assert (read(IntentObject, json.dumps(PAID | changes).encode()) is not None) is is_read


def test_what_was_read_stays_and_is_shown_by_no_error() -> None:
    intent = read(IntentObject, json.dumps(PAID).encode())
    with pytest.raises(ValidationError, match="frozen"):
        intent.amount = 1  # type: ignore[union-attr, misc]
    with pytest.raises(ValidationError) as wrong:
        IntentObject.model_validate_json(json.dumps(PAID | {"amount": "4000000000000010"}))
    assert "4000000000000010" not in str(wrong.value)
