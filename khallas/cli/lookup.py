"""`khallas lookup`: a payment and its story, for whoever answers 777 at a terminal."""

from collections.abc import Iterator
from datetime import datetime

from core.database.pool import open_database
from core.help_desk.lookup import Lookup, TimelineEntry
from core.money import dh
from core.payments.table import Payment, PaymentState
from core.subscribers.lines import mask_msisdn
from core.zone import ZONE
from khallas.bootstrap.acquirers import has_page
from khallas.bootstrap.hosted_page import pay_links
from khallas.settings.model import Settings


async def find(settings: Settings, text: str) -> list[tuple[dict[str, object], tuple[TimelineEntry, ...]]]:
    """Payments that the text could mean, each with its story. Raises DatabaseUnavailable."""
    url = settings.require_database_url()
    async with open_database(url) as database:
        lookup = Lookup(database)
        payments = []
        for payment in await lookup.find(text):
            story = await lookup.story(payment.id)
            report = _told(payment, story)
            if (
                has_page(settings)
                and settings.secret_keys
                and payment.state in {PaymentState.CREATED, PaymentState.DECLINED}
            ):
                report["pay_link"] = pay_links(settings).of(payment.id)  # for who would rather pay in a browser
            payments.append((report, story))
        return payments


def story_lines(report: dict[str, object], story: tuple[TimelineEntry, ...]) -> Iterator[str]:
    """The payment in words a person reads out: amounts in dirhams, times of this country."""
    for name, value in report.items():
        if name in {"story", "currency"}:
            continue
        if name.endswith("_centimes") and isinstance(value, int):
            name, value = name.removesuffix("_centimes"), dh(value)
        if isinstance(value, datetime):
            value = local(value)
        if isinstance(value, list):
            value = ", ".join(f"{each['number']} ({each['month']}) {dh(each['amount_centimes'])}" for each in value)
        yield f"{name:>20}  {value if value is not None else '-'}"
    for happening in story:
        detail = f"  ({happening.detail})" if happening.detail else ""
        request = f"  request {happening.request}" if happening.request else ""
        yield f"  {local(happening.at)}  {happening.what}: {happening.status}{detail}{request}"


def local(at: datetime) -> str:
    """A moment where the customer is, with its zone."""
    return f"{at.astimezone(ZONE):%Y-%m-%d %H:%M:%S %z}"


def _told(payment: Payment, story: tuple[TimelineEntry, ...]) -> dict[str, object]:
    return {
        "payment": payment.id,
        "state": payment.state.value,
        "amount_centimes": payment.amount_centimes,
        "currency": payment.currency,
        "service": payment.service.value,
        "line": payment.line_reference,
        "payer": mask_msisdn(payment.payer_msisdn),
        "authorisation": payment.auth_code,
        "transaction": payment.transaction_number,
        "receipt": payment.receipt_number,
        "card": f"{payment.card_brand} ****{payment.card_last4}" if payment.card_last4 else None,
        "paid_at": payment.paid_at,
        "invoices": [
            {"number": i.number, "month": f"{i.period:%Y-%m}", "amount_centimes": i.amount_centimes}
            for i in payment.invoices
        ],
        "story": [
            {"at": h.at, "what": h.what, "status": h.status, "detail": h.detail, "request": h.request} for h in story
        ],
    }
