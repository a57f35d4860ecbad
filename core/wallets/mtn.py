"""MTN MoMo's collection API (docs/protocols/wallets.md).

Rule of this file: SUCCESSFUL is paid and nothing else; FAILED declines unless its reason says that it goes on; the
attempt's own UUID names it everywhere, so that nothing is ever lost with an answer.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.cards import Secret
from core.wallets.amounts import amount_text, bare_digits, centimes_of
from core.wallets.http import BearerToken, Exchange, HttpAnswer, HttpAsk, TokenKeeper, WalletHttp, bearer_of, text_of
from core.wallets.port import (
    Asked,
    Asking,
    NoSuchRequest,
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

TOKEN_PATH = "/collection/token/"  # noqa: S105 - a path
PAY_PATH = "/collection/v1_0/requesttopay"
APPROVAL_S = 300  # how long a payer may take
NOTE_CHARS_MAX = 160
KNOWN_ALREADY = "RESOURCE_ALREADY_EXIST"

# reasons with which FAILED stands though the payer may still answer, or nobody knows
_ONGOING = frozenset({"ONGOING", "PENDING", "DELAYED", "PAYER_DELAYED"})
_KINDS: Mapping[str, WalletDeclineKind] = {
    "NOT_ENOUGH_FUNDS": WalletDeclineKind.FUNDS,
    "INTERNAL_PROCESSING_ERROR": WalletDeclineKind.FUNDS,  # with FAILED it mostly is an empty wallet
    "PAYER_LIMIT_REACHED": WalletDeclineKind.LIMIT,
    "APPROVAL_REJECTED": WalletDeclineKind.REFUSED,
    "REJECTED": WalletDeclineKind.REFUSED,
    "EXPIRED": WalletDeclineKind.EXPIRED,
    "COULD_NOT_PERFORM_TRANSACTION": WalletDeclineKind.EXPIRED,
    "PAYER_NOT_FOUND": WalletDeclineKind.NO_WALLET,
    "SERVICE_UNAVAILABLE": WalletDeclineKind.BUSY,
    "NOT_ALLOWED": WalletDeclineKind.OUR_FAULT,
    "NOT_ALLOWED_TARGET_ENVIRONMENT": WalletDeclineKind.OUR_FAULT,
    "INVALID_CALLBACK_URL_HOST": WalletDeclineKind.OUR_FAULT,
    "INVALID_CURRENCY": WalletDeclineKind.OUR_FAULT,
}


@dataclass(frozen=True, slots=True)
class MtnAccount:
    """An API user and its subscription. `environment` is `sandbox`, or the country's: mtnuganda."""

    url: str
    user: str
    key: Secret = field(repr=False)
    subscription_key: Secret = field(repr=False)
    terms: WalletTerms
    environment: str
    callback_url: str = ""  # its host is registered with the API user; the attempt's reference is put behind it


class MtnWallet:
    """Implements core.wallets.port.Wallet. Raises ValueError for an account that cannot work."""

    def __init__(self, account: MtnAccount, http: WalletHttp | None = None) -> None:
        self._account = account
        self._http = http or WalletHttp(account.url)
        self._tokens = TokenKeeper(self._fetch_token)

    @property
    def terms(self) -> WalletTerms:
        return self._account.terms

    async def aclose(self) -> None:
        await self._http.aclose()

    async def ask(self, attempt: WalletAttempt) -> Asking:
        """A reference that it knows is answered 409: then it has the request."""
        if not self.terms.takes(attempt.amount_centimes, attempt.currency):
            return NotSent("an amount that this wallet cannot be asked for")
        answer = await self._exchange(push(self._account, attempt))
        return asked(answer, attempt, datetime.now(UTC)) if isinstance(answer, HttpAnswer) else answer

    async def inquire(self, attempt: WalletAttempt) -> WalletInquiry:
        answer = await self._exchange(status_of(self._account, attempt.reference))
        return standing(answer) if isinstance(answer, HttpAnswer) else UnknownOutcome(answer.why)

    async def reverse(self, attempt: WalletAttempt, amount_centimes: int, reference: str) -> Reversing:
        """Money goes back by another product (disbursements), with an account and a contract of its own."""
        return ReversalRefused("the collection API gives nothing back")

    def handle_of(self, callback: bytes) -> str | None:
        """Returns no handle: the address that a callback comes to names its attempt."""
        return None

    async def _exchange(self, ask: HttpAsk) -> Exchange:
        return await self._tokens.exchange(self._http, ask, lambda answer: answer.status == 401)

    async def _fetch_token(self) -> BearerToken | NotSent | UnknownOutcome:
        return bearer_of(await self._http.exchange(token_ask(self._account)))


