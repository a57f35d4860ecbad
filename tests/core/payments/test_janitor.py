"""Payments that wait: asked about until the acquirer decides, expired, or given back; by a clock we own."""

import asyncio

import pytest

from core.payments.service import NoSuchPayment
from core.payments.table import Payment, PaymentState
from core.ports import Authorisation, Order, Pending, UnknownOutcome
from tests.support.bank import CARD, CVV, PIN, FakeBank, asks_pin, declines, silent, silent_after_charging
from tests.support.shop import BILL, STRANGER, Shop

WHOLE_DAY_S = 86_401


def texts(shop: Shop) -> list[str]:
    return [sms.text.split()[0] for sms in shop.gateways.sms]


async def test_a_lost_answer_is_found_by_asking(shop: Shop) -> None:
    shop.bank.scripts.append(silent_after_charging)
    payment = await shop.paid()
    assert await shop.sweep.run() == 0
    shop.clock.forward(5)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.CAPTURED
    await shop.work()
    assert texts(shop) == ["receipt"]
    assert shop.bank.kept == {payment.id}
    assert await shop.sweep.run() == 0


async def test_questions_follow_the_schedule(shop: Shop) -> None:
    shop.bank.scripts.append(silent)
    payment = await shop.paid()
    asked_at: list[int] = []
    for second in (*range(0, 320, 5), 895, 900, 905, 3595, 3600, 86395, 86400, 2 * 86400, 3 * 86400):
        shop.clock.time = payment.created_at
        shop.clock.forward(second)
        before = shop.bank.asked
        shop.bank.inquiries.append(Pending())
        await shop.sweep.run()
        if shop.bank.asked > before:
            asked_at.append(second)
    assert asked_at == [5, 15, 60, 300, 905, 3600, 86400, 2 * 86400, 3 * 86400]
    assert await shop.state(payment) is PaymentState.UNKNOWN
    await shop.work()
    assert texts(shop) == ["undecided"]


async def test_an_order_the_bank_does_not_know_waits_for_the_window(shop: Shop) -> None:
    shop.bank.scripts.append(silent)
    payment = await shop.paid()
    shop.clock.forward(300)
    await shop.sweep.run()
    assert (await shop.state(payment), await shop.active()) == (PaymentState.UNKNOWN, [BILL.number])
    shop.clock.forward(601)
    await shop.sweep.run()
    assert (await shop.state(payment), await shop.active()) == (PaymentState.EXPIRED, [])
    await shop.work()
    assert texts(shop) == ["undecided", "declined"]
    shop.clock.forward(WHOLE_DAY_S)
    await shop.sweep.run()
    assert await shop.sweep.run() == 0


async def landed_late(shop: Shop) -> Payment:
    """Unknown, then given up at the window's end, then charged by the bank after all."""
    shop.bank.scripts.append(silent)
    payment = await shop.paid()
    shop.clock.forward(901)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.EXPIRED
    shop.bank.charge(shop.bank.orders[0])
    return payment


async def test_a_late_landing_on_bills_that_are_still_owed_is_kept(shop: Shop) -> None:
    payment = await landed_late(shop)
    shop.clock.forward(3600)
    await shop.sweep.run()
    await shop.work()
    assert (await shop.state(payment), await shop.active()) == (PaymentState.CAPTURED, [BILL.number])
    assert texts(shop) == ["declined", "receipt"]


async def test_a_late_landing_on_bills_another_took_is_given_back(shop: Shop) -> None:
    payment = await landed_late(shop)
    other = await shop.paid(shop.order("ivr:1", STRANGER))
    assert other.state is PaymentState.CAPTURED
    shop.clock.forward(3600)
    await shop.sweep.run()
    await shop.work()
    assert (await shop.state(payment), await shop.state(other)) == (PaymentState.VOIDED, PaymentState.CAPTURED)
    assert shop.bank.kept == {other.id}
    assert await shop.active() == [BILL.number]
    found = await shop.till.payment(payment.id)
    assert found is not None
    assert (found.receipt_number, found.auth_code) == (None, "000001")
    assert "undone" in texts(shop)


async def test_a_late_approval_after_a_decline_wins(shop: Shop) -> None:
    shop.bank.scripts.append(silent)
    payment = await shop.paid()
    shop.bank.declined.add(payment.id)
    shop.clock.forward(5)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.DECLINED
    shop.bank.charge(shop.bank.orders[0])
    assert (await shop.till.inquire(payment.id)).state is PaymentState.CAPTURED


async def test_a_decline_found_by_asking_is_told(shop: Shop) -> None:
    async def loses_a_decline(bank: FakeBank, order: Order) -> Authorisation:
        bank.declined.add(order.id)
        return UnknownOutcome("time-out")

    shop.bank.scripts.append(loses_a_decline)
    payment = await shop.paid()
    shop.clock.forward(5)
    await shop.sweep.run()
    await shop.work()
    assert (await shop.state(payment), texts(shop)) == (PaymentState.DECLINED, ["declined"])
    shop.clock.forward(WHOLE_DAY_S)
    await shop.sweep.run()
    assert await shop.sweep.run() == 0


