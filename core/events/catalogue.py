"""What other systems are told of payments: the kinds of events, and what an event says. Pure.

Every event is a row of the append-only payment_events; its `sequence` is the row's place in the chain of hashes
(core/help_desk/audit.py), which one writer at a time gives to what is committed. No card is told, not even its last
digits; who pays and whose line it is are masked unless the endpoint was added for whole numbers.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import msgspec

from core.subscribers.lines import mask_msisdn, mask_reference


class EventType(StrEnum):
    """The names that receivers know."""

    CREATED = "payment.created"
    SENDING = "payment.sending"
    CHALLENGED = "payment.challenged"
    CAPTURED = "payment.captured"
    DECLINED = "payment.declined"
    UNKNOWN = "payment.unknown"
    EXPIRED = "payment.expired"
    MISMATCHED = "payment.amount_differs"
    VOIDED = "payment.voided"
    REFUNDED_PART = "payment.refunded.part"
    REFUNDED = "payment.refunded"
    BILL_POSTED = "bill.posted"
    BILL_REFUSED = "bill.posting_refused"


# payment_events.event -> what it is called outside; what is not here is our own business
TYPES: Mapping[str, EventType] = MappingProxyType(
    {
        "create": EventType.CREATED,
        "send": EventType.SENDING,
        "challenged": EventType.CHALLENGED,
        "approved": EventType.CAPTURED,
        "refused": EventType.DECLINED,
        "lost": EventType.UNKNOWN,
        "absent": EventType.EXPIRED,
        "expire": EventType.EXPIRED,
        "mismatch": EventType.MISMATCHED,
        "voided": EventType.VOIDED,
        "refunded": EventType.REFUNDED,
        "part_credited": EventType.REFUNDED_PART,
        "bill_credited": EventType.REFUNDED_PART,
        "bill_posted": EventType.BILL_POSTED,
        "bill_refused": EventType.BILL_REFUSED,
    }
)
OF_ONE_BILL = frozenset({EventType.REFUNDED_PART, EventType.BILL_POSTED, EventType.BILL_REFUSED})


class PaymentFact(msgspec.Struct, frozen=True):
    """A row of payment_events with what never changes of its payment. `row_id` names the event for ever.

    A struct, for a relay makes four of each payment.
    """

    row_id: int
    sequence: int
    at: datetime
    type: EventType
    state: str
    detail: str
    payment_id: str
    reference: str
    service: str
    line_reference: str
    payer_msisdn: str
    channel: str
    amount_centimes: int
    currency: str
    receipt_number: str | None

    @property
    def event_id(self) -> str:
        """The event's name, the same at every try: receivers drop repeats by it."""
        return f"evt_{self.row_id}"


def lasting_of(fact: PaymentFact, *, full: bool) -> dict[str, object]:
    """Returns what every event of this payment says of it. `full`: numbers whole."""
    return {
        "id": fact.payment_id,
        "reference": fact.reference,
        "amount_centimes": fact.amount_centimes,
        "currency": fact.currency,
        "service": fact.service,
        "line": fact.line_reference if full else mask_reference(fact.line_reference),
        "payer": fact.payer_msisdn if full else mask_msisdn(fact.payer_msisdn),
        "channel": fact.channel,
    }


def data_of(fact: PaymentFact, lasting: Mapping[str, object]) -> dict[str, object]:
    """Returns what an event says; `lasting` is its payment's."""
    payment = {**lasting, "state": fact.state}
    if fact.receipt_number and fact.type is EventType.CAPTURED:
        payment["receipt_number"] = fact.receipt_number
    data: dict[str, object] = {"sequence": fact.sequence, "payment": payment}
    if fact.type in OF_ONE_BILL and fact.detail:
        data["bill"] = {"number": fact.detail}
    return data
