"""The payment link of a basket, at the help desk: one a basket, texted to its payer, gone with it."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from channels.links import PayLinks
from tests.channels.web.desk_site import DeskSite, desk_site, settings
from tests.support.desks import SECRET
from tests.support.shop import PAYER, Shop, shop

__all__ = ["shop"]

PAGE_URL = "https://bank.example/fim/est3Dgate"
OURS = "http://127.0.0.1"


@pytest.fixture
async def with_page(shop: Shop, redis_url: str, hashed: str) -> AsyncIterator[DeskSite]:
    own = settings()
    cmi = own.cmi.model_copy(update={"page_url": PAGE_URL})
    async with desk_site(shop, redis_url, hashed, own.model_copy(update={"cmi": cmi})) as running:
        yield running


async def queued(shop: Shop) -> list[dict[str, object]]:
    return await shop.database.all("SELECT recipient, status FROM messages WHERE kind = 'pay_link_sms'")


async def test_a_basket_has_one_link_which_is_shown_and_texted_and_dies_with_it(with_page: DeskSite) -> None:
    seat, shop = await with_page.seat("amal"), with_page.at.shop
    payment = await shop.started()
    link = PayLinks([SECRET], OURS).of(payment.id)
    for _ in range(2):
        await seat.get(f"/desk/payments/{payment.id}")
        assert f'href="{link}"' in seat.page
    assert seat.page.count("/pay/") == 2  # its address and its words
    await seat.post(f"/desk/payments/{payment.id}/resend", kind="pay_link_sms")
    assert await queued(shop) == [{"recipient": PAYER, "status": "queued"}]
    await seat.post(f"/desk/payments/{payment.id}/resend", kind="pay_link_sms")
    assert len(await queued(shop)) == 1  # one is on its way
    await shop.work()
    assert f"link {payment.reference}" in [sms.text for sms in shop.gateways.sms]
    assert "lien de paiement" in seat.text
    await shop.till.cancel(payment.id)
    await seat.get(f"/desk/payments/{payment.id}")
    assert "/pay/" not in seat.page
    await seat.post(f"/desk/payments/{payment.id}/resend", kind="pay_link_sms")
    assert len(await queued(shop)) == 1


async def test_without_a_page_of_the_bank_there_is_no_link(site: DeskSite) -> None:
    seat, shop = await site.seat("amal"), site.at.shop
    payment = await shop.started()
    await seat.get(f"/desk/payments/{payment.id}")
    assert "/pay/" not in seat.page
    await seat.post(f"/desk/payments/{payment.id}/resend", kind="pay_link_sms")
    assert await queued(shop) == []


async def test_a_browser_that_pays_has_no_telephone_to_text(with_page: DeskSite) -> None:
    """Its payer is a name of ours: no receipt and no link is ever texted to that."""
    seat, shop = await with_page.seat("amal"), with_page.at.shop
    payment = await shop.started(replace(shop.order(), channel="web", payer_msisdn="web:0123456789abcdef01234567"))
    await seat.get(f"/desk/payments/{payment.id}")
    assert "/pay/" in seat.page
    assert "Site web" in seat.text
    await seat.post(f"/desk/payments/{payment.id}/resend", kind="pay_link_sms")
    assert await queued(shop) == []
