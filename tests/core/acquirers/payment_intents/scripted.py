"""The client with its answers written down beforehand, and the objects that are answered; no network."""

import json
from collections.abc import Mapping
from typing import Any

from core.acquirers.breaker import Breaker
from core.acquirers.payment_intents.client import PaymentIntentsAcquirer
from core.acquirers.payment_intents.transport import GatewayAccount
from core.cards import Card, Secret
from core.http_peer import HttpReply
from core.ports import (
    Approved,
    Decline,
    DeclineKind,
    NotSent,
    Order,
    UnknownOutcome,
)
from tests.core.scripted_peer import Answer, ScriptedPeer, Sent

CARD, CVV = Card(Secret("4242424242424242"), 12, 2031), Secret("000")
ORDER = Order("o-1", 5000, "MAD", None, "+212600000001")
LOST, AWAY = UnknownOutcome("lost"), NotSent("away")
NOW_S = 1_790_000_000.0
CHARGE = {
    "id": "ch_1",
    "status": "succeeded",
    "amount": 5000,
    "captured": True,
    "amount_refunded": 0,
    "currency": "mad",
}
REPLAYED = {"Idempotent-Replayed": "true"}


def intent(status: str, intent_id: str = "pi_1", **changes: object) -> dict[str, Any]:
    charged = {"succeeded": CHARGE, "requires_capture": CHARGE | {"captured": False}}.get(status)
    return {
        "id": intent_id,
        "object": "payment_intent",
        "status": status,
        "amount": 5000,
        "amount_received": 5000 if status == "succeeded" else 0,
        "amount_capturable": 5000 if status == "requires_capture" else 0,
        "currency": "mad",
        "metadata": {"order_id": "o-1", "way": "phone"},
        "latest_charge": charged,
        **changes,
    }


def ok(said: object, headers: Mapping[str, str] | None = None) -> HttpReply:
    return HttpReply(200, json.dumps(said).encode(), headers or {})


def error(status: int, headers: Mapping[str, str] | None = None, **said: str) -> HttpReply:
    return HttpReply(status, json.dumps({"error": said}).encode(), headers or {})


def page_of(*those: object, more: bool = False) -> HttpReply:
    return ok({"data": those, "has_more": more})


NEW, METHOD, NONE = ok(intent("requires_payment_method")), ok({"id": "pm_1"}), page_of()
PAID, HELD = intent("succeeded"), intent("requires_capture")
APPROVED = Approved("", "pi_1", 5000)
FAILED_CARD = error(402, type="card_error", code="card_declined", decline_code="insufficient_funds")
NO_MONEY = Decline("insufficient_funds", DeclineKind.OTHER_CARD)


def client(*answers: Answer, pages: bool = False, breaker: Breaker | None = None) -> PaymentIntentsAcquirer:
    account = GatewayAccount("https://api.example/", Secret("sk_1"))
    made = PaymentIntentsAcquirer(account, pages=pages, breaker=breaker, now=lambda: NOW_S)
    made.exchange._peer = ScriptedPeer(answers)
    return made


def sent(made: PaymentIntentsAcquirer) -> list[Sent]:
    assert isinstance(made.exchange._peer, ScriptedPeer)
    assert made.exchange._peer.answers == [], "everything was asked"
    return made.exchange._peer.sent


def paths(made: PaymentIntentsAcquirer) -> list[str]:
    return [f"{each.method} {each.url.path}" for each in sent(made)]
