"""The stand-in's API over HTTP: keys and their replays, errors as documented, and lies when told.

Rule of this file: the books are written before anybody is answered; an answer that "never" comes is held until the
asker gives up, or HANG_MAX_S.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from core.cards import Secret
from lab.payment_intents.books import WRONG_BY_CENTIMES, Books, Intent, Trouble
from lab.payment_intents.checkout import Checkout
from lab.payment_intents.hooks import Hooks
from lab.payment_intents.lies import Asked, GatewayLies, Way
from lab.payment_intents.requests import (
    CANCEL,
    CAPTURE,
    CONFIRM,
    CREATE,
    LOOK,
    METHOD,
    REFUND,
    SESSION,
    form_of,
    metadata_of,
    method_of,
    needed,
    number,
    searched,
    session_of,
    whole,
)
from lab.payment_intents.shapes import Json, intent_json, list_json, refund_json, session_json

HANG_MAX_S = 120.0
BODY_MAX_BYTES = 65_536
KEY_MAX_CHARS = 255
KEYS_MAX = 100_000
LIST_MAX = 100
KNOWN = {
    Asked.CREATE: CREATE,
    Asked.METHOD: METHOD,
    Asked.CONFIRM: CONFIRM,
    Asked.CAPTURE: CAPTURE,
    Asked.CANCEL: CANCEL,
    Asked.REFUND: REFUND,
    Asked.SESSION: SESSION,
    Asked.EXPIRE: frozenset[str](),
}
ANOTHERS_PAGE = "https://another.example"
_ANSWERED = frozenset({Way.STRANGE_STATUS, Way.WRONG_AMOUNT, Way.OTHER_CURRENCY, Way.OTHER_ORDER, Way.OTHER_PAGE})
_SILENT = frozenset({Way.SILENT_AFTER, Way.SILENT_BEFORE, Way.LATE})
_UNTOUCHED = frozenset({Way.SILENT_BEFORE, Way.ERROR_BEFORE, Way.RATE_LIMIT, Way.CONFLICT, Way.REDIRECT})


@dataclass(frozen=True, slots=True)
class Kept:
    """What a key answered first; `asked` is what it was used for."""

    asked: str
    status: int
    body: bytes


class FakeGateway:
    """One account of the gateway."""

    def __init__(self, key: Secret, now: Callable[[], float], hang_max_s: float = HANG_MAX_S) -> None:
        self.key = key
        self.books = Books(now)
        self.lies = GatewayLies()
        self.hooks = Hooks(now)
        self.keys: dict[str, Kept] = {}
        self.seen: list[tuple[Asked, str]] = []  # what was asked, and under which key
        self._late: list[Callable[[], Kept]] = []
        self._hang_max_s = hang_max_s

    def app(self) -> Starlette:
        """The API and the checkout page."""
        ways = [
            ("/v1/payment_intents", Asked.CREATE),
            ("/v1/payment_methods", Asked.METHOD),
            ("/v1/payment_intents/{id}/confirm", Asked.CONFIRM),
            ("/v1/payment_intents/{id}/capture", Asked.CAPTURE),
            ("/v1/payment_intents/{id}/cancel", Asked.CANCEL),
            ("/v1/refunds", Asked.REFUND),
            ("/v1/checkout/sessions", Asked.SESSION),
            ("/v1/checkout/sessions/{id}/expire", Asked.EXPIRE),
        ]
        looks = [
            ("/v1/payment_intents/search", Asked.SEARCH, self._search),
            ("/v1/payment_intents", Asked.LIST, self._list_intents),
            ("/v1/payment_intents/{id}", Asked.RETRIEVE, self._retrieve),
            ("/v1/refunds", Asked.LIST, self._list_refunds),
            ("/v1/checkout/sessions", Asked.LIST, self._list_sessions),
            ("/v1/checkout/sessions/{id}", Asked.RETRIEVE, self._session),
        ]
        routes = [Route(path, self._looked(asked, look), methods=["GET"]) for path, asked, look in looks]
        routes += [Route(path, self._done(asked), methods=["POST"]) for path, asked in ways]
        return Starlette(routes=[*routes, *Checkout(self.books, self.tell).routes()])

    async def hurry(self) -> int:
        """Carry out now what was late; how many."""
        late, self._late = self._late, []
        for each in late:
            each()
        await self.tell()
        return len(late)

    async def tell(self) -> None:
        """Webhooks of what happened since."""
        changed, self.books.changed[:] = list(self.books.changed), []
        for kind, about in changed:
            if about in self.books.intents:
                await self.hooks.tell(self.hooks.event(kind, intent_json(self.books.intents[about], whole=False)))
            elif about in self.books.sessions:
                await self.hooks.tell(self.hooks.event(kind, session_json(self.books.sessions[about], "")))

    # --- what moves money -----------------------------------------------------------------------------------------

    def _done(self, asked: Asked) -> Callable[[Request], object]:
        async def answer(http: Request) -> Response:
            body = await _body(http)
            if body is None:
                return _error(Trouble(400, "invalid_request_error"))
            if not self._knows(http):
                return _error(Trouble(401, "invalid_request_error"))
            key = http.headers.get("idempotency-key", "")
            self.seen.append((asked, key))
            try:
                return await self._keyed(http, asked, key, body)
            except Trouble as trouble:
                return _error(trouble)

        return answer

    async def _keyed(self, http: Request, asked: Asked, key: str, body: bytes) -> Response:
        if len(key) > KEY_MAX_CHARS or len(self.keys) > KEYS_MAX:
            raise Trouble(400, "invalid_request_error")
        form = form_of(body, KNOWN[asked])  # what fails here is not kept for its key
        words = f"{http.url.path} {sorted(form.items())}"
        kept = self.keys.get(key) if key else None
        if kept is not None:
            if kept.asked != words:
                raise Trouble(400, "idempotency_error")
            return Response(kept.body, kept.status, {"Idempotent-Replayed": "true"}, "application/json")
        way = self.lies.pick(asked)
        path_id = str(http.path_params.get("id", ""))
        base = _base(http)

        def carry_out() -> Kept:
            made = self._carried_out(asked, path_id, form, words, way, base)
            if key:
                self.keys[key] = made
            return made

        if way is Way.LATE:
            self._late.append(carry_out)
        elif way not in _UNTOUCHED:
            answer = carry_out()
            await self.tell()
            if way is Way.TWICE:
                return Response(answer.body, answer.status, {"Idempotent-Replayed": "true"}, "application/json")
            if way is None or way in _ANSWERED:
                return Response(answer.body, answer.status, media_type="application/json")
            if way is Way.TORN:
                return Response(answer.body[: len(answer.body) // 2], answer.status, media_type="application/json")
        return await self._lied(http, way, key, words)

    async def _lied(self, http: Request, way: Way | None, key: str, words: str) -> Response:
        if way in _SILENT:
            return await self._hang(http)
        match way:
            case Way.ERROR_AFTER | Way.ERROR_BEFORE:
                answer = _error(Trouble(500, "api_error"))
                if key:
                    self.keys[key] = Kept(words, 500, bytes(answer.body))
                return answer
            case Way.RATE_LIMIT:
                return _error(Trouble(429, "invalid_request_error", "rate_limit"))
            case Way.LOCK_TIMEOUT:
                return _error(Trouble(429, "invalid_request_error", "lock_timeout"))
            case Way.CONFLICT:
                return _error(Trouble(409, "invalid_request_error", "idempotency_key_in_use"))
            case Way.REDIRECT:
                return Response(status_code=307, headers={"Location": "http://127.0.0.1:1/"})
        return Response("<html>proxy</html>", 200, media_type="text/html")

    def _carried_out(
        self, asked: Asked, path_id: str, form: dict[str, str], words: str, way: Way | None, base: str
    ) -> Kept:
        try:
            said = self._act(asked, path_id, form, way, base)
        except Trouble as trouble:
            about = trouble.error.pop("payment_intent_id", None)
            if about is not None:
                trouble.error["payment_intent"] = intent_json(self.books.intent(str(about)), whole=False)
            return Kept(words, trouble.status, bytes(_error(trouble).body))
        return Kept(words, 200, json.dumps(said).encode())

    def _act(self, asked: Asked, path_id: str, form: dict[str, str], way: Way | None, base: str) -> Json:
        books = self.books
        match asked:
            case Asked.CREATE:
                made = books.create(
                    number(form, "amount"),
                    needed(form, "currency"),
                    form.get("capture_method", "automatic"),
                    metadata_of(form),
                )
                return self._shown(made, form, way)
            case Asked.METHOD:
                card = method_of(form)
                return {"id": books.keep(card), "object": "payment_method", "type": "card"}
            case Asked.CONFIRM:
                done = books.confirm(
                    books.intent(path_id),
                    needed(form, "payment_method"),
                    no_action=form.get("error_on_requires_action") == "true",
                    more=WRONG_BY_CENTIMES if way is Way.WRONG_AMOUNT else 0,
                    currency="eur" if way is Way.OTHER_CURRENCY else None,
                )
                return self._shown(done, form, way)
            case Asked.CAPTURE:
                amount = number(form, "amount_to_capture") if "amount_to_capture" in form else None
                return self._shown(books.capture(books.intent(path_id), amount), form, way)
            case Asked.CANCEL:
                return self._shown(books.cancel(books.intent(path_id)), form, way)
            case Asked.REFUND:
                amount = number(form, "amount") if "amount" in form else None
                return refund_json(books.refund(books.intent(needed(form, "payment_intent")), amount))
            case Asked.EXPIRE:
                return session_json(books.expire(books.session(path_id)), base)
        opened = books.open_session(session_of(form, int(books.now())))
        return session_json(opened, ANOTHERS_PAGE if way is Way.OTHER_PAGE else base)

    def _shown(self, intent: Intent, form: dict[str, str], way: Way | None) -> Json:
        said = intent_json(intent, whole=whole(form), status="paid" if way is Way.STRANGE_STATUS else None)
        if way is Way.OTHER_ORDER:
            said |= {"metadata": {"order_id": "another"}}
        return said

    # --- what only looks --------------------------------------------------------------------------------------------

    def _looked(self, asked: Asked, look: Callable[[Request, dict[str, str]], Json]) -> Callable[[Request], object]:
        async def answer(http: Request) -> Response:
            if not self._knows(http):
                return _error(Trouble(401, "invalid_request_error"))
            self.seen.append((asked, ""))
            way = self.lies.pick(asked)
            if way in _SILENT:
                return await self._hang(http)
            if way in {Way.ERROR_AFTER, Way.ERROR_BEFORE}:
                return _error(Trouble(500, "api_error"))
            if way is Way.RATE_LIMIT:
                return _error(Trouble(429, "invalid_request_error", "rate_limit"))
            try:
                said = look(http, form_of(http.url.query.encode(), LOOK))
            except Trouble as trouble:
                return _error(trouble)
            if way is Way.STRANGE_STATUS:
                said |= {"status": "paid"}
            body = json.dumps(said).encode()
            if way is Way.TORN:
                body = body[: len(body) // 2]
            return Response("<html>" if way is Way.GARBAGE else body, media_type="application/json")

        return answer

    def _retrieve(self, http: Request, query: dict[str, str]) -> Json:
        return intent_json(self.books.intent(http.path_params["id"]), whole=whole(query))

    def _session(self, http: Request, _: dict[str, str]) -> Json:
        return session_json(self.books.session(http.path_params["id"]), _base(http))

    def _search(self, _: Request, query: dict[str, str]) -> Json:
        name, text = searched(needed(query, "query"))
        now = self.books.now()
        rows = [
            intent_json(one, whole=False)
            for one in reversed(self.books.intents.values())
            if one.metadata.get(name) == text and one.searchable_at <= now
        ]
        return list_json(rows[:LIST_MAX], "/v1/payment_intents/search", more=len(rows) > LIST_MAX, kind="search_result")

    def _list_intents(self, _: Request, query: dict[str, str]) -> Json:
        since = int(query.get("created[gte]", "0"))
        rows = [intent_json(one, whole=False) for one in self.books.intents.values() if one.created >= since]
        return _page(rows, query, "/v1/payment_intents")

    def _list_sessions(self, http: Request, query: dict[str, str]) -> Json:
        since = int(query.get("created[gte]", "0"))
        rows = [
            session_json(self.books.session(one.id), _base(http))
            for one in list(self.books.sessions.values())
            if one.created >= since
        ]
        return _page(rows, query, "/v1/checkout/sessions")

    def _list_refunds(self, _: Request, query: dict[str, str]) -> Json:
        of = needed(query, "payment_intent")
        return _page(
            [refund_json(one) for one in self.books.refunds.values() if one.intent_id == of], query, "/v1/refunds"
        )

    # --- common -----------------------------------------------------------------------------------------------------

    def _knows(self, http: Request) -> bool:
        return http.headers.get("authorization", "") == f"Bearer {self.key.reveal()}"

    async def _hang(self, http: Request) -> Response:
        """Hold the connection until the other side leaves."""
        try:
            async with asyncio.timeout(self._hang_max_s):
                while (await http.receive())["type"] != "http.disconnect":  # bounded by the time-out
                    pass
        except TimeoutError:
            return Response(status_code=504)
        return Response(status_code=499)


def _page(rows: list[Json], query: dict[str, str], url: str) -> Json:
    """Newest first, from behind `starting_after`."""
    newest = rows[::-1]
    after = query.get("starting_after")
    if after is not None:
        places = [place for place, row in enumerate(newest) if row["id"] == after]
        if not places:
            raise Trouble(400, "invalid_request_error", "resource_missing", param="starting_after")
        newest = newest[places[0] + 1 :]
    limit = min(int(query.get("limit", "10")), LIST_MAX)
    return list_json(newest[:limit], url, more=len(newest) > limit)


def _base(http: Request) -> str:
    return str(http.base_url).rstrip("/")


def _error(trouble: Trouble) -> Response:
    return Response(json.dumps({"error": trouble.error}), trouble.status, media_type="application/json")


async def _body(http: Request) -> bytes | None:
    body = bytearray()
    try:
        async for chunk in http.stream():
            body += chunk
            if len(body) > BODY_MAX_BYTES:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)
