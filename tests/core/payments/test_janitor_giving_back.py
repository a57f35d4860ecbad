"""What is given back, and what a hosted page said, looked after until it is certain; by a clock we own."""

import pytest

from core.payments.table import Payment, PaymentState
from core.ports import Approved, AuthorisedOnly, Decline, DeclineKind, Order, TooLate, Undoing, UnknownOutcome
from tests.support.shop import Shop

WHOLE_DAY_S = 86_401


async def test_what_went_back_wants_nothing_more(shop: Shop) -> None:
    paid = await shop.paid()
    await shop.till.undo(paid.id, "test")
    await shop.till.attendant.attend_claimed(paid.id)
    assert await shop.state(paid) is PaymentState.VOIDED
    await shop.till.attendant.attend_claimed(paid.id)
    assert (await shop.story(paid)).count("voided>voided") == 1
    (kept,) = await shop.database.all("SELECT due_at FROM payments WHERE id = %(id)s", id=paid.id)
    assert kept["due_at"] is None


@pytest.mark.parametrize("answer", [Decline("99", DeclineKind.OUR_FAULT), UnknownOutcome("time-out")])
async def test_a_void_that_did_not_succeed_is_tried_again(shop: Shop, answer: Undoing) -> None:
    shop.bank.voids.append(answer)
    paid = await shop.paid()
    await shop.till.undo(paid.id, "test")
    await shop.till.attendant.attend_claimed(paid.id)
    assert await shop.state(paid) is PaymentState.VOIDING
    shop.clock.forward(WHOLE_DAY_S)
    await shop.sweep.run()
    assert await shop.state(paid) is PaymentState.VOIDED


async def test_a_credit_that_is_refused_is_an_operators(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.bank.voids.append(TooLate())
    shop.bank.refund_answers.append(Decline("99", DeclineKind.OUR_FAULT))
    paid = await shop.paid()
    await shop.till.undo(paid.id, "test")
    await shop.till.attendant.attend_claimed(paid.id)
    assert "the credit is refused (99): for an operator" in caplog.text
    assert shop.bank.refunds == []
    assert (await shop.story(paid))[-1].startswith("undo_refused>")


async def test_what_was_given_back_so_far_is_read_before_more_is(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreadable(order_id: str) -> None:
        return None

    shop.bank.voids.append(TooLate())
    paid = await shop.paid()
    await shop.till.undo(paid.id, "test")
    with monkeypatch.context() as silenced:
        silenced.setattr(shop.bank, "credited_centimes", unreadable)
        await shop.till.attendant.attend_claimed(paid.id)
    assert await shop.state(paid) is PaymentState.REFUNDING
    assert shop.bank.refunds == []
    shop.clock.forward(WHOLE_DAY_S)
    await shop.sweep.run()
    assert await shop.state(paid) is PaymentState.REFUNDED
    assert shop.bank.refunds == [(paid.id, paid.amount_centimes)]


async def test_a_page_has_its_time(shop: Shop) -> None:
    payment = await shop.started()
    await shop.till.open_page(payment.id, 900)
    shop.clock.forward(300)
    await shop.till.attendant.attend_claimed(payment.id)
    assert await shop.state(payment) is PaymentState.SENDING
    shop.clock.forward(900)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.EXPIRED, "the acquirer knows no such order"


@pytest.mark.parametrize("held", [True, False])
async def test_what_a_page_said_is_paid_is_taken_or_told(
    shop: Shop, caplog: pytest.LogCaptureFixture, held: bool
) -> None:
    payment = await shop.started()
    opened = await shop.till.open_page(payment.id, 900)
    assert isinstance(opened, Payment)
    order = Order(payment.id, payment.amount_centimes, "MAD", None, "")
    said = shop.bank.charge(order)
    assert isinstance(said, Approved)
    if held:
        shop.bank.inquiries.append(AuthorisedOnly(said.auth_code, said.transaction_number, payment.amount_centimes))
    else:
        del shop.bank.charges[payment.id]
    assert (await shop.till.attendant.paid_on_page(opened, said)).state is PaymentState.CAPTURED
    shop.clock.forward(WHOLE_DAY_S)
    await shop.sweep.run()
    assert ("paid here, not at the acquirer" in caplog.text) is not held


async def test_a_page_that_ended_without_a_card_lets_the_bills_go_at_once(shop: Shop) -> None:
    payment = await shop.started()
    await shop.till.open_page(payment.id, 600)
    shop.clock.forward(631)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.EXPIRED
    assert await shop.active() == []
