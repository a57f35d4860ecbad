"""What each status and code of the gateway means, as data literals.

Rule of this file: what no line names decides nothing. Pure (docs/protocols/payment-intents.md, Statuses and codes).
"""

import re
from enum import StrEnum

from core.ports import DeclineKind

CODE_MAX_CHARS = 64
_CLEAN = re.compile(rf"[a-z0-9_]{{1,{CODE_MAX_CHARS}}}", re.ASCII)


class IntentStatus(StrEnum):
    """The documented statuses of an intent; a word beside them is Unknown."""

    NO_METHOD = "requires_payment_method"
    UNCONFIRMED = "requires_confirmation"
    ACTION = "requires_action"
    PROCESSING = "processing"
    HELD = "requires_capture"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"


class RefundStatus(StrEnum):
    """The documented statuses of a refund."""

    PENDING = "pending"
    ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


# Money of these is given back, or is on its way: a refund of the same amount must not be sent once more.
GIVEN_BACK = frozenset({RefundStatus.PENDING, RefundStatus.ACTION, RefundStatus.SUCCEEDED})
CAME_TO_NOTHING = frozenset({RefundStatus.FAILED, RefundStatus.CANCELED})

LIMIT_CODES = frozenset({"card_velocity_exceeded", "withdrawal_count_limit_exceeded"})
NEUTRAL_CODES = frozenset(
    {
        *("fraudulent", "lost_card", "stolen_card", "pickup_card", "restricted_card", "security_violation"),
        *("merchant_blacklist", "highest_risk_level", "do_not_try_again", "stop_payment_order"),
    }
)
BUSY_CODES = frozenset({"issuer_not_available", "processing_error", "reenter_transaction", "try_again_later"})
OUR_FAULT_CODES = frozenset(
    {
        *("testmode_decline", "test_mode_live_card", "live_mode_test_card", "invalid_amount", "amount_too_large"),
        *("amount_too_small", "invalid_account", "service_not_allowed", "duplicate_transaction"),
    }
)

KINDS: dict[str, DeclineKind] = {
    **dict.fromkeys(LIMIT_CODES, DeclineKind.LIMIT),
    **dict.fromkeys(NEUTRAL_CODES, DeclineKind.NEUTRAL),
    **dict.fromkeys(BUSY_CODES, DeclineKind.BANK_BUSY),
    **dict.fromkeys(OUR_FAULT_CODES, DeclineKind.OUR_FAULT),
}

IDEMPOTENCY_ERROR = "idempotency_error"  # a type: our key was used with other parameters
LOCK_TIMEOUT = "lock_timeout"  # a code of 429: another request works on the object, so this says nothing of it
ALREADY_REFUNDED = "charge_already_refunded"
REFUSED_STATUSES = frozenset({400, 401, 402, 403, 404})  # documented as "not carried out"
TOO_MANY = 429
CARD_ERROR = 402


def clean_code(text: str | None) -> str:
    """A code fit for a log line: short and plain, else "?"; empty stays empty."""
    if not text:
        return ""
    return text if _CLEAN.fullmatch(text) else "?"


def kind_of(code: str) -> DeclineKind:
    """Returns how a card's refusal may be told to the customer; the gateway's list grows: an unlisted one is another
    card's.
    """
    return KINDS.get(code, DeclineKind.OTHER_CARD)
