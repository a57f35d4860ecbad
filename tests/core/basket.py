"""A bill, and a payment of it that waits for its card."""

from datetime import date, timedelta

from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.payments.table import Payment, PaymentState
from core.subscribers.lines import ServiceType
from lab.clocks import NOON

MAY = Invoice("0000171682062019", date(2019, 5, 1), 76920, date(2019, 6, 25))
PAYMENT = Payment(
    id="01JDEMO",
    reference="345678",
    state=PaymentState.CREATED,
    service=ServiceType.MOBILE,
    line_reference="0600000001",
    payer_msisdn="+212600000001",
    email=None,
    language=LanguageCode.FR,
    channel="ussd",
    invoices=(MAY,),
    amount_centimes=76920,
    currency="MAD",
    created_at=NOON,
    expires_at=NOON + timedelta(minutes=30),
)
