"""A billing system that speaks TMF678 and TMF676, for tests: bills in memory, payments by correlator.

Rule of this file: written from TM Forum's side, apart from the client; a fault is ordered, never random.
"""

import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN = "demo-billing-token"
LIMIT_MAX = 100


class Fault(StrEnum):
    """What goes wrong with the next requests."""

    NONE = "none"
    DOWN = "down"  # 503
    GARBAGE = "garbage"
    DEAF = "deaf"  # carried out, answered 500
    NOT_FOUND = "not_found"  # 404 for lists
    EMPTY_ONCE = "empty_once"  # one list without anything
    UNPROCESSABLE = "unprocessable"  # 422 for payments


@dataclass
class BillingStandIn:
    """`bills` are TMF678 documents by id, `payments` and `refunds` TMF676 documents by correlator."""

    bills: dict[str, dict[str, Any]] = field(default_factory=dict)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    fault: Fault = Fault.NONE
    asked: int = 0
    takes_unallocated: bool = False  # payments of bills that are settled already, too
    carried_out: int = 0

    def add_bill(self, account: str, number: str, amount: str, month: str, *, state: str = "sent") -> None:
        """A bill; `amount` "769.20", `month` "2026-10"."""
        money = {"unit": "MAD", "value": float(amount)}
        self.bills[f"bill-{number}"] = {
            "id": f"bill-{number}",
            "href": f"/customerBillManagement/v4/customerBill/bill-{number}",
            "billNo": number,
            "state": state,
            "billDate": f"{month}-28T00:00:00Z",
            "paymentDueDate": f"{month}-28T00:00:00Z",
            "billingPeriod": {"startDateTime": f"{month}-01T00:00:00Z", "endDateTime": f"{month}-28T00:00:00Z"},
            "amountDue": money,
            "remainingAmount": dict(money),
            "billingAccount": {"id": account},
        }

    def settle(self, number: str) -> None:
        """Paid elsewhere."""
        self.bills[f"bill-{number}"] |= {"state": "settled", "remainingAmount": {"unit": "MAD", "value": 0}}

    def app(self) -> Starlette:
        """The two APIs."""
        return Starlette(
            routes=[
                Route("/tmf-api/customerBillManagement/v4/customerBill", self._list, methods=["GET"]),
                Route("/tmf-api/paymentManagement/v4/payment", self._find, methods=["GET"]),
                Route("/tmf-api/paymentManagement/v4/payment", self._create, methods=["POST"]),
                Route("/tmf-api/paymentManagement/v4/refund", self._find_refund, methods=["GET"]),
                Route("/tmf-api/paymentManagement/v4/refund", self._refund, methods=["POST"]),
            ]
        )

    def _refusal(self, http: Request) -> Response | None:
        self.asked += 1
        given = http.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {TOKEN}".encode()):
            return JSONResponse({"code": "41", "reason": "Missing or invalid credentials"}, 401)
        if self.fault is Fault.DOWN:
            return JSONResponse({"code": "5", "reason": "Service temporarily unavailable"}, 503)
        return Response(b"<html>", media_type="text/html") if self.fault is Fault.GARBAGE else None

    async def _list(self, http: Request) -> Response:
        query = http.query_params
        found = [
            bill
            for bill in self.bills.values()
            if bill["billingAccount"]["id"] == query.get("billingAccount.id")
            and query.get("billNo") in {None, bill["billNo"]}
        ]
        if self.fault is Fault.NOT_FOUND:
            return JSONResponse({"code": "60", "reason": "Resource not found"}, 404)
        if self.fault is Fault.EMPTY_ONCE:
            self.fault, found = Fault.NONE, []
        first, limit = int(query.get("offset", 0)), min(int(query.get("limit", LIMIT_MAX)), LIMIT_MAX)
        page = found[first : first + limit]
        status = 200 if len(page) == len(found) else 206
        return self._refusal(http) or JSONResponse(page, status, {"X-Total-Count": str(len(found))})

    async def _find(self, http: Request) -> Response:
        paid = self.payments.get(http.query_params.get("correlatorId", ""))
        return self._refusal(http) or JSONResponse([paid] if paid else [])

    async def _create(self, http: Request) -> Response:
        refusal = self._refusal(http)
        if refusal is not None:
            return refusal
        asked = await http.json()
        bill = self.bills.get(asked["paymentItem"][0]["item"]["id"])
        if self.fault is Fault.UNPROCESSABLE:
            return JSONResponse({"code": "27", "reason": "Missing field"}, 422)
        if bill is None or (bill["state"] == "settled" and not self.takes_unallocated):
            return JSONResponse({"code": "409", "reason": "The bill is settled"}, 409)
        self.carried_out += 1
        self.settle(bill["billNo"])
        made = {**asked, "id": f"payment-{len(self.payments) + 1}", "status": "done"}
        self.payments[asked["correlatorId"]] = made
        return JSONResponse({"code": "1"}, 500) if self.fault is Fault.DEAF else JSONResponse(made, 201)

    async def _find_refund(self, http: Request) -> Response:
        known = self.refunds.get(http.query_params.get("correlatorId", ""))
        return self._refusal(http) or JSONResponse([known] if known else [])

    async def _refund(self, http: Request) -> Response:
        refusal = self._refusal(http)
        if refusal is not None:
            return refusal
        asked = await http.json()
        paid = next((each for each in self.payments.values() if each["id"] == asked["payment"]["id"]), None)
        given = sum(each["amount"]["value"] for each in self.refunds.values() if each["payment"] == asked["payment"])
        if paid is None or given + asked["amount"]["value"] > paid["amount"]["value"]:
            return JSONResponse({"code": "409", "reason": "More than was paid"}, 409)
        if asked["correlatorId"] in self.refunds:
            return JSONResponse({"code": "409", "reason": "Known already"}, 409)
        bill = self.bills[paid["paymentItem"][0]["item"]["id"]]
        owed = round(bill["remainingAmount"]["value"] + asked["amount"]["value"], 2)
        whole = owed >= bill["amountDue"]["value"]
        bill |= {"state": "sent" if whole else "partiallyPaid", "remainingAmount": {"unit": "MAD", "value": owed}}
        made = {**asked, "id": f"refund-{len(self.refunds) + 1}", "status": "done"}
        self.refunds[asked["correlatorId"]] = made
        return JSONResponse({"code": "1"}, 500) if self.fault is Fault.DEAF else JSONResponse(made, 201)
