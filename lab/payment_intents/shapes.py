"""The stand-in's objects as the gateway writes them: with fields nobody reads, some of them of tomorrow. Pure."""

from collections.abc import Sequence

from lab.payment_intents.books import Charge, Intent, Refund, Session

Json = dict[str, object]
TOMORROW: Json = {"a_field_of_tomorrow": {"nested": [1, None, "é"]}, "livemode": False}


def intent_json(intent: Intent, *, whole: bool, status: str | None = None) -> Json:
    """An intent; `whole` with its latest charge instead of that charge's id."""
    charge = intent.charge
    return {
        **TOMORROW,
        "id": intent.id,
        "object": "payment_intent",
        "amount": intent.amount,
        "amount_capturable": intent.capturable,
        "amount_received": intent.received,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "capture_method": intent.capture_method,
        "client_secret": f"{intent.id}_secret_x",
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": None,
        "last_payment_error": intent.error,
        "latest_charge": None if charge is None else charge_json(intent, charge) if whole else charge.id,
        "metadata": dict(intent.metadata),
        "next_action": {"type": "use_stripe_sdk"} if intent.status == "requires_action" else None,
        "payment_method_types": ["card"],
        "status": status or intent.status,
    }


def charge_json(intent: Intent, charge: Charge) -> Json:
    card: Json = {
        "brand": charge.card.brand,
        "last4": charge.card.last4,
        "authorization_code": charge.auth_code or None,
        "network_transaction_id": "104557651805572",
        "three_d_secure": None,
    }
    return {
        **TOMORROW,
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": charge.amount if charge.captured else 0,
        "amount_refunded": charge.amount_refunded,
        "captured": charge.captured,
        "currency": charge.currency,
        "metadata": dict(intent.metadata),
        "paid": charge.status == "succeeded",
        "payment_intent": intent.id,
        "payment_method_details": {"type": "card", "card": card},
        "refunded": charge.amount_refunded >= charge.amount,
        "status": charge.status,
    }


def refund_json(refund: Refund) -> Json:
    return {
        **TOMORROW,
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "charge": refund.charge_id,
        "created": refund.created,
        "currency": refund.currency,
        "payment_intent": refund.intent_id,
        "status": refund.status,
        **({"failure_reason": "lost_or_stolen_card"} if refund.status == "failed" else {}),
    }


def session_json(session: Session, base: str) -> Json:
    return {
        **TOMORROW,
        "id": session.id,
        "object": "checkout.session",
        "amount_total": session.amount,
        "cancel_url": session.cancel_url,
        "client_reference_id": session.reference or None,
        "created": session.created,
        "currency": session.currency,
        "expires_at": session.expires_at,
        "metadata": dict(session.metadata),
        "mode": "payment",
        "payment_intent": session.intent_id,
        "payment_status": "unpaid",
        "status": session.status,
        "success_url": session.success_url,
        "url": f"{base}/c/pay/{session.id}#fidkdWxOYHwnPyd1" if session.status == "open" else None,
    }


def list_json(rows: Sequence[Json], url: str, *, more: bool = False, kind: str = "list") -> Json:
    return {"object": kind, "url": url, "has_more": more, "data": list(rows)}
