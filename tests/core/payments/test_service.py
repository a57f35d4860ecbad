"""A bill is paid: the intent first, the receipt in the same commit, the posting and the messages after it."""

from core.payments.refusal import Refusal
from core.payments.table import PaymentState
from core.subscribers.lines import ServiceType
from tests.support.bank import CARD, CVV
from tests.support.shop import BILL, PAYER, Shop


async def test_the_guides_bill_is_paid(shop: Shop) -> None:
    started = await shop.started()
    assert (started.state, started.amount_centimes, len(started.reference)) == (PaymentState.CREATED, 76920, 6)
    assert await shop.till.payment(started.id) == started
    paid = await shop.till.authorise(started.id, CARD, CVV, wait_s=60)
    assert not isinstance(paid, Refusal)
    assert (paid.state, paid.auth_code, paid.receipt_number) == (PaymentState.CAPTURED, "000001", "2026-00000001")
    assert (paid.card_brand, paid.card_last4, len(paid.receipt_token or "")) == ("visa", "0010", 32)
    assert await shop.till.by_receipt_token(paid.receipt_token or "") == paid
    assert [(order.id, order.amount_centimes, order.currency) for order in shop.bank.orders] == [
        (started.id, 76920, "MAD")
    ]
    assert await shop.story(paid) == ["create>created", "send>sending", "approved>captured"]


async def test_receipts_and_posting_are_jobs_of_the_paid_commit(shop: Shop) -> None:
    paid = await shop.paid()
    jobs = await shop.database.all("SELECT task_name FROM procrastinate_jobs ORDER BY task_name")
    assert [row["task_name"] for row in jobs] == ["khallas.deliver", "khallas.deliver", "khallas.post"]
    await shop.work()
    assert [(sms.to_msisdn, sms.text) for sms in shop.gateways.sms] == [(PAYER, "receipt 000001")]
    assert shop.gateways.mails == [(paid.id, "salma@example.com")]
    assert await shop.postings(paid) == ["posted"]
    assert await shop.till.unpaid(ServiceType.MOBILE, "0600000001") is Refusal.NOTHING_TO_PAY
    await shop.sweep.run()
    await shop.work()
    assert (len(shop.gateways.sms), len(shop.gateways.mails)) == (1, 1)


async def test_what_was_paid_is_not_offered_again_before_it_is_posted(shop: Shop) -> None:
    assert await shop.till.unpaid(ServiceType.MOBILE, "0600000001") == (BILL,)
    await shop.paid()
    assert await shop.till.unpaid(ServiceType.MOBILE, "0600000001") is Refusal.NOTHING_TO_PAY
    again = await shop.till.start(shop.order("ussd:9:1"))
    assert again is Refusal.IN_PROGRESS
