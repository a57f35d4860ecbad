"""/desk/lists: payments by day, state and trouble, narrowed by what an agent knows, and behind each number of /ops.

A filter stands in the address: it names no person. What cannot be read narrows nothing.
"""

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.receipt_view import ReceiptStatus, when
from channels.web.desk.entry import DeskRequest, Threshold
from channels.web.desk.list_filter import LISTS, filter_of, list_asked, list_link
from channels.web.desk.showing import shown, words_for
from channels.web.desk.view import DeskWords
from core.help_desk.lists import PAGE_ROWS, PAGES_MAX, PERIODS, DeskLists, PaymentFilter, PaymentList
from core.money import dh
from core.zone import ZONE

TABS = (PaymentList.BEGUN, PaymentList.OPEN, PaymentList.UNKNOWN, PaymentList.STUCK, PaymentList.PAID, PaymentList.BACK)
CHANNELS = ("ussd", "ivr", "web", "sms")


class _ListPages:
    def __init__(self, lists: DeskLists, threshold: Threshold) -> None:
        self._lists = lists
        self._threshold = threshold

    async def page(self, visit: DeskRequest) -> Response:
        """GET: one page of a list."""
        now = self._lists.clock.now()
        asked = list_asked(visit.request.query_params)
        wanted = filter_of(asked, now)
        payments = await self._lists.listed(visit.actor, wanted, asked.page)
        pages, t = self._threshold.pages, words_for(self._threshold, visit)
        words = DeskWords(pages.texts, visit.language, pages.operator.wallets)
        rows = tuple(words.found(row.payment, row.centimes) for row in payments.rows)
        last = min(PAGES_MAX, -(-payments.count // PAGE_ROWS)) - 1
        tenders = await self._lists.books.tenders(now)
        acquirers = await self._lists.books.acquirers(now)
        return await shown(
            self._threshold,
            visit,
            "lists",
            path=LISTS,
            asked=asked,
            address_query=asked.link().partition("?")[2],
            period=_period(wanted),
            rows=rows,
            count=payments.count,
            total=dh(payments.centimes),
            tabs=tuple((kind.value, t(f"list.{kind}"), list_link(kind=kind)) for kind in TABS),
            title=t(f"list.{asked.kind}"),
            channels=tuple((each, t(f"channel.{each}")) for each in CHANNELS),
            statuses=tuple((each.value, words.status(each)) for each in ReceiptStatus),
            tenders=tuple(
                (each, pages.operator.wallets.get(each, each.capitalize()))
                for each in sorted({*tenders, *([asked.tender] if asked.tender else [])} - {"-"})
            ),
            acquirers=tuple(
                (each, pages.operator.acquirer(each))
                for each in sorted({*acquirers, *([asked.acquirer] if asked.acquirer else [])})
            ),
            before=asked.link(page=asked.page - 1) if asked.page else "",
            after=asked.link(page=asked.page + 1) if asked.page < last else "",
            of_period=asked.kind in PERIODS,
        )


def _period(wanted: PaymentFilter) -> str:
    """From when until when, as people write it; empty for lists of what is now."""
    if wanted.begins is None:
        return ""
    begins = wanted.begins.astimezone(ZONE)
    if wanted.ends is None:
        return f"{when(begins)} \u2013"
    whole = f"{begins:%H%M}" == "0000" and (wanted.ends - wanted.begins).days == 1
    return f"{begins:%d/%m/%Y}" if whole else f"{when(begins)} \u2013 {when(wanted.ends)}"


def routes(lists: DeskLists, threshold: Threshold) -> Sequence[BaseRoute]:
    """The address of the lists."""
    return [Route(LISTS, threshold.shows(_ListPages(lists, threshold).page), methods=["GET"])]
