"""A receipt as a PDF for A4: the same words as the page, Arabic shaped and mirrored, the same bytes every time.

Needs the `pdf` extra (channels/web/receipts/extras.py tells). Slow, for a font is cut to its letters each time: callers
keep it off the event loop.
"""

from dataclasses import dataclass
from pathlib import Path

from channels.receipt_colours import COLOURS, rgb
from channels.receipt_view import Operator, ReceiptView
from channels.web.receipts import qr
from channels.web.receipts.canvas import INK, RULE, SOFT, WHITE, Colour, Face, PdfCanvas

BRAND: Colour = (11, 61, 74)
LOGO_MM, LOGO_WIDE_MM = 12.0, 42.0
LOGO_GAP_MM, ACQUIRER_WIDE_MM = 3.0, 24.0
FACT_MM, ROW_MM, NOTE_MM = 9.0, 8.0, 5.6
QR_MM = 30.0
NAME_GAP_MM = 6.0
PERIOD_MM = 88.0
LABEL, VALUE, STRONG = Face(11, SOFT), Face(11), Face(11, bold=True)
SMALL, NUMBER = Face(9, SOFT), Face(11, bold=True)
NAME, TITLE, NOTE = Face(15, bold=True), Face(11, SOFT, bold=True), Face(10.5)
AMOUNT, STATE, HEADING = Face(30, bold=True), Face(11, WHITE, bold=True), Face(13, bold=True)


@dataclass(frozen=True, slots=True)
class Way:
    """The way back: a link, and what paper says of its code."""

    address: str
    words: str


def render(view: ReceiptView, way: Way, operator: Operator) -> bytes:
    """The document. Raises ValueError when there are more bills than PAGES_MAX hold."""
    sheet = PdfCanvas(rtl=view.rtl)
    sheet.describe(f"{view.title} {view.number}", operator.name, view.language.value, view.paid_at)
    sheet.foot(view.number)
    _header(sheet, view, operator)
    _verdict(sheet, view)
    _facts(sheet, view, operator.logo_of(view.acquirer))
    _bills(sheet, view)
    _footer(sheet, view, way)
    return sheet.finish()


def _header(sheet: PdfCanvas, view: ReceiptView, operator: Operator) -> None:
    width = _mark(sheet) if operator.logo is None else sheet.picture(operator.logo, LOGO_MM, LOGO_WIDE_MM)
    kept = max(sheet.width_of(view.number_label, SMALL), sheet.width_of(view.number, NUMBER, latin=True)) + NAME_GAP_MM
    start = width + 4 if width else 0
    sheet.text(operator.name, NAME, start=start, dy=(LOGO_MM - NAME.height_mm) / 2, kept=kept)
    sheet.text_end(view.number_label, SMALL, dy=0.6)
    sheet.text_end(view.number, NUMBER, dy=5.4, latin=True)
    sheet.down(LOGO_MM + 5)
    sheet.rule()
    sheet.down(6)


def _mark(sheet: PdfCanvas) -> float:
    """The neutral mark of static/mark.svg."""
    left, top, part = sheet.left_of(0, LOGO_MM), sheet.y, LOGO_MM / 40
    sheet.pdf.set_fill_color(*BRAND)
    sheet.pdf.rect(left, top, LOGO_MM, LOGO_MM, style="F", round_corners=True, corner_radius=11 * part)
    sheet.pdf.set_draw_color(*WHITE)
    sheet.pdf.set_line_width(4.4 * part)
    sheet.pdf.polyline([(left + x * part, top + y * part) for x, y in ((11, 21.5), (17.2, 27.7), (29.5, 13))])
    return LOGO_MM


def _verdict(sheet: PdfCanvas, view: ReceiptView) -> None:
    colours = COLOURS[view.status]
    notes = sheet.lines(view.note, NOTE, sheet.width - 24)
    sheet.box(39 + NOTE_MM * len(notes), rgb(colours.tint), radius_mm=3)
    sheet.down(5)
    sheet.text_middle(view.title, TITLE)
    sheet.down(6)
    sheet.text_middle(view.total, AMOUNT, latin=True)
    sheet.down(16)
    sheet.pill(view.state, STATE, rgb(colours.tone))
    sheet.down(9)
    for line in notes:
        sheet.text_middle(line, NOTE)
        sheet.down(NOTE_MM)
    sheet.down(8)


def _facts(sheet: PdfCanvas, view: ReceiptView, acquirer: Path | None) -> None:
    """`acquirer`: the logo of who took the card."""
    for fact in view.facts:
        dy = (FACT_MM - LABEL.height_mm) / 2
        sheet.text(fact.label, LABEL, dy=dy)
        if acquirer is not None and fact.name == "method":
            start = sheet.width_of(fact.label, LABEL) + LOGO_GAP_MM
            sheet.picture(acquirer, FACT_MM - LOGO_GAP_MM, ACQUIRER_WIDE_MM, start=start)
        sheet.text_end(fact.value, STRONG, dy=dy, latin=fact.latin)
        sheet.down(FACT_MM)
        sheet.rule()
    sheet.down(8)


def _bills(sheet: PdfCanvas, view: ReceiptView) -> None:
    sheet.room(4 * ROW_MM)
    sheet.text(view.bills, HEADING)
    sheet.down(8)
    _columns(sheet, view)
    dy = (ROW_MM - VALUE.height_mm) / 2
    for row in view.rows:
        if sheet.room(ROW_MM):
            _columns(sheet, view)
        sheet.text(row.number, VALUE, dy=dy, latin=True)
        sheet.text(row.period, VALUE, start=PERIOD_MM, dy=dy, latin=True)
        sheet.text_end(row.amount, VALUE, dy=dy, latin=True)
        sheet.down(ROW_MM)
        sheet.rule(RULE)
    sheet.room((4 if view.back else 3) * ROW_MM + QR_MM)  # the code of the way back never stands alone on a page
    sheet.rule(INK, width_mm=0.5)
    sheet.text(view.total_label, HEADING, dy=2)
    sheet.text_end(view.total, HEADING, dy=2, latin=True)
    if view.back:
        sheet.down(ROW_MM)
        sheet.text(view.back_label, STRONG, dy=2)
        sheet.text_end(view.back, STRONG, dy=2, latin=True)
    sheet.down(ROW_MM + 10)


def _columns(sheet: PdfCanvas, view: ReceiptView) -> None:
    number, period, amount = view.columns
    sheet.text(number, SMALL, dy=1)
    sheet.text(period, SMALL, start=PERIOD_MM, dy=1)
    sheet.text_end(amount, SMALL, dy=1)
    sheet.down(ROW_MM - 1)
    sheet.rule(RULE)


def _footer(sheet: PdfCanvas, view: ReceiptView, way: Way) -> None:
    rows = qr.modules(way.address)
    if rows is None:
        sheet.room(STRONG.height_mm)
        sheet.text(view.help, STRONG)
        return
    sheet.room(QR_MM)
    sheet.squares(rows, QR_MM)
    sheet.pdf.link(sheet.left_of(0, QR_MM), sheet.y, QR_MM, QR_MM, way.address, alt_text=way.words)
    sheet.text(view.help, STRONG, start=QR_MM + 6, dy=8)
    sheet.text(way.words, SMALL, start=QR_MM + 6, dy=15)
