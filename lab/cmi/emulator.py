"""The CMI emulator: a Nestpay gateway that keeps a true ledger and answers as badly as it is told to.

Rule of this file: `app_of` gives a plain Starlette application; the ledger is written before anybody is answered; an
answer that "never" comes is held until the asker gives up, or HANG_MAX_S.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from core.cards import Secret
from lab.cmi import admin as cmi_admin
from lab.cmi import hosted as cmi_hosted
from lab.cmi.bank import ONGOING_MAX, Bank
from lab.cmi.cards import CARDS, CardTable
from lab.cmi.ledger import Ledger
from lab.cmi.lies import STATES, WRONG_BY_CENTIMES, Kind, Lie, LieBook, Manner
from lab.cmi.wire import GARBAGE, REQUEST_MAX_BYTES, Reply, busy, read_request, refusal, with_state, write_reply
from lab.cmi.wire import Request as GatewayRequest

HANG_MAX_S = 120.0
SLOW_MAX_S = 600.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the merchant must send; the store key signs the hosted page."""

    client_id: str
    name: str
    password: Secret = field(repr=False)
    store_key: Secret = field(repr=False)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Gateway:
    """The /fim/api endpoint and what is still to land."""

    def __init__(
        self,
        credentials: Credentials,
        ledger: Ledger,
        now: Callable[[], datetime],
        hang_max_s: float,
        cards: CardTable = CARDS,
    ) -> None:
        self.credentials = credentials
        self.bank = Bank(ledger, now, cards)
        self.lies = LieBook()
        self.pages = cmi_hosted.HostedPages(self.bank, self.lies, credentials.client_id, credentials.store_key)
        self.late: set[asyncio.Task[Reply]] = set()
        self._hurried = asyncio.Event()
        self._hang_max_s = hang_max_s

    async def api(self, http: Request) -> Response:
        """One CC5Request, in the form field DATA or as the raw body."""
        body = await _bounded_body(http)
        request = read_request(body, http.headers.get("content-type", "")) if body is not None else None
        if request is None:
            return _xml(refusal("", "99", "Invalid request", error_code="CORE-2014"))
        if not self._knows(request):
            return _xml(refusal(request.order_id, "99", "Login failed", error_code="CORE-2002"))
        return await self._perform(http, request)

    def _knows(self, request: GatewayRequest) -> bool:
        own = self.credentials
        given = (request.client_id, request.name, request.password.reveal())
        pairs = zip(given, (own.client_id, own.name, own.password.reveal()), strict=True)
        return all(hmac.compare_digest(one.encode(), other.encode()) for one, other in pairs)

    def manner_of(self, request: GatewayRequest) -> Lie:
        """How a request is treated: as a lie in force says, else as its card does."""
        lie = self.lies.pick(request.order_id, request.kind)
        if lie is not None:
            return lie
        charge = request.kind in {Kind.AUTH, Kind.PRE_AUTH}
        manner = self.bank.plan_of(request).manner if charge else Manner.TRUE
        return Lie(manner, frozenset({request.kind}))

    async def _perform(self, http: Request, request: GatewayRequest) -> Response:
        lie = self.manner_of(request)
        match lie.manner:
            case Manner.TRUE:
                return _xml(self.bank.carry_out(request))
            case Manner.WRONG_AMOUNT:
                return _xml(self.bank.carry_out(request, more_centimes=WRONG_BY_CENTIMES))
            case Manner.DUPLICATE_ANSWER:
                self.bank.carry_out(request)
                return _xml(self.bank.carry_out(request))
            case Manner.GARBAGE:
                return Response(GARBAGE, media_type="text/xml")
            case Manner.SERVER_ERROR_AFTER_CHARGING:
                self.bank.carry_out(request)
                return Response("<html>Bad Gateway</html>", 502, media_type="text/html")
            case Manner.BUSY_AFTER_CHARGING:
                self.bank.carry_out(request)
                return _xml(busy(request.order_id))
            case Manner.BUSY_WITHOUT_CHARGING:
                return _xml(busy(request.order_id))
            case Manner.NO_HISTORY:
                return (
                    Response(GARBAGE, media_type="text/xml") if request.history else _xml(self.bank.carry_out(request))
                )
            case Manner.STATE_ERR | Manner.STATE_R | Manner.STATE_PENDING:
                return _xml(with_state(self.bank.carry_out(request), STATES[lie.manner]))
            case Manner.SLOW:
                return _xml(await self._slowly(request, lie.seconds))
            case Manner.SILENT_AFTER_CHARGING:
                self.bank.carry_out(request)
            case Manner.LATE_LANDING:
                self._land_later(request, lie.seconds)
            case Manner.SILENT_WITHOUT_CHARGING:
                pass
        return await self._hang(http)

    async def _slowly(self, request: GatewayRequest, seconds: float) -> Reply:
        order_id = request.order_id
        if order_id in self.bank.ongoing or len(self.bank.ongoing) >= ONGOING_MAX:
            return self.bank.carry_out(request)
        self.bank.ongoing.add(order_id)
        return await asyncio.shield(self._land_later(request, seconds))

    def _land_later(self, request: GatewayRequest, seconds: float) -> asyncio.Task[Reply]:
        async def land() -> Reply:
            if len(self.late) <= ONGOING_MAX:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._hurried.wait(), min(seconds, SLOW_MAX_S))
            self.bank.ongoing.discard(request.order_id)
            return self.bank.carry_out(request)

        task = asyncio.create_task(land())
        self.late.add(task)
        task.add_done_callback(self.late.discard)
        return task

    async def hurry(self) -> int:
        """Carry out now what is slow or late, and wait for it. How many there were."""
        waiting = tuple(self.late)
        self._hurried.set()
        self._hurried.clear()
        await asyncio.gather(*waiting)
        return len(waiting) + await self.pages.hurry()

    async def _hang(self, http: Request) -> Response:
        """Hold the connection until the other side leaves."""
        try:
            async with asyncio.timeout(self._hang_max_s):
                while (await http.receive())["type"] != "http.disconnect":  # bounded by the time-out
                    pass
        except TimeoutError:
            return Response(status_code=504)
        return Response(status_code=499)


async def _bounded_body(http: Request) -> bytes | None:
    body = bytearray()
    try:
        async for chunk in http.stream():
            body += chunk
            if len(body) > REQUEST_MAX_BYTES:
                return None
    except ClientDisconnect:
        return None
    return bytes(body)


def _xml(reply: Reply) -> Response:
    return Response(write_reply(reply), media_type="text/xml")


def app_of(gateway: Gateway) -> Starlette:
    """The application around a gateway that the caller keeps a hand on."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        for task in tuple(gateway.late):
            task.cancel()
        await asyncio.gather(*gateway.late, return_exceptions=True)

    admin = cmi_admin.Admin(gateway.bank, gateway.lies, gateway.hurry)
    routes = [Route("/fim/api", gateway.api, methods=["POST"]), *gateway.pages.routes(), *admin.routes()]
    return Starlette(routes=routes, lifespan=lifespan)
