"""POST /ivr/pay-connector: Twilio's Generic Pay Connector (protocols/ivr.md). A card comes in, is charged, and is gone.

`tokenize` keeps it, sealed, for one charge in the same call; the security code that comes along is dropped, and the
charge brings its own (docs/decisions/008-tokens.md).

Twilio waits ten seconds and then asks again, up to five times, with the same transaction_id: the first answer is kept
and given again, and no repeat sends anything. What the bank has not said in time is answered as an error, which ends
<Pay>; the payment itself stays "unknown" until the bank says, and the call goes on by reading it.
"""

import asyncio
import hashlib
import logging
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.http.doors import gateway
from channels.http.json_door import JsonDoor
from channels.http.receive import Check, Count, incoming, refused
from channels.ivr.pay_connector.requests import ConnectorRequest, Told, WithCard, WithToken, parsed
from channels.wire import Malformed, SenderRefused
from core.cards import Card, Secret, cvv_plausible, expired, expiry_of, pan_plausible
from core.payments.refusal import Refusal
from core.payments.table import Payment, PaymentState
from core.ports import DeclineKind

log = logging.getLogger(__name__)

PATH = "/ivr/pay-connector"
DOOR = "ivr/pay-connector"
JSON_DOOR = JsonDoor("pay-connector", PATH, (WithCard, WithToken), Told, "what became of the card", "basic")
BODY_BYTES_MAX = 8 * 1024
BANK_WAIT_S = 7.0  # Twilio gives up after ten
ANSWER_MAX_S = 9.0
REPEAT_LOOKS_MAX = 28  # of a repeat at the first request's answer: seven seconds
REPEAT_PAUSE_S = 0.25

Answer = dict[str, Any]

_CALL = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


class Busy(Exception):
    """Whoever keeps the answers is away: nothing may be sent, a repeat could not be told."""


class Transactions(Protocol):
    """First answers, by transaction. Raises Busy."""

    async def claim(self, transaction: str) -> bool | Answer:
        """Claims a transaction. True: it is yours to answer. False: it is being answered. Else the first answer."""

    async def keep(self, transaction: str, answer: Answer) -> Answer:
        """The first answer: this one, unless there is one."""


class CardTokens(Protocol):
    """Cards kept by call (tokens.RedisTokens). Raises Busy."""

    async def keep(self, call: str, payment_id: str, card: Card) -> str | None:
        """The token; None when the call is over."""

    async def take(self, call: str, payment_id: str, token: str) -> Card | None:
        """The card, once; None when there is none any more, or it is another call's or payment's."""

    async def erase(self, call: str) -> None: ...


class Charges(Protocol):
    """Charges a card (sessions.turn.perform.EffectPerformer)."""

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
        tokens: CardTokens,
        today: Callable[[], date],
        *,
        check_luhn: bool = True,
        bank_wait_s: float = BANK_WAIT_S,
    ) -> None:
        """`find` gives a payment by its id. `bank_wait_s`: how long a charge may take until it counts as unknown."""
        self._find = find
        self._charges = charges
        self._transactions = transactions
        self._tokens = tokens
        self._today = today
        self._check_luhn = check_luhn
        self._bank_wait_s = bank_wait_s

    async def answer(self, order: WithCard | WithToken) -> Answer:
        """The answer to a transaction, the same at every repeat. Never raises."""
        keeps = isinstance(order, WithCard) and order.method == "tokenize"
        key, transaction = ("token_id" if keeps else "charge_id"), order.transaction_id
        if keeps:
            transaction = f"tokenize:{transaction}"  # a charge of the same name is another question
        answer, about = _error(key, "unknown"), _about(order)
        try:
            for _ in range(REPEAT_LOOKS_MAX):
                claimed = await self._transactions.claim(transaction)
                if isinstance(claimed, dict):
                    return _answer_kept(claimed, about, key)
                if claimed:
                    answer = await self._answered(order, key)
                    break
                await asyncio.sleep(REPEAT_PAUSE_S)
        except Exception:
            log.exception("a transaction could not be claimed")
            return _error(key, "unavailable")
        try:
            return _answer_kept(await self._transactions.keep(transaction, answer | {ABOUT: about}), about, key)
        except Exception:
            log.exception("the first answer of a transaction could not be kept")
            return answer

    async def _answered(self, order: WithCard | WithToken, key: str) -> Answer:
        try:
            async with asyncio.timeout(ANSWER_MAX_S):
                return await self._first(order, key)
        except Busy:
            return _error(key, "unavailable")  # nothing was sent
        except Exception:
            log.exception("the connector failed")
            with suppress(Busy):  # what was kept ends by itself
                await self._tokens.erase(order.parameters.get("call", ""))
            # it may have been sent: the payment knows, and the call reads it
            return _error(key, "unknown")

    async def _first(self, order: WithCard | WithToken, key: str) -> Answer:
        payment = await self._find(order.parameters.get("payment", ""))
        if payment is None:
            return _error(key, "no_payment")
        call = order.parameters.get("call") or payment.id
        if _CALL.fullmatch(call) is None:
            return _error(key, "no_call")
        if isinstance(order, WithCard) and order.method == "tokenize":
            card = self._card(order)
            token = None if card is None else await self._tokens.keep(call, payment.id, card)
            return {key: token} | _FINE if token else _error(key, "no_call" if card else "invalid_card")
        if fault := _mismatch(order, payment):
            return _error(key, fault)
        cvv = Secret(order.cvv.get_secret_value())
        if not cvv_plausible(cvv):  # of no card: one that is kept stays
            return _error(key, "invalid_card")
        if isinstance(order, WithToken):
            card = await self._tokens.take(call, payment.id, order.token_id)
        else:
            card = self._card(order)
        if card is None:
            return _error(key, "no_token" if isinstance(order, WithToken) else "invalid_card")
        if not cvv_plausible(cvv, card.brand):
            return _error(key, "invalid_card")
        outcome = await self._charges.charge(
            payment.id, card, cvv, call=call, caller=payment.payer_msisdn, wait_s=self._bank_wait_s
        )
        return _outcome(outcome, key)

    def _card(self, order: WithCard) -> Card | None:
        number = Secret(order.cardnumber.get_secret_value().strip())
        try:
            month, year = expiry_of(f"{int(order.expiry_month):02d}{int(order.expiry_year) % 100:02d}")
        except (ValueError, OverflowError):
            return None
        if expired(month, year, self._today()) or not pan_plausible(number, check_luhn=self._check_luhn):
            return None
        return Card(number, month, year)


