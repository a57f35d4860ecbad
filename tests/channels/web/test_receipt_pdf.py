"""The PDF: every field, Arabic joined and mirrored, the same bytes every time."""

from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader
from pypdf.generic import StreamObject

from channels.receipt_view import STATUS, Operator, receipt_view
from channels.web.receipts.canvas import PdfCanvas
from channels.web.receipts.pdf import NAME, NUMBER, Way, render
from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from core.payments.table import Payment, PaymentState
from tests.channels.web.serving import site
from tests.support.paid import paid

TEXTS = load_texts()
OPERATOR = Operator("Opérateur Démo", "777")
WAY = Way("https://pay.example.ma/receipts/" + "x" * 39, "Scannez")
CARD = "**** **** **** 0010"
NUMBERS = (
    "2026-00000042", "23/11/2026 13:05", "0600000001", "salma@example.com", "Q41T9Z", "26327NF2C10099",
    CARD, "0012345678", "05/2019", "769,20 DH", "0012345999", "06/2019", "1 000,00 DH", "1 769,20 DH",
)  # fmt: skip


def made(payment: Payment, operator: Operator = OPERATOR) -> bytes:
    return render(receipt_view(payment, TEXTS, operator), WAY, operator)


def words(content: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)


@pytest.mark.parametrize("language", [LanguageCode.FR, LanguageCode.EN])
def test_every_field_is_printed(language: LanguageCode) -> None:
    text = words(made(paid(language)))
    for value in (*NUMBERS, "Visa", "CMI", "777", "Opérateur Démo", TEXTS.get(language, "receipt", "paid.state")):
        assert value in text
    for label in ("title", "date", "auth-code", "transaction-number", "method", "bills", "total"):
        assert TEXTS.get(language, "receipt", label) in text


def test_arabic_is_joined_and_begins_at_the_right() -> None:
    content = made(paid(LanguageCode.AR))
    text = words(content)
    for value in (*NUMBERS, "0010", "Visa", "CMI", "777"):
        if value != CARD:  # the reader's own ordering of stars, not ours
            assert value in text
    page = PdfReader(BytesIO(content)).pages[0]
    places: dict[str, float] = {}

    def keep(part: str, _ctm: object, matrix: list[float], _font: object, _size: object) -> None:
        places.setdefault(part.strip(), matrix[4])

    page.extract_text(visitor_text=keep)
    middle = float(page.mediabox.width) / 2
    assert places["Q41T9Z"] < middle
    label = TEXTS.get(LanguageCode.AR, "receipt", "auth-code")
    assert next(x for part, x in places.items() if part and set(part) <= set(label) and len(part) > 3) > middle
    # joined: one letter is printed by several glyphs, by where it stands in its word
    assert max(glyphs_of("م", content)) >= 3


def glyphs_of(letter: str, content: bytes) -> list[int]:
    """How many glyphs of each font stand for a letter."""
    reader = PdfReader(BytesIO(content))
    maps = map(reader.get_object, range(1, len(reader.xref[0]) + 1))
    streams = [thing.get_data() for thing in maps if isinstance(thing, StreamObject)]
    code = f"<{ord(letter):04X}>".encode()
    return [stream.upper().count(code) for stream in streams if b"beginbfchar" in stream]


@pytest.mark.parametrize("language", list(LanguageCode))
def test_the_same_payment_gives_the_same_bytes(language: LanguageCode) -> None:
    assert made(paid(language)) == made(paid(language))
    assert made(paid(language)) != made(paid(language, PaymentState.REFUNDED))


@pytest.mark.parametrize(
    "state", [PaymentState.REFUNDED, PaymentState.UNKNOWN, PaymentState.DECLINED, PaymentState.CREATED]
)
def test_the_state_is_told_as_it_is(state: PaymentState) -> None:
    view = receipt_view(paid(LanguageCode.EN, state), TEXTS, OPERATOR)
    text = words(render(view, WAY, OPERATOR))
    assert view.state in text
    assert TEXTS.get(LanguageCode.EN, "receipt", "paid.note").split()[0] not in text.replace(view.note, "")


def test_forty_bills_take_pages_and_lose_none() -> None:
    bills = tuple(Invoice(f"{n:016d}", date(2026, 1, 1), 9_999_999, date(2026, 2, 1)) for n in range(40))
    content = made(paid(bills=bills))
    text = words(content)
    assert len(PdfReader(BytesIO(content)).pages) == 3
    for bill in bills:
        assert bill.number in text
    assert "3 999 999,60 DH" in text


def test_a_long_address_shrinks_and_a_payment_without_a_date_has_bytes_too() -> None:
    address = "a" * 64 + "@" + "b" * 60 + "." + "c" * 60 + ".example.com"
    bare = replace(paid(), email=address, paid_at=None)
    assert address in words(made(bare)).replace("\n", "")
    assert made(bare) == made(bare)


def test_logos_are_drawn_and_a_broken_one_is_left_out(tmp_path: Path) -> None:
    png, svg, broken = tmp_path / "a.png", tmp_path / "a.svg", tmp_path / "b.png"
    Image.new("RGB", (60, 30), "red").save(png)
    svg.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" width="9" height="9"><path d="M0 0h9v9z"/></svg>'
    )
    broken.write_bytes(b"no picture")
    plain = words(made(paid(LanguageCode.AR)))
    for logo in (png, svg, broken):
        content = made(paid(LanguageCode.AR), Operator("Opérateur Démo", "777", logo))
        assert words(content) == plain
        assert content != made(paid(LanguageCode.AR))


