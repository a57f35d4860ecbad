"""The billers' doors over HTTP, in memory behind: names of errors, repeats, counts, secrets."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import aiohttp
import jsonschema_rs
import pytest
from starlette.applications import Starlette

from channels.billers.endpoint import JSON_DOORS, BillerDesk, routes
from channels.http.openapi import document
from channels.http.receive import Authentication
from core.billers.outside import OutsideOrder, OutsideRefusal, OutsideTaken, lines_meant
from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.ports import BillingDown
from core.subscribers.lines import ServiceType, SubscribedLine
from lab.servers.serving import serving

SECRET, KEY = "a-secret-of-the-wallet", "7d1f6c1e-7b1c-4b0e-9a51-2f6c0d9c4a10"
NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
BILLS = tuple(Invoice(f"B{n}", date(2026, n, 1), 10_000 + n, date(2026, n, 25)) for n in range(1, 8))
LINE = SubscribedLine(ServiceType.MOBILE, "0600000001", "Salma", "+212600000001", None, LanguageCode.FR)
BILL_SHAPE = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["billReference", "billStatus", "amountDue", "currency", "dueDate"],
        "properties": {
            "billStatus": {"enum": ["unpaid", "partialpaid", "paid"]},
            "amountDue": {"type": "string", "pattern": r"^(0|[1-9][0-9]*)(\.[0-9]{0,3}[0-9])?$"},
            "minimumAmountDue": {"type": "string"},
            "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
            "dueDate": {"type": "string", "format": "date"},
            "billdescription": {"type": "string", "maxLength": 256},
        },
    },
}
ERROR_SHAPE = {
    "type": "object",
    "required": ["errorCategory", "errorCode"],
    "properties": {
        "errorCategory": {
            "enum": ["businessRule", "validation", "authorisation", "identification", "internal", "serviceUnavailable"]
        },
        "errordescription": {"type": "string", "maxLength": 256},
    },
}


class Behind:
    """Bills and payments in memory."""

    def __init__(self) -> None:
        self.answer: OutsideRefusal | None = None
        self.down = False
        self.orders: list[OutsideOrder] = []

    async def line(self, service: ServiceType, reference: str) -> SubscribedLine | None:
        if self.down:
            raise BillingDown("away")
        return LINE if (service, reference) == (LINE.service, LINE.reference) else None

    async def unpaid(self, service: ServiceType, reference: str) -> tuple[Invoice, ...]:
        return BILLS

    async def take(self, order: OutsideOrder, fresh_id: str, now: datetime) -> OutsideTaken | OutsideRefusal:
        self.orders.append(order)
        return self.answer or OutsideTaken("OURS-1", NOW, left_centimes=0)

    async def would_take(self, order: OutsideOrder) -> OutsideRefusal | None:
        return self.answer


def biller_app(behind: Behind) -> Starlette:
    """Both doors before bills in memory."""
    desk = BillerDesk(behind, behind, lambda now: "OURS-1", lambda: NOW, "MAD")
    guard = Authentication((SECRET,)).check
    return Starlette(
        routes=list(routes(desk, {"gsma": guard, "daraja": guard}, lambda door, why: None, public_url="https://p"))
    )


@pytest.fixture
async def at() -> AsyncIterator[tuple[Behind, str]]:
    behind = Behind()
    async with serving(biller_app(behind)) as url:
        yield behind, url


async def call(method: str, url: str, body: object = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
    raw = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    sent = {"x-api-key": SECRET} | {name.replace("_", "-"): value for name, value in headers.items()}
    async with aiohttp.ClientSession() as session, session.request(method, url, data=raw, headers=sent) as answer:
        text = await answer.read()
        return (
            answer.status,
            json.loads(text) if text[:1] in b"{[" and text else text,
            {name.lower(): value for name, value in answer.headers.items()},
        )


ACCOUNT = "/billers/gsma/accounts/msisdn/%2B212600000001/bills"
PAY = {"amountPaid": "100.01", "currency": "MAD", "requestingOrganisationTransactionReference": "T-1"}


async def test_bills_are_listed_by_page_with_their_counts(at: tuple[Behind, str]) -> None:
    _, url = at
    status, told, headers = await call("GET", f"{url}{ACCOUNT}?limit=3&offset=5")
    assert (status, [bill["billReference"] for bill in told]) == (200, ["B6", "B7"])
    assert (headers["x-records-available-count"], headers["x-records-returned-count"]) == ("7", "2")
    assert jsonschema_rs.is_valid(BILL_SHAPE, told)
    assert told[0]["amountDue"] == told[0]["minimumAmountDue"] == "100.06"
    for spelled in ("accountid/0600000001", "consumerno/0600000001", "msisdn/212600000001"):
        assert (await call("GET", f"{url}/billers/gsma/accounts/{spelled}/bills"))[0] == 200


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/billers/gsma/accounts/msisdn/%2B212600000077/bills", 404, "identifierError"),
        ("/billers/gsma/accounts/iban/X/bills", 404, "identifierError"),
        (ACCOUNT + "?offset=x", 400, "invalidOffset"),
        (ACCOUNT + "?limit=0", 400, "formatError"),
    ],
)
async def test_a_list_that_cannot_be_is_named(at: tuple[Behind, str], path: str, status: int, code: str) -> None:
    answered, told, _ = await call("GET", at[1] + path)
    assert (answered, told["errorCode"], jsonschema_rs.is_valid(ERROR_SHAPE, told)) == (status, code, True)


async def test_a_payment_is_named_by_its_correlation_id(at: tuple[Behind, str]) -> None:
    behind, url = at
    status, told, _ = await call("POST", f"{url}{ACCOUNT}/B1/payments", PAY, x_correlationid=KEY.upper())
    assert (status, told["serviceProviderPaymentReference"], told["billPaymentStatus"]) == (201, "OURS-1", "completed")
    expected = OutsideOrder("gsma", KEY, ServiceType.MOBILE, "0600000001", "B1", 10_001, "MAD", "T-1")
    assert behind.orders == [expected]
    assert (await call("POST", f"{url}{ACCOUNT}/B1/payments", PAY))[1]["errorCode"] == "mandatoryValueNotSupplied"


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (OutsideRefusal.IN_PROGRESS, 400, "incorrectState"),
        (OutsideRefusal.PAID, 400, "incorrectState"),
        (OutsideRefusal.TOO_LITTLE, 400, "underPaymentNotAllowed"),
        (OutsideRefusal.TOO_MUCH, 400, "overPaymentNotAllowed"),
        (OutsideRefusal.KEY_REUSED, 400, "duplicateRequest"),
        (OutsideRefusal.NO_BILL, 404, "identifierError"),
        (OutsideRefusal.CURRENCY, 400, "currencyNotSupported"),
    ],
)
async def test_a_refusal_is_named_by_the_apis_own_code(
    at: tuple[Behind, str], refusal: OutsideRefusal, status: int, code: str
) -> None:
    behind, url = at
    behind.answer = refusal
    answered, told, _ = await call("POST", f"{url}{ACCOUNT}/B1/payments", PAY, x_correlationid=KEY)
    assert (answered, told["errorCode"], jsonschema_rs.is_valid(ERROR_SHAPE, told)) == (status, code, True)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"currency": "MAD"}, "mandatoryValueNotSupplied"),
        ({**PAY, "amountPaid": "1,00"}, "formatError"),
        ({**PAY, "amountPaid": "0"}, "formatError"),
        ({**PAY, "amountPaid": "1.005"}, "formatError"),
        ({**PAY, "paymentType": "partialpayment"}, "underPaymentNotAllowed"),
        (b"{", "formatError"),
        (b"x" * 20_000, "formatError"),
    ],
)
async def test_what_is_no_payment_is_refused_and_changes_nothing(
    at: tuple[Behind, str], body: object, code: str
) -> None:
    behind, url = at
    status, told, _ = await call("POST", f"{url}{ACCOUNT}/B1/payments", body, x_correlationid=KEY)
    assert (status, told["errorCode"], behind.orders) == (400, code, [])


async def test_a_stranger_sees_no_bill_and_pays_none(at: tuple[Behind, str]) -> None:
    behind, url = at
    for method, path in (("GET", ACCOUNT), ("POST", f"{ACCOUNT}/B1/payments")):
        status, told, _ = await call(method, url + path, PAY if method == "POST" else None, x_api_key="no")
        assert (status, told["errorCode"]) == (401, "clientAuthorisationError")
    hashed = await call("POST", f"{url}{ACCOUNT}/B1/payments", PAY, x_correlationid=KEY, x_content_hash="0" * 64)
    assert hashed[0] == 400
    for path in ("validation", "confirmation"):
        assert (await call("POST", f"{url}/billers/daraja/{path}", {"TransID": "1"}))[0] == 403
    assert behind.orders == []


C2B = {
    "TransactionType": "Pay Bill",
    "TransID": "RKTQDM7W6S",
    "TransTime": "20191122063845",
    "TransAmount": "100.00",
    "BusinessShortCode": 600638,
    "BillRefNumber": "0600000001",
    "MSISDN": "25470****149",
    "FirstName": "John",
}


async def test_daraja_validates_and_confirms(at: tuple[Behind, str]) -> None:
    behind, url = at
    own = f"{url}/billers/daraja"
    assert (await call("POST", f"{own}/validation?secret={SECRET}", C2B))[1]["ResultCode"] == "0"
    unknown = {**C2B, "BillRefNumber": "0600000077"}
    assert (await call("POST", f"{own}/validation?secret={SECRET}", unknown))[1]["ResultCode"] == "C2B00012"
    for refusal, code in ((OutsideRefusal.TOO_LITTLE, "C2B00013"), (OutsideRefusal.IN_PROGRESS, "C2B00016")):
        behind.answer = refusal
        assert (await call("POST", f"{own}/validation?secret={SECRET}", C2B))[1]["ResultCode"] == code
    behind.answer = None
    for body in (C2B, C2B, unknown):
        status, told, _ = await call("POST", f"{own}/confirmation?secret={SECRET}", body)
        assert (status, told["ResultCode"]) == (200, "0")
    first, repeat, nobodys = behind.orders
    assert first == repeat == replace(first, key="RKTQDM7W6S", final=True, amount_centimes=10_000, number=None)
    assert nobodys.line_reference == "0600000077", "money that was taken is written down whatever it was meant for"
    behind.down = True
    assert (await call("POST", f"{own}/validation?secret={SECRET}", C2B))[1]["ResultCode"] == "C2B00016"
    assert (await call("POST", f"{own}/confirmation?secret={SECRET}", C2B))[0] == 503


@pytest.mark.parametrize(
    ("typed", "kept"),
    [(None, ""), ([], ""), ("9" * 400, "9" * 100), ("77\x0010345\n", "7710345"), (7710345, "7710345")],
    ids=["null", "no text", "long", "control characters", "a number"],
)
async def test_whatever_account_was_typed_the_money_is_written_down(
    at: tuple[Behind, str], typed: object, kept: str
) -> None:
    """It was taken: a confirmation that is refused would be money that nobody knows of."""
    behind, url = at
    body = {**C2B, "BillRefNumber": typed, "BusinessShortCode": None}
    assert (await call("POST", f"{url}/billers/daraja/confirmation?secret={SECRET}", body))[0] == 200
    assert [(order.line_reference, order.amount_centimes) for order in behind.orders] == [(kept, 10_000)]


async def test_what_no_database_can_hold_is_refused_as_malformed(at: tuple[Behind, str]) -> None:
    behind, url = at
    nul = await call("POST", f"{url}{ACCOUNT}/B1/payments", {**PAY, "customerReference": "a\0b"}, x_correlationid=KEY)
    assert (nul[0], nul[1]["errorCode"]) == (400, "formatError")
    named = await call("POST", f"{url}{ACCOUNT}/B%001/payments", PAY, x_correlationid=KEY)
    assert (named[0], named[1]["errorCode"]) == (404, "identifierError")
    told = {**C2B, "TransID": "RK\x00"}
    assert (await call("POST", f"{url}/billers/daraja/confirmation?secret={SECRET}", told))[0] == 400
    assert behind.orders == []


def test_a_number_means_the_lines_it_can_be_of() -> None:
    assert (ServiceType.MOBILE, "0600000001") in lines_meant("+212600000001")
    assert (ServiceType.FIXED, "0537000103") in lines_meant("0537000103")
    assert lines_meant("7710345") == ((ServiceType.INTERNET, "7710345"),)
    assert lines_meant("nobody") == ()


def test_the_doors_are_described() -> None:
    told = document({}, [door for doors in JSON_DOORS.values() for door in doors])
    paths = told["paths"]
    assert len(paths) == 3
    assert "201" in paths["/billers/gsma/accounts/{type}/{identifier}/bills/{bill}/payments"]["post"]["responses"]
