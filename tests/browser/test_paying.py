"""A bill paid wholly from the phone page, as its user would."""

import re

from playwright.async_api import Locator, expect

from tests.browser.conftest import Arrive
from tests.browser.visitor import Visitor

APPROVED = "4000000000000010"
ASKS_PIN = "5191630100004896"
SILENT_PAYER, SILENT_TOTAL = "0600000006", "5 672,60 DH"


async def armed(visitor: Visitor, trouble: str) -> Locator:
    """The trouble's button, pressed: it springs back when it has struck."""
    button = visitor.page.locator(f"[data-trouble={trouble}]")
    await button.click()
    await expect(button).to_have_attribute("aria-pressed", "true")
    return button


async def no_digits_of(visitor: Visitor, card: str) -> None:
    """Neither on the handset nor in what the page knows of the wire."""
    await visitor.page.evaluate("for (const each of document.querySelectorAll('#trace details')) each.open = true")
    shown = await visitor.page.locator("#trace").inner_text()
    assert "Digits=••••" in shown
    assert card[:12] not in shown
    assert card[:12] not in await visitor.page.locator("#handset").inner_text()
    feed = await visitor.page.evaluate("fetch('/phone/api/feed/%2B212600000001').then((a) => a.text())")
    assert card[:12] not in feed


async def test_a_bill_is_paid_in_french_on_the_keyboard_and_a_slow_bank_waited_for(arrive: Arrive) -> None:
    visitor = await arrive()
    page = visitor.page
    await visitor.open_phone("fr", "0600000001")
    slow = await armed(visitor, "slow-bank")
    await page.locator("#lcd").focus()
    await page.keyboard.press("Enter")
    await visitor.mode("dial")
    await page.keyboard.press("Enter")
    await visitor.own_menu("0600000001")
    await visitor.choose("Mon mobile 0600000001")
    await visitor.choose("J'accepte")
    await visitor.choose("Payer 769,20 DH")
    await expect(page.locator("#gauge")).to_contain_text(re.compile(r"\d+ / 160"))
    assert await visitor.barriers() == []
    await visitor.choose("Carte, par appel")
    await visitor.mode("incoming")
    await page.keyboard.press("Enter")
    await visitor.hears("numéro de votre carte")
    assert await visitor.barriers() == []
    await page.keyboard.type(APPROVED)
    await expect(page.locator(".typed")).to_have_text("•" * 16)
    await page.keyboard.press("#")
    await visitor.hears("expiration")
    await visitor.answer_field("1229")
    await visitor.hears("continuer")
    await page.keyboard.press("1")
    await visitor.hears("au dos de la carte")
    await visitor.answer_field("123")
    await visitor.heard("Un instant")
    await expect(slow).to_have_attribute("aria-pressed", "false")
    await visitor.mode("hungup")
    await visitor.hears("Paiement accepté")
    await no_digits_of(visitor, APPROVED)

    await expect(page.locator("#letters .subject").first).to_contain_text("769,20 DH")
    await expect(page.frame_locator("#letter").locator("body")).to_contain_text("0000171682062019")
    await expect(page.locator("#soft-left")).to_have_text("Lire")
    await visitor.opens_news()
    told = await visitor.reads("Autorisation")
    async with visitor.context.expect_page() as opened:
        await visitor.touch("left")
    receipt = await opened.value
    await expect(receipt.locator("main.receipt.paid")).to_contain_text("769,20 DH")
    authorisation = re.search(r"Autorisation\s*:\s*(\w+)", told)
    assert authorisation is not None
    await expect(receipt.locator("main")).to_contain_text(authorisation[1])


async def test_a_bill_is_paid_in_arabic_by_touch_at_360_px(arrive: Arrive) -> None:
    visitor = await arrive(360, 740)
    page = visitor.page
    await visitor.open_phone("ar", "0600000002")
    await expect(page.locator("html")).to_have_attribute("dir", "rtl")
    await page.locator("[data-do=dial]").click()
    await visitor.reads("اللغة")
    await visitor.touch("2", "call")
    await visitor.reads("0600000002")
    await visitor.touch("1", "call")
    await visitor.reads("أقبل")
    await visitor.touch("1", "call")
    await visitor.reads("413,50")
    await expect(page.locator("#gauge")).to_contain_text(re.compile(r"\d+.* / .*80"))
    assert await visitor.barriers() == []
    await visitor.touch("1", "call")
    await visitor.reads("@example.com")
    await visitor.touch("9", "call")
    card = re.search(r"(\d)\. بطاقة", await visitor.reads("بطاقة"))
    assert card is not None
    await visitor.touch(card[1], "call")
    await visitor.mode("incoming")
    assert await visitor.barriers("#handset") == []
    await page.locator(".choice .yes").click()
    await visitor.hears("رقم بطاقتكم")
    await page.locator(f'[data-keys="{ASKS_PIN}#"]').click()
    await visitor.hears("الانتهاء")
    await visitor.touch(*"1229#")
    await visitor.hears("ستؤدون")
    await visitor.touch("1")
    await visitor.hears("ظهر البطاقة")
    await visitor.touch(*"123#")
    await visitor.hears("لمرة واحدة")
    await expect(page.locator("#trace .screen").first).to_have_text("BankPin")
    await visitor.touch(*"123#")
    await visitor.mode("hungup")
    await visitor.hears("تم الأداء")
    assert await visitor.overflow_px() == 0

    await visitor.opens_news()
    await expect(page.locator(".said")).to_have_attribute("dir", "rtl")
    await expect(page.frame_locator("#letter").locator("html")).to_have_attribute("dir", "rtl")
    async with visitor.context.expect_page() as opened:
        await page.locator(".said a").click()
    receipt = await opened.value
    await expect(receipt.locator("main.receipt.paid")).to_contain_text("413,50 DH")


async def test_a_silent_bank_is_asked_again_and_the_call_ends_with_its_word(arrive: Arrive) -> None:
    visitor = await arrive()
    page = visitor.page
    await visitor.open_phone("fr", SILENT_PAYER)
    await armed(visitor, "silent-bank")
    await page.locator("[data-do=dial]").click()
    for option in ("Français", f"Mon mobile {SILENT_PAYER}", "J'accepte", f"Payer {SILENT_TOTAL}", "Payer"):
        await visitor.choose(option)
    await visitor.mode("incoming")
    await page.keyboard.press("Enter")
    for question, keys in (("numéro de votre carte", f"{APPROVED}#"), ("expiration", "1229#"), ("continuer", "1")):
        await visitor.hears(question)
        await page.keyboard.type(keys)
    await visitor.hears("au dos de la carte")
    await visitor.answer_field("123")
    # the bank had charged: a look at the order finds that while the caller waits, and the receipt goes out
    await visitor.hears("Paiement accepté")
    assert await visitor.barriers() == []
    await visitor.touch("end")
    await visitor.opens_news()
    assert SILENT_TOTAL in await visitor.reads("Autorisation")
    await expect(page.locator("#letters .subject").first).to_contain_text(SILENT_TOTAL)
