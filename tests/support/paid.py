"""A payment that was made, for tests of what people are shown of it."""

from datetime import UTC, date, datetime

from core.billing.invoices import Invoice, total
from core.languages import LanguageCode
from core.payments.table import Payment, PaymentState
from core.subscribers.lines import ServiceType

BILLS = (
    Invoice("0012345678", date(2019, 5, 1), 76920, date(2019, 6, 15)),
    Invoice("0012345999", date(2019, 6, 1), 100000, date(2019, 7, 15)),
)
PAID_AT = datetime(2026, 11, 23, 13, 5, 59, tzinfo=UTC)


def paid(
    language: LanguageCode = LanguageCode.FR,
    state: PaymentState = PaymentState.CAPTURED,
    bills: tuple[Invoice, ...] = BILLS,
) -> Payment:
    """As the books give it back after the bank's yes."""
    return Payment(
        id="01KATWQ2YD0123456789ABCDEF",
        reference="482913",
        state=state,
        service=ServiceType.MOBILE,
        line_reference="0600000001",
        payer_msisdn="+212600000001",
        email="salma@example.com",
        email_typed=True,
        language=language,
        channel="ussd",
        invoices=bills,
        amount_centimes=total(bills),
        currency="MAD",
        created_at=datetime(2026, 11, 23, 13, 0, tzinfo=UTC),
        expires_at=datetime(2026, 11, 23, 13, 15, tzinfo=UTC),
        attempts=1,
        auth_code="Q41T9Z",
        transaction_number="26327NF2C10099",
        card_brand="visa",
        card_last4="0010",
        receipt_number="2026-00000042",
        receipt_token="3f1c9a5be07d42c68a90b1c2d3e4f506",
        paid_at=PAID_AT,
    )
