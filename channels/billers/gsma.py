"""GSMA Mobile Money API 1.2, the biller's side: bills of an account, and payments of one (docs/protocols/wallets.md).

Pure: what was asked as values, what is answered as JSON. An error is named by the API's own code.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from channels.wire import Incoming, Malformed, Reply
from core.billers.outside import OutsideOrder, OutsideRefusal, OutsideTaken
from core.billing.invoices import Invoice
from core.money import decimal_text
from core.subscribers.lines import ServiceType
from core.wallets.amounts import centimes_of

DOOR = "gsma"
LIMIT_DEFAULT, LIMIT_MAX, OFFSET_MAX = 50, 200, 1_000_000
IDENTIFIERS = frozenset({"msisdn", "accountid", "consumerno"})
JSON = "application/json"
HELD = r"^[^\x00]*$"  # a database's text holds no NUL
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

REFUSALS: Mapping[OutsideRefusal, tuple[int, str, str, str]] = {
    OutsideRefusal.NO_LINE: (404, "identification", "identifierError", "no such account"),
    OutsideRefusal.NO_BILL: (404, "identification", "identifierError", "no such bill of this account"),
    OutsideRefusal.PAID: (400, "businessRule", "incorrectState", "this bill is paid"),
    OutsideRefusal.IN_PROGRESS: (400, "businessRule", "incorrectState", "a payment of this bill is in progress"),
    OutsideRefusal.TOO_LITTLE: (400, "businessRule", "underPaymentNotAllowed", "a bill is paid whole"),
    OutsideRefusal.TOO_MUCH: (400, "businessRule", "overPaymentNotAllowed", "more than is owed"),
    OutsideRefusal.CURRENCY: (400, "businessRule", "currencyNotSupported", "not this bill's currency"),
    OutsideRefusal.KEY_REUSED: (400, "businessRule", "duplicateRequest", "this correlation id paid something else"),
}


class BillPaymentAsked(BaseModel):
    """A payment of a bill, as it comes in; what else the API allows is left unread."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    amount: Annotated[
        str,
        Field(
            validation_alias=AliasChoices("amountPaid", "paidAmount"),
            pattern=r"^(0|[1-9][0-9]{0,17})(\.[0-9]{0,3}[0-9])?$",
        ),
    ]
    currency: Annotated[str, Field(min_length=3, max_length=3)]
    theirs: Annotated[str, Field(alias="requestingOrganisationTransactionReference", max_length=256, pattern=HELD)] = ""
    customer: Annotated[str, Field(alias="customerReference", max_length=256, pattern=HELD)] = ""
    kind: Annotated[str, Field(alias="paymentType", pattern="^(fullpayment|partialpayment)$")] = "fullpayment"


