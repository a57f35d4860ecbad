"""The network's MTN door: collection, as its pages describe it. A callback comes once and never again."""

import base64
import secrets
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.money import decimal_text
from lab.wallets.answers import CUT, CutAnswer, body_of, claimed_centimes, says_paid
from lab.wallets.lies import WalletLie
from lab.wallets.network import KnownKey, PushRequest, Stand, Unpayable, WalletNetwork

USER = "3b2f5e2a-7c41-4f0e-9d6b-8a1c2e4f7b90"  # an API user is named by a UUIDv4
KEY, SUBSCRIPTION = "demo-key", "demo-subscription"
_REASONS = {
    "funds": "NOT_ENOUGH_FUNDS",
    "limit": "PAYER_LIMIT_REACHED",
    "refused": "APPROVAL_REJECTED",
    "pin": "APPROVAL_REJECTED",
    "expired": "EXPIRED",
    "busy": "COULD_NOT_PERFORM_TRANSACTION",
    "no_wallet": "PAYER_NOT_FOUND",
}


def status(made: PushRequest) -> dict[str, Any]:
    told: dict[str, Any] = {
        "amount": decimal_text(made.centimes),
        "currency": made.currency,
        "externalId": made.reference,
        "payer": {"partyIdType": "MSISDN", "partyId": made.payer.lstrip("+")},
        "status": {Stand.PENDING: "PENDING", Stand.PAID: "SUCCESSFUL", Stand.DECLINED: "FAILED"}[made.stand],
    }
    if made.stand is Stand.PAID:
        told["financialTransactionId"] = made.number
    if made.stand is Stand.DECLINED:
        told["reason"] = _REASONS[made.reason]
    return told


def callback(made: PushRequest) -> tuple[str, object]:
    told = status(made)
    if says_paid(made):
        told |= {"status": "SUCCESSFUL", "financialTransactionId": made.number or "363440463"}
        told["amount"] = decimal_text(claimed_centimes(made))
    return "POST", told


class MtnDoor:
    """Serves one wallet of the network. A request whose wallet does not exist is taken, and fails by its status."""

    def __init__(self, network: WalletNetwork, wallet: str, base: str = "/mtn") -> None:
        self._network, self._wallet, self._base = network, wallet, base
        self._tokens: set[str] = set()
        self._failed: dict[str, str] = {}  # key -> reason

    def routes(self) -> list[Route]:
        pay = f"{self._base}/collection/v1_0/requesttopay"
        return [
            Route(f"{self._base}/collection/token/", self.token, methods=["POST"]),
            Route(pay, self.push, methods=["POST"]),
            Route(pay + "/{key}", self.state, methods=["GET"]),
        ]

    async def token(self, request: Request) -> Response:
        pair = "Basic " + base64.b64encode(f"{USER}:{KEY}".encode()).decode()
        known = request.headers.get("ocp-apim-subscription-key") == SUBSCRIPTION
        if request.headers.get("authorization") != pair or not known:
            return JSONResponse({"error": "login_failed"}, 401)
        token = secrets.token_urlsafe(16)
        self._tokens.add(token)
        return JSONResponse({"access_token": token, "token_type": "access_token", "expires_in": 3600})

    def forget_tokens(self) -> None:
        self._tokens.clear()

    def _known(self, request: Request) -> bool:
        return request.headers.get("authorization", "").removeprefix("Bearer ") in self._tokens

    async def push(self, request: Request) -> Response:
        if not self._known(request):
            return Response(status_code=401)
        told, key = await body_of(request), request.headers.get("x-reference-id", "")
        payer = told.get("payer", {})
        try:
            named = UUID(key).version == 4 and payer["partyIdType"] == "MSISDN" and payer["partyId"].isdecimal()
            centimes = round(float(told["amount"]) * 100)
        except (ValueError, KeyError, TypeError):
            named, centimes = False, 0
        if not named or not request.headers.get("x-target-environment"):
            return Response(status_code=400)
        callback_url = request.headers.get("x-callback-url", "")
        number, text = f"+{payer['partyId']}", str(told.get("payerMessage", ""))
        if key in self._failed:
            return JSONResponse({"code": "RESOURCE_ALREADY_EXIST", "message": "Duplicated reference id."}, 409)
        try:
            made = self._network.push(
                self._wallet,
                key,
                number,
                centimes,
                str(told.get("currency")),
                str(told.get("externalId", "")),
                text,
                callback_url,
            )
        except KnownKey:
            return JSONResponse({"code": "RESOURCE_ALREADY_EXIST", "message": "Duplicated reference id."}, 409)
        except Unpayable as refused:
            self._failed[key] = _REASONS[refused.reason]
            return Response(status_code=202)
        return CutAnswer() if made.lie in CUT else Response(status_code=202)

    async def state(self, request: Request) -> Response:
        if not self._known(request):
            return Response(status_code=401)
        self._network.expire()
        key = request.path_params["key"]
        if key in self._failed:
            return JSONResponse({"status": "FAILED", "reason": {"code": self._failed[key], "message": "lab"}})
        made = self._network.known(self._wallet, key)
        if made is None:
            return JSONResponse({"code": "RESOURCE_NOT_FOUND", "message": "Requested resource was not found."}, 404)
        waits = made.stand is Stand.PENDING
        if made.lie is WalletLie.TROUBLE and waits:
            return Response(status_code=500)
        told = status(made)
        if made.lie is WalletLie.ODD_WORDS and waits:
            told["status"] = "ONGOING_APPROVAL"
        return JSONResponse(told)
