"""`./run pictures`: the README's pictures, taken of the demo by the browser tests' own visitor.

python -m tests.browser.pictures [FOLDER]
"""

import asyncio
import base64
import struct
import sys
import zlib
from pathlib import Path

from playwright.async_api import Browser, Page, expect

from tests.browser.busy_day import live_a_busy_day
from tests.browser.demo import Demo, running_demo
from tests.browser.visitor import Visitor, patient_chromium

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
BYTES_MAX = 200_000
DESKTOP = (1440, 980)
CARD = "4000000000000010"
SHRINK = Path(__file__).with_name("shrink.js").read_text(encoding="utf-8")
# what is chosen and heard, in order: an option, and a word of each spoken question
FRENCH = (
    ("Français", "Mon mobile", "J'accepte", "Payer", "Carte, par appel"),
    ("numéro de votre carte", "expiration", "continuer", "au dos de la carte", "Paiement accepté"),
)
ARABIC = (
    ("العربية", "رقمي", "أقبل", "أداء", "تابع", "بطاقة"),
    ("رقم بطاقتكم", "الانتهاء", "ستؤدون", "ظهر البطاقة", "تم الأداء"),
)


Pictures = dict[str, bytes]


def main(folder: Path) -> None:
    """Writes every picture anew."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, png in asyncio.run(pictures_of_the_demo()).items():
        (folder / name).write_bytes(png)
        sys.stdout.write(f"{name} {len(png) // 1024} KB\n")


async def pictures_of_the_demo() -> Pictures:
    """All pictures by file name."""
    pictures: Pictures = {}
    async with running_demo() as demo, patient_chromium() as browser:
        await _french(browser, demo, pictures)
        await _arabic(browser, demo.url, pictures)
        await _small(browser, demo.url, pictures)
        await _operations(browser, demo, pictures)
        pictures["web-fr.png"] = await _web(browser, demo.url)
    return pictures


async def _french(browser: Browser, demo: Demo, pictures: Pictures) -> None:
    visitor = await Visitor.arrive(browser, demo.url, *DESKTOP)
    await visitor.open_phone("fr", "0600000001")
    await _pay(visitor, *FRENCH)
    await visitor.opens_news()
    told = await visitor.reads("Autorisation")
    await _letter_is_there(visitor.page)
    pictures["phone-fr.png"] = await _taken(visitor.page)
    async with visitor.context.expect_page() as opened:
        await visitor.touch("left")
    receipt = await opened.value
    await receipt.set_viewport_size({"width": 760, "height": 600})
    pictures["receipt-fr.png"] = await _taken(receipt, whole=True)
    await visitor.context.close()
    pictures["desk-fr.png"] = await _desk(browser, demo, told.partition("Autorisation :")[2].split(".")[0].strip())


async def _desk(browser: Browser, demo: Demo, authorisation: str) -> bytes:
    """The payment as the help desk finds it."""
    visitor = await Visitor.arrive(browser, demo.url, 1180, 900)
    page = visitor.page
    await page.goto(f"{demo.url}/desk/login?lang=fr")
    await page.locator("#name").fill("agent")
    await page.locator("#password").fill(demo.logins["agent"])
    await page.keyboard.press("Enter")
    await page.locator("#q").fill(authorisation)
    await page.keyboard.press("Enter")
    await expect(page.locator(".state")).to_have_text("Payé")
    await page.locator(".dialog summary").first.click()
    picture = await _taken(page, whole=True)
    await visitor.context.close()
    return picture


async def _operations(browser: Browser, demo: Demo, pictures: Pictures) -> None:
    """After a made-up day, for a demo's few minutes are no curve."""
    await live_a_busy_day(demo.setting("KHALLAS_DATABASE_URL"), demo.setting("KHALLAS_REDIS_URL"))
    visitor = await Visitor.arrive(browser, demo.url, 1440, 900)
    page = visitor.page
    await page.goto(f"{demo.url}/desk/login?to=/ops")
    await page.locator("#name").fill("agent")
    await page.locator("#password").fill(demo.logins["agent"])
    await page.keyboard.press("Enter")
    await expect(page.locator("#live")).to_be_visible()
    for language in ("fr", "ar"):
        await page.goto(f"{demo.url}/ops?lang={language}")
        await expect(page.locator(".chart canvas")).to_have_count(2)
        pictures[f"operations-{language}.png"] = await _taken(page, whole=True)
    await visitor.context.close()


async def _arabic(browser: Browser, url: str, pictures: Pictures) -> None:
    visitor = await Visitor.arrive(browser, url, *DESKTOP)
    await visitor.open_phone("ar", "0600000002")
    await _pay(visitor, *ARABIC)
    await _letter_is_there(visitor.page)
    pictures["phone-ar.png"] = await _taken(visitor.page)
    await visitor.context.close()


async def _web(browser: Browser, url: str) -> bytes:
    """The bills of a line, ticked."""
    visitor = await Visitor.arrive(browser, url, 480, 700)
    page = visitor.page
    await page.goto(f"{url}/bills/mobile?lang=fr")
    for name, text in (("reference", "0600000003"), ("code", "300518"), ("email", "imane@example.com")):
        await page.fill(f"#{name}", text)
    await page.check("#terms")
    await page.locator(".go button").click()
    await expect(page.locator(".rows")).to_be_visible()
    picture = await _taken(page, whole=True)
    await visitor.context.close()
    return picture


async def _small(browser: Browser, url: str, pictures: Pictures) -> None:
    visitor = await Visitor.arrive(browser, url, 390, 720)
    await visitor.open_phone("en", "0600000005")
    await visitor.page.locator("[data-do=dial]").click()
    await visitor.choose("English")
    await visitor.reads("My mobile")
    pictures["phone-small.png"] = await _taken(visitor.page)
    await visitor.context.close()


async def _pay(visitor: Visitor, options: tuple[str, ...], questions: tuple[str, ...]) -> None:
    page = visitor.page
    await page.keyboard.press("Enter")
    await visitor.mode("dial")
    await page.keyboard.press("Enter")
    for option in options:
        await visitor.mode("ussd")
        await visitor.choose(option)
    await visitor.mode("incoming")
    await page.keyboard.press("Enter")
    for question, keys in zip(questions, (f"{CARD}#", "1229#", "1", "123#", ""), strict=True):
        await visitor.hears(question)
        await page.keyboard.type(keys)
    await visitor.mode("hungup")
    await expect(page.locator("#lcd-mail")).to_be_visible()


async def _letter_is_there(page: Page) -> None:
    await expect(page.frame_locator("#letter").locator("body")).to_contain_text("DH")


async def _taken(page: Page, *, whole: bool = False) -> bytes:
    """The window, or the whole page, in 256 colours. Raises RuntimeError when it has more than BYTES_MAX."""
    await page.evaluate("document.fonts.ready")
    taken = await page.screenshot(animations="disabled", caret="hide", full_page=whole)
    desk = await page.context.new_page()
    shrunk = await desk.evaluate(SHRINK, f"data:image/png;base64,{base64.b64encode(taken).decode()}")
    await desk.close()
    png = indexed_png(shrunk["width"], shrunk["height"], bytes(shrunk["palette"]), base64.b64decode(shrunk["pixels"]))
    if len(png) > BYTES_MAX:
        raise RuntimeError(f"a picture has {len(png)} bytes")
    return png


def indexed_png(width: int, height: int, palette: bytes, pixels: bytes) -> bytes:
    """A PNG of one byte a pixel."""
    rows = b"".join(b"\0" + pixels[at : at + width] for at in range(0, width * height, width))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
