"""The web door: identify, tick, review, then on to the acquirer's page. No page needs or loads a script.

A POST that went well is answered by 303 to a GET, so that a reload sends nothing twice; where cookies are refused the
next page is the answer itself. A form of an older page changes nothing that costs a try or money: its sender is shown
where the journey stands.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from channels.http.receive import Count, incoming
from channels.links import PayLinks
from channels.web.bills import answers
from channels.web.bills.fields import FieldError, PostedForm, posted
from channels.web.bills.rendering import Asking, Rendering
from channels.web.bills.view import pick_shown
from channels.web.bills.visits import Visit, VisitReader
from core.languages import LanguageCode
from sessions.screens.choosing import ConfirmTotal, HandOver, PickInvoices
from sessions.screens.journey import Shown
from sessions.screens.opening import PaymentCode
from sessions.store.protocol import Loaded
from sessions.turn.forms import FormField, FormState, FormTurns, Overtaken

DOOR = "web"  # its name in logs and metrics
HOME, OVER, CHOOSE, CONFIRM = "/", "/bills/over", "/bills/choose", "/bills/confirm"
NOT_PAYING = frozenset({"sum", "stay", "all", "none"})


class LeavingForBank(Protocol):
    """Takes a committed basket to the acquirer's page (core.payments.hosted_page). Raises DatabaseUnavailable."""

    async def leave(self, payment_id: str) -> object: ...


class Tells(Protocol):
    """Counts and notes down what was shown: the session, the screen before, the state now, how long it took."""

    def __call__(self, visit: Visit, line: str, before: str, state: FormState, seconds: float) -> None: ...


class Raced(Exception):
    """Another copy of a form was faster; where the journey stands now is the answer to both."""

    def __init__(self, visit: Visit) -> None:
        super().__init__("another copy was faster")
        self.visit = visit


@dataclass(frozen=True, slots=True)
class WebDoor:
    """The dependencies of the bill pages."""

    turns: FormTurns
    visits: VisitReader
    rendering: Rendering
    leaving: LeavingForBank
    links: PayLinks
    tell: Tells
    count: Count


