"""What is held and what goes back: what is sent, and what is made of one answer after another; no network."""

import pytest

from core.ports import (
    Authorisation,
    AuthorisedOnly,
    Decline,
    DeclineKind,
    NotSettled,
    TooLate,
    Undoing,
    Undone,
    UnknownOutcome,
)
from tests.core.acquirers.payment_intents.scripted import (
    APPROVED,
    AWAY,
    HELD,
    LOST,
    NONE,
    PAID,
    client,
    error,
    intent,
    ok,
    page_of,
    sent,
)
from tests.core.scripted_peer import Answer

ANOTHERS = intent("canceled", metadata={"order_id": "o-2"})


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([page_of(HELD), ok(HELD), ok(PAID)], APPROVED),
        ([page_of(HELD), ok(HELD), error(400, code="x"), LOST], Decline("x", DeclineKind.OUR_FAULT)),
        ([page_of(PAID), ok(PAID)], APPROVED),
        # what is held beside what was paid is not taken too
        ([page_of(PAID, HELD | {"id": "pi_2"}), ok(PAID), ok(HELD | {"id": "pi_2"})], APPROVED),
        ([NONE, NONE], UnknownOutcome("the order was not charged")),
    ],
)
async def test_what_a_capture_comes_to(answers: list[Answer], told: Authorisation) -> None:
    made = client(*answers)
    assert await made.capture("o-1", 5000) == told
    captured = [each for each in sent(made) if each.url.path.endswith("/capture")]
    assert {each.url.path for each in captured} <= {"/v1/payment_intents/pi_1/capture"}
    for each in captured:
        assert each.data == {"amount_to_capture": "5000", "expand[0]": "latest_charge"}


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([page_of(HELD), ok(HELD), ok({}), ok(intent("canceled"))], Undone()),
        ([page_of(HELD), ok(HELD), ok({}), ok(HELD)], UnknownOutcome("answer cannot be read")),
        (
            [page_of(HELD), ok(HELD), ok({}), ok(ANOTHERS)],
            UnknownOutcome("answer cannot be read"),
        ),
        ([page_of(HELD), ok(HELD), ok({}), ok(PAID)], TooLate()),
        ([page_of(HELD), ok(HELD), ok({}), LOST], LOST),
        ([page_of(HELD), ok(HELD), AWAY], UnknownOutcome("away")),
        ([page_of(PAID), ok(PAID)], TooLate()),
        ([LOST], LOST),
        ([NONE, NONE], Decline("no_such_order", DeclineKind.OUR_FAULT)),
        ([page_of(intent("processing")), ok(intent("processing"))], UnknownOutcome("being processed")),
        # of two, the first that is not let go ends it
        (
            [page_of(HELD, HELD | {"id": "pi_2"}), ok(HELD), ok(HELD | {"id": "pi_2"}), AWAY],
            UnknownOutcome("away"),
        ),
    ],
)
async def test_what_letting_go_comes_to(answers: list[Answer], told: Undoing) -> None:
    made = client(*answers)
    assert await made.void("o-1") == told
    sent(made)


GIVEN = {"id": "re_1", "status": "succeeded", "amount": 200, "currency": "mad"}
FAILED = GIVEN | {"status": "failed"}


@pytest.mark.parametrize(
    ("refunds", "answers", "told"),
    [
        (NONE, [ok(GIVEN)], Undone()),
        (NONE, [ok(GIVEN | {"currency": "MAD"})], Undone()),
        (NONE, [ok(GIVEN | {"amount": 201})], UnknownOutcome("a refund that is not done")),
        (NONE, [ok(GIVEN | {"currency": "eur"})], UnknownOutcome("a refund that is not done")),
        (NONE, [ok(GIVEN | {"status": "pending"})], UnknownOutcome("a refund that is not done")),
        (NONE, [ok(FAILED)], Decline("failed", DeclineKind.OUR_FAULT)),
        (NONE, [ok(FAILED | {"failure_reason": "lost_card"})], Decline("lost_card", DeclineKind.OUR_FAULT)),
        (NONE, [AWAY], Decline("", DeclineKind.BANK_DOWN, "away")),
        (NONE, [LOST], LOST),
        (NONE, [error(400, code="charge_already_refunded")], Undone()),
        (NONE, [error(400, code="x", type="y")], Decline("x", DeclineKind.OUR_FAULT)),
        (NONE, [error(400, type="y")], Decline("y", DeclineKind.OUR_FAULT)),
        (NONE, [error(404)], Decline("404", DeclineKind.OUR_FAULT)),
        (NONE, [error(400, type="idempotency_error")], UnknownOutcome("HTTP 400")),
        (NONE, [error(429, code="rate_limit")], Decline("rate_limit", DeclineKind.BANK_BUSY)),
        (NONE, [error(429, code="lock_timeout")], UnknownOutcome("HTTP 429")),
        (page_of(more=True), [], UnknownOutcome("what was given back so far cannot be read")),
        (LOST, [], UnknownOutcome("what was given back so far cannot be read")),
    ],
)
async def test_what_a_refund_comes_to(refunds: Answer, answers: list[Answer], told: Undoing) -> None:
    made = client(page_of(PAID), ok(PAID), refunds, *answers)
    assert await made.refund("o-1", 200) == told
    asked = sent(made)[2:]
    assert asked[0].params == {"payment_intent": "pi_1", "limit": "100"}
    for each in asked[1:]:
        assert each.data == {"payment_intent": "pi_1", "amount": "200"}
        assert each.headers == {"Idempotency-Key": "pi_1-refund-0-200"}


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([page_of(HELD), ok(HELD)], NotSettled()),
        ([NONE, NONE], Decline("no_such_order", DeclineKind.OUR_FAULT)),
        ([LOST], LOST),
        ([page_of(intent("processing")), ok(intent("processing"))], UnknownOutcome("being processed")),
    ],
)
async def test_nothing_is_given_back_of_what_was_not_taken(answers: list[Answer], told: Undoing) -> None:
    assert await client(*answers).refund("o-1", 200) == told


@pytest.mark.parametrize(
    ("refunds", "credited"),
    [
        (NONE, 0),
        (page_of(GIVEN, GIVEN | {"status": "pending"}, GIVEN | {"status": "requires_action"}, FAILED), 600),
        (page_of(GIVEN | {"currency": "eur"}), None),
        (page_of(GIVEN | {"status": "of_tomorrow"}), None),
        (page_of(GIVEN, more=True), None),
        (LOST, None),
    ],
)
async def test_what_was_given_back_so_far(refunds: Answer, credited: int | None) -> None:
    assert await client(page_of(PAID), ok(PAID), refunds).credited_centimes("o-1") == credited


async def test_what_is_held_is_told_with_its_amount() -> None:
    for amount, told in (
        (1, AuthorisedOnly("", "pi_1", 1)),
        (0, UnknownOutcome("held, with an amount that cannot be believed")),
    ):
        held = HELD | {"amount_capturable": amount}
        answers = [page_of(held), ok(held)] if amount else [page_of(held), ok(held), page_of()]
        assert await client(*answers).inquire("o-1") == told
