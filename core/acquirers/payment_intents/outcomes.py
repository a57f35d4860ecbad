"""From the gateway's objects to the till's types.

Rule of this file: an outcome is no better than the words it stands on. Paid is `succeeded`, for this order, in our
currency, with a charge that says the same; a contradiction is Unknown. Pure.
"""

import re
from collections.abc import Sequence

from core.acquirers.payment_intents.codes import IntentStatus, clean_code, kind_of
from core.acquirers.payment_intents.wire import BY_PAGE, WAY_KEY, ChargeObject, ErrorObject, IntentObject
from core.chargebacks.model import NO_FACTS, DisputeFacts
from core.ports import (
    Approved,
    AuthorisedOnly,
    Decline,
    DeclineKind,
    Inquiry,
    NoSuchOrder,
    Pending,
    Undone,
    UnknownOutcome,
)

CHARGED = "succeeded"  # a charge's own word, of one that is only held too
_BRAND = re.compile(r"[a-z_ ]{1,20}", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9]{1,12}", re.ASCII)
_REFERENCE = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


def judged(intent: IntentObject, order_id: str, currency: str) -> Inquiry:
    """Returns what one intent says of its order."""
    if intent.object != "payment_intent" or intent.order_id != order_id:
        return UnknownOutcome("an intent of another order")
    if intent.currency.lower() != currency:
        return UnknownOutcome("an intent in another currency")
    match intent.status:
        case IntentStatus.SUCCEEDED:
            return _taken(intent)
        case IntentStatus.HELD:
            return _held(intent)
        case IntentStatus.PROCESSING:
            return Pending()
        case IntentStatus.ACTION if intent.metadata.get(WAY_KEY) == BY_PAGE:
            return Pending()
        case IntentStatus.ACTION:
            # nobody was given its page: it can only be confirmed again, by us
            return Decline("authentication_required", DeclineKind.OTHER_CARD)
        case IntentStatus.CANCELED:
            charge = intent.latest_charge
            return Undone() if isinstance(charge, ChargeObject) and charge.status == CHARGED else _untaken(intent)
        case IntentStatus.NO_METHOD | IntentStatus.UNCONFIRMED:
            return _untaken(intent)
    return UnknownOutcome("an intent of an unknown status")


def refusal_of(error: ErrorObject) -> Decline:
    """A card's refusal: the bank's reason where it is told."""
    code = clean_code(error.decline_code) or clean_code(error.code) or clean_code(error.type)
    return Decline(code, kind_of(code))


def standing_of(answers: Sequence[Inquiry]) -> Inquiry:
    """Returns what several intents say of one order together: what took, or may take, money outweighs what did not."""
    taken = [one for one in answers if isinstance(one, Approved)]
    if len(taken) > 1:
        return UnknownOutcome("an order that was charged twice")
    # an unread intent may be the one that charged
    for kind in (Approved, UnknownOutcome, AuthorisedOnly, Pending, Undone, Decline):
        for one in answers:
            if isinstance(one, kind):
                return one
    return NoSuchOrder()


def settles(answer: Inquiry) -> bool:
    """Returns whether further intents of the same order would not change it: there is one that took the money, or may
    yet.
    """
    return isinstance(answer, Approved | AuthorisedOnly | Pending)


def _untaken(intent: IntentObject) -> Inquiry:
    return refusal_of(intent.last_payment_error) if intent.last_payment_error is not None else NoSuchOrder()


def _taken(intent: IntentObject) -> Inquiry:
    charge = intent.latest_charge
    if not isinstance(charge, ChargeObject) or charge.status != CHARGED or not charge.captured:
        return UnknownOutcome("paid, and its charge does not say so")
    if charge.currency.lower() != intent.currency.lower() or intent.amount_received <= 0:
        return UnknownOutcome("paid, with an amount that cannot be believed")
    if charge.amount_refunded >= intent.amount_received:
        return Undone()
    return Approved(_auth_code(charge), intent.id, intent.amount_received, _brand(charge), _facts(charge))


def _held(intent: IntentObject) -> Inquiry:
    charge = intent.latest_charge
    if not isinstance(charge, ChargeObject) or charge.status != CHARGED or charge.captured:
        return UnknownOutcome("held, and its charge does not say so")
    if intent.amount_capturable <= 0:
        return UnknownOutcome("held, with an amount that cannot be believed")
    return AuthorisedOnly(_auth_code(charge), intent.id, intent.amount_capturable)


def _auth_code(charge: ChargeObject) -> str:
    card = charge.payment_method_details.card if charge.payment_method_details else None
    code = (card.authorization_code or "") if card else ""
    return code if _CODE.fullmatch(code) else ""


def _brand(charge: ChargeObject) -> str | None:
    card = charge.payment_method_details.card if charge.payment_method_details else None
    brand = (card.brand or "") if card else ""
    return brand if _BRAND.fullmatch(brand) else None


def _facts(charge: ChargeObject) -> DisputeFacts:
    card = charge.payment_method_details.card if charge.payment_method_details else None
    if card is None:
        return NO_FACTS
    reference = card.network_transaction_id or ""
    return DisputeFacts(
        rrn=reference if _REFERENCE.fullmatch(reference) else "",
        masked_card=f"{'*' * 12}{card.last4}" if card.last4 else "",
    )
