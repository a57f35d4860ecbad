"""/desk/log: who looked at what, by day, person and act; and the same as a file.

An administrator's alone, and each look is a line of it.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from urllib.parse import urlencode

from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from channels.csv_cells import BOM, csv_row
from channels.web.desk.entry import HOME, DeskRequest, Threshold
from channels.web.desk.report import day_asked
from channels.web.desk.showing import for_administrators, shown
from channels.web.desk.view import SECTION
from channels.web.pages import private_headers
from core.help_desk.access_log import Access, AccessLog, AccessLogReader, Action, LogFilter, LogLine
from core.ledger.days import bounds
from core.ports import Clock
from core.zone import ZONE

LOG = HOME + "/log"
ROWS, PAGES_MAX, DIGITS_MAX = 100, 1_000, 5
COLUMNS = ("id", "at", "who", "role", "action", "payment", "detail", "address")
WHO = re.compile(r"[a-z?][a-z0-9._:-]{0,40}")
PAYMENT = re.compile(r"[0-9A-Z]{26}")


@dataclass(frozen=True, slots=True)
class LogRow:
    """A line of the log, as the page prints it."""

    at: str
    who: str
    role: str
    what: str
    payment_id: str
    detail: str
    address: str


@dataclass(frozen=True, slots=True)
class LogBooks:
    """The repositories by which the log is written and read."""

    log: AccessLog
    reader: AccessLogReader
    clock: Clock


@dataclass(frozen=True, slots=True)
class AskedLog:
    """The lines of the log that the address asks for."""

    day: date
    who: str = ""
    action: str = ""
    payment: str = ""
    page: int = 0

    def query(self, page: int = 0) -> str:
        """The query as an address writes it."""
        values = {"day": self.day.isoformat(), "who": self.who, "action": self.action, "payment": self.payment}
        return urlencode({name: value for name, value in {**values, "page": str(page or "")}.items() if value})

    def wanted(self) -> LogFilter:
        """The filter that the database is asked with."""
        return LogFilter(*bounds(self.day), self.who, self.action, self.payment)


class _LogPages:
    def __init__(self, books: LogBooks, threshold: Threshold) -> None:
        self._books = books
        self._threshold = threshold

    async def page(self, visit: DeskRequest) -> Response:
        """GET: a page of it, the latest first."""
        asked = await self._logged(visit, "read")
        entries = await self._books.reader.page(asked.wanted(), ROWS + 1, asked.page * ROWS)
        return await shown(
            self._threshold,
            visit,
            "log",
            path=LOG,
            address_query=asked.query(asked.page),
            asked=asked,
            day=asked.day.isoformat(),
            rows=tuple(self._row(visit, line) for line in entries[:ROWS]),
            actions=tuple((each.value, self._word(visit, each)) for each in Action),
            file=f"{LOG}.csv?{asked.query()}",
            before=f"{LOG}?{asked.query(asked.page - 1)}" if asked.page else "",
            after=f"{LOG}?{asked.query(asked.page + 1)}" if len(entries) > ROWS and asked.page < PAGES_MAX else "",
        )

    async def file(self, visit: DeskRequest) -> Response:
        """GET: all of it for a spreadsheet, as it is read."""
        asked = await self._logged(visit, "file")

        async def lines() -> AsyncIterator[str]:
            yield BOM + csv_row(*COLUMNS)
            async for each in self._books.reader.lines(asked.wanted()):
                at = each.at.astimezone(ZONE).isoformat(timespec="milliseconds")
                yield csv_row(each.id, at, each.who, each.role, each.action, each.payment_id, each.detail, each.address)

        name = {"Content-Disposition": f'attachment; filename="khallas-log-{asked.day}.csv"'}
        return StreamingResponse(lines(), 200, {**private_headers(), **name}, "text/csv; charset=utf-8")

    async def _logged(self, visit: DeskRequest, what: str) -> AskedLog:
        now, actor = self._books.clock.now(), visit.actor
        asked = log_asked(visit.request.query_params, now.astimezone(ZONE).date())
        detail = " ".join(part for part in (what, str(asked.day), asked.who, asked.action) if part)
        line = Access(now, actor.name, actor.role, Action.LOG, asked.payment or None, detail, actor.address)
        await self._books.log.write(line)
        return asked

    def _row(self, visit: DeskRequest, line: LogLine) -> LogRow:
        at = f"{line.at.astimezone(ZONE):%d/%m/%Y %H:%M:%S}"
        what = self._word(visit, line.action)
        return LogRow(at, line.who, line.role, what, line.payment_id, line.detail, line.address)

    def _word(self, visit: DeskRequest, action: str) -> str:
        texts, key = self._threshold.pages.texts, f"action.{action}"
        return texts.get(visit.language, SECTION, key) if texts.has(visit.language, SECTION, key) else action


def log_asked(query: Mapping[str, str], today: date) -> AskedLog:
    """Returns what an address asks for; what cannot be read narrows nothing."""
    who, payment, number = query.get("who", "").strip().lower(), query.get("payment", "").strip(), query.get("page", "")
    action = next((each.value for each in Action if each == query.get("action")), "")
    page = int(number) if number.isascii() and number.isdigit() and len(number) <= DIGITS_MAX else 0
    return AskedLog(
        day_asked(query.get("day", ""), today),
        who if WHO.fullmatch(who) else "",
        action,
        payment if PAYMENT.fullmatch(payment) else "",
        min(page, PAGES_MAX),
    )


def routes(books: LogBooks, threshold: Threshold) -> Sequence[BaseRoute]:
    """The routes of the access log's pages."""
    pages, guarded = _LogPages(books, threshold), partial(for_administrators, threshold)
    return [
        Route(LOG, threshold.shows(guarded(pages.page)), methods=["GET"]),
        Route(LOG + ".csv", threshold.shows(guarded(pages.file)), methods=["GET"]),
    ]
