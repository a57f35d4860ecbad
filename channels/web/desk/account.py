"""/desk/account: one's own password, and one's own sessions, seen and ended (ASVS 6.2.2, 7.5.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.receipt_view import when
from channels.web.desk.entry import ACCOUNT, LOGIN, DeskRequest, Threshold, go
from channels.web.desk.login import LoginRefused
from channels.web.desk.sessions import seat_of
from channels.web.desk.showing import said, shown
from core.help_desk.accounts import AccountError


@dataclass(frozen=True, slots=True)
class SeatRow:
    """A session, as the page prints it."""

    id: str
    began: str
    address: str
    here: bool


class _AccountPages:
    def __init__(self, threshold: Threshold) -> None:
        self._threshold = threshold

    async def page(self, visit: DeskRequest) -> Response:
        """GET: who one is, and where one sits."""
        mine = seat_of(visit.session.token)
        seats = await self._threshold.sessions.seats(visit.user.name, visit.user.generation)
        rows = tuple(
            SeatRow(seat.id, when(datetime.fromtimestamp(seat.began_s, UTC)) or "", seat.address, seat.id == mine)
            for seat in seats
        )
        return await shown(self._threshold, visit, "account", path=ACCOUNT, seats=rows)

    async def password(self, visit: DeskRequest) -> Response:
        """POST: another password; every session ends, and a new one begins here."""
        new = visit.field("new")
        if new != visit.field("again"):
            return await self._back(visit, "notice.password.differs")
        try:
            changed = await self._threshold.doorkeeper.change_password(
                visit.user, visit.field("old"), new, visit.actor.address, visit.actor.browser
            )
        except AccountError as error:
            return await self._back(visit, f"notice.password.{error.fault}")
        if isinstance(changed, LoginRefused):
            return await self._back(visit, "login.locked" if changed.locked else "notice.password.wrong")
        sessions = self._threshold.sessions
        for seat in await sessions.seats(visit.user.name, visit.user.generation):
            await sessions.end_seat(visit.user.name, seat.id)
        session = await sessions.begin(changed, visit.language, visit.actor.address, visit.actor.browser)
        await sessions.change(session, notice="notice.password.done")
        answer = go(ACCOUNT)
        self._threshold.cookies.put(answer, self._threshold.cookies.session, session.token)
        return answer

    async def end(self, visit: DeskRequest) -> Response:
        """POST: one session of one's own ends, or all but this."""
        sessions, mine = self._threshold.sessions, seat_of(visit.session.token)
        asked = visit.field("seat")
        await self._threshold.doorkeeper.ends(visit.user, visit.actor.address)
        seats = await sessions.seats(visit.user.name, visit.user.generation)
        ended = [seat.id for seat in seats if (seat.id == asked if asked else seat.id != mine)]
        for seat_id in ended:
            await sessions.end_seat(visit.user.name, seat_id)
        if mine in ended:
            return go(LOGIN)
        return await self._back(visit, "notice.sessions.ended" if ended else "notice.sessions.none")

    async def _back(self, visit: DeskRequest, notice: str) -> Response:
        return await said(self._threshold, visit, ACCOUNT, notice)


def routes(threshold: Threshold) -> Sequence[BaseRoute]:
    """The addresses of one's own account."""
    pages = _AccountPages(threshold)
    return [
        Route(ACCOUNT, threshold.shows(pages.page), methods=["GET"]),
        Route(ACCOUNT + "/password", threshold.does(pages.password), methods=["POST"]),
        Route(ACCOUNT + "/sessions", threshold.does(pages.end), methods=["POST"]),
    ]
