"""Billing is told of every paid bill, once; what it refuses is given back, whole or in part, and never twice."""

import asyncio

import pytest

from core.payments.table import Payment, PaymentState
from core.ports import Decline, DeclineKind, NotSettled, Undoing, UnknownOutcome
from tests.support.shop import Shop
from tests.support.statements import asked


def texts(shop: Shop) -> list[str]:
    return [sms.text.split()[0] for sms in shop.gateways.sms]


async def paid_three(shop: Shop, *refused: int) -> tuple[Payment, list[str]]:
    """A payment of three bills, some of which billing will refuse; their numbers."""
    order = await shop.internet_order()
    numbers = [invoice.number for invoice in order.invoices]
    shop.billing.refuses = {numbers[index] for index in refused}
    return await shop.paid(order), numbers


async def test_every_bill_is_posted(shop: Shop) -> None:
    payment, _ = await paid_three(shop)
    await shop.work()
    assert await shop.postings(payment) == ["posted"] * 3
    rows = await shop.database.all("SELECT DISTINCT paid_by FROM invoices WHERE line_reference = '7710345'")
    assert [row["paid_by"] for row in rows] == [payment.id]
    await shop.poster.post(payment.id)
    assert await shop.sweep.run() == 0


async def test_posting_waits_for_billing_and_the_receipt_does_not(shop: Shop) -> None:
    payment = await shop.paid()
    shop.billing.down = True
    await shop.work()
    assert (await shop.postings(payment), texts(shop)) == (["pending"], ["receipt"])
    for pause_s in (5, 15):
        shop.clock.forward(pause_s - 1)
        assert await shop.sweep.run() == 0
        shop.clock.forward(1)
        assert await shop.sweep.run() == 1
    shop.billing.down = False
    shop.clock.forward(60)
    await shop.sweep.run()
    assert await shop.postings(payment) == ["posted"]


async def test_a_bill_paid_elsewhere_meanwhile_voids_the_payment(shop: Shop) -> None:
    payment = await shop.paid()
    await shop.database.do(
        "UPDATE invoices SET paid_at = now(), paid_by = 'agency' WHERE line_reference = '0600000001'"
    )
    await shop.work()
    assert (await shop.state(payment), await shop.postings(payment)) == (PaymentState.VOIDED, ["credited"])
    assert shop.bank.kept == set()
    assert sorted(texts(shop)) == ["receipt", "undone"]


async def test_one_refused_bill_of_three_is_credited_after_settlement(shop: Shop) -> None:
    payment, numbers = await paid_three(shop, 1)
    shop.bank.refund_answers.append(NotSettled())
    await shop.work()
    assert (await shop.state(payment), await shop.postings(payment)) == (
        PaymentState.CAPTURED,
        ["posted", "refused", "posted"],
    )
    shop.clock.forward(30)
    assert await shop.sweep.run() == 1  # the look after the approval
    shop.clock.forward(3569)
    assert await shop.sweep.run() == 0
    shop.clock.forward(1)
    await shop.sweep.run()
    await shop.work()
    assert await shop.postings(payment) == ["posted", "credited", "posted"]
    assert shop.bank.refunds == [(payment.id, 29900)]
    assert sorted(texts(shop)) == ["elsewhere", "receipt"]
    assert shop.gateways.sms[-1].text == f"elsewhere {numbers[1]} 29900"
    assert numbers[1] in await shop.active()


@pytest.mark.parametrize("answer", [UnknownOutcome("time-out"), Decline("99", DeclineKind.OUR_FAULT)])
async def test_a_credit_without_a_clear_end_is_never_repeated(
    shop: Shop, answer: Undoing, caplog: pytest.LogCaptureFixture
) -> None:
    payment, _ = await paid_three(shop, 0)
    shop.bank.refund_answers.append(answer)
    await shop.work()
    shop.clock.forward(100_000)
    await shop.sweep.run()
    assert (await shop.postings(payment), shop.bank.refunds) == (["stuck", "posted", "posted"], [])
    assert "an operator must credit it" in caplog.text


async def test_a_credit_that_landed_unheard_is_seen_in_the_acquirers_sum(shop: Shop) -> None:
    payment, _ = await paid_three(shop, 0)
    shop.bank.refund_answers.append(UnknownOutcome("time-out"))
    await shop.work()
    assert await shop.postings(payment) == ["crediting", "posted", "posted"]
    shop.bank.refunds.append((payment.id, 29900))
    shop.clock.forward(60)
    await shop.sweep.run()
    await shop.work()
    assert (await shop.postings(payment), len(shop.bank.refunds)) == (["credited", "posted", "posted"], 1)
    assert sorted(texts(shop)) == ["elsewhere", "receipt"]


