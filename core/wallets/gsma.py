"""GSMA Mobile Money API 1.2: a merchant asks a payer (docs/protocols/wallets.md).

Rule of this file: only a transaction whose status is one of the configured words is paid; the status is the provider's
own text, any other word is Pending. Only an error code of the tables below is a decline, and only outside the 5xx.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from core.cards import Secret
from core.wallets.amounts import amount_text, bare_digits, centimes_of
from core.wallets.http import HttpAnswer, HttpAsk, WalletHttp, text_of
from core.wallets.port import (
    Asked,
    Asking,
    NoSuchRequest,
    NotSent,
    Pending,
    ReversalRefused,
    Reversed,
    Reversing,
    UnknownOutcome,
    WalletAttempt,
    WalletDecline,
    WalletDeclineKind,
    WalletInquiry,
    WalletPaid,
    WalletTerms,
)

LOOKUPS_MAX = 4  # requests of one inquiry: the state, the response, the state that it names, the transaction
DESCRIPTION_CHARS_MAX = 160
REFERENCE_CHARS_MAX = 256
LINK_CHARS_MAX = 1_024
DUPLICATE = "duplicateRequest"
_REFERENCE = re.compile(r"(?!\.{1,2}$)[!-~]{1,256}")  # printable, and no step in a path
_LINK = re.compile(r"(?:https?://[^/\s]+)?/?(?:[^?#\s]*/)?(transactions|requeststates)/([^/?#\s]{1,256})/?")

_KINDS: Mapping[str, WalletDeclineKind] = {
    "insufficientFunds": WalletDeclineKind.FUNDS,
    **dict.fromkeys(
        (
            *("dailyVolumeLimitExceeded", "dailyValueLimitExceeded", "weeklyVolumeLimitExceeded"),
            *("weeklyValueLimitExceeded", "monthlyVolumeLimitExceeded", "monthlyValueLimitExceeded"),
            *("accountMaxTotalVolumeExceeded", "accountMaxTotalValueExceeded", "lessThanTransactionMinValue"),
            *("greaterThanTransactionMaxValue", "maxBalanceExceeded"),
        ),
        WalletDeclineKind.LIMIT,
    ),
    "requestDeclined": WalletDeclineKind.REFUSED,
    "identifierError": WalletDeclineKind.NO_WALLET,
    "rateLimitError": WalletDeclineKind.BUSY,
    **dict.fromkeys(
        (
            *("clientAuthorisationError", "requestingPartyAuthorisationError", "servicingPartyAuthorisationError"),
            *("mandatoryValueNotSupplied", "formatError", "lengthError", "negativeValue", "currencyNotSupported"),
            *("transactionTypeError", "samePartiesError", "noMandateAuthority"),
        ),
        WalletDeclineKind.OUR_FAULT,
    ),
}
# the provider's trouble, whatever code goes with it: nobody knows what was done
_UNSETTLED = frozenset({"internal", "serviceUnavailable"})


@dataclass(frozen=True, slots=True)
class GsmaAccount:
    """A merchant at a provider. `bearer` is its token where it wants one; `credit_key` and `credit_value` are our own
    account there; `paid_words` are what its transactionStatus says of money that was taken, in any case."""

    url: str
    api_key: Secret = field(repr=False)
    terms: WalletTerms
    credit_value: str
    callback_url: str  # the attempt's reference is put behind it
    credit_key: str = "organisationid"
    client_id: str = ""
    bearer: Secret | None = field(default=None, repr=False)
    transaction_type: str = "merchantpay"
    paid_words: frozenset[str] = frozenset({"completed"})

    def says_paid(self, status: str) -> bool:
        return status.casefold() in {word.casefold() for word in self.paid_words}


class GsmaWallet:
    """Implements core.wallets.port.Wallet. Raises ValueError for an account that cannot work."""

    def __init__(self, account: GsmaAccount, http: WalletHttp | None = None) -> None:
        if not account.paid_words:
            raise ValueError("no word means paid")
        self._account = account
        self._http = http or WalletHttp(account.url)

    @property
    def terms(self) -> WalletTerms:
        return self._account.terms

    async def aclose(self) -> None:
        await self._http.aclose()

    async def ask(self, attempt: WalletAttempt) -> Asking:
        """The correlation id is the attempt's reference: the provider itself refuses a second one."""
        if not self.terms.takes(attempt.amount_centimes, attempt.currency):
            return NotSent("an amount that this wallet cannot be asked for")
        answer = await self._http.exchange(push(self._account, attempt, datetime.now(UTC)))
        return asked(self._account, answer, attempt) if isinstance(answer, HttpAnswer) else answer

    async def inquire(self, attempt: WalletAttempt) -> WalletInquiry:
        """The request's state first, then the transaction that it names; without a handle by our own reference."""
        where = (
            f"/requeststates/{quote(attempt.handle, safe='')}" if attempt.handle else f"/responses/{attempt.reference}"
        )
        for _ in range(LOOKUPS_MAX):
            answer = await self._http.exchange(get(self._account, where))
            if not isinstance(answer, HttpAnswer):
                return UnknownOutcome(answer.why)
            if where.startswith("/transactions/"):
                return settled(self._account, answer, attempt)
            further = lookup(answer, attempt, by_handle=where.startswith("/requeststates/"))
            if not isinstance(further, str):
                return further
            where = further
        return UnknownOutcome("the provider names no transaction")

    async def reverse(self, attempt: WalletAttempt, amount_centimes: int, reference: str) -> Reversing:
        """Sends a reversal. Its own correlation id makes a repeat a duplicate, which is looked up."""
        if not attempt.receipt or _REFERENCE.fullmatch(attempt.receipt) is None:
            return ReversalRefused("no transaction to reverse")
        answer = await self._http.exchange(reversal(self._account, attempt, amount_centimes, reference))
        if isinstance(answer, NotSent | UnknownOutcome):
            return UnknownOutcome(answer.why)
        fields = answer.json()
        if text_of(fields, "errorCode") == DUPLICATE or answer.status == 202:
            return await self._reversal_of(reference)
        return reversed_by(self._account, answer)

    async def _reversal_of(self, reference: str) -> Reversing:
        """What became of a reversal that the provider has."""
        response = await self._http.exchange(get(self._account, f"/responses/{reference}"))
        where = _named(response.json()) if isinstance(response, HttpAnswer) and response.status == 200 else None
        if where is None or not where.startswith("/transactions/"):
            return Pending()
        answer = await self._http.exchange(get(self._account, where))
        return reversed_by(self._account, answer) if isinstance(answer, HttpAnswer) else UnknownOutcome(answer.why)

    def handle_of(self, callback: bytes) -> str | None:
        """Callbacks carry the transaction or an error, none of them the name of the request's state."""
        return None