def test_an_acquirer_s_logo_is_on_its_own_receipts_alone(tmp_path: Path) -> None:
    logo = tmp_path / "naps.png"
    Image.new("RGB", (60, 30), "red").save(logo)
    without, with_it = Operator("Opérateur", "777"), Operator("Opérateur", "777", logos=(("naps", logo),))
    for language in (LanguageCode.FR, LanguageCode.AR):
        old, new = paid(language), replace(paid(language), acquirer="naps")
        assert made(old, with_it) == made(old, without)
        assert made(new, with_it) != made(new, without)
        letters = [sorted("".join(words(made(new, each)).split())) for each in (with_it, without)]
        assert letters[0] == letters[1]
        by_wallet = replace(new, wallet="neqdi")
        assert made(by_wallet, with_it) == made(by_wallet, without)


async def test_it_is_served_as_a_file_of_its_own() -> None:
    async with site() as browser:
        token = browser.books.hold(paid(LanguageCode.FR))
        async with browser.http.get(f"/receipts/{token}.pdf") as answer:
            assert answer.status == 200
            assert answer.content_type == "application/pdf"
            assert answer.headers["Content-Disposition"] == 'inline; filename="receipt-2026-00000042.pdf"'
            assert answer.headers["Cache-Control"] == "no-store"
            assert "Reçu de paiement" in words(await answer.read())
        async with browser.http.get(f"/receipts/{token}.pdf?lang=en") as answer:
            assert "Payment receipt" in words(await answer.read())


LONG_NAME = "Société Générale d'Électricité et de Téléphonie du Maroc SA"


def runs(content: bytes, page: int = 0) -> dict[str, tuple[float, float, float]]:
    """Where each run of a page stands: its left edge and line, and its size."""
    found: dict[str, tuple[float, float, float]] = {}

    def keep(part: str, _ctm: object, matrix: list[float], _font: object, size: float) -> None:
        if part.strip():
            found[part.strip()] = (matrix[4], matrix[5], size)

    PdfReader(BytesIO(content)).pages[page].extract_text(visitor_text=keep)
    return found


@pytest.mark.parametrize("name", [LONG_NAME, "W" * 60, "م" * 60])
def test_an_operators_name_leaves_the_receipt_number_its_place(name: str) -> None:
    content = made(paid(LanguageCode.FR), Operator(name, "777"))
    text = words(content)
    assert "2026-00000042" in text
    if name == LONG_NAME:
        assert name in text
    sheet = PdfCanvas(rtl=False)
    number = sheet.width_of("2026-00000042", NUMBER, latin=True)
    assert all(size <= NAME.size_pt for _, _, size in runs(content).values() if size)
    assert number < sheet.width / 3


def test_what_no_font_draws_is_left_out_of_a_name() -> None:
    text = words(made(paid(LanguageCode.FR), Operator("Télécom \U0001f4de 電話 Maroc", "777")))
    assert "Télécom" in text
    assert "Maroc" in text
    assert "\U0001f4de" not in text


@pytest.mark.parametrize("language", LanguageCode)
@pytest.mark.parametrize("count", [1, 12, 13, 14, 15, 16, 17, 40])
def test_every_page_bears_its_number_and_the_receipts(language: LanguageCode, count: int) -> None:
    bills = tuple(Invoice(f"{n:016d}", date(2026, 1, 1), 10_00, date(2026, 2, 1)) for n in range(count))
    pages = PdfReader(BytesIO(made(paid(language, bills=bills)))).pages
    texts = [page.extract_text() for page in pages]
    for number, text in enumerate(texts, start=1):
        assert f"2026-00000042 · {number}" in text
    assert TEXTS.get(language, "receipt", "total") in texts[-1] or language is LanguageCode.AR
    assert f"{count * 10:,}".replace(",", " ") + ",00 DH" in texts[-1]  # the code stands below the total


@pytest.mark.parametrize("language", LanguageCode)
def test_a_card_of_the_acquirers_own_brand_is_a_card(language: LanguageCode) -> None:
    view = receipt_view(replace(paid(language), card_brand="cmi"), TEXTS, OPERATOR)
    (method,) = (fact.value for fact in view.facts if fact.name == "method")
    assert method == TEXTS.fill(language, "receipt", "method.card", acquirer="CMI")


@pytest.mark.parametrize("state", [*STATUS])
@pytest.mark.parametrize("language", LanguageCode)
def test_paid_by_a_wallet_it_says_so(language: LanguageCode, state: PaymentState) -> None:
    """The page, the mail and the paper print one view: the wallet by its name, its payer masked, no card, no bank."""
    payment = replace(
        paid(language, state), wallet="mtcash", wallet_payer="+212661000777", card_brand=None, card_last4=None
    )
    operator = replace(OPERATOR, wallets={"mtcash": "MT Cash"})
    view = receipt_view(payment, TEXTS, operator, back_centimes=100)
    facts = {fact.name: fact.value for fact in view.facts}
    assert "MT Cash" in facts["method"]
    assert "CMI" not in facts["method"]
    assert facts["wallet-payer"] == "+2126*****777"
    assert "card" not in facts
    told = view.note + view.back_label
    assert not any(word in told for word in ("carte", "card", "banque", "bank", "بطاقة", "بطاقتكم", "البنك"))
    if state is PaymentState.CAPTURED:
        printed = words(made(payment, operator))
        assert "MT Cash" in printed
        assert "+2126*****777" in printed
        assert "661000777" not in printed
    assert "mtcash" in {fact.name: fact.value for fact in receipt_view(payment, TEXTS, OPERATOR).facts}["method"]
