"""Bills by TMF678 and payments by TMF676, over HTTP against a stand-in that can be down, deaf and absurd."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import date

import pytest

from core.acquirers.registry import only
from core.billing.invoices import Invoice
from core.billing.posting import Poster
from core.billing.tmf_wire import NotTmf, bills_of, payment_body, payments_of
from core.billing.tmforum import PAGE_BILLS, TmfAccount, TmForumBilling
from core.cards import Secret
from core.languages import LanguageCode
from core.payments.orders import StartOrder
from core.payments.refusal import Refusal
from core.payments.service import PaymentService, Ports
from core.payments.table import Payment, PaymentState
from core.ports import BillingDown, Posting
from core.refunds.model import Reversal
from core.subscribers.lines import ServiceType
from lab.servers.serving import serving
from lab.tmf import TOKEN, BillingStandIn, Fault
from tests.support.bank import CARD, CVV
from tests.support.billing import MemoryLimits
from tests.support.shop import PAYER, Shop

REFERENCE, NUMBER = "0600000001", "0000171682062019"
BILL = Invoice(NUMBER, date(2026, 10, 1), 76920, date(2026, 10, 28))
LINE = (ServiceType.MOBILE, REFERENCE)


@dataclass
class Operator:
    """A billing system of others, our client of it, and a till that stands on it."""

    standin: BillingStandIn
    billing: TmForumBilling
    shop: Shop
    till: PaymentService
    poster: Poster

    async def paid(self) -> Payment:
        bills = await self.billing.unpaid(*LINE)
        order = StartOrder("tmf:1", "ussd", PAYER, LanguageCode.FR, None, *LINE, bills)
        started = await self.till.start(order)
        assert isinstance(started, Payment), started
        outcome = await self.till.authorise(started.id, CARD, CVV, wait_s=60)
        assert isinstance(outcome, Payment)
        return outcome


@pytest.fixture
async def operator(shop: Shop) -> AsyncIterator[Operator]:
    standin = BillingStandIn()
    standin.add_bill(REFERENCE, NUMBER, "769.20", "2026-10")
    async with serving(standin.app()) as url:
        account = TmfAccount(f"{url}/tmf-api", Secret(TOKEN))
        billing = TmForumBilling(account, shop.billing, "MAD", timeout_s=2.0)
        till = PaymentService(Ports(shop.books, billing, only(shop.bank), MemoryLimits(), shop.clock), times=shop.times)
        yield Operator(
            standin, billing, shop, till, Poster(shop.books, billing, only(shop.bank), shop.clock, shop.times)
        )
        await till.drain(5)
        await billing.aclose()


async def test_bills_are_read_oldest_first_and_only_what_is_owed(operator: Operator) -> None:
    operator.standin.add_bill(REFERENCE, "0000171682072019", "10.00", "2026-08")
    operator.standin.add_bill(REFERENCE, "held", "10.00", "2026-07", state="onHold")
    operator.standin.add_bill("0600000002", "another's", "10.00", "2026-07")
    operator.standin.add_bill(REFERENCE, "paid", "10.00", "2026-06")
    operator.standin.settle("paid")
    partly = operator.standin.bills[f"bill-{NUMBER}"]
    partly |= {"state": "partiallyPaid", "remainingAmount": {"unit": "MAD", "value": 69.2}}
    found = await operator.billing.unpaid(*LINE)
    assert [(bill.number, bill.amount_centimes) for bill in found] == [("0000171682072019", 1000), (NUMBER, 6920)]


async def test_many_bills_come_in_pages(operator: Operator) -> None:
    for number in range(PAGE_BILLS + 5):
        operator.standin.add_bill("0600000009", f"{number:016d}", "10.00", "2026-10")
    assert len(await operator.billing.unpaid(ServiceType.MOBILE, "0600000009")) == PAGE_BILLS + 5
    assert operator.standin.asked == 2


async def test_lines_and_codes_stay_ours(operator: Operator) -> None:
    line = await operator.billing.line(*LINE)
    assert line is not None
    assert await operator.billing.lines_of(line.contact_msisdn) == (line,)
    assert await operator.billing.code_matches(*LINE, await operator.billing.code_of(*LINE) or "")


async def test_a_paid_bill_is_posted_once_however_often_it_is_told(operator: Operator) -> None:
    payment = await operator.paid()
    await operator.poster.post(payment.id)
    assert await operator.shop.postings(payment) == ["posted"]
    assert await operator.billing.post(payment, BILL) is Posting.POSTED
    (told,) = operator.standin.payments.values()
    assert (told["correlatorId"], told["amount"]) == (f"{payment.id}:{NUMBER}", {"unit": "MAD", "value": 769.2})
    assert await operator.till.unpaid(*LINE) is Refusal.NOTHING_TO_PAY


async def test_billing_that_is_deaf_or_down_hears_it_later(operator: Operator) -> None:
    payment = await operator.paid()
    for fault in (Fault.DOWN, Fault.GARBAGE, Fault.DEAF):
        operator.standin.fault = fault
        await operator.poster.post(payment.id)
        assert await operator.shop.postings(payment) == ["pending"]
        operator.shop.clock.forward(3_600)
    operator.standin.fault = Fault.NONE
    await operator.poster.post(payment.id)
    assert await operator.shop.postings(payment) == ["posted"]
    assert len(operator.standin.payments) == 1


async def test_paid_elsewhere_meanwhile_is_given_back_and_told(operator: Operator) -> None:
    payment = await operator.paid()
    operator.standin.settle(NUMBER)
    await operator.poster.post(payment.id)
    await operator.shop.work()
    assert await operator.shop.state(payment) is PaymentState.VOIDED
    assert operator.shop.bank.kept == set()
    assert "undone" in operator.shop.gateways.sms[-1].text


async def test_what_went_back_is_a_refund_under_our_reference_once(operator: Operator) -> None:
    payment = await operator.paid()
    await operator.poster.post(payment.id)
    first, second = (Reversal(payment, NUMBER, amount, f"{payment.id}:r{amount}") for amount in (30000, 46920))
    operator.standin.fault = Fault.DEAF
    with pytest.raises(BillingDown):
        await operator.billing.reverse(first)
    operator.standin.fault = Fault.NONE
    assert await operator.billing.reverse(first) is Posting.POSTED
    assert [bill.amount_centimes for bill in await operator.billing.unpaid(*LINE)] == [30000]
    assert await operator.billing.reverse(second) is Posting.POSTED
    assert await operator.billing.unpaid(*LINE) == (BILL,)
    told = operator.standin.refunds[first.reference]
    assert (told["amount"], told["payment"]["id"]) == ({"unit": "MAD", "value": 300.0}, "payment-1")
    assert await operator.billing.reverse(Reversal(payment, NUMBER, 1, "too much")) is Posting.REFUSED
    assert len(operator.standin.refunds) == 2


async def test_what_was_never_posted_needs_no_refund(operator: Operator) -> None:
    payment = await operator.paid()
    assert await operator.billing.reverse(Reversal(payment, NUMBER, 76920, "r")) is Posting.POSTED
    assert operator.standin.refunds == {}


async def test_a_bill_that_is_gone_is_asked_for_again_and_nothing_is_voided(operator: Operator) -> None:
    payment = await operator.paid()
    bills, operator.standin.bills = operator.standin.bills, {}
    for _ in range(3):
        await operator.poster.post(payment.id)
        assert await operator.shop.postings(payment) == ["pending"]
        operator.shop.clock.forward(3_600)
    operator.standin.bills = bills
    await operator.poster.post(payment.id)
    assert (await operator.shop.postings(payment), await operator.shop.state(payment)) == (
        ["posted"],
        PaymentState.CAPTURED,
    )


@pytest.mark.parametrize("fault", [Fault.NOT_FOUND, Fault.EMPTY_ONCE])
async def test_an_api_that_shows_no_bills_for_a_moment_is_not_nothing_to_pay(operator: Operator, fault: Fault) -> None:
    operator.standin.fault = fault
    found = await operator.till.unpaid(*LINE)
    assert found is (Refusal.BILLING_DOWN) if fault is Fault.NOT_FOUND else found == (BILL,)


async def test_what_was_carried_out_unheard_is_not_posted_twice(operator: Operator) -> None:
    """Of a billing system that takes payments without a bill."""
    payment = await operator.paid()
    operator.standin.takes_unallocated = True
    operator.standin.fault = Fault.DEAF
    await operator.poster.post(payment.id)
    operator.standin.fault = Fault.NONE
    operator.shop.clock.forward(3_600)
    await operator.poster.post(payment.id)
    assert (await operator.shop.postings(payment), operator.standin.carried_out) == (["posted"], 1)


async def test_a_request_it_does_not_understand_voids_nothing(operator: Operator) -> None:
    payment = await operator.paid()
    operator.standin.fault = Fault.UNPROCESSABLE
    await operator.poster.post(payment.id)
    assert (await operator.shop.postings(payment), await operator.shop.state(payment)) == (
        ["pending"],
        PaymentState.CAPTURED,
    )


async def test_amounts_are_read_again_at_confirm(operator: Operator) -> None:
    bills = await operator.billing.unpaid(*LINE)
    operator.standin.bills[f"bill-{NUMBER}"]["remainingAmount"] = {"unit": "MAD", "value": 800}
    order = StartOrder("tmf:2", "ussd", PAYER, LanguageCode.FR, None, *LINE, bills)
    assert await operator.till.start(order) is Refusal.BILLS_CHANGED


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.GARBAGE])
async def test_trouble_is_told_as_billing_down(operator: Operator, fault: Fault) -> None:
    operator.standin.fault = fault
    assert await operator.till.unpaid(*LINE) is Refusal.BILLING_DOWN


async def test_a_wrong_token_is_billing_down_and_not_nothing_to_pay(operator: Operator, shop: Shop) -> None:
    account = replace(operator.billing._account, token=Secret("wrong"))
    stranger = TmForumBilling(account, shop.billing, "MAD", timeout_s=2.0)
    with pytest.raises(BillingDown, match="401"):
        await stranger.unpaid(*LINE)
    await stranger.aclose()


async def test_nobody_listens(shop: Shop) -> None:
    nowhere = TmForumBilling(TmfAccount("http://127.0.0.1:1", Secret("")), shop.billing, "MAD", timeout_s=2.0)
    with pytest.raises(BillingDown):
        await nowhere.unpaid(*LINE)
    await nowhere.aclose()


@pytest.mark.parametrize("change", [{"unit": "EUR", "value": 1}, {"unit": "MAD", "value": 1.005}])
async def test_an_amount_that_is_no_centimes_of_ours_is_billing_down(
    operator: Operator, change: dict[str, object]
) -> None:
    operator.standin.bills[f"bill-{NUMBER}"]["remainingAmount"] = change
    with pytest.raises(BillingDown, match="centimes"):
        await operator.billing.unpaid(*LINE)


@pytest.mark.parametrize("body", [b"", b"{}", b"[{}]", b"[1]", b"\xff"])
def test_what_is_no_list_of_bills(body: bytes) -> None:
    with pytest.raises(NotTmf):
        bills_of(body)
    with pytest.raises(NotTmf):
        payments_of(body)


async def test_nothing_of_the_card_is_posted(operator: Operator) -> None:
    payment = await operator.paid()
    assert payment.card_last4 is not None
    assert payment.card_last4 not in str(payment_body(payment, BILL, "b", "a")).replace(NUMBER, "")
