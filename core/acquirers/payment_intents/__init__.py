"""A hosted gateway that takes payments as PaymentIntents over a JSON API (docs/protocols/payment-intents.md)."""

from core.acquirers.payment_intents.joining import connect

__all__ = ["connect"]
