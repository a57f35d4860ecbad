"""The network's GSMA 1.2 door: as the description says it, with fields left out that it does not require."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.money import decimal_text
from lab.wallets.answers import CUT, CutAnswer, body_of, claimed_centimes, says_paid
from lab.wallets.lies import WalletLie
from lab.wallets.network import KnownKey, PushRequest, Stand, Unpayable, WalletNetwork

API_KEY = "demo-wallet-key"
_AMOUNT = re.compile(r"(0|[1-9]\d{0,17})(\.\d{0,3}\d)?")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_ERRORS = {
    "funds": ("businessRule", "insufficientFunds"),
    "limit": ("businessRule", "greaterThanTransactionMaxValue"),
    "refused": ("authorisation", "requestDeclined"),
    "pin": ("authorisation", "requestDeclined"),
    "expired": ("authorisation", "requestDeclined"),
    "busy": ("authorisation", "requestDeclined"),
    "no_wallet": ("identification", "identifierError"),
}


def error(category: str, code: str, status: int) -> Response:
    told = {"errorCategory": category, "errorCode": code, "errordescription": "lab", "errorParameters": []}
    return JSONResponse(told, status)


def transaction(request: PushRequest, *, status: str | None = None) -> dict[str, Any]:
    return {
        "transactionReference": request.number or f"TX-{request.id[:8]}",
        "requestingOrganisationTransactionReference": request.reference,
        "transactionStatus": status or ("completed" if request.stand is Stand.PAID else "pending"),
        "amount": decimal_text(request.centimes),
        "currency": request.currency,
        "type": "merchantpay",
        "debitParty": [{"key": "msisdn", "value": request.payer}],
    }


def callback(request: PushRequest) -> tuple[str, object]:
    """PUT with the transaction, or with the error."""
    if says_paid(request):
        return "PUT", transaction(request, status="completed") | {"amount": decimal_text(claimed_centimes(request))}
    category, code = _ERRORS.get(request.reason, ("internal", "genericError"))
    return "PUT", {"errorCategory": category, "errorCode": code, "errorDescription": "lab"}


class GsmaDoor:
    """Serves one wallet of the network."""

    def __init__(self, network: WalletNetwork, wallet: str, base: str = "/gsma", *, api_key: str = API_KEY) -> None:
        self._network, self._wallet, self._base, self._api_key = network, wallet, base, api_key

    def routes(self) -> list[Route]:
        doors: list[tuple[str, str, Callable[[Request], Any]]] = [
            ("POST", "/transactions/type/{type}", self.push),
            ("GET", "/requeststates/{id}", self.state),
            ("GET", "/responses/{key}", self.response),
            ("GET", "/transactions/{number}", self.one),
            ("POST", "/transactions/{number}/reversals", self.reverse),
            ("GET", "/heartbeat", self.heartbeat),
        ]
        return [Route(self._base + path, self._guarded(door), methods=[method]) for method, path, door in doors]

    def _guarded(self, door: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def guarded(request: Request) -> Response:
            if request.headers.get("x-api-key") != self._api_key:
                return error("authorisation", "clientAuthorisationError", 401)
            body, told = await request.body(), request.headers.get("x-content-hash")
            if body and told != hashlib.sha256(body).hexdigest():
                return error("validation", "formatError", 400)
            answer: Response = await door(request)
            return answer

        return guarded

    async def push(self, request: Request) -> Response:
        told, key = await body_of(request), request.headers.get("x-correlationid", "")
        payer = {str(each.get("key")): str(each.get("value")) for each in told.get("debitParty", [])}.get("msisdn", "")
        amount = str(told.get("amount", ""))
        if not _UUID.fullmatch(key) or not payer or not _AMOUNT.fullmatch(amount) or not told.get("creditParty"):
            return error("validation", "mandatoryValueNotSupplied", 400)
        try:
            made = self._network.push(
                self._wallet,
                key,
                payer,
                round(float(amount) * 100),
                str(told.get("currency")),
                str(told.get("requestingOrganisationTransactionReference", "")),
                str(told.get("descriptionText", "")),
                request.headers.get("x-callback-url", ""),
            )
        except KnownKey:
            return error("businessRule", "duplicateRequest", 400)
        except Unpayable as refused:
            return error(*_ERRORS[refused.reason], 400)
        if made.lie in CUT:
            return CutAnswer()
        return JSONResponse(self._state(made), 202)

    def _state(self, made: PushRequest) -> dict[str, Any]:
        status = {Stand.PENDING: "pending", Stand.PAID: "completed", Stand.DECLINED: "failed"}[made.stand]
        told: dict[str, Any] = {"serverCorrelationId": made.id, "status": status, "notificationMethod": "callback"}
        told |= {"expiryTime": made.expires_at.isoformat(), "pollLimit": 100}
        if made.stand is Stand.PAID:
            told["objectReference"] = made.number
        if made.stand is Stand.DECLINED:
            category, code = _ERRORS[made.reason]
            told["error"] = {"errorCategory": category, "errorCode": code}
        return told

    def _troubled(self, made: PushRequest) -> bool:
        return made.lie is WalletLie.TROUBLE and made.stand is Stand.PENDING

    async def state(self, request: Request) -> Response:
        self._network.expire()
        made = self._network.requests.get(request.path_params["id"])
        if made is None:
            return error("identification", "identifierError", 404)
        if self._troubled(made):
            return error("internal", "genericError", 500)
        return JSONResponse(self._state(made))

    async def response(self, request: Request) -> Response:
        self._network.expire()
        key = request.path_params["key"]
        if key in self._network.reversals:
            return JSONResponse({"link": f"/transactions/{self._network.reversals[key][0]}"})
        made = self._network.known(self._wallet, key)
        if made is None:
            return error("identification", "identifierError", 404)
        if self._troubled(made):
            return error("serviceUnavailable", "genericError", 503)
        if made.stand is Stand.PAID:
            return JSONResponse({"link": f"/transactions/{made.number}"})
        return JSONResponse({"link": f"{self._base}/requeststates/{made.id}"})

    async def one(self, request: Request) -> Response:
        number = request.path_params["number"]
        if any(number == known for known, _ in self._network.reversals.values()):
            return JSONResponse({"transactionReference": number, "transactionStatus": "completed", "type": "reversal"})
        found = [
            each for each in self._network.requests.values() if transaction(each)["transactionReference"] == number
        ]
        if not found:
            return error("identification", "identifierError", 404)
        odd = found[0].lie is WalletLie.ODD_WORDS and found[0].stand is Stand.PENDING
        return JSONResponse(transaction(found[0], status="success-ish" if odd else None))

    async def reverse(self, request: Request) -> Response:
        told, key = await body_of(request), request.headers.get("x-correlationid", "")
        amount = round(float(told["amount"]) * 100) if told.get("amount") else None
        try:
            number, _ = self._network.reverse(key, request.path_params["number"], amount)
        except KnownKey:
            return error("businessRule", "duplicateRequest", 400)
        except (Unpayable, StopIteration):
            return error("businessRule", "incorrectState", 400)
        return JSONResponse({"transactionReference": number, "transactionStatus": "completed", "type": "reversal"}, 201)

    async def heartbeat(self, _: Request) -> Response:
        return JSONResponse({"serviceStatus": "available"})
