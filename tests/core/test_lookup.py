"""The help desk finds a payment by whatever the customer holds in hand."""

from core.lookup import Lookup
from tests.core.conftest import BILL, PAYER, Shop


async def test_anything_finds_the_payment(shop: Shop) -> None:
    paid = await shop.paid()
    await shop.started(await shop.internet_order())
    lookup = Lookup(shop.database)
    hands = [
        paid.id,
        paid.reference,
        paid.auth_code,
        paid.transaction_number,
        paid.receipt_number,
        paid.line_reference,
        BILL.number,
        PAYER,
        " 06 00 00 00 01 ",
    ]
    for hand in hands:
        assert await lookup.find(hand or "") == (paid,), hand
    for nothing in ("", "000000", "2026-00000009", "' OR 1=1 --", "x" * 500):
        assert await lookup.find(nothing) == ()


async def test_the_latest_comes_first(shop: Shop) -> None:
    first = await shop.started()
    shop.clock.forward(1_000)
    second = await shop.started(shop.order("ussd:2"))
    assert [payment.id for payment in await Lookup(shop.database).find(PAYER)] == [second.id, first.id]


async def test_a_payments_story_with_its_messages(shop: Shop) -> None:
    paid = await shop.paid()
    shop.clock.forward(5)
    await shop.sweep.run()
    story = await Lookup(shop.database).story(paid.id)
    assert [(happening.what, happening.status) for happening in story][:3] == [
        ("create", "created"),
        ("send", "sending"),
        ("approved", "captured"),
    ]
    assert {(happening.what, happening.status) for happening in story[3:]} == {
        ("bill_posted", "captured"),
        ("receipt_sms", "sent"),
        ("receipt_mail", "sent"),
    }
    assert await Lookup(shop.database).story("nobody") == ()
