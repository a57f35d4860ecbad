"""A day's report as a PDF. Needs the `pdf` extra; slow, as receipts are."""

from channels.web.receipts.canvas import Face, PdfCanvas
from channels.web.receipts.day_report_sheet import DayReportSheet
from core.languages import LanguageCode

ROW_MM = 6.2
LABEL, VALUE, HEADING, TITLE = Face(9.5), Face(9.5, bold=True), Face(12, bold=True), Face(16, bold=True)


def render(view: DayReportSheet, operator: str) -> bytes:
    """The document. Raises ValueError when it has more pages than a sheet may."""
    sheet = PdfCanvas(rtl=view.language is LanguageCode.AR)
    sheet.describe(view.title, operator, view.language.value, None)
    sheet.foot(operator)
    sheet.text(view.title, TITLE)
    sheet.text_end(operator, LABEL, dy=2)
    sheet.down(10)
    for note in view.notes:
        sheet.text(note, LABEL)
        sheet.down(ROW_MM)
    for heading, values in view.sections:
        sheet.room((len(values) + 2) * ROW_MM)
        sheet.down(3)
        sheet.text(heading, HEADING)
        sheet.down(7)
        sheet.rule()
        sheet.down(1.5)
        for label, value in values:
            sheet.text(label, LABEL)
            sheet.text_end(value, VALUE, latin=True)
            sheet.down(ROW_MM)
    return sheet.finish()
