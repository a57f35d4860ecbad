"""One request at the web door: who sends it, from where, in which language, and the cookie that goes back."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from channels.web.bills.fields import PostedForm
from channels.web.bills.tokens import COOKIE_PLAIN, COOKIE_SECURE, Visitor, VisitorTokens
from channels.web.pages import language_asked
from core.languages import LanguageCode
from sessions.store.protocol import Key
from sessions.turn.inbound import Inbound

OWN_SITE = frozenset({"same-origin", "none"})
ACCEPTED_MAX = 8


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser's request. `asked` is the language that it names, `language` what it is answered in until more is
    known."""

    visitor: Visitor
    address: str
    asked: LanguageCode | None
    language: LanguageCode

    @property
    def key(self) -> Key:
        session = self.visitor.session
        return Key(session, "web", session)

    def heard(self, line: str = "") -> Inbound:
        """The visit as a turn hears it: a payment for that line."""
        visitor = self.visitor
        return Inbound(visitor.session, visitor.payer(line), None, asks_from=self.address or "?")


class VisitReader:
    """Reads them. `secure`: the public address is https, and the cookie is this host's alone."""

    def __init__(self, tokens: VisitorTokens, *, secure: bool) -> None:
        self._tokens = tokens
        self._secure = secure
        self._cookie = COOKIE_SECURE if secure else COOKIE_PLAIN

    def reading(self, request: Request) -> Visit:
        """The visit of somebody who only looks: known by the cookie, or new."""
        visitor = self._tokens.known(request.cookies.get(self._cookie, "")) or self._tokens.fresh()
        return self._visit(request, visitor, language_asked(request))

    def sending(self, request: Request, form: PostedForm) -> Visit | None:
        """The visit of somebody who sends a form; None when another site made it, or nobody knows which page did."""
        if _foreign(request):
            return None
        visitor = self._tokens.sender(request.cookies.get(self._cookie, ""), form.text("state"))
        return None if visitor is None else self._visit(request, visitor, form.language)

    def state_of(self, visit: Visit) -> str:
        """The token that the visitor's forms bear."""
        return self._tokens.state_of(visit.visitor)

    def remember(self, answer: Response, visit: Visit) -> None:
        """The cookie, for a browser that brought none. Strictly necessary, and gone with the browser's window."""
        if not visit.visitor.by_cookie:
            answer.set_cookie(
                self._cookie, visit.visitor.number, path="/", secure=self._secure, httponly=True, samesite="lax"
            )

    @staticmethod
    def _visit(request: Request, visitor: Visitor, asked: LanguageCode | None) -> Visit:
        address = request.client.host if request.client else ""
        return Visit(visitor, address, asked, asked or _accepted(request.headers.get("accept-language", "")))


def _foreign(request: Request) -> bool:
    """Sent by another site's page, as far as the browser says; the form's own token decides in any case."""
    if "sec-fetch-site" in request.headers:
        return request.headers["sec-fetch-site"] not in OWN_SITE
    origin = request.headers.get("origin", "null")
    try:
        return origin != "null" and urlsplit(origin).netloc != request.headers.get("host", "")
    except ValueError:
        return True


def _accepted(header: str) -> LanguageCode:
    for part in header.split(",")[:ACCEPTED_MAX]:
        tongue = part.partition(";")[0].strip().lower().partition("-")[0]
        if tongue in set(LanguageCode):
            return LanguageCode(tongue)
    return LanguageCode.FR
