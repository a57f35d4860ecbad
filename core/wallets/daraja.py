"""Safaricom's Daraja: M-PESA Express, the STK push (docs/protocols/wallets.md).

Rule of this file: it takes no key of ours, so that no push is ever sent twice: one whose answer is lost stays unknown
until its callback brings the handle. Paid is the query's ResultCode 0; a query that finds the payer still busy is
answered by HTTP 500.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

from core.cards import Secret
from core.wallets.amounts import bare_digits
from core.wallets.http import BearerToken, Exchange, HttpAnswer, HttpAsk, TokenKeeper, WalletHttp, bearer_of, text_of
from core.wallets.port import (
    CENTIMES,
    Asked,
    Asking,
    NotSent,
    Pending,
    ReversalRefused,
    Reversing,
    UnknownOutcome,
    WalletAttempt,
    WalletDecline,
    WalletDeclineKind,
    WalletInquiry,
    WalletPaid,
    WalletTerms,
)

TOKEN_PATH = "/oauth/v1/generate?grant_type=client_credentials"  # noqa: S105 - a path
PUSH_PATH = "/mpesa/stkpush/v1/processrequest"
QUERY_PATH = "/mpesa/stkpushquery/v1/query"
NAIROBI = timezone(timedelta(hours=3))  # its clock: no summer time
PROMPT_S = 60
REFERENCE_CHARS_MAX = 12
DESCRIPTION_CHARS_MAX = 13
PROCESSING = "500.001.1001"  # of a query: the payer has not answered; of a push: the telephone is in another dialog
TOKEN_REFUSED = frozenset({"404.001.03", "401.003.01", "401.002.01"})
TOO_MANY = frozenset({"500.003.02", "500.003.03"})  # spike arrest, quota
LOCKED_WORDS = "unable to lock"
STILL_PROCESSING = frozenset({"", "4999"})
_HANDLE = re.compile(r"[0-9A-Za-z_-]{1,100}")

_KINDS: Mapping[str, WalletDeclineKind] = {
    "1": WalletDeclineKind.FUNDS,
    "17": WalletDeclineKind.LIMIT,
    "1001": WalletDeclineKind.UNREACHABLE,  # the telephone was in another dialog
    "1019": WalletDeclineKind.EXPIRED,
    "1025": WalletDeclineKind.UNREACHABLE,
    "9999": WalletDeclineKind.UNREACHABLE,
    "1032": WalletDeclineKind.REFUSED,
    "1037": WalletDeclineKind.UNREACHABLE,
    "2001": WalletDeclineKind.REFUSED,  # a wrong PIN
}


@dataclass(frozen=True, slots=True)
class DarajaAccount:
    """A pay bill or till number. `party` is who is credited where that is not the short code itself."""

    url: str
    consumer_key: str
    consumer_secret: Secret = field(repr=False)
    short_code: str
    passkey: Secret = field(repr=False)
    terms: WalletTerms
    callback_url: str  # the attempt's reference is put behind it
    buy_goods: bool = False
    party: str = ""


class DarajaWallet:
    """Implements core.wallets.port.Wallet. Raises ValueError for an account that cannot work."""

    def __init__(self, account: DarajaAccount, http: WalletHttp | None = None) -> None:
        if not account.terms.whole_units:
            raise ValueError("M-PESA knows no centimes")
        self._account = account
        self._http = http or WalletHttp(account.url)
        self._tokens = TokenKeeper(self._fetch_token)

    @property
    def terms(self) -> WalletTerms:
        return self._account.terms

    async def aclose(self) -> None:
        await self._http.aclose()

    async def ask(self, attempt: WalletAttempt) -> Asking:
        if not self.terms.takes(attempt.amount_centimes, attempt.currency):
            return NotSent("an amount that this wallet cannot be asked for")
        answer = await self._exchange(push(self._account, attempt, datetime.now(UTC)))
        return asked(answer, datetime.now(UTC)) if isinstance(answer, HttpAnswer) else answer

    async def inquire(self, attempt: WalletAttempt) -> WalletInquiry:
        if not attempt.handle or _HANDLE.fullmatch(attempt.handle) is None:
            return UnknownOutcome("no handle: the push's answer was lost, and no callback came")
        answer = await self._exchange(query(self._account, attempt.handle, datetime.now(UTC)))
        return standing(answer, attempt) if isinstance(answer, HttpAnswer) else UnknownOutcome(answer.why)

    async def reverse(self, attempt: WalletAttempt, amount_centimes: int, reference: str) -> Reversing:
        """Leaves the reversal to a person, for it has no key for repeats."""
        return ReversalRefused("a reversal has no key for repeats")

    def handle_of(self, callback: bytes) -> str | None:
        """The CheckoutRequestID, which a lost answer kept from us."""
        fields = _within(HttpAnswer(200, callback).json(), "Body", "stkCallback")
        handle = text_of(fields, "CheckoutRequestID")
        return handle if _HANDLE.fullmatch(handle) else None

    async def _exchange(self, ask: HttpAsk) -> Exchange:
        return await self._tokens.exchange(
            self._http, ask, lambda answer: text_of(answer.json(), "errorCode") in TOKEN_REFUSED
        )

    async def _fetch_token(self) -> BearerToken | NotSent | UnknownOutcome:
        return bearer_of(await self._http.exchange(token_ask(self._account)))


# --- pure: requests -------------------------------------------------------------------------------------------------


def token_ask(account: DarajaAccount) -> HttpAsk:
    pair = base64.b64encode(f"{account.consumer_key}:{account.consumer_secret.reveal()}".encode()).decode()
    return HttpAsk("GET", TOKEN_PATH, {"Authorization": f"Basic {pair}"})


def push(account: DarajaAccount, attempt: WalletAttempt, now: datetime) -> HttpAsk:
    """The prompt on the payer's telephone. Raises ValueError for centimes, or a payer without an E.164 number."""
    units, centimes = divmod(attempt.amount_centimes, CENTIMES)
    if centimes or units < 1:
        raise ValueError("M-PESA knows no centimes")
    payer = bare_digits(attempt.payer_msisdn)
    body = {
        **_signed(account, now),
        "TransactionType": "CustomerBuyGoodsOnline" if account.buy_goods else "CustomerPayBillOnline",
        "Amount": units,
        "PartyA": payer,
        "PartyB": account.party or account.short_code,
        "PhoneNumber": payer,
        "CallBackURL": f"{account.callback_url}/{attempt.reference}",
        "AccountReference": attempt.payment_reference[:REFERENCE_CHARS_MAX],
        "TransactionDesc": attempt.payment_reference[:DESCRIPTION_CHARS_MAX],
    }
    return _post(PUSH_PATH, body)


