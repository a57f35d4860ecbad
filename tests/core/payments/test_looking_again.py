"""An approval states no amount: it is looked at once more, and what was taken is compared with what was asked."""

from dataclasses import replace

import pytest

from core.database.help_desk.operations import PgOps
from core.payments.table import Payment, PaymentState
from core.ports import Approved, Authorisation, NoSuchOrder, Order
from tests.support.bank import FakeBank, Script
from tests.support.shop import Shop

DAY_S = 86_400


def silent_about(amount_centimes: int | None = None) -> Script:
    """Approves as CC5 does, without a word of what it takes."""

    async def script(bank: FakeBank, order: Order) -> Authorisation:
        answer = bank.charge(order, amount_centimes)
        return replace(answer, amount_centimes=None) if isinstance(answer, Approved) else answer

    return script


async def looked(shop: Shop, *pauses_s: float) -> None:
    for pause_s in pauses_s:
        shop.clock.forward(pause_s)
        await shop.sweep.run()
        await shop.work()


async def by_hand(shop: Shop) -> int:
    return (await PgOps(shop.database).overview(shop.clock.now())).by_hand


@pytest.mark.parametrize("taken", [77_020, 100])
async def test_another_amount_than_was_asked_is_voided_and_told(shop: Shop, taken: int) -> None:
    shop.bank.scripts.append(silent_about(taken))
    payment = await shop.paid()
    assert payment.state is PaymentState.CAPTURED
    await looked(shop, 30, 5)
    found = await shop.till.payment(payment.id)
    assert found is not None
    assert (found.state, found.approved_centimes, shop.bank.kept) == (PaymentState.VOIDED, taken, set())
    assert sorted(sms.text.split()[0] for sms in shop.gateways.sms) == ["receipt", "undone"]


async def test_the_right_amount_stays_and_is_asked_about_once(shop: Shop) -> None:
    shop.bank.scripts.append(silent_about())
    payment = await shop.paid()
    await looked(shop, 30, 60, DAY_S)
    assert (await shop.state(payment), shop.bank.asked) == (PaymentState.CAPTURED, 1)


async def test_what_the_acquirer_never_confirms_is_a_persons_until_it_does(shop: Shop) -> None:
    payment = await shop.paid()
    shop.bank.inquiries.extend([NoSuchOrder()] * 8)
    await looked(shop, 30, 60, 300, 900, 3_600, DAY_S)
    assert (await shop.state(payment), await by_hand(shop)) == (PaymentState.CAPTURED, 1)
    shop.bank.inquiries.clear()
    await looked(shop, DAY_S)
    assert await by_hand(shop) == 0


async def test_a_page_that_approves_without_the_banks_word_is_given_back(shop: Shop) -> None:
    started = await shop.started()
    opened = await shop.till.open_page(started.id, 600)
    assert isinstance(opened, Payment)
    said = shop.bank.charge(Order(started.id, started.amount_centimes, "MAD", None, ""))
    assert isinstance(said, Approved)
    refused = await shop.till.attendant.refused_on_page(opened, said, "mdStatus 0")
    assert refused.state is PaymentState.INTEGRITY_FAILURE
    await looked(shop, 1, 60)
    assert (await shop.state(started), shop.bank.kept) == (PaymentState.VOIDED, set())


async def test_a_second_approval_of_a_paid_page_is_a_persons_once(shop: Shop) -> None:
    payment = await shop.paid()
    again = Approved("999999", "another", payment.amount_centimes)
    for _ in range(3):
        current = await shop.till.payment(payment.id)
        assert current is not None
        await shop.till.attendant.approved_again(current, again)
    await looked(shop, 30, 60)
    assert (await by_hand(shop), (await shop.story(payment)).count("unconfirmed>captured")) == (1, 1)
