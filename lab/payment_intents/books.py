"""The stand-in's books: intents, charges, refunds and sessions, and the gateway's rules over them.

Rule of this file: an intent succeeds once; nothing of a card is kept but its last four digits; a broken rule raises
Trouble, which says what the gateway answers. No sockets and no time of its own.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.payment_intents.cards import Card

OBJECTS_MAX = 100_000
WRONG_BY_CENTIMES = 100
SESSION_MIN_S, SESSION_MAX_S = 1_800, 86_400


class Trouble(Exception):
    """What the gateway answers instead: a status and the fields of its error."""

    def __init__(self, status: int, type_: str, code: str = "", **more: object) -> None:
        super().__init__(code or type_)
        self.status = status
        self.error: dict[str, object] = {"type": type_, "message": f"({code or type_})", **more}
        if code:
            self.error["code"] = code


@dataclass(slots=True)
class Charge:
    """One try."""

    id: str
    status: str
    amount: int
    captured: bool
    currency: str
    card: Card
    auth_code: str
    amount_refunded: int = 0


@dataclass(slots=True)
class Intent:
    """A PaymentIntent."""

    id: str
    amount: int
    currency: str
    capture_method: str
    metadata: dict[str, str]
    created: int
    status: str = "requires_payment_method"
    charges: list[Charge] = field(default_factory=list)
    error: dict[str, object] | None = None
    searchable_at: float = 0.0

    @property
    def charge(self) -> Charge | None:
        return self.charges[-1] if self.charges else None

    @property
    def received(self) -> int:
        return self.charge.amount if self.charge and self.status == "succeeded" else 0

    @property
    def capturable(self) -> int:
        return self.charge.amount if self.charge and self.status == "requires_capture" else 0


@dataclass(slots=True)
class Refund:
    id: str
    intent_id: str
    charge_id: str
    amount: int
    currency: str
    status: str
    created: int


@dataclass(slots=True)
class Session:
    """A checkout session."""

    id: str
    amount: int
    currency: str
    capture_method: str
    metadata: dict[str, str]
    intent_metadata: dict[str, str]
    reference: str
    success_url: str
    cancel_url: str
    expires_at: int
    created: int
    status: str = "open"
    intent_id: str | None = None


class Books:
    """All of it, newest last. `search_behind_s`: how long an intent is not found by search."""

    def __init__(self, now: Callable[[], float], search_behind_s: float = 0.0) -> None:
        self.now = now
        self.search_behind_s = search_behind_s
        self.intents: dict[str, Intent] = {}
        self.methods: dict[str, Card] = {}
        self.refunds: dict[str, Refund] = {}
        self.sessions: dict[str, Session] = {}
        self.refund_status = "succeeded"  # of the next ones
        self.changed: list[tuple[str, str]] = []  # what happened, and to which object: webhooks tell it
        self._numbers = itertools.count(1)

    def reset(self) -> None:
        """Forget all but the numbers, so that none is given twice."""
        for kept in (self.intents, self.methods, self.refunds, self.sessions):
            kept.clear()
        self.changed.clear()
        self.search_behind_s, self.refund_status = 0.0, "succeeded"

    def _id(self, prefix: str) -> str:
        if len(self.intents) + len(self.methods) > OBJECTS_MAX:
            raise Trouble(500, "api_error")
        return f"{prefix}_3Mt{next(self._numbers):08d}"

    def create(self, amount: int, currency: str, capture_method: str, metadata: dict[str, str]) -> Intent:
        made = Intent(self._id("pi"), amount, currency, capture_method, metadata, int(self.now()))
        made.searchable_at = self.now() + self.search_behind_s
        self.intents[made.id] = made
        self.changed.append(("payment_intent.created", made.id))
        return made

    def keep(self, card: Card) -> str:
        method_id = self._id("pm")
        self.methods[method_id] = card
        return method_id

    def intent(self, intent_id: str) -> Intent:
        if intent_id not in self.intents:
            raise Trouble(404, "invalid_request_error", "resource_missing", param="intent")
        return self.intents[intent_id]

    def confirm(
        self, intent: Intent, method_id: str, *, no_action: bool, more: int = 0, currency: str | None = None
    ) -> Intent:
        """The one thing that charges. `more` and `currency`: taken otherwise than asked."""
        card = self.methods.get(method_id)
        if card is None:
            raise Trouble(400, "invalid_request_error", "resource_missing", param="payment_method")
        if intent.status not in {"requires_payment_method", "requires_confirmation", "requires_action"}:
            raise Trouble(400, "invalid_request_error", "payment_intent_unexpected_state")
        if card.asks_3ds and no_action:
            self._fail(intent, {"code": "authentication_required", "decline_code": "authentication_required"})
        if card.asks_3ds:
            intent.status = "requires_action"
            return intent
        number = next(self._numbers)
        if card.refusal is not None:
            intent.charges.append(Charge(f"ch_{number}", "failed", intent.amount, False, intent.currency, card, ""))
            self._fail(intent, {"code": card.refusal[0], "decline_code": card.refusal[1]})
        held = intent.capture_method == "manual"
        intent.currency = currency or intent.currency
        taken = intent.amount + more
        intent.charges.append(
            Charge(f"ch_{number}", "succeeded", taken, not held, intent.currency, card, f"{number % 1_000_000:06d}")
        )
        intent.error = None
        intent.status = "requires_capture" if held else "succeeded"
        self.changed.append(
            ("payment_intent.amount_capturable_updated" if held else "payment_intent.succeeded", intent.id)
        )
        return intent

    def _fail(self, intent: Intent, why: dict[str, object]) -> None:
        intent.status, intent.error = "requires_payment_method", {"type": "card_error", "message": "(no)", **why}
        self.changed.append(("payment_intent.payment_failed", intent.id))
        code, rest = str(why["code"]), {name: text for name, text in why.items() if name != "code"}
        raise Trouble(402, "card_error", code, **rest, payment_intent_id=intent.id)

    def capture(self, intent: Intent, amount: int | None) -> Intent:
        charge = intent.charge
        if intent.status != "requires_capture" or charge is None:
            raise Trouble(400, "invalid_request_error", "payment_intent_unexpected_state")
        if amount is not None and not 0 < amount <= charge.amount:
            raise Trouble(400, "invalid_request_error", "amount_too_large", param="amount_to_capture")
        charge.amount, charge.captured, intent.status = amount or charge.amount, True, "succeeded"
        self.changed.append(("payment_intent.succeeded", intent.id))
        return intent

    def cancel(self, intent: Intent) -> Intent:
        if intent.status in {"succeeded", "canceled", "processing"}:
            raise Trouble(400, "invalid_request_error", "payment_intent_unexpected_state")
        if intent.charge is not None and intent.status == "requires_capture":
            intent.charge.amount_refunded = intent.charge.amount
        intent.status = "canceled"
        self.changed.append(("payment_intent.canceled", intent.id))
        return intent

    def refund(self, intent: Intent, amount: int | None) -> Refund:
        charge = intent.charge
        if charge is None or intent.status != "succeeded":
            raise Trouble(400, "invalid_request_error", "payment_intent_unexpected_state")
        left = charge.amount - charge.amount_refunded
        if left == 0:
            raise Trouble(400, "invalid_request_error", "charge_already_refunded")
        if amount is not None and not 0 < amount <= left:
            raise Trouble(400, "invalid_request_error", "amount_too_large", param="amount")
        given = amount or left
        charge.amount_refunded += given
        made = Refund(self._id("re"), intent.id, charge.id, given, intent.currency, self.refund_status, int(self.now()))
        self.refunds[made.id] = made
        self.changed.append(("charge.refunded", intent.id))
        return made

    def open_session(self, session: Session) -> Session:
        if not SESSION_MIN_S <= session.expires_at - self.now() <= SESSION_MAX_S:
            raise Trouble(400, "invalid_request_error", "", param="expires_at")
        session.id = self._id("cs_test")
        self.sessions[session.id] = session
        return session

    def session(self, session_id: str) -> Session:
        if session_id not in self.sessions:
            raise Trouble(404, "invalid_request_error", "resource_missing", param="session")
        found = self.sessions[session_id]
        if found.status == "open" and self.now() >= found.expires_at:
            self._end(found)
        return found

    def expire(self, session: Session) -> Session:
        if session.status != "open":
            raise Trouble(400, "invalid_request_error", "")
        self._end(session)
        return session

    def _end(self, session: Session) -> None:
        session.status = "expired"
        if session.intent_id is not None and self.intents[session.intent_id].status == "requires_payment_method":
            self.cancel(self.intents[session.intent_id])
        self.changed.append(("checkout.session.expired", session.id))

    def pay_session(self, session: Session, method_id: str) -> Intent:
        """A card typed on the page; the session's intent is made with the first one. Raises Trouble for a refusal."""
        if session.status != "open":
            raise Trouble(400, "invalid_request_error", "")
        if session.intent_id is None:
            made = self.create(session.amount, session.currency, session.capture_method, dict(session.intent_metadata))
            session.intent_id = made.id
        intent = self.confirm(self.intents[session.intent_id], method_id, no_action=True)
        session.status = "complete"
        self.changed.append(("checkout.session.completed", session.id))
        return intent

    # --- what tests read ------------------------------------------------------------------------------------------

    def captured_centimes(self, order_id: str) -> int:
        """What the customer paid for an order, all its captures added up."""
        return sum(one.received for one in self.intents.values() if one.metadata.get("order_id") == order_id)

    def captures(self, order_id: str) -> int:
        return sum(
            one.status == "succeeded" for one in self.intents.values() if one.metadata.get("order_id") == order_id
        )

    def credited_centimes(self, order_id: str) -> int:
        ours = {one.id for one in self.intents.values() if one.metadata.get("order_id") == order_id}
        return sum(one.amount for one in self.refunds.values() if one.intent_id in ours)
