"""Our own billing tables: what a payment paid is compared with what the bill owes by then."""

from dataclasses import replace

from core.payments.table import Payment, PaymentState
from core.ports import Posting
from core.refunds.model import Reversal
from core.subscribers.lines import ServiceType
from tests.support.bank import silent_after_charging
from tests.support.shop import BILL, PAYER, STRANGER, Shop

LINE = (ServiceType.MOBILE, "0600000001")


async def owed(shop: Shop) -> list[int]:
    return [bill.amount_centimes for bill in await shop.billing.unpaid(*LINE)]


async def paid_unheard(shop: Shop, bill_centimes: int) -> Payment:
    """Charged 769.20, found by the inquiry after an import changed the bill."""
    shop.bank.scripts.append(silent_after_charging)
    payment = await shop.paid()
    await shop.database.do("UPDATE invoices SET amount_centimes = %(new)s WHERE number = %(number)s",
                           new=bill_centimes, number=BILL.number)  # fmt: skip
    await shop.till.inquire(payment.id)
    await shop.work()
    return payment


async def test_a_bill_that_rose_meanwhile_owes_the_rest(shop: Shop) -> None:
    payment = await paid_unheard(shop, 90_000)
    assert (await shop.postings(payment), await owed(shop)) == (["posted"], [13_080])
    assert await shop.billing.post(payment, BILL) is Posting.POSTED
    assert await owed(shop) == [13_080], "a repeat pays nothing more"


async def test_a_bill_that_fell_meanwhile_takes_no_more_than_it_owes(shop: Shop) -> None:
    payment = await paid_unheard(shop, 50_000)
    assert (await shop.state(payment), shop.bank.kept, await owed(shop)) == (PaymentState.VOIDED, set(), [50_000])


async def test_the_rest_of_a_bill_that_rose_can_be_paid_and_each_goes_back_to_its_payer(shop: Shop) -> None:
    first = await paid_unheard(shop, 90_000)
    await shop.database.do("UPDATE payment_lines SET active = false")  # as if its part had been told back
    bills = await shop.billing.unpaid(*LINE)
    order = shop.order("ussd:rest", STRANGER)
    second = await shop.started(replace(order, invoices=bills))
    assert await shop.billing.post(second, bills[0]) is Posting.POSTED
    assert await owed(shop) == []
    await shop.billing.reverse(Reversal(first, BILL.number, 1_000, "a"))
    await shop.billing.reverse(Reversal(second, BILL.number, 13_080, "b"))
    assert await owed(shop) == [14_080]


async def test_money_back_of_two_payers_adds_up(shop: Shop) -> None:
    """A part of the first back, paid by the second, another part of the first back, then the second's whole."""
    first = await shop.paid(shop.order("ussd:one", PAYER))
    await shop.work()
    await shop.billing.reverse(Reversal(first, BILL.number, 10_000, "one"))
    await shop.database.do("UPDATE payment_lines SET active = false")
    bills = await shop.billing.unpaid(*LINE)
    order = shop.order("ussd:two", STRANGER)
    second = await shop.started(replace(order, invoices=bills))
    assert await shop.billing.post(second, bills[0]) is Posting.POSTED
    await shop.billing.reverse(Reversal(first, BILL.number, 5_000, "two"))
    await shop.billing.reverse(Reversal(second, BILL.number, 10_000, "three"))
    assert await owed(shop) == [15_000]
