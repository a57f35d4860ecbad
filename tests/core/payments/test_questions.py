"""A question of the bank that was answered without our hearing the end: its bills are not given away (found by
lab/chaos/simulation.py), and nothing is sent by a process that slept through the window."""

from core.payments.table import Payment, PaymentState
from core.ports import Pending, UnknownOutcome
from core.refunds.resolving import PATIENCE, Resolution, payment_ends
from core.repositories import Change
from tests.support.bank import CARD, CVV, PIN, asks_pin, silent
from tests.support.shop import BILL, Shop

LOOKS = 3


async def answered_unheard(shop: Shop) -> Payment:
    """The PIN left, no answer came, and an inquiry finds the question still open."""
    shop.bank.scripts.append(asks_pin)
    payment = await shop.paid()
    shop.bank.pin_scripts.append(silent)
    await shop.till.answer_challenge(payment.id, PIN, wait_s=60)
    shop.clock.forward(5)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.CHALLENGE
    return payment


async def test_an_answer_that_may_still_land_keeps_its_bills(shop: Shop) -> None:
    payment = await answered_unheard(shop)
    shop.clock.forward(400)
    await shop.sweep.run()
    assert (await shop.state(payment), await shop.active()) == (PaymentState.CHALLENGE, [BILL.number])
    shop.bank.charge(shop.bank.orders[0])
    shop.clock.forward(600)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.CAPTURED


async def test_a_question_ends_only_by_the_banks_word(shop: Shop) -> None:
    payment = await answered_unheard(shop)
    shop.clock.forward(1_000)
    shop.bank.inquiries.extend([UnknownOutcome("time-out"), Pending()])
    for _ in range(2):
        await shop.sweep.run()
        assert await shop.state(payment) is PaymentState.CHALLENGE
        shop.clock.forward(60)
    await shop.sweep.run()
    assert (await shop.state(payment), await shop.active()) == (PaymentState.EXPIRED, [])


async def test_where_the_bank_never_says_it_is_unknown_and_people_end_it(shop: Shop) -> None:
    payment = await answered_unheard(shop)
    shop.bank.inquiries.extend([Pending()] * LOOKS)
    for _ in range(LOOKS):
        shop.clock.forward(2_500)
        await shop.sweep.run()
    assert (await shop.state(payment), await shop.active()) == (PaymentState.UNKNOWN, [BILL.number])
    ends = payment_ends(PaymentState.UNKNOWN, None, payment.sent_at or payment.created_at, shop.clock.now() + PATIENCE)
    assert ends == (Resolution.CHARGED, Resolution.NOT_CHARGED)


async def test_what_was_held_up_too_long_is_not_sent(shop: Shop) -> None:
    """The process was stopped between its commit and the sending, and woke up after the bills had been released."""
    payment = await shop.started()
    move = type(shop.books.payments).move

    async def stopped_after_its_commit(payment_id: str, change: Change, now: object) -> Payment:
        moved = await move(shop.books.payments, payment_id, change, now)  # type: ignore[arg-type]  # as given
        shop.clock.forward(31)
        return moved

    shop.books.payments.move = stopped_after_its_commit  # type: ignore[method-assign]  # a pause, no change
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    assert (await shop.state(payment), shop.bank.orders, shop.bank.charges) == (PaymentState.DECLINED, [], {})