# --- pure: requests -------------------------------------------------------------------------------------------------


def push(account: GsmaAccount, attempt: WalletAttempt, now: datetime) -> HttpAsk:
    """The request to pay. Raises ValueError for a payer without an E.164 number."""
    body: dict[str, object] = {
        "amount": amount_text(attempt.amount_centimes),
        "currency": attempt.currency,
        "debitParty": [{"key": "msisdn", "value": "+" + bare_digits(attempt.payer_msisdn)}],
        "creditParty": [{"key": account.credit_key, "value": account.credit_value}],
        "requestingOrganisationTransactionReference": attempt.reference,
        "descriptionText": attempt.payment_reference[:DESCRIPTION_CHARS_MAX],
        "requestDate": _moment(now),
    }
    path = f"/transactions/type/{account.transaction_type}"
    more = {"X-CorrelationID": attempt.reference, "X-Callback-URL": f"{account.callback_url}/{attempt.reference}"}
    return _post(account, path, body, more, now)


def reversal(account: GsmaAccount, attempt: WalletAttempt, amount_centimes: int, reference: str) -> HttpAsk:
    """Makes the reversal of all of a payment or of a part: a part names its amount."""
    body: dict[str, object] = {"type": "reversal"}
    if amount_centimes != attempt.amount_centimes:
        body |= {"amount": amount_text(amount_centimes), "currency": attempt.currency}
    path = f"/transactions/{quote(attempt.receipt or '', safe='')}/reversals"
    return _post(account, path, body, {"X-CorrelationID": reference}, datetime.now(UTC))


def get(account: GsmaAccount, path: str) -> HttpAsk:
    return HttpAsk("GET", path, _headers(account, b"", datetime.now(UTC)))


def _post(
    account: GsmaAccount, path: str, fields: Mapping[str, object], more: Mapping[str, str], now: datetime
) -> HttpAsk:
    body = json.dumps(fields, separators=(",", ":")).encode()
    kind = {"Content-Type": "application/json"}
    return HttpAsk("POST", path, {**_headers(account, body, now), **kind, **more}, body)


def _headers(account: GsmaAccount, body: bytes, now: datetime) -> dict[str, str]:
    headers = {"X-Date": _moment(now), "X-API-Key": account.api_key.reveal(), "X-Channel": "USSD"}
    if body:
        headers["X-Content-Hash"] = hashlib.sha256(body).hexdigest()
    if account.client_id:
        headers["X-Client-Id"] = account.client_id[:REFERENCE_CHARS_MAX]
    if account.bearer is not None:
        headers["X-User-Bearer"] = account.bearer.reveal()
    return headers


