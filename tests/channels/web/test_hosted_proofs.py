"""What the bank says of the holder decides whether an approval counts, and a paid order is captured once: over HTTP."""

import pytest

from channels.web.hosted_page import endpoint as hosted
from core.payments.table import Payment, PaymentState
from lab.cmi.lies import Kind, Manner
from tests.channels.web.hosted_shop import APPROVED, Shop, shop

__all__ = ["shop"]
SEEN, CAPTURE = "APPROVED", "ACTION=POSTAUTH"
KEPT = "SELECT dispute_facts, by_hand FROM payments WHERE id = %(id)s"


async def held(shop: Shop) -> Payment:
    """The card was typed and the bank holds the money; its server has not called back yet."""
    basket = await shop.basket()
    shop.cmi.lie(Manner.SILENT_AFTER_CHARGING, on=frozenset({Kind.PRE_AUTH}))
    await shop.card(await shop.arrive(basket), APPROVED)
    assert (await shop.read(basket)).state is PaymentState.SENDING
    return basket


async def called_back(shop: Shop, payment: Payment, **said: str) -> str:
    number = shop.cmi.ledger.of_order(payment.id)[0].number
    return await shop.post(shop.url + hosted.CALLBACK_PATH, shop.said(payment, **{"TransId": number, **said}))


@pytest.mark.parametrize("status", ["0", "5", "6", "7", "8", "", "9", "11", "x"])
async def test_an_approval_that_the_bank_does_not_vouch_for_is_never_captured(shop: Shop, status: str) -> None:
    payment = await held(shop)
    for _ in range(2):  # a repeat gets the same answer
        assert await called_back(shop, payment, mdStatus=status, eci="07") == SEEN
        assert shop.cmi.captured_centimes(payment.id) == 0
    await shop.open_.sweep.run()
    assert (await shop.read(payment)).state is PaymentState.VOIDED
    assert (await shop.read(payment)).receipt_number is None
    assert await called_back(shop, payment, mdStatus="1", eci="05") == SEEN  # too late: it was given back
    await shop.open_.sweep.run()
    assert (await shop.read(payment)).state is PaymentState.VOIDED
    assert shop.cmi.captured_centimes(payment.id) == 0
    kinds = await shop.open_.database.all("SELECT kind FROM messages WHERE payment_id = %(id)s", id=payment.id)
    assert [row["kind"] for row in kinds] == ["undone_sms"]


@pytest.mark.parametrize("status", ["1", "2", "3", "4"])
async def test_one_that_it_vouches_for_is_captured_and_kept_for_disputes(shop: Shop, status: str) -> None:
    payment = await held(shop)
    said = {"mdStatus": status, "eci": "05", "cavv": "AAABBJg0VhI0VniQ", "xid": "eGlk", "HostRefNum": "633114000123"}
    assert await called_back(shop, payment, **said) == CAPTURE
    assert (await shop.read(payment)).state is PaymentState.CAPTURED
    row = await shop.open_.database.one(KEPT, id=payment.id)
    assert row is not None
    facts = {"md_status": status, "eci": "05", "cavv": "AAABBJg0VhI0VniQ", "xid": "eGlk", "rrn": "633114000123"}
    assert row["dispute_facts"] | facts == row["dispute_facts"]


async def test_a_second_approval_of_a_paid_order_is_not_captured_and_stays_with_a_person(shop: Shop) -> None:
    payment = await held(shop)
    assert await called_back(shop, payment) == CAPTURE
    assert await called_back(shop, payment) == CAPTURE  # the same one again
    paid = await shop.read(payment)
    for _ in range(2):
        assert await called_back(shop, payment, TransId="100009999999", AuthCode="999999") == SEEN
    after = await shop.read(payment)
    assert (after.state, after.transaction_number) == (PaymentState.CAPTURED, paid.transaction_number)
    row = await shop.open_.database.one(KEPT, id=payment.id)
    assert row is not None
    assert row["by_hand"] == "approved_again"
    noted = await shop.open_.database.all(
        "SELECT detail FROM payment_events WHERE payment_id = %(id)s AND event = 'unconfirmed'", id=payment.id
    )
    assert [each["detail"] for each in noted] == ["approved again: 100009999999"]
    assert await called_back(shop, payment) == CAPTURE  # the first one's capture may still be asked for
