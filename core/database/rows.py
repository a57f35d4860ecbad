"""Rows to values and back. The columns are those of the migrations. Pure."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.messaging.receipts import receipt_number
from core.payments.table import Challenge, Payment, PaymentState
from core.subscribers.lines import ServiceType


def bills_of(invoices: tuple[Invoice, ...]) -> list[dict[str, object]]:
    """The bills that the customer confirmed, for the payment's column `bills`."""
    return [
        {
            "number": invoice.number,
            "period": invoice.period.isoformat(),
            "amount_centimes": invoice.amount_centimes,
            "due_date": invoice.due_date.isoformat(),
        }
        for invoice in invoices
    ]


def _invoices_of(bills: list[dict[str, Any]]) -> tuple[Invoice, ...]:
    return tuple(
        Invoice(
            bill["number"],
            date.fromisoformat(bill["period"]),
            bill["amount_centimes"],
            date.fromisoformat(bill["due_date"]),
        )
        for bill in bills
    )


def _challenge_of(row: Mapping[str, Any]) -> Challenge | None:
    if row["challenge_id"] is None:
        return None
    return Challenge(
        row["challenge_id"], row["challenge_length"], row["challenge_attempts_left"], row["challenge_expires_at"]
    )


def payment_of(row: Mapping[str, Any]) -> Payment:
    """A row of payments joined with its receipt."""
    return Payment(
        id=row["id"],
        reference=row["reference"],
        state=PaymentState(row["state"]),
        service=ServiceType(row["service"]),
        line_reference=row["line_reference"],
        payer_msisdn=row["payer_msisdn"],
        email=row["email"],
        email_typed=row["email_typed"],
        language=LanguageCode(row["language"]),
        channel=row["channel"],
        invoices=_invoices_of(row["bills"]),
        amount_centimes=row["amount_centimes"],
        currency=row["currency"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        attempts=row["attempts"],
        sent_at=row["sent_at"],
        page_until=row["page_until"],
        declines=row["declines"],
        decline_kind=row["decline_kind"],
        challenge=_challenge_of(row),
        auth_code=row["auth_code"],
        transaction_number=row["transaction_number"],
        approved_centimes=row["approved_centimes"],
        card_brand=row["card_brand"],
        card_last4=row["card_last4"],
        receipt_number=None if row["sequence"] is None else receipt_number(row["year"], row["sequence"]),
        receipt_token=row["token"],
        paid_at=row["paid_at"],
        by_hand=row["by_hand"],
        wallet=row["wallet"],
        wallet_payer=row["wallet_payer"],
        acquirer=row["acquirer"],
        acquirer_free=row["acquirer_free"],
    )


def invoice_of(row: Mapping[str, Any]) -> Invoice:
    """A row of invoices."""
    return Invoice(row["number"], row["period"], row["amount_centimes"], row["due_date"])
