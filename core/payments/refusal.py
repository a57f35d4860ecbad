"""The reasons why the payment service did not do what it was asked. Pure."""

from enum import StrEnum


class Refusal(StrEnum):
    """Tells why a request was not carried out; each is a screen's words, never an exception."""

    WRONG_CODE = "wrong_code"  # also: no such line; the same words and time (docs/protocols/security.md 12)
    LOCKED = "locked"  # too many wrong codes
    CARD_LOCKED = "card_locked"  # too many cards, or one too often; the basket is let go
    IN_PROGRESS = "in_progress"  # another payment holds one of the bills
    NOTHING_TO_PAY = "nothing_to_pay"
    BILLS_CHANGED = "bills_changed"  # amount or list differs from what was shown
    BILLING_DOWN = "billing_down"
    BANK_DOWN = "bank_down"  # certainly nothing charged; try later
    EXPIRED = "expired"  # the basket is too old
    TOO_MANY_DECLINES = "too_many_declines"
