"""What a customer was shown, at the help desk: in a payment's story and by number, masked, and each look is logged."""

import pytest

from core.languages import LanguageCode
from tests.channels.web.desk.test_pages import found
from tests.channels.web.desk_site import DeskSite, Seat
from tests.support.desks import shown_to
from tests.support.shop import PAYER, STRANGER

TYPED = "0600000001"


async def test_a_payment_s_story_holds_what_its_payer_was_shown(site: DeskSite) -> None:
    shop = site.at.shop
    await shown_to(shop, STRANGER)
    await shown_to(shop, PAYER)
    seat = await site.seat("amal")
    await found(site, seat)
    assert seat.page.count('<details class="dialog">') == 1
    for words in (
        "USSD infobip dernier écran : Liste des factures (2)",
        "· touche 1 Choix de la facture",
        "Quelle facture",
    ):
        assert words in seat.text.replace("\xa0", " "), words
    assert "Factures choisies : 1 sur 3" in seat.text
    assert seat.text.index("Panier confirmé") < seat.text.index("Quelle facture")  # both in the order they were
    assert "#r1" in seat.text


async def test_a_payment_of_another_day_shows_other_days_nowhere(site: DeskSite) -> None:
    await shown_to(site.at.shop, PAYER)
    site.at.shop.clock.forward(86_400)
    seat = await site.seat("amal")
    payment_id = await found(site, seat)
    assert '<details class="dialog">' not in seat.page
    assert await seat.post(f"/desk/payments/{payment_id}/dialogs") == 200
    assert "Factures choisies : 1 sur 3" in seat.text
    assert TYPED not in seat.page
    assert (await site.at.log())[-1] == ("amal", "dialogs", payment_id, None)


async def test_a_number_that_never_paid_is_answered_too_and_the_look_is_logged(site: DeskSite) -> None:
    assert "Aucun échange ces 7 derniers jours" in (await _looks(site)).text
    await shown_to(site.at.shop, PAYER)
    site.at.shop.clock.forward(6 * 86_400)
    seat = await _looks(site)
    assert seat.text.replace("\xa0", " ").count("dernier écran : Liste des factures (2)") == 1
    assert TYPED not in seat.page
    assert (await site.at.log())[-1] == ("amal", "dialogs", None, "+2126*****001")
    site.at.shop.clock.forward(2 * 86_400)
    assert "Aucun échange" in (await _looks(site)).text


@pytest.mark.parametrize("query", ["", "nothing like it"])
async def test_what_is_no_number_has_no_dialogs(site: DeskSite, query: str) -> None:
    seat = await site.seat("amal")
    await seat.post("/desk/search", q=query)
    assert "/desk/dialogs" not in seat.page
    await seat.get("/desk/dialogs")
    assert seat.path == "/desk"
    assert "dialogs" not in {action for _, action, _, _ in await site.at.log()}


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_a_dialog_is_read_in_the_desk_s_language(site: DeskSite, language: LanguageCode) -> None:
    await shown_to(site.at.shop, PAYER)
    site.at.shop.clock.forward(60)
    seat = await _looks(site, language)
    choice = {"fr": "Quelle facture payer ?", "en": "Which bill", "ar": "فاتورة"}[language]
    assert choice in seat.text
    assert "Français" in seat.text  # the customer's language
    assert seat.page.startswith("<!doctype html>")


async def test_without_a_login_nothing_is_shown(site: DeskSite) -> None:
    await shown_to(site.at.shop, PAYER)
    seat = await site.seat()
    await seat.get("/desk/dialogs")
    assert seat.path == "/desk/login"


async def _looks(site: DeskSite, language: LanguageCode = LanguageCode.FR) -> Seat:
    seat = await site.seat("amal")
    await seat.get(f"/desk?lang={language}")
    await seat.post("/desk/search", q=TYPED)
    await seat.get(seat.link("/desk/dialogs"))
    assert seat.path == "/desk/dialogs"
    return seat
