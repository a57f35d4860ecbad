"""The database away: everything says so in one way, and an approval that could not be written is found later."""

import pytest

from core.payments.table import Payment, PaymentState
from core.ports import Authorisation, BillingDown, Order
from core.repositories import DatabaseUnavailable
from core.subscribers.lines import ServiceType
from tests.support.bank import CARD, CVV, FakeBank
from tests.support.shop import NO_PAUSES_S, PAYER, Shop


async def test_the_till_says_that_its_books_are_away(shop: Shop) -> None:
    payment = await shop.started()
    shop.by_hand = True
    await shop.database.pool.close()
    for ask in (
        shop.till.person(PAYER),
        shop.till.payment(payment.id),
        shop.till.authorise(payment.id, CARD, CVV, wait_s=0),
        shop.till.request_call(payment.id),
        shop.sweep.run(),
    ):
        with pytest.raises(DatabaseUnavailable):
            await ask
    with pytest.raises(BillingDown):
        await shop.billing.unpaid(ServiceType.MOBILE, "0600000001")


async def test_an_approval_that_could_not_be_written_is_found_by_the_sweep(
    shop: Shop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []
    capture = type(shop.books.payments).capture

    async def away(*_: object) -> Payment:
        tries.append(1)
        raise DatabaseUnavailable

    async def approves_as_the_database_goes(bank: FakeBank, order: Order) -> Authorisation:
        monkeypatch.setattr(type(shop.books.payments), "capture", away)
        return bank.charge(order)

    shop.bank.scripts.append(approves_as_the_database_goes)
    payment = await shop.started()
    outcome = await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    assert isinstance(outcome, Payment)
    assert (outcome.state, len(tries)) == (PaymentState.SENDING, 1 + len(NO_PAUSES_S))
    assert "the sweep will ask again" in caplog.text
    monkeypatch.setattr(type(shop.books.payments), "capture", capture)
    shop.clock.forward(91)
    await shop.sweep.run()
    assert await shop.state(payment) is PaymentState.CAPTURED
    assert len(shop.bank.charges) == 1


async def test_an_approval_is_written_after_a_short_absence(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    capture = type(shop.books.payments).capture

    async def away(*_: object) -> Payment:
        monkeypatch.setattr(type(shop.books.payments), "capture", capture)
        raise DatabaseUnavailable

    monkeypatch.setattr(type(shop.books.payments), "capture", away)
    assert (await shop.paid()).state is PaymentState.CAPTURED