def _moment(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# --- pure: answers --------------------------------------------------------------------------------------------------


def asked(account: GsmaAccount, answer: HttpAnswer, attempt: WalletAttempt) -> Asking:
    """Returns what the provider said to a push."""
    fields = answer.json()
    if answer.status == 201:
        outcome = settled(account, answer, attempt)
        return UnknownOutcome("an answer without its transaction") if isinstance(outcome, NoSuchRequest) else outcome
    if answer.status == 202:
        return _accepted(fields)
    if text_of(fields, "errorCode") == DUPLICATE:
        return Pending()  # it has this reference: the inquiry tells what it did with it
    return _declined(answer.status, fields) or UnknownOutcome(f"HTTP {answer.status}")


def _accepted(fields: Mapping[str, object]) -> Asking:
    handle = text_of(fields, "serverCorrelationId", chars_max=REFERENCE_CHARS_MAX + 1)
    if text_of(fields, "status") == "failed":
        return _failed(fields)
    return Asked(handle, _expiry(fields)) if _REFERENCE.fullmatch(handle) else Pending()


def lookup(answer: HttpAnswer, attempt: WalletAttempt, *, by_handle: bool) -> WalletInquiry | str:
    """The path to ask next, or what is known already."""
    fields = answer.json()
    if answer.status == 200:
        if by_handle and text_of(fields, "status") == "failed":
            return _failed(fields)
        named = _named(fields)
        if named is not None:
            return named
        if by_handle and text_of(fields, "status") == "completed":
            return f"/responses/{attempt.reference}"
        return Pending()
    if by_handle:  # polled too often, forgotten, or in trouble: our own reference finds it too
        return f"/responses/{attempt.reference}"
    return NoSuchRequest() if answer.status == 404 else UnknownOutcome(f"HTTP {answer.status}")


def settled(account: GsmaAccount, answer: HttpAnswer, attempt: WalletAttempt) -> WalletInquiry:
    """A transaction: paid by one of the words, or not yet."""
    fields = answer.json()
    if answer.status == 404:
        return NoSuchRequest()
    if answer.status not in {200, 201}:
        return UnknownOutcome(f"HTTP {answer.status}")
    receipt, status = text_of(fields, "transactionReference"), text_of(fields, "transactionStatus")
    if not receipt or not status:
        return UnknownOutcome("an answer that is no transaction")
    if not account.says_paid(status):
        return Pending()
    centimes, currency = centimes_of(fields.get("amount")), text_of(fields, "currency")
    if centimes is None or not currency:
        return UnknownOutcome("a paid transaction without its amount")
    ours = text_of(fields, "requestingOrganisationTransactionReference") or None
    return WalletPaid(receipt, centimes, currency, ours)


def reversed_by(account: GsmaAccount, answer: HttpAnswer) -> Reversing:
    """Returns what the provider said of a reversal."""
    fields = answer.json()
    receipt, status = text_of(fields, "transactionReference"), text_of(fields, "transactionStatus")
    if answer.status in {200, 201} and receipt:
        return Reversed(receipt) if account.says_paid(status) else Pending()
    declined = _declined(answer.status, fields)
    if declined is not None and declined.kind is not WalletDeclineKind.BUSY:
        return ReversalRefused(declined.code)
    return UnknownOutcome(f"HTTP {answer.status}")


def _failed(fields: Mapping[str, object]) -> WalletDecline | UnknownOutcome:
    """A state's own last word; its error says why. One of the provider's trouble is none."""
    error = fields.get("error")
    decline = _declined(400, error if isinstance(error, dict) else {})
    return decline or UnknownOutcome("failed, and the provider does not say why")


def _declined(status: int, fields: Mapping[str, object]) -> WalletDecline | None:
    code, category = text_of(fields, "errorCode"), text_of(fields, "errorCategory")
    kind = _KINDS.get(code)
    if kind is None or category in _UNSETTLED or not 400 <= status < 500:
        return None
    return WalletDecline(code, kind)


def _named(fields: Mapping[str, object]) -> str | None:
    """Where the transaction, or the state, stands that an answer names. Of a link only its reference is taken: nobody
    follows one. What is too long is none: a part of a name is another's."""
    reference = text_of(fields, "objectReference", chars_max=REFERENCE_CHARS_MAX + 1)
    if _REFERENCE.fullmatch(reference):
        return f"/transactions/{quote(reference, safe='')}"
    told = text_of(fields, "link", chars_max=LINK_CHARS_MAX + 1)
    link = _LINK.fullmatch(told) if len(told) <= LINK_CHARS_MAX else None
    reference = unquote(link[2]) if link else ""
    return f"/{link[1]}/{quote(reference, safe='')}" if link and _REFERENCE.fullmatch(reference) else None


def _expiry(fields: Mapping[str, object]) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text_of(fields, "expiryTime"))
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def connect(options: Mapping[str, Secret], terms: WalletTerms, callback_url: str) -> GsmaWallet:
    """Join it: __URL, __API_KEY and __ACCOUNT, our own there; if need be __ACCOUNT_KIND, __CLIENT_ID, __BEARER,
    __TRANSACTION_TYPE and __PAID_WORDS, a comma list. A KeyError names what is missing."""
    plain = {name: value.reveal().strip() for name, value in options.items()}
    words = frozenset(word.strip() for word in plain.get("paid_words", "completed").split(",") if word.strip())
    account = GsmaAccount(
        plain["url"],
        options["api_key"],
        terms,
        plain["account"],
        callback_url,
        credit_key=plain.get("account_kind", "organisationid"),
        client_id=plain.get("client_id", ""),
        bearer=options.get("bearer"),
        transaction_type=plain.get("transaction_type", "merchantpay"),
        paid_words=words,
    )
    return GsmaWallet(account)
