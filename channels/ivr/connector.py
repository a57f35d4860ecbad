"""POST /ivr/pay-connector: Twilio's Generic Pay Connector (facts/ivr.md). A card comes in, is charged, and is gone.

Twilio waits ten seconds and then asks again, up to five times, with the same transaction_id: the first answer is kept
and given again, and no repeat sends anything. What the bank has not said in time is answered as an error, which ends
<Pay>; the payment itself stays "unknown" until the bank says, and the call goes on by reading it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.door import Incoming, Malformed, Refused
from channels.http.receive import Check, Count, incoming, refused
from core.cards import CVV_MAX, CVV_MIN, Card, Secret, expired, expiry_of, pan_plausible
from core.payment import Payment, State
from core.ports import DeclineKind
from core.refusal import Refusal

log = logging.getLogger(__name__)

PATH = "/ivr/pay-connector"
DOOR = "ivr/pay-connector"
BODY_BYTES_MAX = 8 * 1024
BANK_WAIT_S = 7.0  # Twilio gives up after ten
ANSWER_MAX_S = 9.0
REPEAT_LOOKS_MAX = 28  # of a repeat at the first request's answer: seven seconds
REPEAT_PAUSE_S = 0.25
AMOUNT_CHARS_MAX = 16

Number = Annotated[str, Field(max_length=AMOUNT_CHARS_MAX)] | int | float
Word = Annotated[str, Field(max_length=256)]
Answer = dict[str, Any]


class Asked(BaseModel):
    """What Twilio posts. Unknown fields are ignored; nothing of it is ever quoted."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    method: Literal["charge", "tokenize"] = "charge"
    transaction_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
    cardnumber: SecretStr
    cvv: SecretStr = SecretStr("")
    amount: Number = ""
    currency_code: Word = ""
    expiry_month: Number
    expiry_year: Number
    parameters: dict[Word, Word] = Field({}, max_length=16)


class Busy(Exception):
    """Whoever keeps the answers is away: nothing may be sent, a repeat could not be told."""


class Transactions(Protocol):
    """First answers, by transaction. Raises Busy."""

    async def claim(self, transaction: str) -> bool | Answer:
        """True: it is yours to answer. False: it is being answered. Else the first answer."""

    async def keep(self, transaction: str, answer: Answer) -> Answer:
        """The first answer: this one, unless there is one."""


class Charges(Protocol):
    """What charges a card (sessions.perform.Performer)."""

    async def charge(
        self, payment_id: str, card: Card, cvv: Secret, *, call: str, caller: str, wait_s: float
    ) -> Payment | Refusal: ...


class Connector:
    """Answers Twilio. Every answer holds the id's key, on errors too."""

    def __init__(
        self,
        find: Callable[[str], Awaitable[Payment | None]],
        charges: Charges,
        transactions: Transactions,
        today: Callable[[], date],
        *,
        check_luhn: bool = True,
    ) -> None:
        """`find` gives a payment by its id."""
        self._find = find
        self._charges = charges
        self._transactions = transactions
        self._today = today
        self._check_luhn = check_luhn

    async def answer(self, asked: Asked) -> Answer:
        """The answer to a transaction, the same at every repeat. Never raises."""
        key = "token_id" if asked.method == "tokenize" else "charge_id"
        answer = _error(key, "unknown")
        try:
            for _ in range(REPEAT_LOOKS_MAX):
                claimed = await self._transactions.claim(asked.transaction_id)
                if isinstance(claimed, dict):
                    return claimed
                if claimed:
                    answer = await self._charged(asked, key)
                    break
                await asyncio.sleep(REPEAT_PAUSE_S)
        except Busy:
            return _error(key, "unavailable")
        try:
            return await self._transactions.keep(asked.transaction_id, answer)
        except Busy:
            log.warning("the first answer of a transaction could not be kept")
            return answer

    async def _charged(self, asked: Asked, key: str) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                return await self._first(asked, key)
        except Exception:
            log.exception("a charge of the connector failed")
            # it may have been sent: the payment knows, and the call reads it
            return _error(key, "unknown")

    async def _first(self, asked: Asked, key: str) -> Answer:
        if asked.method == "tokenize":
            return _error(key, "no_tokens")  # a card is charged or forgotten: none is kept to be charged later
        payment = await self._find(asked.parameters.get("payment", ""))
        card = self._card(asked)
        cvv = Secret(asked.cvv.get_secret_value())
        fault = "no_payment" if payment is None else _mismatch(asked, payment)
        if fault or payment is None:
            return _error(key, fault)
        if card is None or not (CVV_MIN <= len(cvv) <= CVV_MAX and cvv.reveal().isascii() and cvv.reveal().isdecimal()):
            return _error(key, "invalid_card")
        call = asked.parameters.get("call") or payment.id
        came = await self._charges.charge(
            payment.id, card, cvv, call=call, caller=payment.payer_msisdn, wait_s=BANK_WAIT_S
        )
        return _outcome(came, key)

    def _card(self, asked: Asked) -> Card | None:
        number = Secret(asked.cardnumber.get_secret_value().strip())
        try:
            month, year = expiry_of(f"{int(asked.expiry_month):02d}{int(asked.expiry_year) % 100:02d}")
        except (ValueError, OverflowError):
            return None
        if expired(month, year, self._today()) or not pan_plausible(number, check_luhn=self._check_luhn):
            return None
        return Card(number, month, year)


