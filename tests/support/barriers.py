"""axe-core's judgement of a page, of one document from beginning to end.

A click answers before the page that it leads to is there. Whoever judges waits for what that page shows; a page that
is replaced nevertheless while it is judged is judged anew, instead of failing in the middle of axe.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Error, Page

AXE = Path(__file__).parents[1] / "browser" / "vendor" / "axe.min.js"
LOOKS_MAX = 5
DOCUMENT = "performance.timeOrigin"  # a document's birth: another one is another document


@dataclass(frozen=True, slots=True)
class Barrier:
    """One rule of axe that an element breaks: `impact` is minor, moderate, serious or critical."""

    rule: str
    impact: str
    html: str


async def barriers_of(page: Page, within: str = "html", tags: Sequence[str] = ()) -> list[Barrier]:
    """All that is found of `tags` (all rules without any) `within` a part. Raises Playwright's Error where axe fails on
    one document, and where the page is another one each time.
    """
    for look in range(1, LOOKS_MAX + 1):
        try:
            born = await page.evaluate(DOCUMENT)
            found = await _found(page, within, tags)
            if await page.evaluate(DOCUMENT) == born:
                return found
        except Error:
            if look == LOOKS_MAX:
                raise
        await page.wait_for_load_state()
    raise Error(f"{page.url} was another document at each of {LOOKS_MAX} looks")


async def _found(page: Page, within: str, tags: Sequence[str]) -> list[Barrier]:
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text(encoding="utf-8") + ";0")
    asked: dict[str, Any] = {"resultTypes": ["violations"], "iframes": False}
    if tags:
        asked["runOnly"] = list(tags)
    found = await page.evaluate("([within, asked]) => axe.run(within, asked)", [within, asked])
    return [Barrier(each["id"], each["impact"], node["html"]) for each in found["violations"] for node in each["nodes"]]
