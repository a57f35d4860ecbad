"""Money given back: voided, credited when it is too late for that, and left to an operator when the bank refuses."""

import pytest

from core.payment import State
from core.ports import Declined, DeclineKind, NotSettled, Pending, TooLate, Undoing, Unknown
from tests.core.conftest import BILL, STRANGER, Shop
from tests.core.fakes import (
    silent,
    silent_after_charging,
    takes,
)


def texts(shop: Shop) -> list[str]:
    return [sms.text.split()[0] for sms in shop.gateways.sms]


async def test_another_amount_than_asked_is_given_back_at_once(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.bank.scripts.append(takes(7692))
    payment = await shop.paid()
    assert (payment.state, payment.receipt_number, payment.approved_centimes) == (State.INTEGRITY_FAILURE, None, 7692)
    assert "7692 centimes approved, 76920 asked" in caplog.text
    await shop.work()
    assert (await shop.state(payment), shop.bank.kept, await shop.active()) == (State.VOIDED, set(), [])
    assert texts(shop) == ["undone"]


async def test_another_amount_on_bills_another_took_is_given_back_too(shop: Shop) -> None:
    shop.bank.scripts.append(silent)
    payment = await shop.paid()
    shop.clock.forward(901)
    await shop.sweep.run()
    await shop.paid(shop.order("ivr:1", STRANGER))
    shop.bank.charge(shop.bank.orders[0], 5)
    assert (await shop.till.inquire(payment.id)).state is State.INTEGRITY_FAILURE
    await shop.work()
    assert (await shop.state(payment), await shop.active()) == (State.VOIDED, [BILL.number])


async def test_too_late_to_void_is_credited(shop: Shop) -> None:
    payment = await shop.paid()
    shop.bank.voids.append(TooLate())
    undoing = await shop.till.undo(payment.id, "asked by the customer")
    assert undoing.state is State.VOIDING
    await shop.work()
    assert (await shop.state(payment), shop.bank.refunds) == (State.REFUNDED, [(payment.id, 76920)])
    assert (await shop.story(payment))[-3:] == ["void>voiding", "refund>refunding", "refunded>refunded"]


@pytest.mark.parametrize("answer", [Unknown("time-out"), Declined("99", DeclineKind.OUR_FAULT)])
async def test_a_void_that_fails_is_tried_again(shop: Shop, answer: Undoing) -> None:
    payment = await shop.paid()
    shop.bank.voids.append(answer)
    await shop.till.undo(payment.id, "test")
    await shop.work()
    assert await shop.state(payment) is State.VOIDING
    shop.clock.forward(3600)
    await shop.sweep.run()
    assert await shop.state(payment) is State.VOIDED


async def test_a_void_that_was_done_unheard_is_seen_by_asking(shop: Shop) -> None:
    payment = await shop.paid()
    shop.bank.voids.append(Unknown("time-out"))
    await shop.till.undo(payment.id, "test")
    await shop.work()
    shop.bank.voided.add(payment.id)
    shop.bank.voids.append(Declined("CORE-2008", DeclineKind.OUR_FAULT))
    shop.clock.forward(60)
    await shop.sweep.run()
    assert await shop.state(payment) is State.VOIDED


async def test_a_credit_waits_for_settlement_and_its_refusal_is_an_operators(shop: Shop) -> None:
    payment = await shop.paid()
    shop.bank.voids.append(TooLate())
    shop.bank.refund_answers.extend([NotSettled(), Unknown("time-out"), Declined("99", DeclineKind.OUR_FAULT)])
    await shop.till.undo(payment.id, "test")
    await shop.work()
    for pause_s in (3600, 60):
        assert await shop.state(payment) is State.REFUNDING
        shop.clock.forward(pause_s)
        await shop.sweep.run()
    assert (await shop.state(payment), shop.bank.refunds) == (State.CAPTURED, [])
    assert await shop.active() == [BILL.number]
    assert await shop.sweep.run() == 0


async def test_after_a_bill_was_credited_only_the_rest_is(shop: Shop) -> None:
    payment = await shop.paid(await shop.internet_order())
    shop.bank.refunds.append((payment.id, 29900))
    shop.bank.voids.append(TooLate())
    await shop.till.undo(payment.id, "asked by the customer")
    await shop.work()
    assert await shop.state(payment) is State.REFUNDED
    assert shop.bank.refunds == [(payment.id, 29900), (payment.id, payment.amount_centimes - 29900)]


async def test_a_credit_that_was_done_unheard_is_not_repeated(shop: Shop) -> None:
    payment = await shop.paid()
    shop.bank.voids.append(TooLate())
    shop.bank.refund_answers.append(Unknown("time-out"))
    await shop.till.undo(payment.id, "asked by the customer")
    await shop.work()
    assert await shop.state(payment) is State.REFUNDING
    shop.bank.refunds.append((payment.id, payment.amount_centimes))
    shop.clock.forward(60)
    await shop.sweep.run()
    assert (await shop.state(payment), len(shop.bank.refunds)) == (State.REFUNDED, 1)


async def test_an_order_voided_at_the_bank_is_not_paid(shop: Shop) -> None:
    shop.bank.scripts.append(silent_after_charging)
    payment = await shop.paid()
    shop.bank.voided.add(payment.id)
    assert (await shop.till.inquire(payment.id)).state is State.DECLINED


async def test_pending_is_not_a_void(shop: Shop) -> None:
    """An answer to an undo that says nothing leaves it for the next time."""
    payment = await shop.paid()
    shop.bank.inquiries.append(Pending())
    shop.bank.voids.append(NotSettled())
    await shop.till.undo(payment.id, "test")
    await shop.work()
    assert await shop.state(payment) is State.VOIDING
    shop.clock.forward(3599)
    assert [state for state in await shop.story(payment) if "void" in state] == ["void>voiding"]
    shop.clock.forward(1)
    await shop.sweep.run()
    assert await shop.state(payment) is State.VOIDED
