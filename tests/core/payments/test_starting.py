"""Baskets: bills read again, locked once, repeats recognised, own stale baskets replaced, nobody else's."""

import asyncio
from dataclasses import replace

import psycopg
import pytest

from core.ids import Ids
from core.languages import LanguageCode
from core.payments.orders import KeyReused, StartOrder
from core.payments.refusal import Refusal
from core.payments.table import Payment, PaymentState
from core.repositories import ReferenceTaken
from core.subscribers.lines import ServiceType
from tests.support.bank import CARD, CVV, silent
from tests.support.shop import BILL, PAYER, STRANGER, Shop
from tests.support.waiting import until, waits_for

MOBILE = (ServiceType.MOBILE, "0600000001")


async def test_a_repeat_gives_the_same_payment_also_after_it_was_paid(shop: Shop) -> None:
    first = await shop.started()
    assert await shop.till.start(shop.order()) == first
    await shop.till.authorise(first.id, CARD, CVV, wait_s=60)
    await shop.work()
    again = await shop.started()
    assert (again.id, again.state) == (first.id, PaymentState.CAPTURED)


async def test_copies_of_one_request_at_once_make_one_payment(shop: Shop) -> None:
    started = await asyncio.gather(*(shop.till.start(shop.order()) for _ in range(6)))
    assert len({payment.id for payment in started if isinstance(payment, Payment)}) == 1
    assert await shop.active() == [BILL.number]


async def test_a_key_that_comes_again_with_another_basket_is_a_mistake(shop: Shop) -> None:
    await shop.started()
    with pytest.raises(KeyReused):
        await shop.till.start(shop.order(payer=STRANGER))


async def test_of_two_channels_at_once_exactly_one_gets_the_bill(shop: Shop) -> None:
    for number in range(10):
        orders = [shop.order(f"ussd:{number}", PAYER), shop.order(f"ivr:{number}", STRANGER)]
        started = await asyncio.gather(*(shop.till.start(order) for order in orders))
        payments = [payment for payment in started if isinstance(payment, Payment)]
        states = sorted([str(await shop.state(payment)) for payment in payments])
        assert (states.count("created"), await shop.active()) == (1, [BILL.number])
        for payment in payments:
            await shop.till.cancel(payment.id)
        assert await shop.active() == []


async def test_whoever_starts_at_once_and_sends_at_once_one_card_is_charged(shop: Shop) -> None:
    """A start takes a basket over, a send makes that impossible: whichever comes first."""
    for number in range(20):
        await shop.database.do("UPDATE invoices SET paid_at = NULL, paid_by = NULL")
        first = await shop.started(shop.order(f"ussd:{number}", PAYER))
        sent, second = await asyncio.gather(
            shop.till.authorise(first.id, CARD, CVV, wait_s=60), shop.till.start(shop.order(f"ivr:{number}", STRANGER))
        )
        assert isinstance(sent, Payment)
        captured = sent.state is PaymentState.CAPTURED
        assert (sent.state, second if captured else None) in {
            (PaymentState.CAPTURED, Refusal.IN_PROGRESS),
            (PaymentState.EXPIRED, None),
        }
        assert isinstance(second, Payment) is not captured
        assert len(shop.bank.orders) == int(captured)
        shop.bank.orders.clear()
        if captured:
            await shop.till.undo(first.id, "the next round")
            await shop.till.attendant.attend(first.id)
        else:
            assert isinstance(second, Payment)
            await shop.till.cancel(second.id)
        assert await shop.active() == []


async def test_a_basket_is_not_ended_in_vain(shop: Shop) -> None:
    """One of the bills may be being charged: whoever wants both is told so, and nobody else loses a basket."""
    whole = await shop.internet_order()
    one = await shop.started(replace(whole, idempotency_key="one", invoices=whole.invoices[:1]))
    other = await shop.started(
        replace(whole, idempotency_key="other", payer_msisdn=STRANGER, invoices=whole.invoices[1:2])
    )
    shop.bank.scripts.append(silent)
    await shop.till.authorise(other.id, CARD, CVV, wait_s=60)
    both = replace(whole, idempotency_key="both", payer_msisdn="+212600000077", invoices=whole.invoices[:2])
    assert await shop.till.start(both) is Refusal.IN_PROGRESS
    assert await shop.state(one) is PaymentState.CREATED


