"""The client against an emulator that lies: nothing is charged twice, nothing paid is called refused."""

import asyncio

from core.acquirers.cmi import CmiAcquirer
from core.cards import Card, Secret
from core.ports import (
    Approved,
    ChallengeRequired,
    Decline,
    DeclineKind,
    NoSuchOrder,
    Order,
    Pending,
    Undone,
    UnknownOutcome,
)
from lab.cmi.lies import Kind, Manner
from lab.cmi.stand import EmulatedCmi

CARD, CVV = Card(Secret("4000000000000010"), 12, 2031), Secret("000")
PIN_CARD = Card(Secret("5191630100004896"), 12, 2031)
BUSY_CARD = Card(Secret("4000009900009104"), 12, 2031)
ORDER = Order("o-1", 5000, "MAD", None, "+212600000001")
LONG_S = 600.0


async def test_silent_after_charging(client: CmiAcquirer, hasty: CmiAcquirer, cmi: EmulatedCmi) -> None:
    cmi.lie(Manner.SILENT_AFTER_CHARGING, "o-1")
    assert isinstance(await hasty.authorise(ORDER, CARD, CVV), UnknownOutcome)
    paid = await client.inquire("o-1")
    assert isinstance(paid, Approved)
    again = await client.authorise(ORDER, CARD, CVV)
    assert isinstance(again, Approved)
    assert again.auth_code == paid.auth_code
    assert cmi.captured_centimes("o-1") == 5000


async def test_silent_without_charging(client: CmiAcquirer, hasty: CmiAcquirer, cmi: EmulatedCmi) -> None:
    cmi.lie(Manner.SILENT_WITHOUT_CHARGING)
    assert isinstance(await hasty.authorise(ORDER, CARD, CVV), UnknownOutcome)
    assert await client.inquire("o-1") == NoSuchOrder()
    assert isinstance(await client.authorise(ORDER, CARD, CVV), Approved)


