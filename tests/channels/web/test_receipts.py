"""The receipt page: complete, truthful, in three languages, and closed to whoever has no link."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from io import BytesIO
from urllib.parse import quote

import pytest
import pytest_asyncio
from pypdf import PdfReader
from yarl import URL

from channels.receipt_view import STATUS, Operator, ReceiptStatus, receipt_view
from channels.web.receipts import extras
from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from core.money import dh
from core.payments.table import PaymentState
from core.refunds.model import Refund, RefundState
from core.subscribers.lines import ServiceType
from tests.channels.web.serving import LINKS, Site, site
from tests.support.hostile import PASTED
from tests.support.paid import PAID_AT, paid

TEXTS = load_texts()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Site]:
    async with site("Opérateur <Démo> & Fils") as running:
        yield running


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_every_field_of_a_receipt_is_there(browser: Site, language: LanguageCode) -> None:
    payment = paid(language)
    answer, page = await browser.get(f"/receipts/{browser.books.hold(payment)}")
    assert answer.status == 200
    assert answer.content_type == "text/html"
    text = unescape(page)
    for value in (
        "0600000001",
        "salma@example.com",
        "23/11/2026 13:05",
        "Q41T9Z",
        "26327NF2C10099",
        "Visa",
        "CMI",
        "**** **** **** 0010",
        "2026-00000042",
        "0012345678",
        "05/2019",
        "769,20 DH",
        "0012345999",
        "06/2019",
        "1 000,00 DH",
        "1 769,20 DH",
        "777",
        "Opérateur <Démo> & Fils",
        TEXTS.get(language, "receipt", "paid.state"),
        TEXTS.get(language, "receipt", "title"),
    ):
        assert value in text
    assert f'<html lang="{language}" dir="{"rtl" if language is LanguageCode.AR else "ltr"}">' in page
    assert answer.headers["Content-Language"] == language


async def test_what_is_pasted_behind_a_link_is_no_part_of_it(browser: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channels.web.receipts.pdf.render", lambda *_: b"%PDF")  # a real one takes its time
    token = browser.books.hold(paid())
    for behind in PASTED:
        for path, kind in ((f"/receipts/{token}", "text/html"), (f"/receipts/{token}.pdf", "application/pdf")):
            async with browser.http.get(URL(path + quote(behind, safe="/*_~"), encoded=True)) as answer:
                assert (answer.status, answer.content_type) == (200, kind), ascii(behind)


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_the_reader_chooses_a_language(browser: Site, language: LanguageCode) -> None:
    token = browser.books.hold(paid(LanguageCode.FR))
    _, page = await browser.get(f"/receipts/{token}?lang={language}")
    assert f'<html lang="{language}"' in page
    assert 'aria-current="true"' in re.findall(rf'<a href="\?lang={language}"[^>]*>', page)[0]
    assert page.count("aria-current") == 1


async def test_an_unknown_language_is_the_payers(browser: Site) -> None:
    token = browser.books.hold(paid(LanguageCode.AR))
    _, page = await browser.get(f"/receipts/{token}?lang=%22%3E%3Cscript%3E")
    assert '<html lang="ar" dir="rtl">' in page
    assert "<script>" not in page


@pytest.mark.parametrize("state", list(PaymentState))
async def test_the_state_is_told_as_it_is(browser: Site, state: PaymentState) -> None:
    token = browser.books.hold(paid(LanguageCode.EN, state))
    _, page = await browser.get(f"/receipts/{token}")
    told = {s for s in ReceiptStatus if f"<span>{TEXTS.get(LanguageCode.EN, 'receipt', f'{s}.state')}</span>" in page}
    assert told == {STATUS[state]}
    assert TEXTS.get(LanguageCode.EN, "receipt", f"{STATUS[state]}.note") in page
    assert (ReceiptStatus.PAID in told) is (state is PaymentState.CAPTURED)


@pytest.mark.parametrize("language", list(LanguageCode))
async def test_what_went_back_in_parts_is_told(browser: Site, language: LanguageCode) -> None:
    payment = paid(language)
    link = f"/receipts/{browser.books.hold(payment)}"
    label = TEXTS.get(language, "receipt", "given-back")
    browser.books.parts.clear()
    assert label not in (await browser.get(link))[1]
    given = (
        (RefundState.TOLD, 5_000, False),
        (RefundState.CREDITED, 1_250, False),
        (RefundState.CREDITING, 9_900, False),  # not back yet
        (RefundState.REFUSED, 9_900, False),
        (RefundState.TOLD, 9_900, True),  # tells billing of a payment that went back by itself
    )
    browser.books.parts[:] = [
        Refund(n, payment.id, "0012345678", centimes, state, 1, whole)
        for n, (state, centimes, whole) in enumerate(given)
    ]
    page = unescape((await browser.get(link))[1])
    assert label in page
    assert "62,50 DH" in page
    assert TEXTS.get(language, "receipt", "paid.state") in page
    async with browser.http.get(f"{link}.pdf") as answer:
        printed = "".join(one.extract_text() for one in PdfReader(BytesIO(await answer.read())).pages)
    assert "62,50 DH" in printed
    browser.books.parts.clear()


async def test_a_payment_that_went_back_whole_tells_no_parts(browser: Site) -> None:
    payment = paid(LanguageCode.FR, PaymentState.REFUNDED)
    browser.books.parts[:] = [Refund(1, payment.id, "0012345678", 5_000, RefundState.TOLD, 1, whole=False)]
    page = (await browser.get(f"/receipts/{browser.books.hold(payment)}"))[1]
    assert "50,00 DH" not in page
    browser.books.parts.clear()


async def test_what_is_missing_is_a_dash(browser: Site) -> None:
    bare = replace(
        paid(), email=None, auth_code=None, transaction_number=None, card_brand=None, card_last4=None,
        service=ServiceType.INTERNET, line_reference="7710345",
    )  # fmt: skip
    _, page = await browser.get(f"/receipts/{browser.books.hold(bare)}")
    assert page.count("—") == 4
    assert "None" not in page
    assert "7710345" in page
    assert "Carte bancaire (CMI)" in page


async def test_what_people_typed_is_escaped(browser: Site) -> None:
    evil = replace(paid(), email='"><script>alert(1)</script>@x.ma', card_brand="<b>x")
    _, page = await browser.get(f"/receipts/{browser.books.hold(evil)}")
    assert "<script>alert" not in page
    assert "<b>" not in page


@pytest.mark.parametrize("centimes", [1, 9_999_999])
async def test_small_and_large_sums(browser: Site, centimes: int) -> None:
    bills = tuple(Invoice(f"{n:016d}", date(2026, 1, 1), centimes, date(2026, 2, 1)) for n in range(40))
    _, page = await browser.get(f"/receipts/{browser.books.hold(paid(bills=bills))}")
    assert page.count(f">{dh(centimes)}<") == 40
    assert page.count(f">{dh(40 * centimes)}<") == 2


async def test_the_page_is_kept_nowhere_and_loads_nothing_foreign(browser: Site) -> None:
    answer, page = await browser.get(f"/receipts/{browser.books.hold(paid())}")
    headers = answer.headers
    assert headers["Cache-Control"] == "no-store"
    assert "noindex" in headers["X-Robots-Tag"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\sstyle=|<style|\son\w+=|<script(?! src=)", page)
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) >= 6
    assert not [address for address in loaded if "//" in address]


async def test_what_the_page_loads_is_there_and_may_be_kept(browser: Site) -> None:
    _, page = await browser.get(f"/receipts/{browser.books.hold(paid())}")
    files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page))
    assert len(files) == 3
    for file in files:
        answer, content = await browser.get(file)
        assert answer.status == 200
        assert content
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        answer, _ = await browser.get(file.partition("?")[0])
        assert answer.headers["Cache-Control"] == "no-cache"
    answer, _ = await browser.get("/static/%2e%2e/pages.py")
    assert answer.status == 404


async def test_no_link_is_told_from_another(browser: Site) -> None:
    payment = paid()
    token = browser.books.hold(payment)
    forged = token[:-1] + ("a" if token[-1] != "a" else "b")
    _, unknown = await browser.get(f"/receipts/{forged}")
    seen = set()

    async def look(shown: str) -> None:
        before = len(browser.books.asked)
        for path in (f"/receipts/{shown}", f"/receipts/{shown}.pdf", f"/receipts/{shown}?lang=ar"):
            answer, page = await browser.get(path)
            assert answer.status == 404
            assert answer.headers["Cache-Control"] == "no-store"
            seen.add((page, *sorted(f"{k}: {v}" for k, v in answer.headers.items() if k != "Date")))
        assert len(browser.books.asked) == before + 3  # the same work for all

    await look(forged)
    await look("nonsense")
    await look(LINKS.make("ab" * 16, PAID_AT))  # signed by us, known to nobody
    await look(LINKS.make("0" * 32, PAID_AT))
    browser.books.payments.clear()  # revoked
    await look(token)
    browser.books.hold(payment)
    browser.clock.time = PAID_AT + timedelta(days=402)
    await look(token)
    browser.clock.time = PAID_AT
    assert (await browser.get(f"/receipts/{token}"))[0].status == 200
    assert len(seen) == 1
    for language in LanguageCode:
        assert unescape(TEXTS.get(language, "web", "gone.title")) in unescape(unknown)


async def test_a_database_that_is_down_is_no_lost_receipt(browser: Site) -> None:
    token = browser.books.hold(paid())
    browser.books.down = True
    try:
        for path in (f"/receipts/{token}", f"/receipts/{token}.pdf", "/receipts/nonsense"):
            answer, page = await browser.get(path)
            assert answer.status == 503
            assert answer.headers["Retry-After"] == "30"
            assert TEXTS.get(LanguageCode.AR, "web", "busy.title") in page
    finally:
        browser.books.down = False


async def test_receipts_do_without_the_extra(browser: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    token = browser.books.hold(paid(LanguageCode.AR))
    _, page = await browser.get(f"/receipts/{token}")
    assert f'href="{token}.pdf?lang=ar"' in page
    assert '<svg class="qr"' in page
    monkeypatch.setattr(extras, "pdf", lambda: False)
    monkeypatch.setattr(extras, "qr_codes", lambda: False)
    answer, page = await browser.get(f"/receipts/{token}")
    assert answer.status == 200
    assert ".pdf" not in page
    assert 'class="qr"' not in page
    answer, page = await browser.get(f"/receipts/{token}.pdf")
    assert answer.status == 404
    assert TEXTS.get(LanguageCode.AR, "web", "no-pdf.title") in page
    assert f'href="{token}?lang=ar"' in page


async def test_only_reading_is_offered(browser: Site) -> None:
    token = browser.books.hold(paid())
    async with browser.http.post(f"/receipts/{token}") as answer:
        assert answer.status == 405
    async with browser.http.head(f"/receipts/{token}") as answer:
        assert answer.status == 200
        assert await answer.read() == b""


@pytest.mark.parametrize("pasted", [".", ")", ").", ",", "\u200f", "%E2%80%8F", ";", "\u00bb", "%22", "!"])
async def test_a_link_opens_with_what_was_pasted_behind_it(browser: Site, pasted: str) -> None:
    token = browser.books.hold(paid(LanguageCode.FR))
    answer, page = await browser.get(f"/receipts/{token}{pasted}")
    assert (answer.status, "2026-00000042" in page) == (200, True)


def test_the_line_owners_address_is_masked_for_whoever_pays() -> None:
    """A stranger pays a line by its code: the address is the owner's, and the payer never typed it."""
    stranger = replace(paid(), email_typed=False)
    facts = {fact.name: fact.value for fact in receipt_view(stranger, load_texts(), Operator("Opérateur", "777")).facts}
    assert facts["email"] == "s***@example.com"


def test_a_receipt_names_the_acquirer_that_was_asked_and_old_ones_stay() -> None:
    operator = Operator("Opérateur", "777", acquirers=(("naps", "NAPS 600000002"),))

    def method(acquirer: str) -> str:
        view = receipt_view(replace(paid(LanguageCode.FR), acquirer=acquirer), load_texts(), operator)
        return next(fact.value for fact in view.facts if fact.name == "method")

    assert method("naps") == "Carte Visa (NAPS 600000002)"
    assert method("cmi") == "Carte Visa (CMI)"
    assert method("lana") == "Carte Visa (LANA)"
