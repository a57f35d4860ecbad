"""What the phone page keeps when it is loaded again, put in another language, or given to somebody else for a while."""

from playwright.async_api import Route, expect

from tests.browser.conftest import Arrive
from tests.browser.visitor import Visitor

HICHAM, IMANE = "0600000008", "0600000003"


async def is_played(visitor: Visitor, number: str) -> None:
    await expect(visitor.page.locator("#person")).to_have_value(f"+212{number[1:]}")


async def in_arabic(visitor: Visitor) -> None:
    await visitor.page.locator(".languages [lang=ar]").click()
    await expect(visitor.page.locator("html[lang=ar]")).to_be_visible()


async def test_the_chosen_subscriber_stays(arrive: Arrive) -> None:
    visitor = await arrive()
    page = visitor.page
    await page.goto(f"{visitor.base}/phone?lang=fr")
    await page.locator("#person").select_option(f"+212{IMANE[1:]}")
    await page.locator("#wire").select_option("comviva")
    await page.reload()
    await is_played(visitor, IMANE)
    await expect(page.locator("#wire")).to_have_value("comviva")
    await in_arabic(visitor)
    await is_played(visitor, IMANE)
    await expect(page.locator("#wire")).to_have_value("comviva")
    await page.locator(".brand").click()
    await is_played(visitor, IMANE)


async def test_an_open_dialog_is_taken_up_where_it_was(arrive: Arrive) -> None:
    visitor = await arrive()
    page = visitor.page
    await visitor.open_phone("fr", HICHAM)
    await page.locator("#wire").select_option("comviva")
    await page.locator("[data-do=dial]").click()
    shown = await visitor.own_menu(HICHAM)
    room = await page.locator("#gauge").inner_text()
    await page.reload()
    assert await visitor.reads(f"Mon mobile {HICHAM}") == shown
    assert await page.locator("#gauge").inner_text() == room
    await in_arabic(visitor)
    await visitor.reads(f"Mon mobile {HICHAM}")  # the dialog's own language is the subscriber's
    await page.locator("#person").select_option(f"+212{IMANE[1:]}")
    await visitor.mode("idle")
    await page.locator("#person").select_option(f"+212{HICHAM[1:]}")
    await visitor.choose(f"Mon mobile {HICHAM}")  # and it goes on over the wire that it was dialled on
    await expect(page.locator("#trace .path").first).to_contain_text("/ussd/comviva")
    await visitor.mode("ussd")


async def test_a_dialog_that_was_left_stays_left(arrive: Arrive) -> None:
    visitor = await arrive()
    page = visitor.page
    await visitor.open_phone("fr", IMANE)
    await page.locator("[data-do=dial]").click()
    await visitor.mode("ussd")
    await page.keyboard.press("Escape")
    await visitor.mode("idle")
    async with page.expect_response(lambda answer: "/api/feed/" in answer.url):
        pass
    await visitor.mode("idle")
    await page.reload()
    async with page.expect_response(lambda answer: "/api/feed/" in answer.url):
        pass
    await visitor.mode("idle")


async def test_a_dialog_that_was_left_before_its_answer_came_is_over(arrive: Arrive) -> None:
    visitor = await arrive()
    page = visitor.page
    await visitor.open_phone("fr", IMANE)
    acts: list[str] = []

    async def late(route: Route) -> None:
        acts.append((route.request.post_data_json or {})["act"])
        answer = await route.fetch()
        if acts == ["dial"]:
            await page.keyboard.press("Escape")
            await visitor.mode("idle")
        await route.fulfill(response=answer)

    await page.route("**/phone/api/ussd/**", late)
    async with page.expect_response(lambda answer: (answer.request.post_data_json or {}).get("act") == "drop"):
        await page.locator("[data-do=dial]").click()
    await visitor.mode("idle")
    assert acts == ["dial", "drop"]


async def test_an_open_call_is_taken_up(arrive: Arrive) -> None:
    visitor = await arrive()
    page = visitor.page
    await visitor.open_phone("en", "0600000004")
    await page.locator("[data-do=voice]").click()
    await visitor.hears("English")
    await page.reload()
    await visitor.mode("talk")
    await visitor.hears("English")
    await page.locator("#person").select_option(f"+212{IMANE[1:]}")
    await visitor.mode("idle")
    await page.locator("[data-fault=cut]").click()  # this handset is in no call
    await expect(page.locator("#toast")).to_contain_text("Answer a call first")
    await page.locator("#person").select_option("+212600000004")
    await visitor.mode("talk")
    await page.locator("[data-fault=cut]").click()
    await visitor.mode("hungup")
