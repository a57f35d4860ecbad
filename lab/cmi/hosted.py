"""The emulated hosted page (est3Dgate): takes the card in a browser, tells the merchant by callback, sends them back.

Rule of this file: the hash is checked before anything is shown; the merchant's answer to the callback decides whether
the money is captured; several declines may come before an approval. Each visit meets another merchant's manners
(lab/cmi/posts.py): so many fields, in that alphabet, back by GET or POST; `manners` set, that one alone.
"""

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from html import escape
from itertools import cycle
from types import MappingProxyType

import aiohttp
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from core.acquirers.hosted import ANSWER_CAPTURE, ver3_hash
from core.cards import Secret
from core.money import decimal_text, parse_centimes
from lab.cmi.bank import Bank
from lab.cmi.hosted_pages import back_page, card_page, pin_page
from lab.cmi.lies import WRONG_BY_CENTIMES, Kind, Lie, LieBook, Manner
from lab.cmi.posts import EVERY_MANNER, Manners, body_of, real_set
from lab.cmi.wire import Reply, page
from lab.cmi.wire import Request as GatewayRequest
from lab.servers.reach import Reach

FORM = "application/x-www-form-urlencoded"
UNSIGNED = MappingProxyType({"countdown": "1"})  # and _charset_, which the browser fills in
PAGES_MAX = 1_000
TRIES_MAX = 3
PATH = "/fim/est3Dgate"
OTHER_HOSTS = MappingProxyType({"127.0.0.1": "localhost", "localhost": "127.0.0.1"})
CALLBACK_TIMEOUT_S = 10.0
CALLBACK_MAX_BYTES = 4_096
FORM_FIELDS_MAX = 200


class Visit:
    """One browser on the page: what the merchant posted and how often a card was tried."""

    def __init__(self, fields: Mapping[str, str], manners: Manners) -> None:
        self.fields = fields
        self.manners = manners
        self.tries = 0
        self.challenge_id = ""


