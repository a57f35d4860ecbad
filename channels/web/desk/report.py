"""/desk/report: a day's payments, refunds, fees and balance by acquirer and tender, on the page and as files.

Supervisors' alone, and written into the log: files leave the house.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date

from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from channels.csv_cells import BOM, csv_row
from channels.day_report_csv import MOVEMENT_COLUMNS, SUM_COLUMNS, movement_row, sum_rows
from channels.receipt_view import Operator
from channels.web.desk.entry import HOME, DeskRequest, Handler, Threshold
from channels.web.desk.showing import shown, words_for
from channels.web.pages import private_headers
from channels.web.receipts import extras
from core.help_desk.access_log import Access, AccessLog, Action
from core.ledger.day_report import DayReport, DayReports
from core.ports import Clock
from core.zone import ZONE

REPORT = HOME + "/report"
FIRST_YEAR, LAST_YEAR = 2000, 2099


@dataclass(frozen=True, slots=True)
class ReportBooks:
    """The repositories that the pages of reports stand on."""

    reports: DayReports
    log: AccessLog
    clock: Clock


class _ReportPages:
    def __init__(self, books: ReportBooks, threshold: Threshold, operator: Operator) -> None:
        self._books = books
        self._threshold = threshold
        self._operator = operator

    def guarded(self, handler: Handler) -> Handler:
        """A page that only supervisors see."""

        async def answer(visit: DeskRequest) -> Response:
            if not visit.actor.supervises:
                return self._threshold.notice("not-yours", visit.language, 403)
            return await handler(visit)

        return answer

    async def page(self, visit: DeskRequest) -> Response:
        """Shows the sums (GET)."""
        from channels.web.receipts.day_report_sheet import day_sheet

        report = await self._report(visit, "page")
        sheet = day_sheet(report, visit.language, words_for(self._threshold, visit))
        day = report.day.isoformat()
        return await shown(
            self._threshold,
            visit,
            "report",
            path=REPORT,
            address_query=f"day={day}",
            sheet=sheet,
            day=day,
            has_pdf=extras.pdf(),
        )

    async def pdf(self, visit: DeskRequest) -> Response:
        """GET: the same to print."""
        if not extras.pdf():
            return self._threshold.notice("missing", visit.language, 404)
        from channels.web.receipts import day_report_pdf
        from channels.web.receipts.day_report_sheet import day_sheet

        report = await self._report(visit, "pdf")
        sheet = day_sheet(report, visit.language, words_for(self._threshold, visit))
        document = await asyncio.to_thread(day_report_pdf.render, sheet, self._operator.name)
        return Response(document, 200, _file(f"{report.day}.pdf"), "application/pdf")

    async def sums(self, visit: DeskRequest) -> Response:
        """GET: the same for a spreadsheet."""
        report = await self._report(visit, "sums")
        text = BOM + csv_row(*SUM_COLUMNS) + "".join(csv_row(*row) for row in sum_rows(report))
        return Response(text, 200, _file(f"{report.day}.csv"), "text/csv; charset=utf-8")

    async def movements(self, visit: DeskRequest) -> Response:
        """GET: every movement of the day, as it is read."""
        day = await self._logged(visit, "movements")

        async def lines() -> AsyncIterator[str]:
            yield BOM + csv_row(*MOVEMENT_COLUMNS)
            async for each in self._books.reports.movements(day):
                yield csv_row(*movement_row(each))

        return StreamingResponse(lines(), 200, _file(f"{day}-movements.csv"), "text/csv; charset=utf-8")

    async def _report(self, visit: DeskRequest, what: str) -> DayReport:
        day = await self._logged(visit, what)
        return await self._books.reports.of(day, self._books.clock.now())

    async def _logged(self, visit: DeskRequest, what: str) -> date:
        now, actor = self._books.clock.now(), visit.actor
        day = day_asked(visit.request.query_params.get("day", ""), now.astimezone(ZONE).date())
        detail = f"{what} {day}"
        await self._books.log.write(Access(now, actor.name, actor.role, Action.REPORT, None, detail, actor.address))
        return day


def day_asked(text: str, today: date) -> date:
    """A day of these times; today for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return today
    return day if FIRST_YEAR <= day.year <= LAST_YEAR else today


def _file(name: str) -> dict[str, str]:
    return {**private_headers(), "Content-Disposition": f'attachment; filename="khallas-{name}"'}


def routes(books: ReportBooks, threshold: Threshold, operator: Operator) -> Sequence[BaseRoute]:
    """The routes of the reports' pages."""
    pages = _ReportPages(books, threshold, operator)

    def way(path: str, handler: Handler) -> Route:
        return Route(REPORT + path, threshold.shows(pages.guarded(handler)), methods=["GET"])

    return [
        way("", pages.page),
        way(".pdf", pages.pdf),
        way(".csv", pages.sums),
        way("/movements.csv", pages.movements),
    ]