def query(account: DarajaAccount, handle: str, now: datetime) -> HttpAsk:
    return _post(QUERY_PATH, {**_signed(account, now), "CheckoutRequestID": handle})


def _signed(account: DarajaAccount, now: datetime) -> dict[str, object]:
    stamp = now.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")
    word = f"{account.short_code}{account.passkey.reveal()}{stamp}"
    password = base64.b64encode(word.encode()).decode()
    return {"BusinessShortCode": account.short_code, "Password": password, "Timestamp": stamp}


def _post(path: str, body: Mapping[str, object]) -> HttpAsk:
    return HttpAsk("POST", path, {"Content-Type": "application/json"}, json.dumps(body).encode())


# --- pure: answers --------------------------------------------------------------------------------------------------


def asked(answer: HttpAnswer, now: datetime) -> Asking:
    """ResponseCode 0 is a prompt that is on its way, no more."""
    fields = answer.json()
    handle, code = text_of(fields, "CheckoutRequestID"), text_of(fields, "ResponseCode")
    if answer.status == 200 and code == "0" and _HANDLE.fullmatch(handle):
        return Asked(handle, now + timedelta(seconds=PROMPT_S))
    error = text_of(fields, "errorCode")
    if error in TOO_MANY or answer.status == 429:
        return WalletDecline(error or "429", WalletDeclineKind.BUSY)
    if error == PROCESSING and LOCKED_WORDS in text_of(fields, "errorMessage").casefold():
        return WalletDecline(error, WalletDeclineKind.UNREACHABLE)
    if error and answer.status in {400, 401, 403, 404}:
        return WalletDecline(error, WalletDeclineKind.OUR_FAULT)
    return UnknownOutcome(f"HTTP {answer.status} {error or code}".strip())


def standing(answer: HttpAnswer, attempt: WalletAttempt) -> WalletInquiry:
    """A query's word. It tells no amount and no M-PESA number: what the prompt showed is what was paid."""
    fields = answer.json()
    if answer.status == 500 and text_of(fields, "errorCode") == PROCESSING:
        return Pending()
    if answer.status != 200:
        return UnknownOutcome(f"HTTP {answer.status}")
    handle, code = text_of(fields, "CheckoutRequestID"), text_of(fields, "ResultCode")
    if handle != attempt.handle or text_of(fields, "ResponseCode") != "0":
        return UnknownOutcome("an answer to another request")
    if code == "0":
        return WalletPaid(handle, attempt.amount_centimes, attempt.currency)
    if code in STILL_PROCESSING:
        return Pending()
    kind = _KINDS.get(code)
    return WalletDecline(code, kind) if kind is not None else UnknownOutcome(f"result {code}")


def _within(fields: Mapping[str, object], *names: str) -> Mapping[str, object]:
    for name in names:
        inner = fields.get(name)
        if not isinstance(inner, dict):
            return {}
        fields = inner
    return fields


def connect(options: Mapping[str, Secret], terms: WalletTerms, callback_url: str) -> DarajaWallet:
    """Join it: __URL, __CONSUMER_KEY, __CONSUMER_SECRET, __SHORT_CODE and __PASSKEY; if need be __BUY_GOODS=1 and
    __PARTY. A KeyError names what is missing."""
    plain = {name: value.reveal().strip() for name, value in options.items()}
    account = DarajaAccount(
        plain["url"],
        plain["consumer_key"],
        options["consumer_secret"],
        plain["short_code"],
        options["passkey"],
        terms,
        callback_url,
        buy_goods=plain.get("buy_goods", "") == "1",
        party=plain.get("party", ""),
    )
    return DarajaWallet(account)
