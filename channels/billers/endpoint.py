"""The biller's doors: wallets, banks and counters ask what is owed and tell what they were paid.

Who may ask is settled by one rule for secrets, before any field is looked at. Bills are our customers' business: a door
lists them to whom the operator gave its secret, and to nobody else.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from channels.billers import daraja, gsma
from channels.http.json_door import JsonDoor
from channels.http.receive import SECRET_HEADER, Check, Count, incoming, refused, response
from channels.wire import Incoming, Malformed, Reply, SenderRefused
from core.billers.outside import (
    OutsideOrder,
    OutsidePayments,
    OutsideRefusal,
    OutsideTaken,
    lines_meant,
)
from core.billing.invoices import Invoice
from core.ports import BillingDown
from core.repositories import DatabaseUnavailable
from core.subscribers.lines import ServiceType, SubscribedLine

log = logging.getLogger(__name__)

DOORS = (gsma.DOOR, daraja.DOOR)
BODY_BYTES_MAX = 16 * 1024
GSMA_BILLS = "/billers/gsma/accounts/{type}/{identifier}/bills"
GSMA_PAYMENTS = GSMA_BILLS + "/{bill}/payments"
VALIDATION, CONFIRMATION = "/billers/daraja/validation", "/billers/daraja/confirmation"
JSON_DOORS: Mapping[str, Sequence[JsonDoor]] = {
    gsma.DOOR: (
        JsonDoor(
            "billers-gsma-payment",
            GSMA_PAYMENTS,
            (gsma.BillPaymentAsked,),
            gsma.BillPaymentAnswered,
            "the bill is paid; the same for every repeat of X-CorrelationID",
            "secret",
            status=201,
        ),
    ),
    daraja.DOOR: tuple(
        JsonDoor(
            f"billers-daraja-{path.rpartition('/')[2]}", path, (daraja.C2bTold,), daraja.C2bAnswered, told, "secret"
        )
        for path, told in ((VALIDATION, "whether it may be paid"), (CONFIRMATION, "it counts"))
    ),
}


class BillsOwed(Protocol):
    """The part of core.ports.BillingSystem that a biller's door asks. Raises BillingDown."""

    async def line(self, service: ServiceType, reference: str) -> SubscribedLine | None: ...

    async def unpaid(self, service: ServiceType, reference: str) -> tuple[Invoice, ...]: ...


@dataclass(frozen=True, slots=True)
class BillerDesk:
    """The parts that stand behind the doors. `currency` is our bills'."""

    billing: BillsOwed
    outside: OutsidePayments
    fresh_id: Callable[[datetime], str]
    now: Callable[[], datetime]
    currency: str

    async def line_of(self, identifier: str) -> SubscribedLine | None:
        """Finds the line that an account number names. Raises BillingDown."""
        for service, reference in lines_meant(identifier):
            line = await self.billing.line(service, reference)
            if line is not None:
                return line
        return None

    async def take(self, order: OutsideOrder) -> OutsideTaken | OutsideRefusal:
        """Takes a payment down. Raises DatabaseUnavailable."""
        now = self.now()
        taken = await self.outside.take(order, self.fresh_id(now), now)
        if isinstance(taken, OutsideTaken) and taken.left_centimes and not taken.repeated:
            log.error("outside payment %s: %d centimes pay no bill: an operator's", taken.id, taken.left_centimes)
        return taken


def routes(desk: BillerDesk, checks: Mapping[str, Check], count: Count, *, public_url: str) -> list[Route]:
    """The doors that have a check."""
    doors: list[Route] = []
    if gsma.DOOR in checks:
        door = _GsmaBiller(desk, checks[gsma.DOOR], count, public_url)
        doors += [Route(GSMA_BILLS, door.bills, methods=["GET"]), Route(GSMA_PAYMENTS, door.pay, methods=["POST"])]
    if daraja.DOOR in checks:
        c2b = _DarajaBiller(desk, checks[daraja.DOOR], count, public_url)
        doors += [
            Route(VALIDATION, c2b.validate, methods=["POST"]),
            Route(CONFIRMATION, c2b.confirm, methods=["POST"]),
        ]
    return doors


