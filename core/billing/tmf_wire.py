"""TM Forum's shapes: customer bills (TMF678 v4) in, payments (TMF676 v4) out. Pure.

Rule of this file: amounts are decimal numbers on the wire and whole centimes here; a bill that is owed and cannot be
read is an error of the billing system, never a bill left out: who owes it would be told that nothing is to pay.
"""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from core.billing.invoices import Invoice
from core.payments.table import Payment
from core.refunds.model import Reversal
from core.zone import ZONE

BILL_PATH = "customerBillManagement/v4/customerBill"
PAYMENT_PATH = "paymentManagement/v4/payment"
REFUND_PATH = "paymentManagement/v4/refund"
SETTLED_STATES = frozenset({"settled", "onhold"})  # these owe nothing, in whatever case
CENTIMES = 100
NOISE_CENTIMES = Decimal("0.0001")  # what binary floats leave of 769.20
NUMBER_MAX = 64
CORRELATOR_MAX = 100


class NotTmf(Exception):
    """The billing system's fault: an answer that is no TMF678 or TMF676."""


def _text(value: object) -> object:
    """Numbers of a bill are text, whatever a system writes; none is empty."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _moment(value: object) -> datetime | None:
    """A date that cannot be read is none: another one of the bill stands in for it."""
    try:
        return _MOMENT.validate_python(value)
    except ValidationError:
        return None


def _period(value: object) -> object:
    return value if isinstance(value, dict) else None


Text = Annotated[str, BeforeValidator(_text), Field(max_length=100)]
_MOMENT: TypeAdapter[datetime | None] = TypeAdapter(datetime | None)
Moment = Annotated[datetime | None, BeforeValidator(_moment)]
Raw = object


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class Money(_Part):
    """`value` in the unit's own whole: 769.20. Without a unit it is the account's own currency."""

    unit: str | None = None
    value: Decimal

    def centimes(self, currency: str) -> int:
        """Converts the amount. Raises NotTmf for another currency, and for a true half centime; a binary float's noise
        is none.
        """
        exact = self.value * CENTIMES
        if not exact.is_finite():
            raise NotTmf("a bill's amount is no number")
        whole = exact.to_integral_value()
        if abs(exact - whole) > NOISE_CENTIMES:
            raise NotTmf("a bill's amount is not in our currency's centimes")
        if whole > 0 and self.unit is not None and self.unit.strip().upper() != currency.upper():
            raise NotTmf("a bill's amount is not in our currency's centimes")
        return int(whole)


class Period(_Part):
    """The period of use that is billed; the month of its start names the bill."""

    startDateTime: Moment = None  # noqa: N815 - TM Forum's name
    endDateTime: Moment = None  # noqa: N815 - TM Forum's name


class CustomerBill(_Part):
    """The fields of TMF678's CustomerBill that are needed; its schema requires none of them.

    Amounts stay as they came until the bill turns out to be owed: an old bill that is settled may hold anything.
    """

    id: Text = ""
    billNo: Text = ""  # noqa: N815 - TM Forum's name
    state: Text = ""
    billDate: Moment = None  # noqa: N815 - TM Forum's name
    paymentDueDate: Moment = None  # noqa: N815 - TM Forum's name
    amountDue: Raw = None  # noqa: N815 - TM Forum's name
    remainingAmount: Raw = None  # noqa: N815 - TM Forum's name
    billingPeriod: Annotated[Period | None, BeforeValidator(_period)] = None  # noqa: N815 - TM Forum's name

    @model_validator(mode="after")
    def _is_a_bill(self) -> "CustomerBill":
        if not self.number:
            raise ValueError("neither id nor billNo")
        return self

    @property
    def number(self) -> str:
        """The number that is printed on the bill."""
        return self.billNo or self.id

    def owed(self, currency: str, today: date) -> Invoice | None:
        """The bill as customers see it; None when nothing is owed. Raises NotTmf when it is, and cannot be read.

        TM Forum's list of states is a recommendation: only the two that owe nothing are known, any other owes.
        `today` stands in for a date that the bill does not have.
        """
        if _folded(self.state) in SETTLED_STATES:
            return None
        raw = self.amountDue if self.remainingAmount is None else self.remainingAmount
        try:
            centimes = Money.model_validate(raw).centimes(currency)
        except ValidationError:
            raise NotTmf("a bill's amount is missing or is none") from None
        if centimes <= 0:
            return None
        if len(self.number) > NUMBER_MAX:
            raise NotTmf("a bill's number is too long")
        period = self.billingPeriod or Period()
        ended = None if period.endDateTime is None else period.endDateTime - timedelta(seconds=1)
        day = _day(period.startDateTime, ended, self.billDate, self.paymentDueDate) or today
        due = _day(self.paymentDueDate, self.billDate, ended) or today
        return Invoice(self.number, day.replace(day=1), centimes, due)


def _folded(state: str) -> str:
    return "".join(char for char in state.casefold() if char.isalpha())


def _day(*moments: datetime | None) -> date | None:
    """The first that is known, as the operator's calendar has it."""
    known = next((moment for moment in moments if moment is not None), None)
    if known is None:
        return None
    return known.astimezone(ZONE).date() if known.tzinfo else known.date()


class KnownPayment(_Part):
    """The fields that are read of TMF676's Payment, and of its Refund."""

    id: str = ""
    correlatorId: str  # noqa: N815 - TM Forum's name
    status: str = "done"


_BILLS: TypeAdapter[list[CustomerBill]] = TypeAdapter(list[CustomerBill])
_PAYMENTS: TypeAdapter[list[KnownPayment]] = TypeAdapter(list[KnownPayment])


def bills_of(body: bytes) -> list[CustomerBill]:
    """Reads the bills of an answer. Raises NotTmf."""
    try:
        return _BILLS.validate_json(body)
    except ValidationError as error:
        raise NotTmf(f"{error.error_count()} faults in a list of bills") from None


def payments_of(body: bytes) -> list[KnownPayment]:
    """Reads the payments of an answer. Raises NotTmf."""
    try:
        return _PAYMENTS.validate_json(body)
    except ValidationError as error:
        raise NotTmf(f"{error.error_count()} faults in a list of payments") from None


def correlator(payment: Payment, number: str) -> str:
    """The correlator that makes a repeat recognisable: our payment and the bill."""
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