# --- pure: requests -------------------------------------------------------------------------------------------------


def token_ask(account: MtnAccount) -> HttpAsk:
    pair = base64.b64encode(f"{account.user}:{account.key.reveal()}".encode()).decode()
    subscription = {"Ocp-Apim-Subscription-Key": account.subscription_key.reveal()}
    return HttpAsk("POST", TOKEN_PATH, {"Authorization": f"Basic {pair}", **subscription})


def push(account: MtnAccount, attempt: WalletAttempt) -> HttpAsk:
    """The request to pay. Raises ValueError for a reference that is no UUIDv4, or a payer without an E.164 number."""
    if UUID(attempt.reference).version != 4:
        raise ValueError("a reference is a UUIDv4")
    body = {
        "amount": amount_text(attempt.amount_centimes),
        "currency": attempt.currency,
        "externalId": attempt.reference,
        "payer": {"partyIdType": "MSISDN", "partyId": bare_digits(attempt.payer_msisdn)},
        "payerMessage": attempt.payment_reference[:NOTE_CHARS_MAX],
        "payeeNote": attempt.payment_reference[:NOTE_CHARS_MAX],
    }
    headers = {**_headers(account), "X-Reference-Id": attempt.reference, "Content-Type": "application/json"}
    if account.callback_url:
        headers["X-Callback-Url"] = f"{account.callback_url}/{attempt.reference}"
    return HttpAsk("POST", PAY_PATH, headers, json.dumps(body).encode())


def status_of(account: MtnAccount, reference: str) -> HttpAsk:
    return HttpAsk("GET", f"{PAY_PATH}/{reference}", _headers(account))


def _headers(account: MtnAccount) -> dict[str, str]:
    return {
        "X-Target-Environment": account.environment,
        "Ocp-Apim-Subscription-Key": account.subscription_key.reveal(),
    }


# --- pure: answers --------------------------------------------------------------------------------------------------


def asked(answer: HttpAnswer, attempt: WalletAttempt, now: datetime) -> Asking:
    """Returns what the provider said to a push: 202 has no body."""
    if answer.status == 202:
        return Asked(attempt.reference, now + timedelta(seconds=APPROVAL_S))
    code = _reason(answer.json())
    if answer.status == 409 or code == KNOWN_ALREADY:
        return Pending()
    if answer.status == 429:
        return WalletDecline("429", WalletDeclineKind.BUSY)
    if answer.status in {400, 401, 403}:
        return WalletDecline(code or str(answer.status), _KINDS.get(code, WalletDeclineKind.OUR_FAULT))
    return UnknownOutcome(f"HTTP {answer.status}")


def standing(answer: HttpAnswer) -> WalletInquiry:
    """Reads a request's status."""
    fields = answer.json()
    if answer.status == 404:
        return NoSuchRequest()
    if answer.status != 200:
        return UnknownOutcome(f"HTTP {answer.status}")
    match text_of(fields, "status"):
        case "SUCCESSFUL":
            return _paid(fields)
        case "FAILED":
            reason = _reason(fields)
            kind = _KINDS.get(reason, WalletDeclineKind.BUSY)  # of a new reason nobody is told that they refused
            return Pending() if reason in _ONGOING else WalletDecline(reason or "FAILED", kind)
        case "":
            return UnknownOutcome("an answer without a status")
        case _:
            return Pending()


def _paid(fields: Mapping[str, object]) -> WalletPaid | UnknownOutcome:
    receipt, currency = text_of(fields, "financialTransactionId"), text_of(fields, "currency")
    centimes = centimes_of(fields.get("amount"))
    if not receipt or not currency or centimes is None:
        return UnknownOutcome("paid, without its number or its amount")
    return WalletPaid(receipt, centimes, currency, text_of(fields, "externalId") or None)


def _reason(fields: Mapping[str, object]) -> str:
    """Written as a word, or as an object with a code; an error is that object itself."""
    reason = fields.get("reason")
    return text_of(reason if isinstance(reason, dict) else fields, "code", "reason").upper()


def connect(options: Mapping[str, Secret], terms: WalletTerms, callback_url: str) -> MtnWallet:
    """Join it: __URL, __USER, __KEY, __SUBSCRIPTION_KEY and __ENVIRONMENT. A KeyError names what is missing."""
    plain = {name: options[name].reveal().strip() for name in ("url", "user", "environment")}
    keys = options["key"], options["subscription_key"]
    return MtnWallet(MtnAccount(plain["url"], plain["user"], *keys, terms, plain["environment"], callback_url))
