"""The gateway's JSON, as far as it is read, and the forms that are posted to it (protocols/payment-intents.md, Wire).

Rule of this file: strict types, unknown fields are passed over, and what cannot be read is None, never an exception.
Pure.
"""

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.cards import Card, Secret
from core.ports import Order

ANSWER_MAX_BYTES = 2 * 1024 * 1024  # a list of a hundred intents
ORDER_KEY, WAY_KEY, UNTIL_KEY = "order_id", "way", "page_until"  # our names in an object's metadata
BY_PHONE, BY_PAGE = "phone", "page"

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,255}$")]
Text = Annotated[str, Field(max_length=2_000)]
Centimes = Annotated[int, Field(ge=0, le=10**12)]
Form = Mapping[str, str]


class ReadObject(BaseModel):
    """The base of every object that is read."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


Read = TypeVar("Read", bound=ReadObject)


class CardUsed(ReadObject):
    """The card behind a charge, as far as a receipt and a dispute need it."""

    brand: Text | None = None
    last4: Annotated[str, Field(pattern=r"^[0-9]{4}$")] | None = None
    authorization_code: Text | None = None
    network_transaction_id: Text | None = None


class MethodUsed(ReadObject):
    """Tells how a charge was paid."""

    card: CardUsed | None = None


class ChargeObject(ReadObject):
    """A try to take money; an intent names its latest."""

    id: Id
    status: Text
    amount: Centimes
    captured: bool
    amount_refunded: Centimes
    currency: Text
    payment_method_details: MethodUsed | None = None


class ErrorObject(ReadObject):
    """Tells why a request, or an intent's last try, was refused."""

    type: Text | None = None
    code: Text | None = None
    decline_code: Text | None = None


class IntentObject(ReadObject):
    """A PaymentIntent. `latest_charge` is its id alone unless it was asked for whole."""

    id: Id
    object: Text
    status: Text
    amount: Centimes
    amount_received: Centimes
    amount_capturable: Centimes = 0
    currency: Text
    metadata: dict[str, str] = Field(default_factory=dict)
    latest_charge: ChargeObject | str | None = None
    last_payment_error: ErrorObject | None = None

    @property
    def order_id(self) -> str:
        return self.metadata.get(ORDER_KEY, "")


class SessionObject(ReadObject):
    """A checkout session; its intent exists from the first card on."""

    id: Id
    object: Text
    status: Text | None = None
    url: Text | None = None
    payment_intent: str | None = None
    client_reference_id: Text | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class MethodObject(ReadObject):
    """A PaymentMethod: a card as the gateway keeps it."""

    id: Id


class RefundObject(ReadObject):
    """Money that was given back."""

    id: Id
    status: Text | None
    amount: Centimes
    currency: Text
    failure_reason: Text | None = None


class IntentList(ReadObject):
    data: tuple[IntentObject, ...]
    has_more: bool


class SessionList(ReadObject):
    data: tuple[SessionObject, ...]
    has_more: bool


class RefundList(ReadObject):
    data: tuple[RefundObject, ...]
    has_more: bool


class Refused(ReadObject):
    """The body of an answer that is no success."""

    error: ErrorObject


def read(kind: type[Read], body: bytes) -> Read | None:
    """An object of that kind; None for anything else."""
    try:
        return kind.model_validate_json(body)
    except (ValidationError, RecursionError):
        return None


# --- what is posted ---------------------------------------------------------------------------------------------------


def intent_form(order: Order, currency: str, *, moto: bool) -> Form:
    """An intent that charges nothing yet: the same order asks with the same words, so its repeat is the same intent."""
    options = {"payment_method_options[card][moto]": "true"} if moto else {}
    return {
        "amount": str(order.amount_centimes),
        "currency": currency,
        "payment_method_types[0]": "card",
        "capture_method": "automatic",
        f"metadata[{ORDER_KEY}]": order.id,
        f"metadata[{WAY_KEY}]": BY_PHONE,
        **options,
    }


def method_form(card: Card, cvv: Secret) -> Form:
    """The card. Nothing is charged by this."""
    return {
        "type": "card",
        "card[number]": card.pan.reveal(),
        "card[exp_month]": str(card.expiry_month),
        "card[exp_year]": str(card.expiry_year),
        "card[cvc]": cvv.reveal(),
    }


def confirm_form(method_id: str) -> Form:
    """The one request that charges. A telephone has nowhere to show a bank's page: such a try is refused instead."""
    return {"payment_method": method_id, "error_on_requires_action": "true", "expand[0]": "latest_charge"}


def session_form(order_id: str, payment_form: Form, until: int) -> Form:
    """A checkout session whose money is only held until `capture`. `until`: when our page's time is over."""
    return {
        "mode": "payment",
        "client_reference_id": order_id,
        "payment_method_types[0]": "card",
        "line_items[0][quantity]": "1",
        "payment_intent_data[capture_method]": "manual",
        f"payment_intent_data[metadata][{ORDER_KEY}]": order_id,
        f"payment_intent_data[metadata][{WAY_KEY}]": BY_PAGE,
        f"metadata[{ORDER_KEY}]": order_id,
        f"metadata[{UNTIL_KEY}]": str(until),
        **payment_form,
    }