def _about(order: WithCard | WithToken) -> str:
    """What a transaction is about, as a digest: nothing of the card but what its last digits and expiry do to it."""
    if isinstance(order, WithToken):
        card = order.token_id
    else:
        card = f"{order.cardnumber.get_secret_value().strip()[-4:]}|{order.expiry_month}|{order.expiry_year}"
    parts = (order.parameters.get("payment", ""), str(order.amount), order.currency_code, card)
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def _answer_kept(kept: Answer, about: str, key: str) -> Answer:
    """The first answer; an id that comes again with another payment, amount or card is no repeat."""
    if kept.get(ABOUT, about) != about:
        return _error(key, "transaction_reused")
    return {name: value for name, value in kept.items() if name != ABOUT}


def routes(connector: Connector, check: Check, count: Count, *, public_url: str) -> list[Route]:
    """POST /ivr/pay-connector. `check` raises Refused for whoever is not Twilio."""

    async def charge(request: Request) -> Response:
        try:
            arrived = await incoming(request, public_url, body_max=BODY_BYTES_MAX)
            check(arrived)
            order = parsed(arrived)
        except (Malformed, SenderRefused) as error:
            return refused(error, DOOR, count)
        return JSONResponse(await connector.answer(order), headers={"Cache-Control": "no-store"})

    return gateway(PATH, charge, ["POST"])


def _mismatch(order: ConnectorRequest, payment: Payment) -> str:
    """Why this charge is not that payment's, empty when it is. "10.0", "10" and "10.00" are one amount."""
    try:
        centimes = Decimal(str(order.amount)) * 100
    except InvalidOperation:
        return "invalid_amount"
    if not centimes.is_finite() or centimes != payment.amount_centimes:
        return "amount_differs"
    return "" if order.currency_code.upper() == payment.currency else "currency_differs"


ABOUT = "about"
_FINE: Answer = {"error_code": None, "error_message": None}
_WORDS = {
    "declined": "The bank declined the card; nothing was charged.",
    "challenge": "The bank asks its one-time PIN; the call goes on.",
    "unknown": "The bank has not answered yet; do not charge again.",
    "unavailable": "Try again later.",
    "transaction_reused": "This transaction's id was used for another payment, amount or card. Nothing was charged.",
    "no_token": "No card is kept under this token any more.",
    "no_call": "The call is over, or its id cannot be read.",
    "no_payment": "No such payment.",
    "invalid_amount": "The amount cannot be read.",
    "amount_differs": "The amount is not the payment's.",
    "currency_differs": "The currency is not the payment's.",
    "invalid_card": "The card cannot be right, or has expired.",
}


def _outcome(outcome: Payment | Refusal, key: str) -> Answer:
    match outcome:
        case Refusal():
            return _error(key, outcome.value, "Nothing was charged.")
        case Payment(state=PaymentState.CAPTURED):
            return {key: outcome.id} | _FINE | {"parameters": {"reference": outcome.reference}}
        case Payment(state=PaymentState.DECLINED):
            return _error(key, str(outcome.decline_kind or DeclineKind.OTHER_CARD), _WORDS["declined"])
        case Payment(state=PaymentState.CHALLENGE):
            return _error(key, "challenge")
        case _:
            return _error(key, "unknown")


def _error(key: str, code: str, words: str = "") -> Answer:
    return {key: "", "error_code": code, "error_message": words or _WORDS.get(code, "")}
