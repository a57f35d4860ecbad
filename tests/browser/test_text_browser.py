"""From / to the receipt in w3m, in each language: no picture, no style, no script."""

from pathlib import Path

import pytest

from core.languages import LanguageCode
from lab.cmi.hosted_pages import WORDS
from tests.browser.text_browser import text_browser
from tests.browser.web_world import EMAIL, LINES, demo_database_url, demo_template, here
from tests.support.world import World

TITLE, WAY_BACK = 0, 8  # of what the emulated bank says

__all__ = ["demo_database_url", "demo_template", "here"]


@pytest.mark.parametrize("language", ["fr", "ar", "en"])
async def test_paid_in_a_text_browser(here: World, language: str, tmp_path: Path) -> None:
    texts, tongue = here.house.texts, LanguageCode(language)

    def say(key: str, section: str = "bills") -> str:
        return texts.get(tongue, section, key)

    (reference, code), bank = LINES["mobile"], WORDS[language]
    async with text_browser(f"{here.url}/?lang={language}", tmp_path) as w3m:
        await w3m.sees(say("terms")[:20])
        assert "777" in w3m.shown
        w3m.after(say("service.fixed"))
        w3m.press()  # the choice after it: mobile
        for label, text in (("reference.any", reference), ("code", code), ("email", EMAIL)):
            w3m.after(say(label))
            w3m.types(text)
        w3m.after(say("email"), 2)
        w3m.press()  # the terms
        w3m.keys("\t")
        w3m.press()
        await w3m.sees("769,20")
        w3m.after(say("bills.legend")[:12], 2)
        w3m.press()
        await w3m.sees(say("review"))
        w3m.after(say("review.note")[:12])
        w3m.press()
        await w3m.sees(say("pay.leave", "web"))
        w3m.after(say("pay.note", "web")[:12])
        w3m.press()
        await w3m.sees("CVV")
        for number, text in enumerate(("4000000000000010", "12/30", "000"), start=1):
            w3m.after("MAD", number)
            w3m.types(text)
        w3m.after("MAD", 4)
        w3m.press()
        await w3m.sees(bank[WAY_BACK])
        w3m.after(bank[TITLE])
        w3m.press()
        await w3m.sees(say("pay-back.paid", "web"))
        w3m.after(say("pay-back.paid.text", "web")[:12])
        w3m.press()
        await w3m.sees("2026-00000001")  # the receipt has a number
    rows = await here.house.database.all("SELECT state, language FROM payments")
    assert rows == [{"state": "captured", "language": language}]