async def test_starting_over_replaces_the_payers_own_basket(shop: Shop) -> None:
    first = await shop.started()
    assert await shop.till.unpaid(*MOBILE) == (BILL,)
    second = await shop.started(shop.order("ussd:2"))
    assert (await shop.state(first), second.state) == (PaymentState.EXPIRED, PaymentState.CREATED)
    assert await shop.till.authorise(first.id, CARD, CVV, wait_s=60) == await shop.till.payment(first.id)
    assert shop.bank.orders == []


async def test_a_payment_that_was_sent_is_never_replaced(shop: Shop) -> None:
    shop.bank.scripts.append(silent)
    payment = await shop.paid()
    assert payment.state is PaymentState.UNKNOWN
    assert await shop.till.start(shop.order("ussd:2")) is Refusal.IN_PROGRESS
    assert await shop.till.unpaid(*MOBILE) is Refusal.IN_PROGRESS
    assert await shop.state(payment) is PaymentState.UNKNOWN


async def test_callers_without_a_number_take_over_what_was_never_sent_too(shop: Shop) -> None:
    first = await shop.started(shop.order("ivr:1", payer=""))
    second = await shop.started(shop.order("ivr:2", payer=""))
    assert (await shop.state(first), second.state) == (PaymentState.EXPIRED, PaymentState.CREATED)
    assert await shop.till.open_payment("") is None


async def test_an_old_basket_gives_its_bills_back_with_and_without_the_sweep(shop: Shop) -> None:
    first = await shop.started(shop.order("ussd:1", STRANGER))
    shop.clock.forward(901)
    assert await shop.till.unpaid(*MOBILE) == (BILL,)
    second = await shop.started(shop.order("ussd:2"))
    assert await shop.state(first) is PaymentState.EXPIRED
    shop.clock.forward(901)
    assert await shop.till.open_payment(PAYER) is None
    assert await shop.sweep.run() == 1
    assert await shop.state(second) is PaymentState.EXPIRED
    assert await shop.active() == []
    assert await shop.sweep.run() == 0


async def test_changed_bills_are_refused_before_they_are_locked(shop: Shop) -> None:
    cheaper = replace(shop.order(), invoices=(replace(BILL, amount_centimes=76919),))
    assert await shop.till.start(cheaper) is Refusal.BILLS_CHANGED
    gone = replace(shop.order(), invoices=(replace(BILL, number="1"),))
    assert await shop.till.start(gone) is Refusal.BILLS_CHANGED
    assert await shop.till.start(replace(shop.order(), invoices=())) is Refusal.NOTHING_TO_PAY
    shop.billing.down = True
    assert await shop.till.start(shop.order()) is Refusal.BILLING_DOWN
    assert await shop.till.unpaid(*MOBILE) is Refusal.BILLING_DOWN
    assert await shop.database.all("SELECT id FROM payments") == []


def test_a_basket_holds_each_bill_once() -> None:
    with pytest.raises(ValueError, match="each bill once"):
        StartOrder("k", "ussd", PAYER, LanguageCode.FR, None, ServiceType.MOBILE, "0600000001", (BILL, BILL))


async def test_a_basket_of_some_bills_leaves_the_others(shop: Shop) -> None:
    whole = await shop.internet_order()
    shop.bank.scripts.append(silent)
    await shop.till.authorise(
        (await shop.started(replace(whole, invoices=whole.invoices[:2]))).id, CARD, CVV, wait_s=60
    )
    assert await shop.till.unpaid(ServiceType.INTERNET, "7710345") == whole.invoices[2:]


async def test_the_reference_finds_the_open_basket_only(shop: Shop) -> None:
    payment = await shop.started()
    assert await shop.till.by_reference(payment.reference) == payment
    assert await shop.till.by_reference("000000") is None
    assert await shop.till.open_payment(PAYER) == payment
    await shop.till.cancel(payment.id)
    await shop.till.cancel(payment.id)
    await shop.till.cancel("nobody")
    assert await shop.till.by_reference(payment.reference) is None
    assert await shop.till.open_payment(PAYER) is None


