"""The stand-in's checkout page: it asks a card in a browser and leads back, and the way back says nothing."""

from collections.abc import Awaitable, Callable
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from lab.payment_intents.books import Books, Session, Trouble
from lab.payment_intents.requests import METHOD, form_of, method_of

PATH = "/c/pay/{id}"


class Checkout:
    """Routes of the page. `tell`: webhooks of what happened."""

    def __init__(self, books: Books, tell: Callable[[], Awaitable[None]]) -> None:
        self._books = books
        self._tell = tell

    def routes(self) -> list[Route]:
        return [Route(PATH, self.show, methods=["GET"]), Route(PATH, self.pay, methods=["POST"])]

    async def show(self, http: Request) -> Response:
        session = self._session(http)
        if session is None:
            return HTMLResponse("<h1>This page has expired</h1>", 404)
        return HTMLResponse(_page(session))

    async def pay(self, http: Request) -> Response:
        """A card: paid and led back, or the page again."""
        session = self._session(http)
        if session is None:
            return HTMLResponse("<h1>This page has expired</h1>", 404)
        try:
            card = method_of(form_of(await http.body(), METHOD))
            self._books.pay_session(session, self._books.keep(card))
        except Trouble as trouble:
            await self._tell()
            return HTMLResponse(_page(session, str(trouble.error.get("code", ""))), 402)
        await self._tell()
        return RedirectResponse(session.success_url, 303)

    def _session(self, http: Request) -> Session | None:
        try:
            found = self._books.session(http.path_params["id"])
        except Trouble:
            return None
        return found if found.status == "open" else None


def _page(session: Session, error: str = "") -> str:
    names = ("card[number]", "card[exp_month]", "card[exp_year]", "card[cvc]")
    inputs = "".join(f'<label>{name}<input name="{name}"></label>' for name in names)
    told = f'<p role="alert">{escape(error)}</p>' if error else ""
    owed = f"<p>{session.amount / 100:.2f} {escape(session.currency.upper())}</p>"
    back = f'<a href="{escape(session.cancel_url)}">Cancel</a>'
    kind = '<input type="hidden" name="type" value="card">'
    form = f'<form method="post">{kind}{inputs}<button>Pay</button></form>'
    return f"<!doctype html><title>Emulator</title><h1>Pay</h1>{owed}{told}{form}{back}"
