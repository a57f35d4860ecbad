"""Debian's Chromium, headless, as the browser tests drive it: the one that has no window to draw, where it is there."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

# The same engine twice, both of Debian's `chromium`: a shell without a window's furniture takes less processor time.
PACKAGES = ("chromium-headless-shell", "chromium")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium_path() -> str:
    """The first of PACKAGES that is installed. Raises FileNotFoundError, which says how it is."""
    for program in PACKAGES:
        if (path := shutil.which(program)) is not None:
            return path
    raise FileNotFoundError(f"no Chromium for the browser tests: apt-get install {PACKAGES[0]} (or {PACKAGES[1]})")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Running for as long as the block lasts."""
    path = chromium_path()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        await browser.close()