class OneReference(Ids):
    """Draws the same reference each time until told otherwise."""

    def __init__(self, *references: str) -> None:
        super().__init__()
        self.references = list(references)

    def reference(self) -> str:
        return self.references.pop(0) if len(self.references) > 1 else self.references[0]


async def test_a_reference_in_use_is_drawn_again(shop: Shop) -> None:
    shop.till._baskets._ids = OneReference("111111", "111111", "222222")
    first = await shop.started()
    second = await shop.started(await shop.internet_order())
    assert (first.reference, second.reference) == ("111111", "222222")
    shop.till._baskets._ids = OneReference("111111")
    third = replace(await shop.internet_order("ussd:3"), payer_msisdn="+212600000077")
    await shop.till.cancel(second.id)
    with pytest.raises(ReferenceTaken):
        await shop.till.start(third)


async def test_a_basket_nobody_sent_lets_another_payer_in_at_once(shop: Shop) -> None:
    """Nothing of it can have been charged: "do not pay again" would be wrong for a quarter of an hour."""
    first = await shop.started(shop.order("ussd:1", payer=PAYER))
    assert isinstance(await shop.till.unpaid(*MOBILE), tuple)
    second = await shop.started(shop.order("ussd:2", payer=STRANGER))
    assert await shop.state(first) is PaymentState.EXPIRED
    assert await shop.till.authorise(first.id, CARD, CVV, wait_s=60) == await shop.till.payment(first.id)
    assert shop.bank.orders == []
    paid = await shop.till.authorise(second.id, CARD, CVV, wait_s=60)
    assert isinstance(paid, Payment)
    assert paid.state is PaymentState.CAPTURED


HOLDS = "SELECT FROM payments WHERE id = %s FOR UPDATE"


async def test_copies_that_take_over_at_the_same_moment_make_one_basket(shop: Shop, database_url: str) -> None:
    """All of them saw the basket that they end; who comes second ends nothing that its other copy began."""
    first = await shop.started(shop.order("ussd:1", payer=PAYER))
    async with await psycopg.AsyncConnection.connect(database_url) as holder:
        await holder.execute(HOLDS, (first.id,))
        copies = [asyncio.create_task(shop.started(shop.order("web:1", payer=STRANGER))) for _ in range(3)]
        await until(lambda: waits_for(database_url, 3))
        await holder.commit()
        started = await asyncio.gather(*copies)
    assert len({payment.id for payment in started}) == 1
    story = await shop.database.all("SELECT payment_id, event, detail FROM payment_events WHERE event = 'expire'")
    assert [tuple(row.values()) for row in story] == [(first.id, "expire", "another payer came")]
    assert await shop.state(started[0]) is PaymentState.CREATED
    assert await shop.active() == [BILL.number]


async def test_who_takes_over_a_basket_while_it_is_sent_ends_none_of_the_others(shop: Shop, database_url: str) -> None:
    """One of two baskets is sent between the look at them and their end: the other one is not ended in vain."""
    whole = await shop.internet_order()
    one = await shop.started(replace(whole, idempotency_key="one", invoices=whole.invoices[:1]))
    other = await shop.started(
        replace(whole, idempotency_key="other", payer_msisdn=STRANGER, invoices=whole.invoices[1:2])
    )
    both = replace(whole, idempotency_key="both", payer_msisdn="+212600000077", invoices=whole.invoices[:2])
    one, other = sorted((one, other), key=lambda payment: payment.id)  # as they are locked
    async with await psycopg.AsyncConnection.connect(database_url) as holder:
        await holder.execute(HOLDS, (one.id,))
        shop.bank.scripts.append(silent)
        task = asyncio.create_task(shop.till.start(both))
        await until(lambda: waits_for(database_url, 1))
        await shop.till.authorise(other.id, CARD, CVV, wait_s=60)
        await holder.commit()
        assert await task is Refusal.IN_PROGRESS
    assert await shop.state(one) is PaymentState.CREATED
    assert await shop.state(other) is PaymentState.UNKNOWN


async def test_a_due_date_that_moved_alone_is_no_change(shop: Shop) -> None:
    await shop.database.do("UPDATE invoices SET due_date = due_date + 10")
    assert isinstance(await shop.till.start(shop.order()), Payment)