async def test_garbage(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    cmi.lie(Manner.GARBAGE)
    assert isinstance(await client.authorise(ORDER, CARD, CVV), UnknownOutcome)
    assert cmi.captured_centimes("o-1") == 0


async def test_a_server_error_after_charging(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    cmi.lie(Manner.SERVER_ERROR_AFTER_CHARGING)
    assert await client.authorise(ORDER, CARD, CVV) == UnknownOutcome("HTTP 502")
    assert isinstance(await client.inquire("o-1"), Approved)


async def test_slow_but_in_time(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    cmi.lie(Manner.SLOW, seconds=0.05)
    assert isinstance(await client.authorise(ORDER, CARD, CVV), Approved)


async def test_slower_than_the_client_waits(client: CmiAcquirer, hasty: CmiAcquirer, cmi: EmulatedCmi) -> None:
    cmi.lie(Manner.SLOW, seconds=LONG_S)
    assert isinstance(await hasty.authorise(ORDER, CARD, CVV), UnknownOutcome)
    assert await client.inquire("o-1") == Pending()
    assert await client.authorise(ORDER, CARD, CVV) == Pending()
    assert await cmi.gateway.hurry() == 1
    assert cmi.captured_centimes("o-1") == 5000
    assert isinstance(await client.inquire("o-1"), Approved)


async def test_a_wrong_amount_is_told_by_the_status_alone(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    cmi.lie(Manner.WRONG_AMOUNT)
    answer = await client.authorise(ORDER, CARD, CVV)
    assert isinstance(answer, Approved)
    assert answer.amount_centimes is None
    looked = await client.inquire("o-1")
    assert isinstance(looked, Approved)
    assert looked.amount_centimes == 5100
    inquired = await client.inquire("o-1")
    assert isinstance(inquired, Approved)
    assert inquired.amount_centimes == 5100


async def test_a_late_landing_after_a_retry_charges_once(
    client: CmiAcquirer, hasty: CmiAcquirer, cmi: EmulatedCmi
) -> None:
    cmi.lie(Manner.LATE_LANDING, seconds=LONG_S)
    assert isinstance(await hasty.authorise(ORDER, CARD, CVV), UnknownOutcome)
    assert await client.inquire("o-1") == NoSuchOrder()
    assert isinstance(await client.authorise(ORDER, CARD, CVV), Approved)
    assert await cmi.gateway.hurry() == 1
    assert cmi.captured_centimes("o-1") == 5000
    assert [row.state for row in cmi.ledger.of_order("o-1")] == ["C", "D"]


async def test_a_late_landing_is_found_later(client: CmiAcquirer, hasty: CmiAcquirer, cmi: EmulatedCmi) -> None:
    cmi.lie(Manner.LATE_LANDING, seconds=LONG_S)
    assert isinstance(await hasty.authorise(ORDER, CARD, CVV), UnknownOutcome)
    assert await cmi.gateway.hurry() == 1
    assert isinstance(await client.inquire("o-1"), Approved)


async def test_an_answer_twice_is_one_payment(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    cmi.lie(Manner.DUPLICATE_ANSWER)
    assert isinstance(await client.authorise(ORDER, CARD, CVV), Approved)
    assert cmi.captured_centimes("o-1") == 5000


async def test_a_busy_bank_whose_inquiry_is_silent_stays_unknown(hasty: CmiAcquirer, cmi: EmulatedCmi) -> None:
    cmi.lie(Manner.SILENT_WITHOUT_CHARGING, on=frozenset({Kind.QUERY}))
    answer = await hasty.authorise(ORDER, BUSY_CARD, CVV)
    assert answer == UnknownOutcome("inquire first, and the inquiry: no answer in time")


async def test_a_duplicate_whose_inquiry_fails_stays_unknown(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    cmi.lie(Manner.DUPLICATE_ANSWER)
    cmi.lie(Manner.GARBAGE, on=frozenset({Kind.QUERY}))
    assert isinstance(await client.authorise(ORDER, CARD, CVV), UnknownOutcome)


async def test_a_voided_order_is_not_charged_again(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    await client.authorise(ORDER, CARD, CVV)
    await client.void("o-1")
    assert await client.authorise(ORDER, CARD, CVV) == UnknownOutcome("the order was charged and undone before")
    assert cmi.captured_centimes("o-1") == 0


async def test_a_pin_whose_answer_is_lost(client: CmiAcquirer, hasty: CmiAcquirer, cmi: EmulatedCmi) -> None:
    asked = await client.authorise(ORDER, PIN_CARD, CVV)
    assert isinstance(asked, ChallengeRequired)
    cmi.lie(Manner.SILENT_AFTER_CHARGING, on=frozenset({Kind.PIN}))
    assert isinstance(await hasty.answer_challenge(ORDER, asked.challenge.id, Secret("123")), UnknownOutcome)
    assert isinstance(await client.inquire("o-1"), Approved)


async def test_a_challenge_whose_question_is_lost_is_found(
    client: CmiAcquirer, hasty: CmiAcquirer, cmi: EmulatedCmi
) -> None:
    cmi.lie(Manner.SILENT_AFTER_CHARGING)
    assert isinstance(await hasty.authorise(ORDER, PIN_CARD, CVV), UnknownOutcome)
    assert isinstance(await client.inquire("o-1"), ChallengeRequired)


async def test_a_void_whose_answer_is_lost_can_be_repeated(
    client: CmiAcquirer, hasty: CmiAcquirer, cmi: EmulatedCmi
) -> None:
    await client.authorise(ORDER, CARD, CVV)
    cmi.lie(Manner.SILENT_AFTER_CHARGING, on=frozenset({Kind.VOID}))
    assert isinstance(await hasty.void("o-1"), UnknownOutcome)
    assert await client.void("o-1") == Undone()


async def test_a_credit_whose_answer_is_lost_can_be_counted(
    client: CmiAcquirer, hasty: CmiAcquirer, cmi: EmulatedCmi
) -> None:
    await client.authorise(ORDER, CARD, CVV)
    cmi.ledger.settle(cmi.gateway.bank.now())
    cmi.lie(Manner.SILENT_AFTER_CHARGING, on=frozenset({Kind.CREDIT}))
    assert isinstance(await hasty.refund("o-1", 2000), UnknownOutcome)
    assert await client.credited_centimes("o-1") == 2000


async def test_many_at_once_charge_each_order_once(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    orders = [Order(f"o-{i % 10}", 5000, "MAD", None, "") for i in range(40)]
    answers = await asyncio.gather(*(client.authorise(order, CARD, CVV) for order in orders))
    assert not [answer for answer in answers if isinstance(answer, Decline)]
    assert [cmi.captured_centimes(f"o-{i}") for i in range(10)] == [5000] * 10


QUERY = frozenset({Kind.QUERY})


async def test_a_refused_duplicate_without_a_history_is_no_decline(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    """The order's latest row is a refusal, the one before it the charge."""
    await client.authorise(ORDER, CARD, CVV)
    cmi.lie(Manner.NO_HISTORY, times=10, on=QUERY)
    assert isinstance(await client.authorise(ORDER, CARD, CVV), UnknownOutcome)
    assert isinstance(await client.inquire("o-1"), UnknownOutcome)
    cmi.gateway.lies.clear()
    assert isinstance(await client.inquire("o-1"), Approved)


async def test_states_that_say_nothing_are_no_end(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    await client.authorise(ORDER, CARD, CVV)
    for manner in (Manner.STATE_ERR, Manner.STATE_R, Manner.STATE_PENDING):
        cmi.lie(manner, times=2, on=QUERY)
        assert isinstance(await client.inquire("o-1"), UnknownOutcome | Pending)
        cmi.gateway.lies.clear()


async def test_busy_after_a_charge_is_settled_by_the_status(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    cmi.lie(Manner.BUSY_AFTER_CHARGING)
    assert isinstance(await client.authorise(ORDER, CARD, CVV), Approved)


async def test_busy_after_a_credit_is_no_refusal(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    await client.authorise(ORDER, CARD, CVV)
    cmi.ledger.settle(cmi.gateway.bank.now())
    cmi.lie(Manner.BUSY_AFTER_CHARGING, on=frozenset({Kind.CREDIT}))
    answer = await client.refund("o-1", 3000)
    assert isinstance(answer, Decline)
    assert answer.kind is DeclineKind.BANK_BUSY
    assert await client.credited_centimes("o-1") == 3000
