"""How far a payment's messages got, as the help desk reads it."""

import pytest

from core.repositories import Delivery
from tests.channels.web.desk_site import DeskSite


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (Delivery.DELIVERED, None, "Reçu par SMS remis"),
        (Delivery.FAILED, "30005", "Reçu par SMS non remis"),
    ],
)
async def test_a_delivery_report_is_read_in_the_payments_story(
    site: DeskSite, status: Delivery, error: str | None, words: str
) -> None:
    seat, shop = await site.seat("amal"), site.at.shop
    payment = await shop.paid()
    await seat.get(f"/desk/payments/{payment.id}")
    assert "Reçu par SMS en attente d'envoi" in seat.text
    await shop.work()
    row = await shop.database.one("SELECT reference FROM messages WHERE kind = 'receipt_sms'")
    assert row is not None
    await shop.books.messages.report(status, shop.clock.now(), reference=row["reference"], error=error)
    await seat.get(f"/desk/payments/{payment.id}")
    assert words in seat.text
    assert (error or "") in seat.text
