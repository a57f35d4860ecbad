"""A person before the demo's phone: reads its screen, chooses by what is written, presses keys as shown.

Rule: nothing waits for time, everything waits for what is seen.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.support.barriers import barriers_of
from tests.support.chromium import chromium

LOOK_MAX_MS = 120_000  # for whatever is waited for: a loaded machine takes its time


@asynccontextmanager
async def patient_chromium() -> AsyncIterator[Browser]:
    """Chromium for as long as the block lasts; everything is waited for LOOK_MAX_MS."""
    expect.set_options(timeout=LOOK_MAX_MS)
    async with chromium() as browser:
        yield browser


@dataclass
class Visitor:
    """One browser window. `complaints` is all that a page must never have: errors, and requests to other hosts."""

    context: BrowserContext
    page: Page
    base: str
    complaints: list[str] = field(default_factory=list)

    @classmethod
    async def arrive(
        cls, browser: Browser, base: str, width: int = 1440, height: int = 900, scale: float = 1
    ) -> "Visitor":
        """A fresh window, its languages unknown."""
        context = await browser.new_context(
            viewport={"width": width, "height": height}, device_scale_factor=scale, reduced_motion="reduce"
        )
        context.set_default_timeout(LOOK_MAX_MS)
        visitor = cls(context, await context.new_page(), base)
        context.on("console", visitor._console)
        context.on("weberror", lambda error: visitor.complaints.append(str(error.error)))
        context.on("request", visitor._request)
        return visitor

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).netloc not in {urlsplit(self.base).netloc, ""}:
            self.complaints.append(f"request: {request.url}")

    async def open_phone(self, language: str, number: str) -> None:
        """The page, idle, as one subscriber; a dialog that another window left open is over."""
        dropped = {"act": "drop", "wire": ""}  # refused by nobody: without a dialog it does nothing
        await self.context.request.post(f"{self.base}/phone/api/ussd/%2B212{number[1:]}", data=dropped)
        await self.page.goto(f"{self.base}/phone?lang={language}&from={number}")
        await self.mode("idle")

    # --- the handset -------------------------------------------------------------------------------------------------

    async def mode(self, name: str) -> None:
        """Wait until the handset is doing that."""
        await expect(self.page.locator(f"#handset[data-mode={name}]")).to_be_visible()

    async def reads(self, words: str | re.Pattern[str]) -> str:
        """Wait until the screen shows that; all it shows."""
        screen = self.page.locator("#lcd")
        await expect(screen).to_contain_text(words)
        return await screen.inner_text()

    async def hears(self, words: str) -> None:
        """Wait until the voice has said that last."""
        await expect(self.page.locator(".captions p").last).to_contain_text(words)

    async def heard(self, words: str) -> None:
        """Wait until the voice has said that, whatever it said since."""
        await expect(self.page.locator(".captions p", has_text=words).first).to_be_visible()

    async def opens_news(self) -> None:
        """Read the newest text, once one has come: the same key means nothing before."""
        await expect(self.page.locator("#lcd-mail")).to_be_visible()
        await self.touch("left")
        await self.mode("read")

    async def taps(self, key: str, times: int) -> None:
        """One key so often as fast as a thumb does it: slower, its second letter is a new first one."""
        pressed = "(key, times) => { for (let i = 0; i < times; i++) key.click(); }"
        await self.page.locator(f'#handset [data-key="{key}"]').evaluate(pressed, times)

    async def touch(self, *keys: str) -> None:
        """Keys of the handset, one by one."""
        for key in keys:
            await self.page.locator(f'#handset [data-key="{key}"]').click()

    async def choose(self, label: str) -> None:
        """The option that is so labelled, by its key, on the keyboard; then Enter."""
        shown = await self.reads(re.compile(rf"\d\. [^\n]*{re.escape(label)}"))
        found = re.search(rf"^(\d)\. .*{re.escape(label)}", shown, re.MULTILINE)
        assert found is not None, shown
        await self.page.keyboard.press(found[1])
        await self.page.keyboard.press("Enter")

    async def own_menu(self, number: str) -> str:
        """The first menu in French, past the choice of a language where this number still has one to make."""
        mine = f"Mon mobile {number}"
        if mine not in await self.reads(re.compile(rf"Français|{mine}")):
            await self.choose("Français")
        return await self.reads(mine)

    async def answer_field(self, digits: str) -> None:
        """A spoken field's answer on the keyboard."""
        await self.page.keyboard.type(digits + "#")

    # --- what must hold of every page --------------------------------------------------------------------------------

    async def barriers(self, within: str = "html") -> list[str]:
        """axe-core's serious and critical findings, with where they are. `within` a part it is quick: nobody lets a
        telephone ring for long.
        """
        found = await barriers_of(self.page, within)
        return [f"{each.rule}: {each.html}" for each in found if each.impact in {"serious", "critical"}]

    async def overflow_px(self) -> int:
        """How much wider than the window the page is."""
        wider: int = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return wider
