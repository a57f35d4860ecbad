"""The network's Daraja door: it knows no key of the merchant's, and a payer who has not answered is an HTTP 500."""

import base64
import secrets
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.wallets.answers import CUT, CutAnswer, body_of, claimed_centimes, says_paid
from lab.wallets.lies import WalletLie
from lab.wallets.network import PushRequest, Stand, Unpayable, WalletNetwork

CONSUMER, SECRET, SHORT_CODE, PASSKEY = "demo-consumer", "demo-secret", "174379", "demo-passkey"
_RESULTS = {"funds": 1, "limit": 17, "refused": 1032, "pin": 2001, "expired": 1019, "busy": 1001, "no_wallet": 1037}


def handle_of(made: PushRequest) -> str:
    return f"ws_CO_{made.id.replace('-', '')}"


def result_of(made: PushRequest) -> int:
    return 0 if says_paid(made) else _RESULTS.get(made.reason, 1037)


def callback(made: PushRequest) -> tuple[str, object]:
    told: dict[str, Any] = {
        "MerchantRequestID": made.id[:18],
        "CheckoutRequestID": handle_of(made),
        "ResultCode": result_of(made),
        "ResultDesc": "lab",
    }
    if says_paid(made):
        told["CallbackMetadata"] = {
            "Item": [
                {"Name": "Amount", "Value": claimed_centimes(made) / 100},
                {"Name": "MpesaReceiptNumber", "Value": made.number or "NLJ7RT61SV"},
                {"Name": "Balance"},
                {"Name": "TransactionDate", "Value": 20191219102115},
                {"Name": "PhoneNumber", "Value": int(made.payer.lstrip("+"))},
            ]
        }
    return "POST", {"Body": {"stkCallback": told}}


class DarajaDoor:
    """Serves one wallet of the network."""

    def __init__(self, network: WalletNetwork, wallet: str, base: str = "/daraja") -> None:
        self._network, self._wallet, self._base = network, wallet, base
        self._tokens: set[str] = set()

    def routes(self) -> list[Route]:
        return [
            Route(f"{self._base}/oauth/v1/generate", self.token, methods=["GET"]),
            Route(f"{self._base}/mpesa/stkpush/v1/processrequest", self.push, methods=["POST"]),
            Route(f"{self._base}/mpesa/stkpushquery/v1/query", self.query, methods=["POST"]),
        ]

    def forget_tokens(self) -> None:
        self._tokens.clear()

    async def token(self, request: Request) -> Response:
        pair = "Basic " + base64.b64encode(f"{CONSUMER}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != pair:
            return Response(status_code=400)
        token = secrets.token_urlsafe(16)
        self._tokens.add(token)
        return JSONResponse({"access_token": token, "expires_in": "3599"})

    def _refused(self, request: Request, told: dict[str, Any]) -> Response | None:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self._tokens:
            return _fault(404, "404.001.03", "Invalid Access Token")
        word = base64.b64encode(f"{SHORT_CODE}{PASSKEY}{told.get('Timestamp', '')}".encode()).decode()
        if told.get("BusinessShortCode") != SHORT_CODE or told.get("Password") != word:
            return _fault(500, "500.001.1001", "Wrong credentials")
        return None

    async def push(self, request: Request) -> Response:
        told = await body_of(request)
        refused = self._refused(request, told)
        if refused is not None:
            return refused
        amount, payer = told.get("Amount"), str(told.get("PhoneNumber", ""))
        if not isinstance(amount, int) or amount < 1 or len(str(told.get("AccountReference", ""))) > 12:
            return _fault(400, "400.002.02", "Bad Request - Invalid Amount")
        if not payer.isdecimal() or payer != str(told.get("PartyA")):
            return _fault(400, "400.002.02", "Bad Request - Invalid PhoneNumber")
        text, url = str(told.get("AccountReference", "")), str(told.get("CallBackURL", ""))
        try:
            made = self._network.push(self._wallet, "", f"+{payer}", amount * 100, "KES", text, text, url)
        except Unpayable:
            return _fault(500, "500.001.1001", "Unable to lock subscriber, a transaction is already in process")
        if made.lie in CUT:
            return CutAnswer()
        return JSONResponse(
            {
                "MerchantRequestID": made.id[:18],
                "CheckoutRequestID": handle_of(made),
                "ResponseCode": "0",
                "ResponseDescription": "Success. Request accepted for processing",
                "CustomerMessage": "Success. Request accepted for processing",
            }
        )

    async def query(self, request: Request) -> Response:
        told = await body_of(request)
        refused = self._refused(request, told)
        if refused is not None:
            return refused
        self._network.expire()
        handle = told.get("CheckoutRequestID")
        found = [each for each in self._network.requests.values() if handle_of(each) == handle]
        if not found:
            return _fault(400, "400.002.02", "Bad Request - Invalid CheckoutRequestID")
        made = found[0]
        if made.stand is Stand.PENDING and made.lie is WalletLie.TROUBLE:
            return Response(b"<html>", 502)
        answer = {"ResponseCode": "0", "ResponseDescription": "lab", "MerchantRequestID": made.id[:18]}
        answer |= {"CheckoutRequestID": handle_of(made), "ResultDesc": "lab"}
        if made.stand is Stand.PENDING and made.lie is WalletLie.ODD_WORDS:
            return JSONResponse(answer | {"ResultCode": "8006"})
        if made.stand is Stand.PENDING:
            return _fault(500, "500.001.1001", "The transaction is being processed")
        return JSONResponse(answer | {"ResultCode": str(0 if made.stand is Stand.PAID else _RESULTS[made.reason])})


def _fault(status: int, code: str, words: str) -> Response:
    told = {"requestId": secrets.token_hex(8), "errorCode": code, "errorMessage": words}
    return JSONResponse(told, status)
