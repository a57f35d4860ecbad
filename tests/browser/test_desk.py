"""The help desk as its people use it: a payment made by phone is found, its receipt sent again, its money given back
by two people's word; without a script, without a barrier, on a telephone's screen too."""

import asyncio

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Arrive
from tests.browser.demo import Demo
from tests.browser.payment import CARD, TOTAL, Watched
from tests.browser.visitor import Visitor

GIVEN_BACK_MAX_S = 240.0


async def sits_down(visitor: Visitor, demo: Demo, name: str, language: str = "fr") -> Page:
    page = visitor.page
    await page.goto(f"{demo.url}/desk?lang={language}")
    await expect(page.locator("#name")).to_be_focused()
    await page.goto(f"{demo.url}/desk/login?lang={language}")
    await expect(page.locator("#name")).to_be_focused()
    await page.keyboard.type(name)
    await expect(page.locator("#name")).to_have_value(name)
    await page.keyboard.press("Tab")
    await page.keyboard.type(demo.logins[name])
    await page.keyboard.press("Enter")
    await expect(page.locator("#q")).to_be_focused()
    return page


async def nothing_in_the_way(visitor: Visitor) -> None:
    assert await visitor.barriers() == []
    assert await visitor.overflow_px() == 0


async def given_back(page: Page) -> None:
    """The worker does it; a page without a script is read again until it says so."""
    async with asyncio.timeout(GIVEN_BACK_MAX_S):
        while await page.locator(".state").inner_text() != "Annulé":
            await page.reload()


async def test_a_payment_is_found_helped_and_given_back_by_two_people(
    arrive: Arrive, demo: Demo, watched: Watched
) -> None:
    agent, supervisor = await arrive(), await arrive()
    desk = await sits_down(agent, demo, "agent")
    await nothing_in_the_way(agent)
    await finds(agent, watched)
    address = desk.url
    await sees_all_dialogs(agent)
    assert desk.url == address
    await desk.get_by_role("link", name="Retour au paiement").click()
    await expect(desk.locator(".story")).to_be_visible()
    await sends_again_and_notes(desk)
    await proposes_to_give_back(agent)

    other = await sits_down(supervisor, demo, "supervisor")
    await approves(supervisor)
    assert other.url.partition("?")[0] == address.partition("?")[0]  # what follows names this tab's search
    await given_back(other)
    await expect(other.locator(".story")).to_contain_text("Remboursement validé")
    await other.locator(".looked summary").click()
    await expect(other.locator(".looked")).to_contain_text("Consultation")
    await nothing_in_the_way(supervisor)


async def finds(agent: Visitor, watched: Watched) -> None:
    desk = agent.page
    await desk.keyboard.type(watched.authorisation)
    await desk.keyboard.press("Enter")
    await expect(desk.locator("h1")).to_contain_text(TOTAL)
    await expect(desk.locator(".state")).to_have_text("Payé")
    await expect(desk.locator(".tell")).to_contain_text("Votre paiement est accepté")
    await expect(desk.locator(".story")).to_contain_text("Accepté par la banque")
    await expect(desk.locator(".facts")).not_to_contain_text("nadia@example.com")
    story = desk.locator(".story")
    for shown in ("Liste des factures", "Code de sécurité"):
        await expect(story.locator(".dialog li", has_text=shown).first).to_be_attached()
    dialed = story.locator(".dialog", has_text="USSD").first  # a text for the code may have come before
    await dialed.locator("summary").click()
    await expect(dialed).to_contain_text(f"Total {TOTAL}, factures")
    assert CARD[:12] not in await desk.content()
    await nothing_in_the_way(agent)


async def sees_all_dialogs(agent: Visitor) -> None:
    desk = agent.page
    await desk.get_by_role("button", name="Tous les échanges du payeur").click()
    await expect(desk.locator(".seen .dialog")).not_to_have_count(0)
    await desk.locator(".seen .dialog summary").first.click()
    await nothing_in_the_way(agent)


async def sends_again_and_notes(desk: Page) -> None:
    await desk.evaluate("window.same = true")
    await desk.get_by_role("button", name="Renvoyer le reçu par SMS").click()
    await expect(desk.get_by_role("status")).to_have_text("C'est envoyé une nouvelle fois.")
    await expect(desk.locator("#content")).to_be_focused()
    assert await desk.evaluate("window.same")  # the page stayed, its middle was replaced
    await desk.get_by_label("Note pour le prochain conseiller").fill("Le client n'avait pas vu son SMS.")
    await desk.get_by_role("button", name="Ajouter la note").click()
    await expect(desk.locator(".story")).to_contain_text("Le client n'avait pas vu son SMS.")


async def proposes_to_give_back(agent: Visitor) -> None:
    desk = agent.page
    whole = desk.locator(".undo").first
    await whole.locator("summary").click()
    await nothing_in_the_way(agent)
    await whole.get_by_label("Motif").select_option("paid_twice")
    await whole.get_by_label("J'ai vérifié").check()
    await whole.get_by_role("button", name="Proposer le remboursement").click()
    await expect(desk.locator(".asked")).to_contain_text("Une autre personne doit valider.")
    await expect(desk.get_by_role("button", name="Valider le remboursement")).to_have_count(0)
    await nothing_in_the_way(agent)


async def approves(supervisor: Visitor) -> None:
    other = supervisor.page
    await other.get_by_role("link", name="À valider").click()
    await expect(other.locator(".asked")).to_contain_text(TOTAL)
    await nothing_in_the_way(supervisor)
    await other.get_by_label("J'ai vérifié").check()
    await other.get_by_role("button", name="Valider le remboursement").click()
    await expect(other.get_by_role("status")).to_contain_text("Remboursement lancé")


async def test_every_page_fits_a_telephone_in_arabic_and_has_no_barrier(arrive: Arrive, demo: Demo) -> None:
    visitor = await arrive(360, 740)
    page = visitor.page
    await page.goto(f"{demo.url}/desk/login?lang=ar")
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    await nothing_in_the_way(visitor)
    await sits_down(visitor, demo, "supervisor", "ar")
    await nothing_in_the_way(visitor)
    await page.locator("#q").fill("0600000099")
    await page.keyboard.press("Enter")
    await expect(page.locator(".empty h2")).to_have_text("لم يُعثر على أي أداء")
    await nothing_in_the_way(visitor)
    await page.locator("#q").fill(CARD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("رقم البطاقة")
    await nothing_in_the_way(visitor)
    await page.locator(".ways a").nth(1).click()
    await expect(page.locator(".filters")).to_be_visible()
    await nothing_in_the_way(visitor)
    await page.locator(".who button").click()
    await expect(page.locator("#name")).to_be_visible()
    assert page.url.startswith(f"{demo.url}/desk/login")


@pytest.mark.parametrize("language", ["fr", "ar"])
async def test_one_s_own_account_fits_a_telephone(arrive: Arrive, demo: Demo, language: str) -> None:
    visitor = await arrive(360, 740)
    page = await sits_down(visitor, demo, "agent", language)
    await page.locator(".user a").click()
    await expect(page.locator("#old")).to_be_visible()
    await expect(page.locator(".seats li")).not_to_have_count(0)
    await nothing_in_the_way(visitor)
    await page.locator("#old").fill("wrong")
    await page.locator("#new").fill("quite other words, 32")
    await page.locator("#again").fill("quite other words, 33")
    await page.locator("form.stack button").click()
    await expect(page.get_by_role("status")).not_to_be_empty()
    await nothing_in_the_way(visitor)