async def test_a_worker_that_died_in_a_credit_leaves_it_to_an_operator(shop: Shop) -> None:
    payment, numbers = await paid_three(shop, 0)
    shop.bank.refund_answers.append(NotSettled())
    await shop.work()
    await shop.database.do(
        "UPDATE payment_lines SET posting = 'crediting' WHERE invoice_number = %(number)s", number=numbers[0]
    )
    shop.clock.forward(3600)
    await shop.sweep.run()
    assert (await shop.postings(payment), shop.bank.refunds) == (["stuck", "posted", "posted"], [])


async def test_nothing_is_given_back_before_billing_has_answered_for_all(shop: Shop) -> None:
    payment, _ = await paid_three(shop, 0, 1, 2)
    shop.billing.down = True
    await shop.work()
    shop.billing.down = False
    await shop.database.do("UPDATE payment_lines SET posting = 'refused' WHERE posting = 'pending' AND payment_id IN "
        "(SELECT payment_id FROM payment_lines WHERE invoice_number = '0000400215092026') "
        "AND invoice_number = '0000400215092026'")  # fmt: skip
    shop.billing.down = True
    shop.clock.forward(5)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.CAPTURED
    shop.billing.down = False
    shop.clock.forward(60)
    await shop.sweep.run()
    await shop.work()
    assert (await shop.state(payment), await shop.postings(payment)) == (PaymentState.VOIDED, ["credited"] * 3)


async def test_what_is_being_given_back_is_not_posted(shop: Shop) -> None:
    payment = await shop.paid()
    shop.bank.voids.append(UnknownOutcome("time-out"))
    await shop.till.undo(payment.id, "asked by the customer")
    await shop.work()
    assert (await shop.state(payment), await shop.postings(payment)) == (PaymentState.VOIDING, ["pending"])
    shop.clock.forward(60)
    await shop.sweep.run()
    assert (await shop.state(payment), await shop.postings(payment)) == (PaymentState.VOIDED, ["credited"])


async def test_a_refusal_of_a_payment_that_is_being_undone_is_no_second_undo(shop: Shop) -> None:
    payment = await shop.paid()
    lines = await shop.books.postings.of(payment.id)
    await shop.till.undo(payment.id, "asked by the customer")
    await shop.poster._void(payment, lines)
    assert await shop.state(payment) is PaymentState.VOIDING


async def test_workers_at_once_credit_once(shop: Shop) -> None:
    payment, _ = await paid_three(shop, 0)
    shop.bank.refund_answers.append(NotSettled())
    await shop.work()
    refused = (await shop.books.postings.of(payment.id))[0]
    await asyncio.gather(*(shop.poster._credit(payment, refused) for _ in range(4)))
    assert shop.bank.refunds == [(payment.id, 29900)]


async def test_a_refusal_left_behind_by_a_dead_worker_ends_with_the_whole(shop: Shop) -> None:
    """It died after the void was committed and before its bills were written off."""
    payment = await shop.paid()
    await shop.database.do("UPDATE payment_lines SET posting = 'refused'")
    await shop.database.do("DELETE FROM procrastinate_jobs")
    await shop.till.undo(payment.id, "billing refused")
    await shop.poster.post(payment.id)
    assert await shop.postings(payment) == ["refused"]
    shop.clock.forward(240)
    await shop.sweep.run()
    assert (await shop.state(payment), await shop.postings(payment)) == (PaymentState.VOIDED, ["credited"])


async def test_each_credit_has_its_own_time(shop: Shop) -> None:
    payment, numbers = await paid_three(shop, 0, 1)
    shop.bank.refund_answers.extend([NotSettled(), NotSettled()])
    await shop.work()
    await shop.database.do(
        "UPDATE payment_lines SET posting_due_at = posting_due_at + interval '1 hour' "
        "WHERE invoice_number = %(number)s",
        number=numbers[1],
    )
    shop.clock.forward(3600)
    await shop.sweep.run()
    assert await shop.postings(payment) == ["credited", "refused", "posted"]
    shop.clock.forward(3600)
    await shop.sweep.run()
    assert await shop.postings(payment) == ["credited", "credited", "posted"]
    assert shop.bank.refunds == [(payment.id, 29900), (payment.id, 29900)]
    told = [sms.text for sms in shop.gateways.sms if sms.text.startswith("elsewhere")]
    assert told == [f"elsewhere {number} 29900" for number in numbers[:2]]  # each is told by itself


async def test_a_posting_costs_four_statements(shop: Shop) -> None:
    """Its bill is claimed, the payment read, billing told, and that written down."""
    payment = await shop.paid()
    with asked() as statements:
        await shop.poster.post(payment.id)
    assert len(statements) == 4, statements
    assert await shop.postings(payment) == ["posted"]
