"""A bill paid by wallet from the phone page: the wallet's own prompt comes once the dialog is over, and its PIN goes to
the wallet alone."""

import re

import psycopg
from playwright.async_api import Request, expect
from redis.asyncio import Redis

from tests.browser.conftest import Arrive
from tests.browser.demo import Demo
from tests.browser.visitor import Visitor
from tests.security.remains import redis_values, tables

IMANE, WORKSHOP = "0600000003", "0600000007"
PIN, WRONG_PIN = "0000", "73914650"
PROMPTS = "/phone/api/prompts/"


async def asks_the_wallet(visitor: Visitor, line: str) -> None:
    """By keyboard, in French, from the idle handset to the prompt."""
    await visitor.page.locator("[data-do=dial]").click()
    await visitor.own_menu(IMANE)
    await visitor.choose(line)
    if "J'accepte" in await visitor.reads(re.compile("J'accepte|Payer")):
        await visitor.choose("J'accepte")
    await visitor.choose("Payer")
    await visitor.choose("Payer par Neqdi")
    await visitor.mode("pin")


async def test_a_refusal_then_a_returning_customer_in_three_screens(arrive: Arrive, demo: Demo) -> None:
    visitor = await arrive()
    page, sent = visitor.page, list[Request]()
    page.on("request", lambda request: sent.append(request) if WRONG_PIN in (request.post_data or "") else None)
    await visitor.open_phone("fr", IMANE)
    await asks_the_wallet(visitor, f"Mon mobile {IMANE}")
    await visitor.reads("Payer 99,00 DH à Khallas")
    assert await visitor.barriers() == []
    field = page.locator(".pin input")
    await page.keyboard.type(WRONG_PIN)
    assert await field.get_attribute("type") == "password"
    await page.keyboard.press("Enter")
    await visitor.reads("Code secret faux. Essais restants : 2")
    await expect(field).to_have_value("")
    await page.keyboard.press("Escape")
    await visitor.mode("told")
    await visitor.reads("Annulé. Rien n'a été débité")
    await visitor.opens_news()
    await visitor.reads("n'a pas abouti")

    await page.locator("#trace-clear").click()
    await asks_the_wallet(visitor, f"Mon mobile {IMANE}")
    screens = await page.locator("#trace .entry-in .screen").all_inner_texts()
    assert screens[::-1] == ["Service", "PickInvoices", "ConfirmTotal", "WalletAsked"]
    await page.keyboard.type(PIN)
    await page.keyboard.press("Enter")
    await visitor.mode("told")
    await visitor.reads("99,00 DH payés à Khallas")
    await visitor.opens_news()
    await visitor.reads(re.compile("Paiement accepté par Neqdi.*: 99,00 DH"))

    assert {re.sub(r"[0-9a-f-]{36}", "ID", request.url) for request in sent} == {
        f"{demo.url}{PROMPTS}%2B212{IMANE[1:]}/ID?lang=fr"
    }
    feed = await page.evaluate(f"fetch('/phone/api/feed/%2B212{IMANE[1:]}').then((a) => a.text())")
    assert WRONG_PIN not in feed  # what passed between Khallas and its gateways
    await nothing_is_left(demo, WRONG_PIN)


async def nothing_is_left(demo: Demo, pin: str) -> None:
    """Neither where a server keeps anything nor in what it says."""
    async with Redis.from_url(demo.setting("KHALLAS_REDIS_URL")) as redis:
        left = {"Redis": await redis_values(redis)}
    with psycopg.connect(demo.setting("KHALLAS_DATABASE_URL"), autocommit=True) as connection:
        left["tables"] = tables(connection)
    left["log"] = demo.log.read_bytes()
    assert all(left.values())
    assert IMANE[1:].encode() in left["tables"]
    assert [where for where, data in left.items() if pin.encode() in data] == []


async def test_a_wallet_pays_in_arabic_by_touch_at_360_px(arrive: Arrive) -> None:
    visitor = await arrive(360, 740)
    page = visitor.page
    await visitor.open_phone("ar", WORKSHOP)
    await page.locator("[data-do=dial]").click()
    for words, keys in (("اللغة", "2"), ("0522000107", "1"), ("أقبل", "1"), ("2 184,80", "1"), ("Neqdi", "1")):
        await visitor.reads(words)
        await visitor.touch(keys, "call")
    await visitor.mode("pin")
    await visitor.reads("لفائدة Khallas")
    await expect(page.locator(".pin .said")).to_have_attribute("dir", "rtl")
    assert await visitor.barriers() == []
    assert await visitor.overflow_px() == 0
    await visitor.touch(*PIN[:3], "9", "right", PIN[3])
    await expect(page.locator(".pin input")).to_have_value(PIN)
    await visitor.touch("left")
    await visitor.mode("told")
    await visitor.reads("تم أداء")
    await visitor.opens_news()
    await visitor.reads("2 184,80 DH")
    assert await visitor.overflow_px() == 0


async def test_a_prompt_that_nobody_answers_runs_out_and_a_dialog_puts_it_aside(arrive: Arrive) -> None:
    visitor = await arrive()
    page = visitor.page
    await visitor.open_phone("en", IMANE)
    await page.locator("[data-fault=lapse]").click()
    await expect(page.locator("#toast")).to_contain_text("asks for nothing")
    await asks_the_wallet(visitor, "Mon fixe 0537000103")
    await visitor.reads("Pay 500,00 DH to Khallas")  # the handset is English, the dialog French
    await page.locator("[data-do=dial]").click()
    await visitor.reads("Neqdi attend le code secret")
    await page.keyboard.press("Escape")
    await visitor.mode("pin")
    await page.reload()
    await visitor.mode("pin")
    await page.locator("[data-fault=lapse]").click()
    await visitor.mode("told")
    await visitor.reads("Time is up. Nothing was debited")
    await visitor.opens_news()
    await visitor.reads("n'a pas abouti")
