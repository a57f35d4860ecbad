"""Receipt numbers run without gaps, also when many pay at once and some of them lose; what a link ends with."""

import asyncio
from dataclasses import replace

import pytest

from core.messaging.receipts import receipt_number, token_plausible
from core.payments.table import IllegalMove, Payment, PaymentEvent, PaymentState
from core.repositories import Change
from core.subscribers.lines import ServiceType
from lab.clocks import NOON
from tests.support.bank import CARD, CVV
from tests.support.shop import Shop

LINES = 12


def test_numbers_sort_as_they_were_given() -> None:
    assert (receipt_number(2026, 42), receipt_number(2026, 10**9)) == ("2026-00000042", "2026-1000000000")


@pytest.mark.parametrize(
    ("text", "plausible"),
    [("0af9" * 8, True), ("F" * 32, False), ("g" * 32, False), ("a" * 31, False), ("a" * 33, False), ("", False)],
)
def test_a_token_is_32_small_hexadecimal_digits(text: str, plausible: bool) -> None:
    assert token_plausible(text) is plausible


async def test_numbers_have_no_gaps(shop: Shop) -> None:
    for number in range(LINES):
        values = {"reference": f"06000001{number:02d}", "number": f"bill-{number}"}
        await shop.database.do(
            "INSERT INTO lines (service, reference, holder, contact_msisdn, payment_code, language, updated_at) "
            "VALUES ('mobile', %(reference)s, 'x', '+212600000001', '1234', 'fr', now())",
            **values,
        )
        await shop.database.do(
            "INSERT INTO invoices (service, line_reference, number, period, amount_centimes, due_date, updated_at) "
            "VALUES ('mobile', %(reference)s, %(number)s, '2026-10-01', 100, '2026-11-25', now())",
            **values,
        )

    async def pay(number: int) -> Payment:
        reference = f"06000001{number:02d}"
        bills = await shop.billing.unpaid(ServiceType.MOBILE, reference)
        order = replace(shop.order(f"k{number}", f"+2126000001{number:02d}"), line_reference=reference, invoices=bills)
        payment = await shop.started(order)
        # twice at once: a race that one of them loses inside the paid commit
        await asyncio.gather(*(shop.till.authorise(payment.id, CARD, CVV, wait_s=10) for _ in range(2)))
        capture = Change(PaymentEvent.APPROVED, auth_code="x", transaction_number="y")
        with pytest.raises(IllegalMove):
            await shop.books.payments.capture(payment.id, capture, NOON, "0" * 32)
        paid = await shop.till.payment(payment.id)
        assert paid is not None
        return paid

    paid = await asyncio.gather(*(pay(number) for number in range(LINES)))
    assert {payment.state for payment in paid} == {PaymentState.CAPTURED}
    numbers = sorted(payment.receipt_number or "" for payment in paid)
    assert numbers == [receipt_number(2026, sequence) for sequence in range(1, LINES + 1)]
    assert len({payment.receipt_token for payment in paid}) == LINES
