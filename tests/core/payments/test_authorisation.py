"""The conversation with the bank: sent once, waited for a little, declines counted, the PIN asked and answered."""

import asyncio
from dataclasses import replace

import pytest

from core.acquirers.registry import only
from core.payments.refusal import Refusal
from core.payments.service import NoSuchPayment, PaymentService, Ports
from core.payments.table import Payment, PaymentState
from core.ports import Approved, Authorisation, Decline, DeclineKind, NotSent, Order, Pending
from tests.support.bank import CARD, CVV, PIN, FakeBank, asks_pin, declines, says, silent
from tests.support.billing import MemoryLimits
from tests.support.shop import BILL, PAYER, STRANGER, Shop


class Held:
    """A bank that answers when told."""

    def __init__(self) -> None:
        self.arrived, self.go = asyncio.Event(), asyncio.Event()

    async def __call__(self, bank: FakeBank, order: Order) -> Authorisation:
        self.arrived.set()
        await self.go.wait()
        return bank.charge(order)


async def test_it_waits_a_little_and_goes_on_behind(shop: Shop) -> None:
    held = Held()
    shop.bank.scripts.append(held)
    payment = await shop.started()
    waiting = await shop.till.authorise(payment.id, CARD, CVV, wait_s=0)
    assert isinstance(waiting, Payment)
    assert waiting.state is PaymentState.SENDING
    assert (await shop.till.settle(payment.id, 0)).state is PaymentState.SENDING
    held.go.set()
    assert (await shop.till.settle(payment.id, 5)).state is PaymentState.CAPTURED
    assert (await shop.till.settle(payment.id, 5)).state is PaymentState.CAPTURED


async def test_by_what_was_read_a_moment_ago_nothing_is_charged_twice(shop: Shop) -> None:
    payment = await shop.started()
    paid = await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    assert await shop.till.authorise(payment.id, CARD, CVV, wait_s=5, known=payment) == paid
    assert await shop.till.open_page(payment.id, 600, known=payment) == paid
    assert len(shop.bank.orders) == 1


async def test_a_last_try_stays_the_last_for_whoever_read_the_one_before(shop: Shop) -> None:
    payment = await shop.started()
    shop.bank.scripts.extend([declines] * 4)
    for _ in range(2):
        await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    known = await shop.till.payment(payment.id)
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    last = await shop.till.authorise(payment.id, CARD, CVV, wait_s=5, known=known)
    assert isinstance(last, Payment)
    assert (last.state, last.declines, last.attempts) == (PaymentState.DECLINED, 3, 3)
    assert await shop.till.open_page(payment.id, 600, known=known) == last
    assert len(shop.bank.scripts) == 1, "nothing more was sent"


async def test_the_customer_who_hangs_up_cancels_nothing(shop: Shop) -> None:
    held = Held()
    shop.bank.scripts.append(held)
    payment = await shop.started()
    call = asyncio.create_task(shop.till.authorise(payment.id, CARD, CVV, wait_s=30))
    await held.arrived.wait()
    call.cancel()
    held.go.set()
    assert await shop.till.drain(5) == 0
    assert await shop.state(payment) is PaymentState.CAPTURED


async def test_copies_of_the_last_key_at_once_charge_once(shop: Shop) -> None:
    payment = await shop.started()
    outcomes = await asyncio.gather(*(shop.till.authorise(payment.id, CARD, CVV, wait_s=60) for _ in range(5)))
    assert {outcome.state for outcome in outcomes if isinstance(outcome, Payment)} <= {PaymentState.CAPTURED}
    assert len(shop.bank.orders) == 1
    repeated = await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    assert isinstance(repeated, Payment)
    assert (repeated.state, len(shop.bank.orders)) == (PaymentState.CAPTURED, 1)


async def test_another_card_may_do_three_times(shop: Shop) -> None:
    payment = await shop.started()
    for tries in (1, 2, 3):
        shop.bank.scripts.append(declines)
        outcome = await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
        assert isinstance(outcome, Payment)
        assert (outcome.state, outcome.declines, outcome.decline_kind) == (PaymentState.DECLINED, tries, "other_card")
        assert await shop.active() == []
        assert await shop.till.by_reference(payment.reference) == outcome
    assert await shop.till.authorise(payment.id, CARD, CVV, wait_s=60) is Refusal.TOO_MANY_DECLINES
    assert len(shop.bank.orders) == 3
    assert {order.id for order in shop.bank.orders} == {payment.id}


async def test_an_approval_after_a_decline_pays(shop: Shop) -> None:
    shop.bank.scripts.append(declines)
    payment = await shop.paid()
    outcome = await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    assert isinstance(outcome, Payment)
    assert (outcome.state, outcome.attempts, outcome.decline_kind) == (PaymentState.CAPTURED, 2, None)
    assert await shop.active() == [BILL.number]


