"""/desk/login: the password, and after it the second factor of whoever has one.

A POST without the form's own token does nothing; a new session has a new token, and one that came along is ended.
"""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from channels.web.desk.browsers import MARK_TTL_S, digest_of, fresh_mark
from channels.web.desk.entry import LOGIN, Threshold, address_of, destination, foreign, form_of, go
from channels.web.desk.half_way import HALF_WAY_TTL_S, HalfWay, HalfWayLogins
from channels.web.desk.login import CodeOwed, LoginRefused
from channels.web.desk.sessions import FORM_TTL_S, FormTokens
from channels.web.desk.view import SECTION
from channels.web.pages import CSP_WORKING, language_of
from core.help_desk.accounts import User
from core.languages import LanguageCode

CODE = LOGIN + "/code"
PASSWORD_FORM, CODE_FORM = "desk/login.html", "desk/login-code.html"


class LoginPages:
    """The pages by which people come in."""

    def __init__(self, threshold: Threshold, forms: FormTokens, half_way: HalfWayLogins) -> None:
        self._threshold = threshold
        self._cookies = threshold.cookies
        self._forms = forms
        self._half_way = half_way

    async def page(self, request: Request) -> Response:
        """Shows the login (GET /desk/login)."""
        problem = "login.ended" if "ended" in request.query_params else ""
        return self._shown(PASSWORD_FORM, request, language_of(request), request.query_params.get("to", ""), problem)

    async def password(self, request: Request) -> Response:
        """Takes a name and a password (POST /desk/login)."""
        form = await form_of(request)
        language, to = _language(form.get("lang", "")), form.get("to", "")
        if not self._ours(request, form.get("csrf", "")):
            return self._shown(PASSWORD_FORM, request, language, to, "login.stale", 403)
        mark = self._mark(request)
        outcome = await self._threshold.doorkeeper.let_in(
            form.get("name", ""), form.get("password", ""), address_of(request), digest_of(mark)
        )
        match outcome:
            case LoginRefused():
                words, status = ("login.locked", 429) if outcome.locked else ("login.refused", 401)
                return self._shown(PASSWORD_FORM, request, language, to, words, status)
            case CodeOwed():
                cookie = self._forms.fresh()
                await self._half_way.begin(cookie, HalfWay(outcome.user.name, outcome.user.generation))
                return self._shown(CODE_FORM, request, language, to, cookie=cookie)
            case _:
                return await self._entered(request, outcome, language, to, mark)

    async def code(self, request: Request) -> Response:
        """Takes a second factor's code (POST /desk/login/code)."""
        form = await form_of(request)
        language, to = _language(form.get("lang", "")), form.get("to", "")
        cookie = self._cookies.of(request, self._cookies.form)
        waiting = await self._half_way.of(cookie) if self._ours(request, form.get("csrf", "")) else None
        if waiting is None:
            return self._shown(PASSWORD_FORM, request, language, to, "login.stale", 403)
        mark = self._mark(request)
        outcome = await self._threshold.doorkeeper.prove(
            waiting.name, waiting.generation, form.get("code", ""), address_of(request), digest_of(mark)
        )
        if isinstance(outcome, LoginRefused):
            words, status = ("login.locked", 429) if outcome.locked else ("login.code.refused", 401)
            return self._shown(CODE_FORM, request, language, to, words, status)
        await self._half_way.end(cookie)
        return await self._entered(request, outcome, language, to, mark)

    async def _entered(self, request: Request, user: User, language: LanguageCode, to: str, mark: str) -> Response:
        sessions = self._threshold.sessions
        await sessions.end(self._cookies.of(request, self._cookies.session))
        session = await sessions.begin(user, language, address_of(request), digest_of(mark))
        entered = go(destination(to))
        self._cookies.put(entered, self._cookies.session, session.token)
        self._cookies.put(entered, self._cookies.browser, mark, MARK_TTL_S)
        self._cookies.drop(entered, self._cookies.form)
        return entered

    def _mark(self, request: Request) -> str:
        """The browser's own, or a new one for it."""
        mark = self._cookies.of(request, self._cookies.browser)
        return mark if digest_of(mark) else fresh_mark()

    def _ours(self, request: Request, token: str) -> bool:
        return not foreign(request) and self._forms.right(self._cookies.of(request, self._cookies.form), token)

    def _shown(
        self,
        form: str,
        request: Request,
        language: LanguageCode,
        to: str,
        problem: str = "",
        status: int = 200,
        cookie: str = "",
    ) -> Response:
        cookie = cookie or self._cookies.of(request, self._cookies.form) or self._forms.fresh()
        token = self._forms.of(cookie)
        answer = self._threshold.pages.html(
            form,
            language,
            section=SECTION,
            csp=CSP_WORKING,
            status=status,
            csrf=token,
            problem=problem,
            to=destination(to),
        )
        ttl_s = HALF_WAY_TTL_S if form == CODE_FORM else FORM_TTL_S
        self._cookies.put(answer, self._cookies.form, cookie, ttl_s)
        return answer


def _language(text: str) -> LanguageCode:
    try:
        return LanguageCode(text)
    except ValueError:
        return LanguageCode.FR


def routes(threshold: Threshold, forms: FormTokens, half_way: HalfWayLogins) -> Sequence[BaseRoute]:
    """The addresses of the login."""
    pages = LoginPages(threshold, forms, half_way)
    return [
        Route(LOGIN, threshold.safely(pages.page), methods=["GET"]),
        Route(LOGIN, threshold.safely(pages.password), methods=["POST"]),
        Route(CODE, threshold.safely(pages.code), methods=["POST"]),
    ]
