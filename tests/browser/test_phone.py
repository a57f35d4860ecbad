"""The phone page's other sides: texts, faults, who may be played, and what every state of it must be."""

import re

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Arrive

NO_HOST = ("script-src 'self'", "connect-src 'self'", "default-src 'none'")


async def test_the_phone_is_under_a_strict_policy(arrive: Arrive) -> None:
    visitor = await arrive()
    answer = await visitor.page.goto(f"{visitor.base}/phone")
    assert answer is not None
    policy = (await answer.all_headers())["content-security-policy"]
    assert all(part in policy for part in NO_HOST)
    assert "unsafe" not in policy


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
async def test_every_language_fits_a_small_phone_and_has_no_barrier(arrive: Arrive, language: str) -> None:
    visitor = await arrive(360, 640)
    await visitor.open_phone(language, "0600000004")
    assert await visitor.overflow_px() == 0
    assert await visitor.barriers() == []
    await visitor.touch("left")
    await visitor.mode("menu")
    assert await visitor.barriers() == []
    await visitor.touch("end", "right")
    await visitor.mode("inbox")
    await visitor.page.locator("#trace-clear").click()
    assert await visitor.overflow_px() == 0


async def test_a_code_is_asked_for_letter_by_letter_and_read(arrive: Arrive) -> None:
    visitor = await arrive()
    await visitor.open_phone("en", "0600000005")
    await visitor.touch("left", "3")
    await visitor.mode("write")
    await visitor.taps("2", 3)
    await visitor.taps("6", 3)
    await visitor.touch("3", "#", "3")
    await expect(visitor.page.locator("textarea.entry")).to_have_value("codD")
    await visitor.touch("right", "right", "right", "right")
    await visitor.page.locator("textarea.entry").fill("CODE")
    await visitor.touch("left")
    await visitor.opens_news()
    await visitor.reads("559061")


async def test_a_lost_dialog_is_taken_up_again_and_a_repeat_changes_nothing(arrive: Arrive) -> None:
    visitor = await arrive()
    page = visitor.page
    await visitor.open_phone("fr", "0600000008")
    await page.locator("[data-do=dial]").click()
    shown = await visitor.own_menu("0600000008")
    await page.locator("[data-fault=repeat]").click()
    await expect(page.locator("#toast")).to_contain_text("rien n'a été fait deux fois")
    assert await visitor.reads("Mon mobile 0600000008") == shown
    await page.locator("[data-fault=drop]").click()
    await visitor.reads(re.compile("Connexion perdue"))
    await expect(page.locator("#trace .gist").first).to_contain_text("status=Incomplete")
    await page.locator("[data-do=dial]").click()
    await visitor.mode("ussd")


async def test_every_wire_is_dialled(arrive: Arrive) -> None:
    visitor = await arrive()
    page = visitor.page
    await visitor.open_phone("fr", "0600000003")
    wires = await page.locator("#wire option").all_inner_texts()
    assert len(wires) > 1
    for wire in wires:
        await page.locator("#wire").select_option(wire)
        await page.locator("[data-do=dial]").click()
        await expect(page.locator("#trace .path").first).to_contain_text(f"/ussd/{wire}")
        await visitor.mode("ussd")
        await page.keyboard.press("Escape")
        await visitor.mode("idle")


async def test_a_call_is_made_declined_and_cut(arrive: Arrive) -> None:
    visitor = await arrive()
    page = visitor.page
    await visitor.open_phone("en", "0600000004")
    await page.locator("#sound").click()
    await expect(page.locator("#sound")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.type("0520001117")
    await page.keyboard.press("Enter")
    await visitor.mode("talk")
    await visitor.hears("English")
    await page.locator("[data-fault=cut]").click()
    await visitor.mode("hungup")
    await expect(page.locator("#lcd .title")).to_contain_text("Call ended")
    await page.keyboard.press("Escape")
    await visitor.mode("idle")
    await page.keyboard.type("0661")
    await page.keyboard.press("Enter")
    await visitor.reads("Not a number of this demo")


async def test_faults_are_armed_and_taken_back(arrive: Arrive) -> None:
    visitor = await arrive()
    page = visitor.page
    await visitor.open_phone("en", "0600000004")
    for name in ("slow-bank", "silent-bank", "mute-smsc"):
        button = page.locator(f"[data-trouble={name}]")
        await button.click()
        await expect(button).to_have_attribute("aria-pressed", "true")
        if name == "mute-smsc":
            await page.locator("[data-do=code]").click()
            await expect(page.locator("#trace .gist", has_text="Body=CODE")).to_be_visible()
            await visitor.mode("idle")
            await visitor.touch("right")
            await expect(page.locator("#lcd .row")).to_have_count(1)
        await button.click()
        await expect(button).to_have_attribute("aria-pressed", "false")