class BillsEndpoint:
    """The handlers of the web door's pages."""

    def __init__(self, door: WebDoor) -> None:
        self._door = door
        self._turns = door.turns
        self._show = door.rendering

    async def bills(self, request: Request) -> Response:
        """Shows step 2, the bills."""
        visit, state = await self._standing(request)
        pick = None if state is None else pick_shown(state)
        if state is None or pick is None:
            return await self._lead(visit, state)
        return self._show.bills(visit, state, pick)

    async def ticked(self, request: Request) -> Response:
        """Step 2, sent: ticks are named, so that an older page of the same bills is as good as the newest."""
        began, form = time.perf_counter(), await self.form(request)
        visit = self._door.visits.sending(request, form)
        if visit is None:
            return self.refused(request, 403)
        loaded = await self.load(visit)
        state = await self._turns.show(visit.key, loaded, visit.heard(answers.line_of(loaded)))
        pick = None if state is None else pick_shown(state)
        if state is None or pick is None or state.version != loaded.version or not answers.about(form, pick, state):
            return await self._lead(visit, state)
        act = form.text("act")
        wanted = answers.wanted(act, form, pick, state)
        goes_on = act not in NOT_PAYING and bool(wanted)
        fields, line = answers.ticks(state, pick, wanted, pay=goes_on), answers.line_of(loaded)
        filled = await self.fill(visit, loaded, line, fields, language=visit.asked)
        self._door.tell(visit, line, "PickInvoices", filled, time.perf_counter() - began)
        if act not in NOT_PAYING and not wanted and isinstance(filled.screen, PickInvoices):
            return self._show.bills(visit, filled, filled.screen, none_ticked=True)
        return await self.next_page(visit, filled)

    async def review(self, request: Request) -> Response:
        """Shows step 3, the basket."""
        visit, state = await self._standing(request)
        if state is None or not isinstance(state.screen, ConfirmTotal):
            return await self._lead(visit, state)
        return self._show.review(visit, state, state.screen.pick)

    async def confirmed(self, request: Request) -> Response:
        """Step 3, sent: the intent is committed, and the browser goes on to the acquirer."""
        began, form = time.perf_counter(), await self.form(request)
        visit = self._door.visits.sending(request, form)
        if visit is None:
            return self.refused(request, 403)
        loaded = await self.load(visit)
        inbound = visit.heard(answers.line_of(loaded))
        state = await self._turns.show(visit.key, loaded, inbound)
        if state is None or not isinstance(state.screen, ConfirmTotal):
            return await self._lead(visit, state)
        if form.text("act") == "stay":
            return await self.next_page(visit, state)
        if form.version != state.version or state.version != loaded.version:
            return self._show.review(visit, state, state.screen.pick, changed=True)
        line = answers.line_of(loaded)
        paid = await self.fill(visit, loaded, line, answers.confirmed(), language=visit.asked)
        self._door.tell(visit, line, "ConfirmTotal", paid, time.perf_counter() - began)
        if isinstance(paid.screen, HandOver):
            await self._door.leaving.leave(paid.screen.basket.payment_id)
        return await self.next_page(visit, paid)

    async def over(self, request: Request) -> Response:
        """The page of a journey that ended before the bank, or of which nobody knows any more."""
        visit, state = await self._standing(request)
        if state is not None and _where(state) != OVER:
            return await self._lead(visit, state)
        return self._show.end(visit, state)

    # --- where the journey stands -----------------------------------------------------------------------------------

    async def _standing(self, request: Request) -> tuple[Visit, FormState | None]:
        visit = self._door.visits.reading(request)
        loaded = await self.load(visit)
        return visit, await self._turns.show(visit.key, loaded, visit.heard(answers.line_of(loaded)))

    async def stands(self, visit: Visit) -> Response:
        """The page of the screen that the session is on."""
        loaded = await self.load(visit)
        state = await self._turns.show(visit.key, loaded, visit.heard(answers.line_of(loaded)))
        return await self._lead(visit, state)

    async def _lead(self, visit: Visit, state: FormState | None) -> Response:
        """To the page of the screen that the session is on."""
        return self._show.end(visit, None, status=410) if state is None else await self.next_page(visit, state)

    async def next_page(self, visit: Visit, state: FormState) -> Response:
        """The page of that screen, or the way to it."""
        match state.screen:
            case HandOver(basket):
                return self.go(f"/pay/{self._door.links.make(basket.payment_id)}", visit)
            case _ if visit.visitor.by_cookie:
                return self.go(_where(state), visit)
            case PickInvoices() as pick:
                return self._show.bills(visit, state, pick)
            case ConfirmTotal(pick):
                return self._show.review(visit, state, pick)
            case PaymentCode(service):
                why = () if state.notice is None else (FieldError("code", state.notice.key),)
                return self._show.identify(visit, Asking(service, service, state.version, {}, why))
            case _:
                return self._show.end(visit, state)

    async def fill(
        self,
        visit: Visit,
        loaded: Loaded,
        line: str,
        fields: Sequence[FormField],
        *,
        begin: Shown | None = None,
        language: LanguageCode | None = None,
    ) -> FormState:
        """See FormTurns.fill. Raises Raced."""
        try:
            return await self._turns.fill(visit.key, loaded, visit.heard(line), fields, begin=begin, language=language)
        except Overtaken:
            raise Raced(visit) from None

    async def load(self, visit: Visit) -> Loaded:
        """Loads the browser's session."""
        return await self._turns.load(visit.key)

    async def form(self, request: Request) -> PostedForm:
        """The fields that were posted. Raises Malformed."""
        return posted((await incoming(request, "")).body)

    def refused(self, request: Request, status: int) -> Response:
        """The answer to what cannot be a page or a form of ours."""
        self._door.count(DOOR, "forbidden" if status == 403 else "malformed")
        return self._show.end(self._door.visits.reading(request), None, status=status)

    def busy(self, request: Request, status: int) -> Response:
        """Answers that nothing was paid, and that it may be tried again."""
        return self._show.busy(self._door.visits.reading(request), status)

    def go(self, where: str, visit: Visit) -> Response:
        """Elsewhere of ours, by GET."""
        if visit.asked is not None:
            where += f"?lang={visit.asked.value}"
        answer = RedirectResponse(where, 303, headers={"Cache-Control": "no-store"})
        self._door.visits.remember(answer, visit)
        return answer


def _where(state: FormState) -> str:
    match state.screen:
        case PickInvoices():
            return CHOOSE
        case ConfirmTotal():
            return CONFIRM
        case PaymentCode(service):
            return f"/bills/{service.value}"
        case _:
            return OVER