async def test_a_declined_basket_whose_bills_another_sent_is_not_sent(shop: Shop) -> None:
    shop.bank.scripts += [declines, silent]
    payment = await shop.paid()
    other = await shop.started(shop.order("ivr:1", STRANGER))
    await shop.till.authorise(other.id, CARD, CVV, wait_s=60)
    assert await shop.till.authorise(payment.id, CARD, CVV, wait_s=60) is Refusal.IN_PROGRESS
    assert await shop.till.open_page(payment.id, 600) is Refusal.IN_PROGRESS
    assert len(shop.bank.orders) == 2


async def test_another_card_takes_the_bills_of_a_basket_that_nobody_sent(shop: Shop) -> None:
    shop.bank.scripts.append(declines)
    payment = await shop.paid()
    other = await shop.started(shop.order("ivr:1", STRANGER))
    paid = await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    assert isinstance(paid, Payment)
    assert paid.state is PaymentState.CAPTURED
    assert await shop.state(other) is PaymentState.EXPIRED


async def test_a_bank_that_cannot_be_reached_counts_nothing(shop: Shop) -> None:
    payment = await shop.started()
    shop.bank.scripts.append(says(NotSent("circuit open")))
    assert await shop.till.authorise(payment.id, CARD, CVV, wait_s=60) is Refusal.BANK_DOWN
    stands = await shop.till.payment(payment.id)
    assert stands is not None
    assert (stands.state, stands.declines, stands.decline_kind) == (PaymentState.DECLINED, 0, "bank_down")
    outcome = await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    assert isinstance(outcome, Payment)
    assert outcome.state is PaymentState.CAPTURED