async def test_a_decline_found_may_be_the_earlier_cards(shop: Shop) -> None:
    """The second card's charge is still on its way: the order's old decline must not release the bills."""
    shop.bank.scripts.extend([declines, silent])
    payment = await shop.paid()
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    shop.clock.forward(60)
    await shop.sweep.run()
    assert (await shop.state(payment), await shop.active()) == (PaymentState.UNKNOWN, [BILL.number])
    shop.clock.forward(841)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.DECLINED


async def test_a_lost_question_for_the_pin_is_asked_again(shop: Shop) -> None:
    async def loses_the_question(bank: FakeBank, order: Order) -> Authorisation:
        bank.ask_pin(order.id)
        return UnknownOutcome("time-out")

    shop.bank.scripts.append(loses_the_question)
    payment = await shop.paid()
    shop.clock.forward(5)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.CHALLENGE
    paid = await shop.till.answer_challenge(payment.id, PIN, wait_s=60)
    assert isinstance(paid, Payment)
    assert paid.state is PaymentState.CAPTURED


async def test_an_open_question_expires_and_is_asked_about_for_a_day(shop: Shop) -> None:
    shop.bank.scripts.append(asks_pin)
    payment = await shop.paid()
    shop.clock.forward(299)
    assert await shop.sweep.run() == 0
    shop.clock.forward(2)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.EXPIRED
    shop.bank.charge(shop.bank.orders[0])
    shop.clock.forward(WHOLE_DAY_S)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.CAPTURED


@pytest.mark.parametrize(("charged", "ends"), [(True, PaymentState.CAPTURED), (False, PaymentState.EXPIRED)])
async def test_a_process_that_died_while_sending(shop: Shop, charged: bool, ends: PaymentState) -> None:
    """The task is dropped between sending and recording; another worker finds the payment by its time."""
    gone = asyncio.Event()

    async def dies(bank: FakeBank, order: Order) -> Authorisation:
        if charged:
            bank.charge(order)
        gone.set()
        await asyncio.Event().wait()
        raise AssertionError

    shop.bank.scripts.append(dies)
    payment = await shop.started()
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=0)
    await gone.wait()
    for task in shop.till._charger._under_way:
        task.cancel()
    await shop.till.drain(5)
    assert (await shop.till.settle(payment.id, 0)).state is PaymentState.SENDING
    shop.clock.forward(89)
    assert await shop.sweep.run() == 0
    shop.clock.forward(2)
    await shop.sweep.run()
    assert await shop.state(payment) is (PaymentState.CAPTURED if charged else PaymentState.UNKNOWN)
    shop.clock.forward(900)
    await shop.sweep.run()
    assert await shop.state(payment) is ends
    assert len(shop.bank.charges) == charged


async def test_many_workers_ask_once(shop: Shop) -> None:
    shop.bank.scripts.append(silent_after_charging)
    payment = await shop.paid()
    shop.clock.forward(5)
    await asyncio.gather(*(shop.sweep.run() for _ in range(4)), shop.till.attendant.attend(payment.id))
    assert shop.bank.asked == 1
    assert await shop.state(payment) is PaymentState.CAPTURED
    receipts = await shop.database.all("SELECT year, sequence FROM receipts")
    assert [tuple(row.values()) for row in receipts] == [(2026, 1)]


async def test_attending_too_early_changes_nothing(shop: Shop) -> None:
    basket = await shop.started()
    await shop.till.attendant.attend(basket.id)
    await shop.till.attendant.attend_claimed(basket.id)
    assert await shop.state(basket) is PaymentState.CREATED
    shop.bank.scripts.append(asks_pin)
    await shop.till.authorise(basket.id, CARD, CVV, wait_s=60)
    await shop.till.attendant.attend_claimed(basket.id)
    assert await shop.state(basket) is PaymentState.CHALLENGE
    with pytest.raises(NoSuchPayment):
        await shop.till.inquire("nobody")


async def test_sending_is_left_alone_while_it_is_young(shop: Shop) -> None:
    async def waits(bank: FakeBank, order: Order) -> Authorisation:
        await asyncio.Event().wait()
        raise AssertionError

    shop.bank.scripts.append(waits)
    payment = await shop.started()
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=0)
    await shop.till.attendant.attend_claimed(payment.id)
    assert (await shop.till.inquire(payment.id)).state is PaymentState.SENDING
    for task in shop.till._charger._under_way:
        task.cancel()


async def test_settled_payments_want_nothing(shop: Shop) -> None:
    payment = await shop.paid()
    await shop.till.attendant.attend(payment.id)
    assert await shop.till.inquire(payment.id) == await shop.till.payment(payment.id)
    assert shop.bank.asked == 0


async def test_workers_that_lose_a_race_leave_it(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    shop.bank.scripts.append(silent)
    unknown = await shop.paid()
    shop.bank.declined.add(unknown.id)
    shop.bank.crowd = asyncio.Barrier(3)
    found = await asyncio.gather(*(shop.till.inquire(unknown.id) for _ in range(3)))
    assert {payment.state for payment in found} == {PaymentState.DECLINED}
    assert (await shop.story(unknown)).count("refused>declined") == 1
    paid = await shop.paid(await shop.internet_order())
    await shop.till.undo(paid.id, "test")
    await asyncio.gather(*(shop.till.attendant.attend_claimed(paid.id) for _ in range(3)))
    assert await shop.state(paid) is PaymentState.VOIDED
    assert (await shop.story(paid)).count("voided>voided") == 1
    assert caplog.text.count("moved on while it was attended to") == 2
