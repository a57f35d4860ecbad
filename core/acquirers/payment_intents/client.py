"""The PaymentIntents client: one acquirer behind core.ports.Acquirer (docs/protocols/payment-intents.md).

Rules of this file: an order is one intent, which succeeds once; a page's intent is another, so it is asked about
first. Only a confirmation charges: whatever fails before it is NotSent. Every try has a key of its own, which its
repeats bear. After anything but a plain answer the intent itself is read, and it alone decides.
"""

import time
from collections.abc import Callable
from secrets import token_hex

from core.acquirers.breaker import Breaker
from core.acquirers.payment_intents.codes import (
    CARD_ERROR,
    IDEMPOTENCY_ERROR,
    LOCK_TIMEOUT,
    REFUSED_STATUSES,
    TOO_MANY,
    IntentStatus,
    clean_code,
)
from core.acquirers.payment_intents.finding import LookFailed, OrderFinder, Standing, why_of
from core.acquirers.payment_intents.money_back import MoneyBack
from core.acquirers.payment_intents.outcomes import judged, refusal_of
from core.acquirers.payment_intents.transport import TIMEOUT_S, Exchange, GatewayAccount, GatewayAnswer, Said
from core.acquirers.payment_intents.wire import (
    Form,
    IntentObject,
    MethodObject,
    confirm_form,
    intent_form,
    method_form,
)
from core.cards import Card, Secret
from core.ports import (
    Approved,
    Authorisation,
    AuthorisedOnly,
    ChallengeRequired,
    Decline,
    DeclineKind,
    Inquiry,
    NoSuchOrder,
    NotSent,
    Order,
    Pending,
    Undoing,
    Undone,
    UnknownOutcome,
)

ORDER_ID_MAX_CHARS = 64
KEY_BYTES = 8
SERVER_ERRORS = 500


