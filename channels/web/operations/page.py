"""/ops: how the house is doing, for the operator's own people. A page, and the part of it that is fetched again.

Rules: reads only; shows nobody's data, so that it may hang on a wall (desk_door.Threshold.watches says for how long);
whole without a script, which only draws the curves and fetches.
"""

from collections.abc import Sequence
from datetime import timedelta

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.web.desk.entry import OPERATIONS, DeskRequest, Threshold
from channels.web.desk.view import SECTION as DESK
from channels.web.operations.view import OpsWords
from channels.web.operations.wording import whole_hour
from channels.web.pages import CSP_WORKING, language_asked
from core.help_desk.operations import HOURS, OperationsRepository, UsageReader
from core.ports import Clock

DATA = f"{OPERATIONS}/data"
REFRESH_S = 10


class _OperationsPage:
    def __init__(self, books: OperationsRepository, tally: UsageReader, threshold: Threshold, clock: Clock) -> None:
        self._books = books
        self._tally = tally
        self._pages = threshold.pages
        self._head = threshold.head
        self._clock = clock

    async def page(self, visit: DeskRequest) -> Response:
        """GET: all of it."""
        return await self._show("page", visit)

    async def data(self, visit: DeskRequest) -> Response:
        """GET: what changes, as HTML, in the language of the page that asks."""
        return await self._show("live", visit)

    async def _show(self, name: str, visit: DeskRequest) -> Response:
        now, language = self._clock.now(), language_asked(visit.request) or visit.language
        overview = await self._books.overview(whole_hour(now) - timedelta(hours=HOURS - 1))
        words = OpsWords(self._pages.texts, language, now)
        return self._pages.html(
            f"ops/{name}.html",
            language,
            section=DESK,
            csp=CSP_WORKING,
            view=words.page(overview, await self._tally.read()),
            o=words.t,
            head=await self._head(),
            user=visit.user,
            csrf=visit.session.kept.csrf,
            notice="",
            here="ops",
            path=OPERATIONS,
            data=DATA,
            refresh_s=REFRESH_S,
        )


def routes(books: OperationsRepository, tally: UsageReader, threshold: Threshold, clock: Clock) -> Sequence[BaseRoute]:
    """The page's two addresses, behind the help desk's threshold."""
    pages = _OperationsPage(books, tally, threshold, clock)
    return [
        Route(OPERATIONS, threshold.watches(pages.page, by_hand=True), methods=["GET"]),
        Route(DATA, threshold.watches(pages.data, by_hand=False), methods=["GET"]),
    ]
