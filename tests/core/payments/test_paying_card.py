"""A receipt names the card that paid, never the one that was typed last."""

import asyncio
from dataclasses import replace

import pytest

from core.cards import Card, Secret
from core.chargebacks.model import DisputeFacts
from core.payments.table import Payment, PaymentState
from core.ports import Approved, Authorisation, Order
from tests.support.bank import CARD, CVV, FakeBank, declines, silent
from tests.support.shop import Shop

OTHER_CARD = Card(Secret("5453010000066100"), 12, 2030)


async def test_the_first_cards_reply_that_comes_after_the_second_was_sent_names_the_first(shop: Shop) -> None:
    held = asyncio.Event()

    async def late(bank: FakeBank, order: Order) -> Authorisation:
        await held.wait()
        return bank.charge(order)

    shop.bank.scripts.extend([late, silent])
    started = await shop.started()
    await shop.till.authorise(started.id, CARD, CVV, wait_s=0)
    # given up here, as a worker does with what nobody answered; the customer tries another card
    await shop.database.do("UPDATE payments SET state = 'declined', decline_kind = 'bank_busy'")
    await shop.till.authorise(started.id, OTHER_CARD, CVV, wait_s=60)
    held.set()
    await shop.till.drain(5)
    paid = await shop.till.payment(started.id)
    assert paid is not None
    assert (paid.state, paid.card_last4) == (PaymentState.CAPTURED, CARD.last4)


@pytest.mark.parametrize(("masked", "named"), [("545301******6100", "6100"), ("", None)])
async def test_found_by_asking_the_card_is_named_if_the_acquirer_names_it(
    shop: Shop, masked: str, named: str | None
) -> None:
    """Of two cards an order's status does not tell which one it took."""
    shop.bank.scripts.extend([declines, silent])
    started = await shop.started()
    await shop.till.authorise(started.id, CARD, CVV, wait_s=60)
    unknown = await shop.till.authorise(started.id, OTHER_CARD, CVV, wait_s=60)
    assert isinstance(unknown, Payment)
    assert unknown.state is PaymentState.UNKNOWN
    told = Approved("390059", "100001001587", started.amount_centimes)
    shop.bank.inquiries.append(replace(told, facts=DisputeFacts(masked_card=masked)))
    paid = await shop.till.inquire(started.id)
    assert (paid.state, paid.card_last4) == (PaymentState.CAPTURED, named)


async def test_one_card_needs_no_naming(shop: Shop) -> None:
    shop.bank.scripts.append(silent)
    unknown = await shop.paid()
    shop.bank.inquiries.append(Approved("390059", "100001001587", unknown.amount_centimes))
    assert (await shop.till.inquire(unknown.id)).card_last4 == CARD.last4
