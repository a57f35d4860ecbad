"""What screens may say of a payment that waits for its card. Pure."""

from datetime import datetime

import msgspec

from core.payments.table import ATTEMPTS_MAX, DECLINES_MAX, Payment, PaymentState


class Basket(msgspec.Struct, frozen=True):
    """A payment that waits for its card: what screens may say of it."""

    payment_id: str
    reference: str
    amount_centimes: int
    attempts: int = 0  # sent so far: what a poll must see exceeded before it believes an answer
    until: datetime | None = None  # it waits no longer than that


def basket_of(payment: Payment) -> Basket:
    return Basket(payment.id, payment.reference, payment.amount_centimes, payment.attempts, payment.expires_at)


def takes_another_card(payment: Payment) -> bool:
    """Returns whether the till would still send a card for this basket."""
    if payment.declines >= DECLINES_MAX or payment.attempts >= ATTEMPTS_MAX:
        return False
    return payment.state in {PaymentState.CREATED, PaymentState.DECLINED}
