"""What every page stands on: the operator's logo, and templates that miss nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import Environment

from channels.receipt_view import Operator
from channels.web.pages import ACQUIRER_LOGOS, LOGO_BYTES_MAX, LOGO_PATH, Pages
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from tests.channels.web.serving import site
from tests.support.paid import paid

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><script>1</script></svg>'


async def test_the_operators_logo_replaces_the_mark(tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.write_text(SVG)
    async with site(logo=logo) as browser:
        _, page = await browser.get(f"/receipts/{browser.books.hold(paid())}")
        assert f'<img class="logo" src="{LOGO_PATH}" alt="">' in page
        assert '<svg class="logo"' not in page
        answer, content = await browser.get(LOGO_PATH)
        assert answer.content_type == "image/svg+xml"
        assert content == SVG
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_a_receipt_bears_the_logo_of_the_acquirer_that_took_the_card(tmp_path: Path) -> None:
    logo = tmp_path / "naps.svg"
    logo.write_text(SVG)
    async with site(logos=(("naps", logo),)) as browser:
        address = f"{ACQUIRER_LOGOS}/naps"
        _, page = await browser.get(f"/receipts/{browser.books.hold(replace(paid(), acquirer='naps'))}")
        assert f'<img class="acquirer" src="{address}" alt="">' in page
        answer, content = await browser.get(address)
        assert (answer.content_type, content) == ("image/svg+xml", SVG)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        for other in (paid(), replace(paid(), acquirer="naps", wallet="neqdi")):  # old ones stay as they were
            _, page = await browser.get(f"/receipts/{browser.books.hold(other)}")
            assert "/brand/" not in page
        answer, _ = await browser.get(f"{ACQUIRER_LOGOS}/cmi")
        assert answer.status == 404


async def test_without_one_there_is_a_neutral_mark() -> None:
    async with site() as browser:
        _, page = await browser.get("/receipts/nothing")
        assert '<svg class="logo"' in page
        answer, _ = await browser.get(LOGO_PATH)
        assert answer.status == 404


def test_a_logo_is_a_small_picture(tmp_path: Path) -> None:
    for name, size in (("logo.html", 10), ("logo.png", LOGO_BYTES_MAX + 1)):
        (tmp_path / name).write_bytes(b"x" * size)
        with pytest.raises(ValueError, match="a logo is"):
            Pages(load_texts(), Operator("O", "777", tmp_path / name))
    with pytest.raises(FileNotFoundError):
        Pages(load_texts(), Operator("O", "777", tmp_path / "none.svg"))


@pytest.mark.parametrize("name", ["", "x" * 61, "a\nb", "a\rBcc: x"])
def test_an_operators_name_is_one_line(name: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        Operator(name, "777")


def test_templates_are_compiled_once_a_process_and_each_site_says_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(name: str) -> str:
        pages = Pages(load_texts(), Operator(name, "777"))
        return bytes(pages.html("notice.html", LanguageCode.FR, notice="home").body).decode()

    assert "Atlas" in shown("Atlas")
    monkeypatch.setattr(Environment, "compile", None)  # whoever compiles again fails
    assert "Rif" in (other := shown("Rif"))
    assert "Atlas" not in other