class _GsmaBiller:
    def __init__(self, desk: BillerDesk, check: Check, count: Count, public_url: str) -> None:
        self._desk, self._check, self._count, self._public_url = desk, check, count, public_url

    async def bills(self, request: Request) -> Response:
        return await self._answered(request, self._bills)

    async def pay(self, request: Request) -> Response:
        return await self._answered(request, self._pay)

    async def _answered(self, request: Request, work: Callable[[Request, Incoming], Awaitable[Reply]]) -> Response:
        """Every fault in the API's own words."""
        now = self._desk.now()
        try:
            arrived = await incoming(request, self._public_url, body_max=BODY_BYTES_MAX)
            self._check(_with_api_key(arrived))
            return response(await work(request, arrived))
        except SenderRefused as error:
            log.warning("refused at billers/gsma: %s", error)
            self._count("billers/gsma", "forbidden")
            words = "the key is missing or wrong"
            return response(gsma.error_told("authorisation", "clientAuthorisationError", words, 401, now))
        except gsma.NotGsma as error:
            self._count("billers/gsma", "malformed")
            return response(gsma.error_told(error.category, error.code, str(error), error.status, now))
        except Malformed as error:
            self._count("billers/gsma", "malformed")
            return response(gsma.error_told("validation", "formatError", str(error), 400, now))
        except (BillingDown, DatabaseUnavailable):
            return response(gsma.error_told("serviceUnavailable", "genericError", "try again later", 503, now))

    async def _line(self, request: Request) -> SubscribedLine | None:
        """Raises NotGsma, BillingDown."""
        if request.path_params["type"] not in gsma.IDENTIFIERS:
            raise gsma.NotGsma("identification", "identifierError", "no such kind of account", 404)
        return await self._desk.line_of(request.path_params["identifier"])

    async def _bills(self, request: Request, arrived: Incoming) -> Reply:
        page, line = gsma.page_of(arrived), await self._line(request)
        now = self._desk.now()
        if line is None:
            return gsma.refusal_told(OutsideRefusal.NO_LINE, now)
        bills = await self._desk.billing.unpaid(line.service, line.reference)
        return gsma.bills_told(bills, self._desk.currency, page, now)

    async def _pay(self, request: Request, arrived: Incoming) -> Reply:
        line = await self._line(request)
        if line is None:
            return gsma.refusal_told(OutsideRefusal.NO_LINE, self._desk.now())
        order = gsma.order_of(arrived, line.service, line.reference, request.path_params["bill"])
        taken = await self._desk.take(order)
        if isinstance(taken, OutsideRefusal):
            return gsma.refusal_told(taken, self._desk.now())
        return gsma.taken_told(order, taken, self._desk.now())


class _DarajaBiller:
    def __init__(self, desk: BillerDesk, check: Check, count: Count, public_url: str) -> None:
        self._desk, self._check, self._count, self._public_url = desk, check, count, public_url

    async def validate(self, request: Request) -> Response:
        """Answers whether a bill may be paid; what cannot be said in time is refused: nothing was taken yet."""
        try:
            notice = await self._told(request)
            line = await self._desk.line_of(notice.account)
            if line is None:
                return response(daraja.rejected(OutsideRefusal.NO_LINE))
            order = daraja.order_of(notice, line.service, line.reference, self._desk.currency, final=False)
            refusal = await self._desk.outside.would_take(order)
        except (Malformed, SenderRefused) as error:
            return refused(error, "billers/daraja", self._count)
        except (BillingDown, DatabaseUnavailable):
            return response(daraja.rejected(None))
        return response(daraja.rejected(refusal) if refusal else daraja.accepted())

    async def confirm(self, request: Request) -> Response:
        """Money that was taken: written down whatever it was meant for. 503 where it could not be: it comes again."""
        try:
            notice = await self._told(request)
            line = await self._desk.line_of(notice.account)
            service, reference = (line.service, line.reference) if line else (ServiceType.MOBILE, notice.account)
            order = daraja.order_of(notice, service, reference, self._desk.currency, final=True)
            taken = await self._desk.take(order)
        except (Malformed, SenderRefused) as error:
            return refused(error, "billers/daraja", self._count)
        except (BillingDown, DatabaseUnavailable):
            log.exception("a confirmation could not be written down")
            return Response(status_code=503, headers={"Cache-Control": "no-store"})
        if isinstance(taken, OutsideRefusal):  # the transaction's number tells of something else now
            log.error("confirmation %s contradicts what it said before", notice.transaction)
            self._count("billers/daraja", "contradicts")
        return response(daraja.accepted())

    async def _told(self, request: Request) -> daraja.C2bTold:
        arrived = await incoming(request, self._public_url, body_max=BODY_BYTES_MAX)
        self._check(arrived)
        return daraja.read_c2b(arrived.body)


def _with_api_key(arrived: Incoming) -> Incoming:
    """The API's own header for the secret, where ours is not sent."""
    key = arrived.headers.get("x-api-key")
    if key is None or SECRET_HEADER in arrived.headers:
        return arrived
    return msgspec.structs.replace(arrived, headers={**arrived.headers, SECRET_HEADER: key})
