"""What went back is told to billing, which was told before that it was paid: once, until it hears."""

import asyncio

import pytest

from core.payments.table import PaymentState
from core.ports import Posting, TooLate
from core.refunds.model import Reversal
from core.subscribers.lines import ServiceType
from tests.core.billing.test_posting import paid_three
from tests.support.shop import BILL, Shop

LINE = (ServiceType.MOBILE, "0600000001")


async def refunds(shop: Shop) -> list[tuple[str, int, str]]:
    rows = await shop.database.all("SELECT invoice_number, amount_centimes, state FROM refunds ORDER BY id")
    return [(row["invoice_number"], row["amount_centimes"], row["state"]) for row in rows]


@pytest.mark.parametrize("settled", [False, True])
async def test_a_bill_whose_payment_went_back_is_owed_again(shop: Shop, *, settled: bool) -> None:
    payment = await shop.paid()
    await shop.work()
    assert await shop.billing.unpaid(*LINE) == ()
    if settled:
        shop.bank.voids.append(TooLate())
    await shop.till.undo(payment.id, "asked by the customer")
    await shop.work()
    assert await shop.state(payment) is (PaymentState.REFUNDED if settled else PaymentState.VOIDED)
    assert await refunds(shop) == [(BILL.number, 76920, "told")]
    assert await shop.billing.unpaid(*LINE) == (BILL,)
    again = await shop.paid(shop.order("ussd:again"))
    await shop.work()
    assert (await shop.state(again), await shop.postings(again)) == (PaymentState.CAPTURED, ["posted"])
    assert await shop.sweep.run() == 0


async def test_billing_that_is_down_hears_of_it_later_and_once(shop: Shop) -> None:
    payment = await shop.paid()
    await shop.work()
    shop.billing.down = True
    await shop.till.undo(payment.id, "asked by the customer")
    await shop.work()
    assert await refunds(shop) == [(BILL.number, 76920, "credited")]
    for pause_s in (5, 15):
        shop.clock.forward(pause_s - 1)
        assert await shop.sweep.run() == 0
        shop.clock.forward(1)
        assert await shop.sweep.run() == 1
    shop.billing.down = False
    shop.clock.forward(60)
    await asyncio.gather(*(shop.poster.refund(payment.id) for _ in range(4)))
    assert (await refunds(shop), shop.billing.reversals) == ([(BILL.number, 76920, "told")], [(BILL.number, 76920)])


async def test_what_billing_was_never_told_is_not_told_back(shop: Shop) -> None:
    payment = await shop.paid()
    await shop.database.do("DELETE FROM procrastinate_jobs")
    await shop.till.undo(payment.id, "asked by the customer")
    await shop.work()
    assert (await shop.state(payment), await refunds(shop)) == (PaymentState.VOIDED, [])


async def test_a_telling_under_way_when_the_payment_went_back_is_told_back_after_it(shop: Shop) -> None:
    """Billing carried the posting out and its answer was lost: nobody here knows that the bill is paid there."""
    payment = await shop.paid()
    await shop.billing._inner.post(payment, BILL)
    await shop.database.do("UPDATE payment_lines SET posting_attempts = 1, posting_due_at = NULL")
    await shop.database.do("DELETE FROM procrastinate_jobs")
    await shop.till.undo(payment.id, "asked by the customer")
    await shop.work()
    assert await refunds(shop) == [(BILL.number, 76920, "credited")]
    shop.clock.forward(60)
    await shop.sweep.run()
    assert await shop.billing.unpaid(*LINE) == (BILL,)


async def test_only_what_this_payment_paid_is_owed_again(shop: Shop) -> None:
    payment = await shop.paid()
    await shop.database.do("UPDATE invoices SET paid_at = now(), paid_by = 'agency'")
    assert await shop.billing.reverse(Reversal(payment, BILL.number, 76920, "mine")) is Posting.POSTED
    assert await shop.billing.unpaid(*LINE) == ()


async def test_parts_of_a_bill_are_owed_again_and_never_more_than_the_bill(shop: Shop) -> None:
    payment = await shop.paid()
    await shop.work()

    async def owed() -> list[int]:
        return [bill.amount_centimes for bill in await shop.billing.unpaid(*LINE)]

    for reference, owed_after in (("a", [30000]), ("a", [30000]), ("b", [60000]), ("c", [76920])):
        await shop.billing.reverse(Reversal(payment, BILL.number, 30000, reference))
        assert await owed() == owed_after


async def test_billing_that_will_not_hear_of_it_is_an_operator_s(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    payment, numbers = await paid_three(shop)
    await shop.work()
    shop.billing.refuses_reversals = True
    await shop.till.undo(payment.id, "asked by the customer")
    await shop.work()
    assert [state for _, _, state in await refunds(shop)] == ["untold"] * 3
    assert numbers[0] in caplog.text
    assert await shop.sweep.run() == 0
