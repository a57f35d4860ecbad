"""Daraja's C2B: a validation that may refuse, and a confirmation of money that was taken (docs/protocols/wallets.md).

Pure. A confirmation is refused only where its number or its amount cannot be read: its money is with the operator's
account already, whatever was typed as the account.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from channels.wire import Malformed, Reply
from core.billers.outside import OutsideOrder, OutsideRefusal
from core.subscribers.lines import ServiceType
from core.wallets.amounts import centimes_of

DOOR = "daraja"
REJECTED: Mapping[OutsideRefusal, str] = {
    OutsideRefusal.NO_LINE: "C2B00012",
    OutsideRefusal.NO_BILL: "C2B00012",
    OutsideRefusal.TOO_LITTLE: "C2B00013",
    OutsideRefusal.TOO_MUCH: "C2B00013",
}
OTHER = "C2B00016"
ACCOUNT_CHARS_MAX = 100
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _typed(value: object) -> str:
    """The account as its customer typed it, without what no database can hold; nothing where it is no text."""
    text = _text(value)
    return _CONTROL.sub("", text)[:ACCOUNT_CHARS_MAX] if isinstance(text, str) else ""


Text = Annotated[str, BeforeValidator(_text), Field(max_length=100)]


class C2bTold(BaseModel):
    """The fields that M-PESA tells of a payment to the short code; names are sometimes hashed, and not read."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    transaction: Annotated[Text, Field(alias="TransID", pattern=r"^[!-~]+$")]
    amount: Annotated[Text, Field(alias="TransAmount")]
    account: Annotated[str, BeforeValidator(_typed), Field(alias="BillRefNumber")] = ""


class C2bAnswered(BaseModel):
    """The answer to M-PESA: ResultCode 0 accepts."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    ResultCode: str
    ResultDesc: str


def read_c2b(body: bytes) -> C2bTold:
    """Reads a payment that M-PESA tells of. Raises Malformed."""
    try:
        return C2bTold.model_validate_json(body)
    except ValidationError:
        raise Malformed("no C2B payment") from None


def order_of(notice: C2bTold, service: ServiceType, reference: str, currency: str, *, final: bool) -> OutsideOrder:
    """The line's bills, the oldest first. Raises Malformed for what is no amount."""
    amount_centimes = centimes_of(notice.amount)
    if not amount_centimes:
        raise Malformed("TransAmount is no amount")
    return OutsideOrder(
        DOOR, notice.transaction, service, reference, None, amount_centimes, currency, notice.transaction, final=final
    )


def accepted() -> Reply:
    return _reply("0", "Accepted")


def rejected(refusal: OutsideRefusal | None) -> Reply:
    return _reply(REJECTED.get(refusal, OTHER) if refusal else OTHER, "Rejected")


def _reply(code: str, words: str) -> Reply:
    answer = C2bAnswered(ResultCode=code, ResultDesc=words)
    return Reply(json.dumps(answer.model_dump()).encode(), "application/json")