class PaymentIntentsAcquirer:
    """Implements core.ports.Acquirer. Raises ValueError only for an account that cannot work."""

    def __init__(
        self,
        account: GatewayAccount,
        *,
        timeout_s: float = TIMEOUT_S,
        pages: bool = False,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`pages`: whether customers pay on this account's checkout pages too."""
        self._account = account
        self._currency = account.currency.lower()
        self._pages = pages
        self.exchange = Exchange(account, timeout_s=timeout_s, breaker=breaker, clock=clock)
        self._finder = OrderFinder(self.exchange, self._currency, pages=pages, now=now)
        self._money_back = MoneyBack(self.exchange, self._finder, self._currency)

    @property
    def breaker(self) -> Breaker:
        return self.exchange.breaker

    async def aclose(self) -> None:
        """Close the connections; the client opens new ones if it is asked again."""
        await self.exchange.aclose()

    async def authorise(self, order: Order, card: Card, cvv: Secret) -> Authorisation:
        """Charge a card: the order's intent, the card, and the one request that charges."""
        if order.currency.lower() != self._currency:
            return NotSent(f"the account takes {self._currency.upper()} only")
        if not 1 <= len(order.id) <= ORDER_ID_MAX_CHARS or order.amount_centimes <= 0:
            return NotSent("no order the gateway would take")
        if not self.breaker.allows(3 * self.exchange.timeout_s):
            return NotSent("circuit open")
        if self._pages:
            # the page's intent is another one: what it took, or may still take, is not taken here again
            standing = (await self._finder.order(order.id)).says
            if not isinstance(standing, NoSuchOrder | Decline):
                return _as_authorisation(standing)
        form = intent_form(order, self._currency, moto=self._account.moto)
        answer = await self.exchange.post("/v1/payment_intents", form, f"{order.id}-intent", brief=True)
        intent = answer.holds(IntentObject) if isinstance(answer, GatewayAnswer) else None
        if intent is None:
            return await self._without_intent(order, answer)
        key = f"{order.id}-card-{token_hex(KEY_BYTES)}"  # a card is never sent twice
        answer = await self.exchange.post("/v1/payment_methods", method_form(card, cvv), key, brief=True)
        method = answer.holds(MethodObject) if isinstance(answer, GatewayAnswer) else None
        if method is None:
            return _before_charging(answer)
        return await self._confirm(order, intent, method)

    async def answer_challenge(self, order: Order, challenge_id: str, pin: Secret) -> Authorisation:
        """Answers that nothing is known, for this gateway never asks a PIN by telephone: the order itself answers."""
        return UnknownOutcome("this gateway asks no PIN")

    async def inquire(self, order_id: str) -> Inquiry:
        """Returns what became of an order."""
        return (await self._finder.order(order_id)).says

    async def capture(self, order_id: str, amount_centimes: int) -> Authorisation:
        """Take what a page's order holds; a repeat of one that went through takes nothing."""
        standing = await self._finder.order(order_id)
        held = _held(standing)
        if not isinstance(standing.says, AuthorisedOnly) or held is None:
            return _as_authorisation(standing.says)
        form = {"amount_to_capture": str(amount_centimes), "expand[0]": "latest_charge"}
        key = f"{held.id}-capture-{amount_centimes}"
        answer = await self._twice(f"/v1/payment_intents/{held.id}/capture", form, key)
        return await self._decided(order_id, held, answer)

    async def void(self, order_id: str) -> Undoing:
        """Let go of what is held. What was taken is TooLate: it is refunded instead."""
        return await self._money_back.void(order_id)

    async def refund(self, order_id: str, amount_centimes: int) -> Undoing:
        """Give back a part, or all; see money_back.py."""
        return await self._money_back.refund(order_id, amount_centimes)

    async def credited_centimes(self, order_id: str) -> int | None:
        """Returns what was given back, or is on its way back, in centimes; None when it cannot be read."""
        return await self._money_back.credited_centimes(order_id)

    async def _without_intent(self, order: Order, refusal: Said) -> Authorisation:
        """No intent, so nothing was charged by this try; the order may be in use with another amount."""
        if isinstance(refusal, GatewayAnswer) and refusal.error().type == IDEMPOTENCY_ERROR:
            standing = _as_authorisation(await self.inquire(order.id))
            return UnknownOutcome("the order is known with other words") if isinstance(standing, Decline) else standing
        return _before_charging(refusal)

    async def _confirm(self, order: Order, intent: IntentObject, method: MethodObject) -> Authorisation:
        """The only request that charges. Its key is of this very card's try."""
        form = confirm_form(method.id)
        key = f"{intent.id}-confirm-{method.id}"
        answer = await self._twice(f"/v1/payment_intents/{intent.id}/confirm", form, key)
        if isinstance(answer, GatewayAnswer) and answer.status == CARD_ERROR and answer.error().type == "card_error":
            refused = refusal_of(answer.error())
            # the bank said no to this card; an earlier one of the same order may have paid meanwhile
            standing = await self._read(order.id, intent)
            return (
                refused if isinstance(standing, Decline | NoSuchOrder | UnknownOutcome) else _as_authorisation(standing)
            )
        return await self._decided(order.id, intent, answer)

    async def _decided(self, order_id: str, intent: IntentObject, reply: Said) -> Authorisation:
        """What a request that moves money came to: its own answer when it says so plainly, else the intent's."""
        if isinstance(reply, NotSent):
            return reply
        answer = reply if isinstance(reply, GatewayAnswer) else None
        answered = answer.holds(IntentObject) if answer is not None and not answer.replayed else None
        if answered is not None and answered.id == intent.id:
            return _as_authorisation(judged(answered, order_id, self._currency))
        standing = await self._read(order_id, intent)
        if isinstance(standing, Approved | Pending | Undone):
            return _as_authorisation(standing)
        if answer is None:
            return UnknownOutcome(why_of(reply))
        error = answer.error()
        if answer.status in REFUSED_STATUSES and error.type != IDEMPOTENCY_ERROR:
            return Decline(_reason(answer), DeclineKind.OUR_FAULT)
        if answer.status == TOO_MANY and error.code != LOCK_TIMEOUT:
            return Decline("rate_limit", DeclineKind.BANK_BUSY)
        return UnknownOutcome(why_of(reply))

    async def _read(self, order_id: str, intent: IntentObject) -> Inquiry:
        try:
            return judged(await self._finder.intent(intent.id), order_id, self._currency)
        except LookFailed as error:
            return UnknownOutcome(str(error))

    async def _twice(self, path: str, form: Form, key: str) -> Said:
        """Once more under the same key when the answer is lost or the gateway stumbles: what was done is told again."""
        answer = await self.exchange.post(path, form, key)
        if isinstance(answer, NotSent) or (isinstance(answer, GatewayAnswer) and answer.status < SERVER_ERRORS):
            return answer
        again = await self.exchange.post(path, form, key, brief=True)
        # the first may have been carried out, or be on its way: a second that was not taken up does not make it unsent
        if isinstance(again, NotSent):
            return UnknownOutcome("no answer, and no connection to ask again")
        fresh = isinstance(again, GatewayAnswer) and not (again.ok or again.replayed)
        return UnknownOutcome(f"no answer, then {why_of(again)}") if fresh else again


def _before_charging(answer: Said) -> Authorisation:
    """Nothing was confirmed, so nothing was charged: a card that is none, our fault, or a gateway that is away."""
    if isinstance(answer, NotSent):
        return answer
    if isinstance(answer, UnknownOutcome):
        return NotSent(f"before charging: {answer.why}")
    error = answer.error()
    if answer.status == CARD_ERROR and error.type == "card_error":
        return refusal_of(error)
    if answer.status in REFUSED_STATUSES:
        return Decline(_reason(answer), DeclineKind.OUR_FAULT)
    return NotSent(f"before charging: {why_of(answer)}")


def _reason(answer: GatewayAnswer) -> str:
    """Why a request was refused, for a log line."""
    error = answer.error()
    return clean_code(error.code) or clean_code(error.type) or str(answer.status)


def _as_authorisation(standing: Inquiry) -> Authorisation:
    match standing:
        case Approved() | Decline() | Pending() | UnknownOutcome() | ChallengeRequired():
            return standing
        case AuthorisedOnly():
            return Pending()
        case Undone():
            return UnknownOutcome("the order was charged and undone before")
    return UnknownOutcome("the order was not charged")


def _held(standing: Standing) -> IntentObject | None:
    return next((one for one in standing.intents if one.status == IntentStatus.HELD), None)