class BillPaymentAnswered(BaseModel):
    """The answer that a payment counts; `serviceProviderPaymentReference` is ours."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    serviceProviderPaymentReference: str  # noqa: N815 - the API's name
    requestingOrganisationTransactionReference: str = ""  # noqa: N815 - the API's name
    billPaymentStatus: str = "completed"  # noqa: N815 - the API's name
    amountPaid: str  # noqa: N815 - the API's name
    currency: str
    paymentType: str = "fullpayment"  # noqa: N815 - the API's name
    creationDate: str  # noqa: N815 - the API's name


@dataclass(frozen=True, slots=True)
class BillPage:
    """Tells which of the bills are asked for."""

    limit: int
    offset: int


class NotGsma(Malformed):
    """The asker's fault, as the API names it."""

    def __init__(self, category: str, code: str, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.category, self.code, self.status = category, code, status


def page_of(incoming: Incoming) -> BillPage:
    """Reads which page of the bills is asked for. Raises NotGsma."""
    params = incoming.params()
    limit, offset = _number(params.get("limit"), LIMIT_DEFAULT), _number(params.get("offset"), 0)
    if limit is None or limit < 1:
        raise NotGsma("validation", "formatError", "limit is a number")
    if offset is None or offset > OFFSET_MAX:
        raise NotGsma("validation", "invalidOffset", "offset is a number")
    return BillPage(min(limit, LIMIT_MAX), offset)


def order_of(incoming: Incoming, service: ServiceType, reference: str, number: str) -> OutsideOrder:
    """Makes the order of a payment. Raises NotGsma. The key is X-CorrelationID: without one a repeat could not be told
    from a second payment.
    """
    if "\x00" in number:
        raise NotGsma("identification", "identifierError", "no such bill of this account", 404)
    key = incoming.headers.get("x-correlationid", "").strip()
    if _UUID.fullmatch(key) is None:
        raise NotGsma("validation", "mandatoryValueNotSupplied", "X-CorrelationID is a UUID")
    digest = incoming.headers.get("x-content-hash", "")
    if digest and digest.lower() != hashlib.sha256(incoming.body).hexdigest():
        raise NotGsma("validation", "formatError", "X-Content-Hash is not this body's")
    payment = read_payment(incoming.body)
    amount_centimes = centimes_of(payment.amount)
    if not amount_centimes:
        raise NotGsma("validation", "formatError", "amountPaid is no amount")
    if payment.kind != "fullpayment":
        raise NotGsma("businessRule", "underPaymentNotAllowed", "a bill is paid whole")
    return OutsideOrder(
        DOOR,
        key.lower(),
        service,
        reference,
        number,
        amount_centimes,
        payment.currency,
        payment.theirs or payment.customer,
    )


def read_payment(body: bytes) -> BillPaymentAsked:
    """Reads a payment. Raises NotGsma."""
    try:
        return BillPaymentAsked.model_validate_json(body)
    except ValidationError as error:
        missing = any(each["type"] == "missing" for each in error.errors())
        code = "mandatoryValueNotSupplied" if missing else "formatError"
        raise NotGsma("validation", code, "no bill payment") from None


def bills_told(bills: tuple[Invoice, ...], currency: str, page: BillPage, now: datetime) -> Reply:
    """A page of the unpaid bills, with how many there are."""
    shown = bills[page.offset : page.offset + page.limit]
    unpaid = [
        {
            "billReference": bill.number,
            "billStatus": "unpaid",
            "amountDue": decimal_text(bill.amount_centimes),
            "minimumAmountDue": decimal_text(bill.amount_centimes),
            "currency": currency,
            "dueDate": bill.due_date.isoformat(),
            "billdescription": f"{bill.period:%Y-%m}",
        }
        for bill in shown
    ]
    counts = {"X-Records-Available-Count": str(len(bills)), "X-Records-Returned-Count": str(len(shown))}
    return _reply(unpaid, 200, now, counts)


def taken_told(order: OutsideOrder, taken: OutsideTaken, now: datetime) -> Reply:
    answer = BillPaymentAnswered(
        serviceProviderPaymentReference=taken.id,
        requestingOrganisationTransactionReference=order.their_reference,
        amountPaid=decimal_text(order.amount_centimes),
        currency=order.currency,
        creationDate=_moment(taken.at),
    )
    return _reply(answer.model_dump(), 201, now)


def refusal_told(refusal: OutsideRefusal, now: datetime) -> Reply:
    status, category, code, words = REFUSALS[refusal]
    return error_told(category, code, words, status, now)


def error_told(category: str, code: str, words: str, status: int, now: datetime) -> Reply:
    """The API's error object; its description in the schema's spelling."""
    fields = {"errorCategory": category, "errorCode": code, "errordescription": words, "errorDateTime": _moment(now)}
    return _reply(fields, status, now)


def _reply(body: object, status: int, now: datetime, more: Mapping[str, str] | None = None) -> Reply:
    return Reply(json.dumps(body).encode(), JSON, status, {"X-Date": _moment(now), **(more or {})})


def _moment(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _number(text: str | None, default: int) -> int | None:
    if text is None or text == "":
        return default
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None
