"""A billing system behind TM Forum's APIs: bills by TMF678, payments by TMF676. Implements core.ports.BillingSystem.

Who has which line, and the codes printed on bills, stay in the embedded tables: those APIs know no payment codes. Only
thin I/O here; whatever is not an explicit answer is BillingDown, and posting is repeated under the same correlator.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import aiohttp

from core.billing import tmf_wire as wire
from core.billing.invoices import Invoice
from core.cards import Secret
from core.payments.table import Payment
from core.ports import BillingDown, BillingSystem, Posting
from core.refunds.model import Reversal
from core.subscribers.lines import ServiceType, SubscribedLine
from core.zone import ZONE

log = logging.getLogger(__name__)

CONNECTIONS_MAX = 20
ANSWER_MAX_BYTES = 1_000_000
PAGE_BILLS = 100
PAGES_MAX = 10
CHUNK_BYTES = 16_384
CREATED = frozenset({200, 201})
REFUSED = frozenset({409, 422})  # settled meanwhile, a repeat, or our fault: the correlator and the bill tell
LISTS_MAX = 2  # an empty list is asked for again: of a system in trouble it is no answer
LIST_PAUSE_S = 0.2
LIVING = frozenset({"done", "accepted", "pending", "completed"})


@dataclass(frozen=True, slots=True)
class TmfAccount:
    """The addresses of the APIs. `account_id` builds their billing account from {service} and {reference}."""

    url: str
    token: Secret = field(repr=False)
    account_id: str = "{reference}"


class TmForumBilling:
    """Implements core.ports.BillingSystem over TM Forum's APIs; `lines` answers for lines and payment codes. Raises
    BillingDown.
    """

    def __init__(self, account: TmfAccount, lines: BillingSystem, currency: str, *, timeout_s: float) -> None:
        self._account = account
        self._base = account.url.rstrip("/")
        self._lines = lines
        self._currency = currency
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connections; new ones are opened if it is asked again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def line(self, service: ServiceType, reference: str) -> SubscribedLine | None:
        return await self._lines.line(service, reference)

    async def lines_of(self, msisdn: str) -> tuple[SubscribedLine, ...]:
        return await self._lines.lines_of(msisdn)

    async def codes_of(self, msisdn: str) -> tuple[tuple[SubscribedLine, str], ...]:
        return await self._lines.codes_of(msisdn)

    async def code_matches(self, service: ServiceType, reference: str, code: str) -> bool:
        return await self._lines.code_matches(service, reference, code)

    async def proven(self, service: ServiceType, reference: str, code: str) -> SubscribedLine | None:
        return await self._lines.proven(service, reference, code)

    async def code_of(self, service: ServiceType, reference: str) -> str | None:
        return await self._lines.code_of(service, reference)

    async def unpaid(self, service: ServiceType, reference: str) -> tuple[Invoice, ...]:
        """Oldest first, at most PAGES_MAX pages of them."""
        bills = await self._bills(self._account_id(service, reference))
        for _ in range(LISTS_MAX - 1):
            if bills:
                break
            await asyncio.sleep(LIST_PAUSE_S)
            bills = await self._bills(self._account_id(service, reference))
        owed = [invoice for bill in bills if (invoice := self._owed(bill)) is not None]
        return tuple(sorted(owed, key=lambda invoice: (invoice.period, invoice.number)))

    async def post(self, payment: Payment, invoice: Invoice) -> Posting:
        """The bill is looked up by its number, for the printed number need not be its id.

        What was posted before, unheard, is found by our reference first; only a bill that is there and owes less than
        was paid is refused: one that is not there was seen when it was paid, and is asked for again.
        """
        if await self._known(wire.PAYMENT_PATH, wire.correlator(payment, invoice.number)):
            return Posting.POSTED
        account_id = self._account_id(payment.service, payment.line_reference)
        bill = await self._bill(account_id, invoice.number)
        if bill is None:
            log.error("payment %s: billing does not show bill %s", payment.id, invoice.number)
            raise BillingDown("a paid bill is not there")
        body = wire.payment_body(payment, invoice, bill.id or bill.number, account_id)
        status, _ = await self._ask("POST", wire.PAYMENT_PATH, body=body)
        if status in CREATED:
            return Posting.POSTED
        if status not in REFUSED:
            raise BillingDown(f"HTTP {status}")
        if await self._known(wire.PAYMENT_PATH, wire.correlator(payment, invoice.number)):
            return Posting.POSTED
        after = await self._bill(account_id, invoice.number)
        owed = None if after is None else self._owed(after)
        if after is None or (owed is not None and owed.amount_centimes >= invoice.amount_centimes):
            log.error(
                "payment %s: billing answers %d for bill %s, which it still owes", payment.id, status, invoice.number
            )
            raise BillingDown(f"HTTP {status}, of a bill that is owed")
        return Posting.REFUSED

    async def _bill(self, account_id: str, number: str) -> wire.CustomerBill | None:
        bills = await self._bills(account_id, {"billNo": number})
        return next((bill for bill in bills if bill.number == number), None)

    def _owed(self, bill: wire.CustomerBill) -> Invoice | None:
        try:
            return bill.owed(self._currency, datetime.now(ZONE).date())
        except wire.NotTmf as error:
            raise BillingDown(str(error)) from error

    async def reverse(self, reversal: Reversal) -> Posting:
        """A TMF676 refund of the payment that was posted; what was never posted is owed already."""
        payment = reversal.payment
        known = await self._known(wire.PAYMENT_PATH, wire.correlator(payment, reversal.number))
        if known is None:
            return Posting.POSTED
        account_id = self._account_id(payment.service, payment.line_reference)
        body = wire.refund_body(reversal, known.id, account_id, datetime.now(UTC))
        if await self._known(wire.REFUND_PATH, str(body["correlatorId"])):
            return Posting.POSTED
        status, _ = await self._ask("POST", wire.REFUND_PATH, body=body)
        if status in CREATED:
            return Posting.POSTED
        if status not in REFUSED:
            raise BillingDown(f"HTTP {status}")
        return Posting.POSTED if await self._known(wire.REFUND_PATH, str(body["correlatorId"])) else Posting.REFUSED

    async def _known(self, path: str, correlator: str) -> wire.KnownPayment | None:
        status, body = await self._ask("GET", path, {"correlatorId": correlator})
        if status != 200:
            raise BillingDown(f"HTTP {status}")
        try:
            payments = wire.payments_of(body)
        except wire.NotTmf as error:
            raise BillingDown(str(error)) from error
        mine = (each for each in payments if each.correlatorId == correlator and each.status.lower() in LIVING)
        return next(mine, None)

    async def _bills(self, account_id: str, more: Mapping[str, str] | None = None) -> list[wire.CustomerBill]:
        found: list[wire.CustomerBill] = []
        for page in range(PAGES_MAX):
            query = {"offset": str(page * PAGE_BILLS), "limit": str(PAGE_BILLS), "billingAccount.id": account_id}
            status, body = await self._ask("GET", wire.BILL_PATH, {**query, **(more or {})})
            if status not in {200, 206}:
                raise BillingDown(f"HTTP {status}")
            try:
                bills = wire.bills_of(body)
            except wire.NotTmf as error:
                raise BillingDown(str(error)) from error
            found += bills
            if len(bills) < PAGE_BILLS:
                break
        return found

    def _account_id(self, service: ServiceType, reference: str) -> str:
        return self._account.account_id.format(service=service, reference=reference)

    async def _ask(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: object = None
    ) -> tuple[int, bytes]:
        try:
            async with self._open_session().request(
                method, f"{self._base}/{path}", params=query, json=body, allow_redirects=False
            ) as answer:
                return answer.status, await _read(answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BillingDown(type(error).__name__) from error

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            headers = {"Accept": "application/json"}
            if token := self._account.token.reveal():
                headers["Authorization"] = f"Bearer {token}"
            timeout = aiohttp.ClientTimeout(total=self._timeout_s)
            connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
            self._session = aiohttp.ClientSession(headers=headers, timeout=timeout, connector=connector)
        return self._session


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > ANSWER_MAX_BYTES:
            raise BillingDown("an answer without end")
    return bytes(body)
