"""TM Forum's shapes: customer bills (TMF678 v4) in, payments (TMF676 v4) out. Pure.

Rule of this file: amounts are decimal numbers on the wire and whole centimes here; a bill that cannot be read is an
error of the billing system, never a bill left out: who owes it would be told that nothing is to pay.
"""

from datetime import date, datetime
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.invoices import Invoice
from core.payment import Payment
from core.refunds import Reversal

BILL_PATH = "customerBillManagement/v4/customerBill"
PAYMENT_PATH = "paymentManagement/v4/payment"
REFUND_PATH = "paymentManagement/v4/refund"
OWED_STATES = frozenset({"new", "validated", "sent", "partiallyPaid"})  # not: onHold, settled
CENTIMES = 100
CORRELATOR_MAX = 100


class NotTmf(Exception):
    """The billing system's fault: an answer that is no TMF678 or TMF676."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class Money(_Part):
    """`value` in the unit's own whole: 769.20."""

    unit: str
    value: Decimal


class Period(_Part):
    """When what is billed was used; the month of its start names the bill."""

    startDateTime: datetime  # noqa: N815 - TM Forum's name


class CustomerBill(_Part):
    """The fields of TMF678's CustomerBill that are needed."""

    id: str = Field(min_length=1, max_length=100)
    billNo: str = Field(min_length=1, max_length=64)  # noqa: N815 - TM Forum's name
    state: str
    billDate: datetime  # noqa: N815 - TM Forum's name
    paymentDueDate: datetime  # noqa: N815 - TM Forum's name
    amountDue: Money  # noqa: N815 - TM Forum's name
    remainingAmount: Money | None = None  # noqa: N815 - TM Forum's name
    billingPeriod: Period | None = None  # noqa: N815 - TM Forum's name

    def owed(self, currency: str) -> Invoice | None:
        """The bill as customers see it; None when nothing is owed. Raises NotTmf for another currency or half cents."""
        money = self.remainingAmount or self.amountDue
        centimes = money.value * CENTIMES
        if money.unit != currency or centimes != int(centimes):
            raise NotTmf("a bill's amount is not in our currency's centimes")
        if self.state not in OWED_STATES or centimes <= 0:
            return None
        start = (self.billingPeriod.startDateTime if self.billingPeriod else self.billDate).date()
        return Invoice(self.billNo, date(start.year, start.month, 1), int(centimes), self.paymentDueDate.date())


class KnownPayment(_Part):
    """What is asked of TMF676's Payment, and of its Refund."""

    id: str = ""
    correlatorId: str  # noqa: N815 - TM Forum's name
    status: str = "done"


_BILLS: TypeAdapter[list[CustomerBill]] = TypeAdapter(list[CustomerBill])
_PAYMENTS: TypeAdapter[list[KnownPayment]] = TypeAdapter(list[KnownPayment])


def bills_of(body: bytes) -> list[CustomerBill]:
    """Raises NotTmf."""
    try:
        return _BILLS.validate_json(body)
    except ValidationError as error:
        raise NotTmf(f"{error.error_count()} faults in a list of bills") from None


def payments_of(body: bytes) -> list[KnownPayment]:
    """Raises NotTmf."""
    try:
        return _PAYMENTS.validate_json(body)
    except ValidationError as error:
        raise NotTmf(f"{error.error_count()} faults in a list of payments") from None


def correlator(payment: Payment, number: str) -> str:
    """What makes a repeat recognisable: our payment and the bill."""
    return f"{payment.id}:{number}"[:CORRELATOR_MAX]


def payment_body(payment: Payment, invoice: Invoice, bill_id: str, account_id: str) -> dict[str, object]:
    """TMF676's Payment_Create for one bill; it holds nothing of the card."""
    money = {"unit": payment.currency, "value": invoice.amount_centimes / CENTIMES}
    paid_at = payment.paid_at or payment.created_at
    return {
        "@type": "Payment",
        "correlatorId": correlator(payment, invoice.number),
        "authorizationCode": payment.auth_code or "",
        "paymentDate": paid_at.isoformat(),
        "account": {"id": account_id, "@referredType": "BillingAccount"},
        "amount": money,
        "totalAmount": money,
        "paymentMethod": {"@type": "BankCard", "name": "card"},
        "channel": {"name": payment.channel},
        "paymentItem": [
            {"amount": money, "totalAmount": money, "item": {"id": bill_id, "@referredType": "CustomerBill"}}
        ],
    }


def refund_body(reversal: Reversal, payment_id: str, account_id: str, now: datetime) -> dict[str, object]:
    """TMF676's Refund_Create: so much of the payment that billing knows by `payment_id` went back."""
    payment = reversal.payment
    money = {"unit": payment.currency, "value": reversal.amount_centimes / CENTIMES}
    return {
        "@type": "Refund",
        "correlatorId": reversal.reference[:CORRELATOR_MAX],
        "authorizationCode": payment.auth_code or "",
        "refundDate": now.isoformat(),
        "account": {"id": account_id, "@referredType": "BillingAccount"},
        "payment": {"id": payment_id, "@referredType": "Payment"},
        "amount": money,
        "totalAmount": money,
        "paymentMethod": {"@type": "BankCard", "name": "card"},
        "channel": {"name": payment.channel},
    }
