"""The help desk's threshold: who is there, whether the form is ours, and what is said when something is away.

Every page behind it has a logged-in visitor; every POST has the session's own token. Nothing is shown otherwise.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from channels.http.receive import incoming
from channels.limits import LimitsDown
from channels.web.desk.login import Doorkeeper
from channels.web.desk.sessions import Cookies, DeskSession, DeskSessions, SessionsDown
from channels.web.desk.view import SECTION
from channels.web.pages import Pages, language_asked, language_of, private_headers
from channels.wire import Malformed, same
from core.help_desk.access_log import Actor
from core.help_desk.accounts import User
from core.help_desk.lists import HeadCounts
from core.help_desk.operations import UsageDown
from core.help_desk.service import WholeCard
from core.languages import LanguageCode
from core.payments.janitor import NoSuchPayment
from core.repositories import DatabaseUnavailable

log = logging.getLogger(__name__)

HOME, LOGIN, OPERATIONS = "/desk", "/desk/login", "/ops"
ACCOUNT = HOME + "/account"
BODY_BYTES_MAX = 16 * 1024
RETRY_AFTER_S = 30
_MARK = re.compile(r"[\w-]{1,16}", re.ASCII)
_OURS = re.compile(
    r"/ops|/desk(?:/(?:approvals|findings|by-hand|chargebacks|account|lists|report|log|users|payments/[0-9A-Z]{26}))?"
)
SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class DeskRequest:
    """A request of somebody who is logged in. `form` is empty unless it was a POST, whose token was right."""

    request: Request
    session: DeskSession
    user: User
    actor: Actor
    form: Mapping[str, str]

    @property
    def language(self) -> LanguageCode:
        return self.session.kept.language

    @property
    def tab(self) -> str:
        """The mark of the search that this tab's address has."""
        return _mark_in(self.request)

    def field(self, name: str) -> str:
        return self.form.get(name, "")