class HostedPages:
    """Routes of the hosted page."""

    def __init__(self, bank: Bank, lies: LieBook, client_id: str, store_key: Secret) -> None:
        self._bank = bank
        self._lies = lies
        self._client_id = client_id
        self._store_key = store_key
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._turns = cycle(EVERY_MANNER)
        self._late: list[tuple[Visit, Reply]] = []
        self.manners: Manners | None = None
        self.reach = Reach()

    def routes(self) -> list[Route]:
        return [
            Route(PATH, self.arrive, methods=["POST"]),
            Route(PATH + "/{token}", self.ask, methods=["GET"]),
            Route(PATH + "/{token}", self.pay, methods=["POST"]),
        ]

    async def arrive(self, http: Request) -> Response:
        """The merchant's form; refused unless its ver3 hash is right."""
        fields = await _form(http)
        given = fields.get("HASH", "").encode()
        if not hmac.compare_digest(ver3_hash(fields, self._store_key).encode(), given):
            return HTMLResponse(page("CMI", "<p id=error>HASH</p>"), 400)
        if fields.get("clientid") != self._client_id or _amount(fields) is None:
            return HTMLResponse(page("CMI", "<p id=error>clientid / amount</p>"), 400)
        token = secrets.token_urlsafe(16)
        self._visits[token] = Visit(fields, self.manners or next(self._turns))
        while len(self._visits) > PAGES_MAX:
            self._visits.popitem(last=False)
        return RedirectResponse(_elsewhere(http, f"{PATH}/{token}"), 302)

    async def ask(self, http: Request) -> Response:
        """The page that asks the card, or the PIN when it is loaded again meanwhile."""
        token = http.path_params["token"]
        visit = self._visits.get(token)
        if visit is None:
            return HTMLResponse(page("CMI", "<p id=error>session</p>"), 404)
        shown = pin_page if visit.challenge_id else card_page
        return HTMLResponse(shown(f"{PATH}/{token}", visit.fields))

    async def pay(self, http: Request) -> Response:
        """A card, or the bank's PIN."""
        token = http.path_params["token"]
        visit = self._visits.get(token)
        if visit is None:
            return HTMLResponse(page("CMI", "<p id=error>session</p>"), 404)
        form = await _form(http)
        request = self._request(visit, form)
        lie = self._lies.pick(request.order_id, request.kind) or Lie(Manner.TRUE, frozenset())
        more_centimes = WRONG_BY_CENTIMES if lie.manner is Manner.WRONG_AMOUNT else 0
        reply = self._bank.carry_out(request, more_centimes=more_centimes)
        visit.challenge_id = reply.extra.get("CHALLENGEID", "")
        if visit.challenge_id:
            return HTMLResponse(pin_page(f"{PATH}/{token}", visit.fields))
        visit.tries += 1
        approved = reply.fields["ProcReturnCode"] == "00"
        if lie.manner is Manner.LATE_CALLBACK:
            self._late = [*self._late, (visit, reply)][-PAGES_MAX:]
        elif lie.manner is not Manner.SILENT_AFTER_CHARGING:
            for _ in range(2 if lie.manner is Manner.DUPLICATE_ANSWER else 1):
                await self._call_back(visit, reply)
        if not approved and visit.tries < TRIES_MAX:
            return HTMLResponse(card_page(f"{PATH}/{token}", visit.fields, reply.fields["ErrMsg"]))
        del self._visits[token]
        target = visit.fields.get("okUrl" if approved else "failUrl", "")
        return HTMLResponse(_way_back(visit.fields, target, self._said(visit, reply), visit.manners))

    async def hurry(self) -> int:
        """Callbacks that are late go out now; how many."""
        late, self._late = self._late, []
        for visit, reply in late:
            await self._call_back(visit, reply)
        return len(late)

    def _request(self, visit: Visit, form: Mapping[str, str]) -> GatewayRequest:
        return GatewayRequest(
            name="",
            password=Secret(""),
            client_id=self._client_id,
            kind=Kind.PIN if visit.challenge_id else Kind.PRE_AUTH,
            order_id=visit.fields.get("oid", ""),
            pan=Secret(form.get("pan", "").replace(" ", "")),
            expires=form.get("expires", ""),
            cvv=Secret(form.get("cvv", "")),
            amount_centimes=_amount(visit.fields),
            currency_code=visit.fields.get("currency", ""),
            challenge_id=visit.challenge_id,
            pin=Secret(form.get("pin", "")),
        )

    def _said(self, visit: Visit, reply: Reply) -> dict[str, str]:
        said = {name: reply.fields[name] for name in ("Response", "ProcReturnCode", "AuthCode", "TransId", "ErrMsg")}
        said["mdStatus"] = "1" if reply.fields["ProcReturnCode"] == "00" else "0"
        row = self._bank.ledger.success(visit.fields.get("oid", ""))
        said["amount"] = visit.fields["amount"] if row is None else decimal_text(row.amount_centimes)
        return real_set(visit.fields, said, visit.manners, self._store_key)

    async def _call_back(self, visit: Visit, reply: Reply) -> None:
        """Server to server; a merchant that cannot be reached captures nothing."""
        url = self.reach(visit.fields.get("callbackUrl", ""))
        timeout = aiohttp.ClientTimeout(total=CALLBACK_TIMEOUT_S)
        post = body_of(self._said(visit, reply), visit.manners.encoding)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(url, data=post, headers={"Content-Type": FORM}, allow_redirects=False) as response,
            ):
                said = await response.content.read(CALLBACK_MAX_BYTES)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return
        if reply.fields["ProcReturnCode"] == "00" and said.strip() == ANSWER_CAPTURE.encode():
            self._capture(visit.fields.get("oid", ""))

    def _capture(self, order_id: str) -> None:
        held = self._bank.ledger.success(order_id)
        if held is not None and held.state == "A":
            self._bank.capture(order_id, held.amount_centimes)


async def _form(http: Request) -> dict[str, str]:
    form = await http.form(max_fields=FORM_FIELDS_MAX, max_files=0)
    return {name: text for name, text in form.items() if isinstance(text, str)}


def _amount(fields: Mapping[str, str]) -> int | None:
    try:
        return parse_centimes(fields.get("amount", ""))
    except ValueError:
        return None


def _elsewhere(http: Request, where: str) -> str:
    """The same page under another name: gateways take a browser on to a host of their own."""
    port = f":{http.url.port}" if http.url.port else ""
    other = OTHER_HOSTS.get(http.url.hostname or "")
    return where if other is None else f"{http.url.scheme}://{other}{port}{where}"


def _way_back(posted: Mapping[str, str], url: str, fields: Mapping[str, str], manners: Manners) -> str:
    more = {**fields, **UNSIGNED, "_charset_": manners.encoding}
    inputs = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(text)}">' for name, text in more.items()
    )
    form = f'id="back" method="{manners.way_back.lower()}" accept-charset="{manners.encoding}" action="{escape(url)}"'
    return back_page(posted, f"<form {form}>{inputs}<button>OK</button></form>")
