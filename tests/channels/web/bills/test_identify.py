"""The first page: the kind of bill, the line and its proof at once; the code of a mobile line texted to it."""

import asyncio
import re
from collections.abc import Callable

import pytest

from channels.web.bills.texted_codes import TextedCodeLimits, TextedCodes
from lab.browser import BrowserPage, ScreenlessBrowser
from tests.channels.web.bills.test_journey import FIXED, MOBILE, sound
from tests.support.waiting import until
from tests.support.world import World

Opens = Callable[..., ScreenlessBrowser]
OWNER = "+212600000001"
STRANGER, LINE = "0699999999", "0600000001"


async def test_a_link_to_one_kind_of_bill_still_asks_for_that_alone(opens: Opens) -> None:
    page = await opens().get("/bills?service=fixed&lang=en")
    assert page.path == "/bills/fixed"
    assert page.form().radios == {}
    assert (await opens().get("/bills?service=water")).path == "/"


async def test_the_page_that_asks_for_everything_says_all_that_is_missing(opens: Opens) -> None:
    browser = opens()
    page = await browser.get("/?lang=en")
    assert page.form().radios == {"service": ["fixed", "mobile", "internet"]}
    assert page.form().fields[-1][0] == "email"  # nothing is chosen beforehand
    wrong = await browser.send(page)
    assert wrong.status == 422
    sound(wrong)
    marks = [link for link in wrong.read.links if link.startswith("#") and link != "#main"]
    assert marks == ["#service", "#reference", "#code", "#email", "#terms"]
    wrong = await browser.send(wrong, {**MOBILE, "service": "fixed"}, terms=["yes"])
    assert "This is not a landline number" in wrong.text
    right = await browser.send(wrong, {**FIXED, "service": "fixed"}, terms=["yes"])
    assert right.path == "/bills/choose"


async def test_a_wrong_code_at_the_front_page_keeps_everything_else(opens: Opens) -> None:
    browser = opens()
    page = await browser.get("/?lang=en")
    wrong = await browser.send(page, {**MOBILE, "service": "mobile", "code": "918273"}, terms=["yes"])
    assert wrong.status == 422
    assert 'value="mobile" required checked' in wrong.html
    assert wrong.form().ticked["terms"] == ["yes"]
    bills = await browser.send(wrong, {"code": MOBILE["code"]})
    assert bills.path == "/bills/choose"


def received(here: World) -> list[str]:
    """What the owner's telephone shows."""
    return [text.body for text in here.twilio.texts(OWNER)]


async def texts_of(here: World) -> list[dict[str, object]]:
    return await here.house.database.all("SELECT recipient, status FROM messages WHERE kind = 'code_sms'")


@pytest.mark.parametrize("path", ["/", "/bills/mobile"])
async def test_a_code_is_texted_to_the_line_and_to_nobody_else(opens: Opens, here: World, path: str) -> None:
    pages: list[BrowserPage] = []
    for reference in (STRANGER, LINE):
        browser = opens()
        page = await browser.get(f"{path}?lang=en")
        typed = {"reference": reference, "email": MOBILE["email"]}
        pages.append(await browser.send(page, typed, press="text"))
        sound(pages[-1])
        assert pages[-1].status == 200
        assert dict(pages[-1].form().fields)["email"] == MOBILE["email"]
        assert "its code arrives there by SMS" in pages[-1].text
    blank = [re.sub(r'name="(state|reference)"[^>]*', "", page.html) for page in pages]
    assert blank[0] == blank[1]
    await here.later(1)
    await until(lambda: bool(received(here)))
    assert MOBILE["code"] in received(here)[-1]
    assert [row["recipient"] for row in await texts_of(here)] == [OWNER]
    bills = await browser.send(pages[-1], MOBILE, terms=["yes"])
    assert bills.path == "/bills/choose"


async def test_other_lines_have_their_code_on_the_bill(opens: Opens, here: World) -> None:
    browser = opens()
    page = await browser.get("/?lang=en")
    told = await browser.send(page, {"service": "fixed", "reference": FIXED["reference"]}, press="text")
    assert (told.status, "printed on the bill" in told.text) == (422, True)
    told = await browser.send(page, {"service": "mobile", "reference": "12"}, press="text")
    assert (told.status, "This is not a mobile number" in told.text) == (422, True)
    assert await texts_of(here) == []


async def test_the_answer_waits_for_nothing_that_is_done_about_the_number(here: World) -> None:
    """Whatever billing takes for a line that there is, the page is told at once."""
    never = asyncio.Event()

    async def send(_reference: str) -> None:
        await never.wait()

    codes = TextedCodes(TextedCodeLimits(here.house.redis), send)
    async with asyncio.timeout(60):
        await codes.ask("203.0.113.9", LINE)
    never.set()
    await codes.settled()


class MinuteApart(TextedCodeLimits):
    LINE_MINUTE = 1_000


async def test_a_thousand_addresses_text_a_line_three_times_a_day_and_its_owner_s_own_sms_is_answered(
    opens: Opens, here: World
) -> None:
    limits = MinuteApart(here.house.redis)
    asked = [await limits.allow(f"203.{n // 250}.{n % 250}.7", LINE) for n in range(1_000)]
    assert sum(asked) == TextedCodeLimits.LINE_DAY
    assert not await limits.allow("198.51.100.1", LINE)
    assert await limits.allow("198.51.100.1", "0600000002")
    assert MOBILE["code"] in (await here.twilio.deliver_mo(OWNER, "CODE"))[0]


async def test_one_address_and_one_minute_are_paced(here: World) -> None:
    limits = TextedCodeLimits(here.house.redis)
    assert [await limits.allow("203.0.113.9", LINE) for _ in range(3)] == [True, False, False]
    many = [await limits.allow("203.0.113.9", f"06{n:08d}") for n in range(20)]
    assert sum(many) == TextedCodeLimits.ADDRESS_HOUR - 1