Handler = Callable[[DeskRequest], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


class Threshold:
    """Wraps handlers into endpoints."""

    def __init__(
        self,
        pages: Pages,
        doorkeeper: Doorkeeper,
        sessions: DeskSessions,
        cookies: Cookies,
        head: Callable[[], Awaitable[HeadCounts]],
    ) -> None:
        """`head` tells what waits for somebody, on every page."""
        self.head = head
        self.pages = pages
        self.sessions = sessions
        self.doorkeeper = doorkeeper
        self.cookies = cookies

    def shows(self, handler: Handler) -> Endpoint:
        """A page for whoever is logged in; `?lang=` changes the session's language."""

        async def answer(request: Request) -> Response:
            visit = await self._visit(request, {})
            if visit is None:
                return _out(request, self._login_for(request))
            if _owes_a_password(visit):
                return _out(request, ACCOUNT)
            language = language_asked(request)
            if language is not None and language is not visit.language:
                await self.sessions.change(visit.session, language=language)
                return go(_without_language(request))
            return await handler(visit)

        return self.safely(answer)

    def watches(self, handler: Handler, *, by_hand: bool) -> Endpoint:
        """Numbers without anybody's data. A page that refreshes itself (not `by_hand`) is no sign of a person: it
        keeps no session alive, and goes on when the session of whoever opened it ended without a click."""

        async def answer(request: Request) -> Response:
            visit = await self._visit(request, {}) if by_hand else None
            if visit is not None:
                language = language_asked(request)
                if language is not None and language is not visit.language:
                    visit = replace(visit, session=await self.sessions.change(visit.session, language=language))
                await self.sessions.watch(visit.session)
            visit = visit or await self._visit(request, {}, watching=True)
            if visit is not None and _owes_a_password(visit):
                return _out(request, ACCOUNT)
            return _out(request, f"{LOGIN}?to={OPERATIONS}") if visit is None else await handler(visit)

        return self.safely(answer)

    def does(self, handler: Handler) -> Endpoint:
        """An act of whoever is logged in; nothing happens without the session's token."""

        async def answer(request: Request) -> Response:
            form = await form_of(request)
            visit = await self._visit(request, form)
            if visit is None:
                await self.sessions.end(self.cookies.of(request, self.cookies.session))  # a watch that went on
                return _out(request, self._login_for(request))
            if foreign(request) or not same(form.get("csrf", ""), visit.session.kept.csrf):
                return self.notice("forbidden", visit.language, 403)
            if _owes_a_password(visit):
                return _out(request, ACCOUNT)
            return await handler(visit)

        return self.safely(answer)

    def _login_for(self, request: Request) -> str:
        """The login, which says that a session came to its end and leads back to where it was."""
        if not self.cookies.of(request, self.cookies.session):
            return LOGIN
        back = destination(request.url.path.removesuffix("/undo").removesuffix("/note"))
        return f"{LOGIN}?ended=1&to={back}"

    async def may_reveal(self, visit: DeskRequest) -> bool:
        """Returns whether one more contact may be shown to this person now."""
        return await self.doorkeeper.may_reveal(visit.user)

    async def leave(self, visit: DeskRequest) -> Response:
        """Ends the session (POST /desk/logout)."""
        await self.sessions.end(visit.session.token)
        await self.doorkeeper.leaves(visit.user, visit.actor.address)
        answer = go(LOGIN)
        self.cookies.drop(answer, self.cookies.session)
        return answer

    # --- ----------------------------------------------------------------------------------------------------------

    async def _visit(self, request: Request, form: Mapping[str, str], *, watching: bool = False) -> DeskRequest | None:
        """Whoever is logged in, with an account that is still good."""
        token = self.cookies.of(request, self.cookies.session)
        session = await (self.sessions.watching(token) if watching else self.sessions.load(token))
        if session is None:
            return None
        user = await self.doorkeeper.sits(session.kept.user, session.kept.generation)
        if user is None:
            await self.sessions.end(session.token)
            return None
        actor = Actor(user.name, user.role, address_of(request), session.kept.browser, user.administers)
        return DeskRequest(request, session, user, actor, form)

    def safely(self, endpoint: Endpoint) -> Endpoint:
        """Answers in words for what is away or unknown."""

        async def answer(request: Request) -> Response:
            try:
                return await endpoint(request)
            except Malformed as error:
                return Response(f"{error}\n", 400, private_headers(), "text/plain")
            except NoSuchPayment:
                return self.notice("missing", language_of(request), 404)
            except WholeCard:  # a form without words of its own for it
                return self.notice("card", language_of(request), 422)
            except (DatabaseUnavailable, SessionsDown, LimitsDown, UsageDown) as error:
                log.warning("desk: not answered: %s", type(error).__name__)
                return self.notice("busy", language_of(request), 503)

        return answer

    def notice(self, what: str, language: LanguageCode, status: int) -> Response:
        """A page of a few words."""
        headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else {}
        return self.pages.html("desk/notice.html", language, section=SECTION, status=status, headers=headers, what=what)


def go(where: str) -> Response:
    """Sends the browser elsewhere, by GET."""
    return RedirectResponse(where, SEE_OTHER, private_headers())


def _out(request: Request, where: str) -> Response:
    """The same for a whole page: htmx asks for parts, and would put a login into one."""
    if "hx-request" not in request.headers:
        return go(where)
    return Response(status_code=200, headers={**private_headers(), "HX-Redirect": where})


async def form_of(request: Request) -> Mapping[str, str]:
    """The fields that were posted. Raises Malformed."""
    return (await incoming(request, "", body_max=BODY_BYTES_MAX)).form()


def destination(path: str) -> str:
    """The page to which a login leads, never one of another site."""
    return path if _OURS.fullmatch(path) else HOME


def _owes_a_password(visit: DeskRequest) -> bool:
    """Whether another password comes first: the present one was somebody else's, who may know it still."""
    return visit.user.password_given and visit.request.url.path not in (
        ACCOUNT,
        ACCOUNT + "/password",
        HOME + "/logout",
    )


def _without_language(request: Request) -> str:
    """The same page: its search and its filters stay."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    return request.url.path + (f"?{urlencode(query)}" if query else "")


def _mark_in(request: Request) -> str:
    mark = request.query_params.get("s", "")
    return mark if _MARK.fullmatch(mark) else ""


def foreign(request: Request) -> bool:
    """Sent by another site's page, as far as the browser says (Fetch Metadata); the token decides in any case."""
    return request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}


def address_of(request: Request) -> str:
    return request.client.host if request.client else ""
