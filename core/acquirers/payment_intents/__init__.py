"""A hosted gateway that takes payments as PaymentIntents over a JSON API (docs/protocols/payment-intents.md)."""

from core.acquirers.payment_intents.joining import connect, connect_page

__all__ = ["connect", "connect_page"]