def routes(connector: Connector, check: Check, count: Count, *, public_url: str) -> list[Route]:
    """POST /ivr/pay-connector. `check` raises Refused for whoever is not Twilio."""

    async def charge(request: Request) -> Response:
        try:
            arrived = await incoming(request, public_url, body_max=BODY_BYTES_MAX)
            check(arrived)
            asked = parsed(arrived)
        except (Malformed, Refused) as error:
            return refused(error, DOOR, count)
        return JSONResponse(await connector.answer(asked), headers={"Cache-Control": "no-store"})

    return [Route(PATH, charge, methods=["POST"])]


def parsed(arrived: Incoming) -> Asked:
    """Raises Malformed, naming a field and no value."""
    try:
        return Asked.model_validate_json(arrived.body)
    except ValidationError as error:
        where = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        named = where[0] if where and where[0] in Asked.model_fields else ""
        raise Malformed(f"the field {named} is missing or wrong" if named else "the body is no JSON object") from None


def _mismatch(asked: Asked, payment: Payment) -> str:
    """Why this charge is not that payment's, empty when it is. "10.0", "10" and "10.00" are one amount."""
    try:
        centimes = Decimal(str(asked.amount)) * 100
    except InvalidOperation:
        return "invalid_amount"
    if not centimes.is_finite() or centimes != payment.amount_centimes:
        return "amount_differs"
    return "" if asked.currency_code.upper() == payment.currency else "currency_differs"


_WORDS = {
    "declined": "The bank declined the card; nothing was charged.",
    "challenge": "The bank asks its one-time PIN; the call goes on.",
    "unknown": "The bank has not answered yet; do not charge again.",
    "unavailable": "Try again later.",
    "no_tokens": "This server keeps no card: charge it.",
    "no_payment": "No such payment.",
    "invalid_amount": "The amount cannot be read.",
    "amount_differs": "The amount is not the payment's.",
    "currency_differs": "The currency is not the payment's.",
    "invalid_card": "The card cannot be right, or has expired.",
}


def _outcome(came: Payment | Refusal, key: str) -> Answer:
    match came:
        case Refusal():
            return _error(key, came.value, "Nothing was charged.")
        case Payment(state=State.CAPTURED):
            return {
                key: came.id,
                "error_code": None,
                "error_message": None,
                "parameters": {"reference": came.reference},
            }
        case Payment(state=State.DECLINED):
            return _error(key, str(came.decline_kind or DeclineKind.OTHER_CARD), _WORDS["declined"])
        case Payment(state=State.CHALLENGE):
            return _error(key, "challenge")
        case _:
            return _error(key, "unknown")


def _error(key: str, code: str, words: str = "") -> Answer:
    return {key: "", "error_code": code, "error_message": words or _WORDS.get(code, "")}