async def test_our_own_fault_is_not_the_customers_decline_but_ends_somewhere(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    payment = await shop.started()
    for _ in range(10):
        shop.bank.scripts.append(says(Decline("CORE-2105", DeclineKind.OUR_FAULT)))
        outcome = await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
        assert isinstance(outcome, Payment)
        assert outcome.declines == 0
    assert await shop.till.authorise(payment.id, CARD, CVV, wait_s=60) is Refusal.TOO_MANY_DECLINES
    assert "our configuration: code CORE-2105" in caplog.text


async def test_bills_that_changed_meanwhile_are_not_charged(shop: Shop) -> None:
    payment = await shop.started()
    await shop.database.do("UPDATE invoices SET amount_centimes = 80000 WHERE number = '0000171682062019'")
    assert await shop.till.authorise(payment.id, CARD, CVV, wait_s=60) is Refusal.BILLS_CHANGED
    assert (await shop.state(payment), shop.bank.orders, await shop.active()) == (PaymentState.EXPIRED, [], [])


async def test_nothing_is_sent_while_billing_is_away_or_when_it_is_too_late(shop: Shop) -> None:
    payment = await shop.started()
    shop.billing.down = True
    assert await shop.till.authorise(payment.id, CARD, CVV, wait_s=60) is Refusal.BILLING_DOWN
    shop.billing.down = False
    shop.clock.forward(900)
    assert await shop.till.authorise(payment.id, CARD, CVV, wait_s=60) is Refusal.EXPIRED
    assert (await shop.state(payment), shop.bank.orders) == (PaymentState.EXPIRED, [])
    with pytest.raises(NoSuchPayment):
        await shop.till.authorise("nobody", CARD, CVV, wait_s=60)


async def test_a_process_with_its_hands_full_sends_nothing(shop: Shop) -> None:
    payment = await shop.started()
    ports = Ports(shop.books, shop.billing, only(shop.bank), MemoryLimits(), shop.clock)
    full = PaymentService(ports, times=shop.times, flights_max=0)
    assert await full.authorise(payment.id, CARD, CVV, wait_s=60) is Refusal.BANK_DOWN
    assert await shop.state(payment) is PaymentState.CREATED
    shop.bank.scripts.append(asks_pin)
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    assert await full.answer_challenge(payment.id, PIN, wait_s=60) is Refusal.BANK_DOWN
    assert await shop.state(payment) is PaymentState.CHALLENGE


async def test_code_of_an_acquirer_that_breaks_leaves_the_payment_unknown(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks(bank: FakeBank, order: Order) -> Authorisation:
        raise ZeroDivisionError(CARD.pan.reveal())

    shop.bank.scripts.append(breaks)
    assert (await shop.paid()).state is PaymentState.UNKNOWN
    assert "ZeroDivisionError" in caplog.text
    assert CARD.pan.reveal() not in caplog.text


async def test_the_banks_pin(shop: Shop) -> None:
    shop.bank.scripts.append(asks_pin)
    asked = await shop.paid()
    assert asked.challenge is not None
    assert (asked.state, asked.challenge.length, asked.challenge.attempts_left) == (PaymentState.CHALLENGE, 3, 3)
    assert await shop.till.open_payment(PAYER) == asked
    wrong = await shop.till.answer_challenge(asked.id, type(PIN)("999"), wait_s=60)
    assert isinstance(wrong, Payment)
    assert wrong.challenge is not None
    assert (wrong.state, wrong.challenge.attempts_left) == (PaymentState.CHALLENGE, 2)
    right = await shop.till.answer_challenge(asked.id, PIN, wait_s=60)
    assert isinstance(right, Payment)
    assert (right.state, right.challenge) == (PaymentState.CAPTURED, None)
    again = await shop.till.answer_challenge(asked.id, PIN, wait_s=60)
    assert again == right
    assert await shop.story(right) == [
        "create>created", "send>sending", "challenged>challenge", "send>sending", "challenged>challenge",
        "send>sending", "approved>captured",
    ]  # fmt: skip


async def test_a_wrong_pin_three_times_declines(shop: Shop) -> None:
    shop.bank.scripts.append(asks_pin)
    payment = await shop.paid()
    for _ in range(3):
        outcome = await shop.till.answer_challenge(payment.id, type(PIN)("999"), wait_s=60)
    assert isinstance(outcome, Payment)
    assert (outcome.state, outcome.decline_kind, outcome.declines) == (PaymentState.DECLINED, "pin", 1)


async def test_a_pin_that_could_not_be_sent_leaves_the_question_open(shop: Shop) -> None:
    shop.bank.scripts.append(asks_pin)
    asked = await shop.paid()
    shop.bank.pin_scripts.append(says(NotSent("circuit open")))
    outcome = await shop.till.answer_challenge(asked.id, PIN, wait_s=60)
    assert outcome == replace(asked, attempts=2)
    paid = await shop.till.answer_challenge(asked.id, PIN, wait_s=60)
    assert isinstance(paid, Payment)
    assert paid.state is PaymentState.CAPTURED


async def test_a_question_left_open_too_long_expires(shop: Shop) -> None:
    shop.bank.scripts.append(asks_pin)
    asked = await shop.paid()
    shop.clock.forward(301)
    assert await shop.till.answer_challenge(asked.id, PIN, wait_s=60) is Refusal.EXPIRED
    assert (await shop.state(asked), await shop.active()) == (PaymentState.EXPIRED, [])


async def test_a_pending_order_is_undecided(shop: Shop) -> None:
    shop.bank.scripts.append(says(Pending()))
    assert (await shop.paid()).state is PaymentState.UNKNOWN


@pytest.mark.parametrize("late", [Approved("000009", "263270000009", 76920), Decline("51", DeclineKind.OTHER_CARD)])
async def test_an_answer_later_than_the_sweep_still_counts(shop: Shop, late: Authorisation) -> None:
    answered = asyncio.Event()

    async def slow(bank: FakeBank, order: Order) -> Authorisation:
        await answered.wait()
        return late

    shop.bank.scripts.append(slow)
    payment = await shop.started()
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=0)
    shop.clock.forward(91)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.UNKNOWN
    answered.set()
    settled = await shop.till.settle(payment.id, 5)
    assert settled.state is (PaymentState.CAPTURED if isinstance(late, Approved) else PaymentState.DECLINED)
    await shop.work()
    text = "receipt 000009" if isinstance(late, Approved) else f"declined {payment.reference}"
    assert [sms.text for sms in shop.gateways.sms] == [f"undecided {payment.reference}", text]


async def test_a_late_decline_does_not_touch_the_next_attempt(shop: Shop) -> None:
    """The first card's answer comes when the second one is under way."""
    first, second = asyncio.Event(), asyncio.Event()

    async def slow_decline(bank: FakeBank, order: Order) -> Authorisation:
        await first.wait()
        return Decline("51", DeclineKind.OTHER_CARD)

    async def slow_approval(bank: FakeBank, order: Order) -> Authorisation:
        await second.wait()
        return bank.charge(order)

    shop.bank.scripts.extend([slow_decline, slow_approval])
    payment = await shop.started()
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=0)
    (earlier,) = shop.till._charger._under_way
    shop.clock.forward(91)
    shop.bank.declined.add(payment.id)  # the acquirer has decided, its reply is still on the way
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.DECLINED
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=0)
    first.set()
    await earlier
    assert await shop.state(payment) is PaymentState.SENDING
    second.set()
    assert (await shop.till.settle(payment.id, 5)).state is PaymentState.CAPTURED


async def test_silence_is_unknown_and_never_a_failure(shop: Shop) -> None:
    shop.bank.scripts.append(silent)
    unknown = await shop.paid()
    assert (unknown.state, unknown.decline_kind) == (PaymentState.UNKNOWN, None)
    again = await shop.till.authorise(unknown.id, CARD, CVV, wait_s=0)
    assert again == unknown
    assert await shop.active() == [BILL.number]


async def test_a_declined_basket_whose_reference_was_given_away_starts_over(shop: Shop) -> None:
    shop.bank.scripts.append(declines)
    payment = await shop.paid()
    other = await shop.started(await shop.internet_order())
    await shop.database.do(
        "UPDATE payments SET reference = %(reference)s WHERE id = %(id)s", id=other.id, reference=payment.reference
    )
    assert await shop.till.authorise(payment.id, CARD, CVV, wait_s=60) is Refusal.EXPIRED
    found = await shop.till.by_reference(payment.reference)
    assert found is not None
    assert found.id == other.id
