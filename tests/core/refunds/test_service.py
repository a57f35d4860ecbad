"""Parts of a payment go back by the help desk's word: never more than was paid for a bill, once, and billing hears."""

import asyncio

import psycopg
import pytest

from core.payments.janitor import NoSuchPayment
from core.payments.table import Payment, PaymentState
from core.ports import Decline, DeclineKind, NotSettled, TooLate, Undoing, UnknownOutcome
from core.refunds.model import RefundPart, given_back
from core.refunds.requests import Reason, RefundRequest, RefundRequestRefusal
from core.subscribers.lines import ServiceType
from tests.core.billing.test_posting import paid_three, texts
from tests.core.refunds.test_reversals import refunds
from tests.support.desks import AGENT, OTHER_SUPERVISOR, SUPERVISOR, DeskShop, desk_of
from tests.support.shop import Shop

LINE = (ServiceType.INTERNET, "7710345")
RACERS = 8


@pytest.fixture
async def at(shop: Shop) -> DeskShop:
    return await desk_of(shop)


async def posted(at: DeskShop) -> tuple[Payment, list[str]]:
    """Three paid bills of 299,00, 299,00 and 310,40 DH."""
    payment, numbers = await paid_three(at.shop)
    await at.shop.work()
    return payment, numbers


async def given(at: DeskShop, payment: Payment, *parts: RefundPart) -> Payment | RefundRequest | RefundRequestRefusal:
    """By one supervisor alone, where that is enough."""
    return await at.desk.propose_undo(SUPERVISOR, payment.id, Reason.WRONG_AMOUNT, "", parts)


async def owed(shop: Shop) -> dict[str, int]:
    return {bill.number: bill.amount_centimes for bill in await shop.billing.unpaid(*LINE)}


async def test_parts_of_two_bills_go_back_are_told_and_owed_again(at: DeskShop) -> None:
    payment, numbers = await posted(at)
    assert isinstance(await given(at, payment, RefundPart(numbers[0], 5_000), RefundPart(numbers[2], 31_040)), Payment)
    await at.shop.work()
    assert await at.shop.state(payment) is PaymentState.CAPTURED
    assert sorted(at.shop.bank.refunds) == [(payment.id, 5_000), (payment.id, 31_040)]
    assert await refunds(at.shop) == [(numbers[0], 5_000, "told"), (numbers[2], 31_040, "told")]
    assert given_back(await at.shop.books.refunds.of(payment.id)) == 36_040
    assert sorted(sms.text for sms in at.shop.gateways.sms)[:2] == [
        f"part {numbers[0]} 5000",
        f"part {numbers[2]} 31040",
    ]
    assert await owed(at.shop) == {numbers[0]: 5_000, numbers[2]: 31_040}
    assert await at.shop.active() == [numbers[1]]  # what is owed again can be paid again
    again = await at.shop.paid(await at.shop.internet_order("ussd:again"))
    await at.shop.work()
    assert (again.amount_centimes, await owed(at.shop)) == (36_040, {})


async def test_never_more_than_was_paid_for_a_bill_whatever_is_asked(at: DeskShop) -> None:
    payment, numbers = await posted(at)
    for parts in (
        [RefundPart(numbers[0], 29_901)],
        [RefundPart(numbers[0], 1), RefundPart(numbers[0], 1)],
        [RefundPart("another's", 1)],
    ):
        assert await given(at, payment, *parts) is RefundRequestRefusal.TOO_MUCH
    assert isinstance(await given(at, payment, RefundPart(numbers[0], 20_000)), Payment)
    assert await given(at, payment, RefundPart(numbers[0], 9_901)) is RefundRequestRefusal.TOO_MUCH
    assert isinstance(await given(at, payment, RefundPart(numbers[0], 9_900)), Payment)
    with pytest.raises(psycopg.errors.CheckViolation):
        await at.shop.database.do("UPDATE payment_lines SET returned_centimes = returned_centimes + 1 "
            "WHERE invoice_number = %(number)s", number=numbers[0])  # fmt: skip
    await at.shop.work()
    assert sum(amount for _, amount in at.shop.bank.refunds) == 29_900


async def test_all_parts_are_the_whole(at: DeskShop) -> None:
    payment, numbers = await posted(at)
    parts = [RefundPart(invoice.number, invoice.amount_centimes) for invoice in payment.invoices]
    request = await given(at, payment, *parts)
    assert isinstance(request, RefundRequest)
    assert (request.parts, request.amount_centimes) == ((), 90_840)
    await at.desk.approve_undo(OTHER_SUPERVISOR, request.id)
    await at.shop.work()
    assert (await at.shop.state(payment), at.shop.bank.voided) == (PaymentState.VOIDED, {payment.id})
    assert sorted(await owed(at.shop)) == numbers


async def test_the_whole_does_not_go_back_after_a_part(at: DeskShop) -> None:
    payment, numbers = await posted(at)
    await given(at, payment, RefundPart(numbers[0], 100))
    propose = at.desk.propose_undo(SUPERVISOR, payment.id, Reason.PAID_TWICE, "")
    assert await propose is RefundRequestRefusal.PARTLY_CREDITED


async def test_parts_that_together_pass_the_limit_want_a_second_person(at: DeskShop) -> None:
    payment, numbers = await posted(at)
    assert isinstance(await given(at, payment, RefundPart(numbers[0], 29_900)), Payment)
    assert isinstance(await given(at, payment, RefundPart(numbers[1], 20_100)), Payment)  # 500,00 DH: the limit itself
    request = await given(at, payment, RefundPart(numbers[1], 1))
    assert isinstance(request, RefundRequest)
    assert request.two_people
    assert await at.desk.approve_undo(SUPERVISOR, request.id) == (payment.id, RefundRequestRefusal.SECOND_PERSON)
    assert isinstance((await at.desk.approve_undo(OTHER_SUPERVISOR, request.id))[1], Payment)


async def test_approvals_at_once_give_back_once(at: DeskShop) -> None:
    payment, numbers = await posted(at)
    request = await at.desk.propose_undo(AGENT, payment.id, Reason.WRONG_AMOUNT, "", (RefundPart(numbers[0], 29_900),))
    assert isinstance(request, RefundRequest)
    racers = [SUPERVISOR, OTHER_SUPERVISOR] * (RACERS // 2)
    outcomes = await asyncio.gather(*(at.desk.approve_undo(actor, request.id) for actor in racers))
    assert sum(isinstance(outcome, Payment) for _, outcome in outcomes) == 1
    await asyncio.gather(*(at.shop.poster.refund(payment.id) for _ in range(4)), at.shop.sweep.run())
    await at.shop.work()
    assert at.shop.bank.refunds == [(payment.id, 29_900)]


async def test_nothing_in_part_before_billing_has_answered(at: DeskShop) -> None:
    payment, numbers = await paid_three(at.shop)
    assert await given(at, payment, RefundPart(numbers[0], 1)) is RefundRequestRefusal.NOT_YET
    case = await at.desk.open(AGENT, payment.id)
    assert [bill.left_centimes for bill in case.bills] == [0, 0, 0]
    await at.shop.work()
    case = await at.desk.open(AGENT, payment.id)
    assert [bill.left_centimes for bill in case.bills] == [29_900, 29_900, 31_040]


async def test_a_part_waits_for_settlement(at: DeskShop) -> None:
    payment, numbers = await posted(at)
    at.shop.bank.refund_answers.append(NotSettled())
    await given(at, payment, RefundPart(numbers[0], 100))
    await at.shop.work()
    assert (await refunds(at.shop), at.shop.bank.refunds) == ([(numbers[0], 100, "asked")], [])
    at.shop.clock.forward(3_600)
    await at.shop.sweep.run()
    await at.shop.work()
    assert await refunds(at.shop) == [(numbers[0], 100, "told")]


async def test_a_refused_part_can_be_asked_for_again(at: DeskShop) -> None:
    payment, numbers = await posted(at)
    at.shop.bank.refund_answers.append(Decline("57", DeclineKind.OTHER_CARD))
    await given(at, payment, RefundPart(numbers[0], 29_900))
    await at.shop.work()
    assert (await refunds(at.shop), texts(at.shop)) == ([(numbers[0], 29_900, "refused")], ["receipt"])
    request = await given(at, payment, RefundPart(numbers[0], 29_900))
    assert isinstance(request, RefundRequest)  # with the first one above what one person may give
    await at.desk.approve_undo(OTHER_SUPERVISOR, request.id)
    await at.shop.work()
    assert at.shop.bank.refunds == [(payment.id, 29_900)]


@pytest.mark.parametrize(("landed", "end"), [(True, "told"), (False, "stuck")])
async def test_a_credit_that_nobody_answered_is_seen_in_the_acquirers_sum_and_never_repeated(
    at: DeskShop, *, landed: bool, end: str
) -> None:
    payment, numbers = await posted(at)
    await given(at, payment, RefundPart(numbers[1], 700))
    await at.shop.work()
    silence: Undoing = UnknownOutcome("time-out")
    at.shop.bank.refund_answers.append(silence)
    await given(at, payment, RefundPart(numbers[0], 100), RefundPart(numbers[2], 200))
    await at.shop.poster.refund(payment.id)
    assert await refunds(at.shop) == [
        (numbers[1], 700, "told"),
        (numbers[0], 100, "crediting"),
        (numbers[2], 200, "asked"),  # one after the other, or the sum would say nothing
    ]
    if landed:
        at.shop.bank.refunds.append((payment.id, 100))
    for _ in range(3):
        at.shop.clock.forward(at.shop.times.window_s)
        await at.shop.sweep.run()
        await at.shop.work()
    # with one whose end is unknown the sum would say nothing of the next
    assert (await refunds(at.shop))[1:] == [(numbers[0], 100, end), (numbers[2], 200, "told" if landed else "asked")]
    assert [amount for _, amount in at.shop.bank.refunds].count(100) == int(landed)


async def test_an_acquirer_that_cannot_tell_its_sum_is_asked_for_nothing_yet(
    at: DeskShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot_tell(order_id: str) -> None:
        return None

    payment, numbers = await posted(at)
    with monkeypatch.context() as patched:
        patched.setattr(at.shop.bank, "credited_centimes", cannot_tell)
        await given(at, payment, RefundPart(numbers[0], 100))
        await at.shop.work()
        assert (await refunds(at.shop), at.shop.bank.refunds) == ([(numbers[0], 100, "asked")], [])
    at.shop.bank.refund_answers.append(UnknownOutcome("time-out"))
    at.shop.clock.forward(60)
    await at.shop.poster.refund(payment.id)
    with monkeypatch.context() as patched:
        patched.setattr(at.shop.bank, "credited_centimes", cannot_tell)
        at.shop.clock.forward(60)
        await at.shop.poster.refund(payment.id)
        assert await refunds(at.shop) == [(numbers[0], 100, "crediting")]


async def test_what_is_too_late_to_credit_is_an_operator_s(at: DeskShop, caplog: pytest.LogCaptureFixture) -> None:
    payment, numbers = await posted(at)
    at.shop.bank.refund_answers.append(TooLate())
    await given(at, payment, RefundPart(numbers[0], 100))
    await at.shop.work()
    assert await refunds(at.shop) == [(numbers[0], 100, "stuck")]
    assert "an operator must see to its credit" in caplog.text


async def test_a_payment_that_went_back_otherwise_gives_no_parts(at: DeskShop) -> None:
    payment, numbers = await posted(at)
    await given(at, payment, RefundPart(numbers[0], 100))
    at.shop.by_hand = True
    await at.shop.database.do("UPDATE payments SET state = 'voiding'")  # nobody here does that
    await at.shop.work()
    assert (await refunds(at.shop), at.shop.bank.refunds) == ([(numbers[0], 100, "refused")], [])
    await at.shop.poster.refund("01AAAAAAAAAAAAAAAAAAAAAAAA")  # nobody's


async def test_what_is_no_payment_has_no_parts(at: DeskShop) -> None:
    with pytest.raises(NoSuchPayment):
        await at.desk.payment("01AAAAAAAAAAAAAAAAAAAAAAAA")
    with pytest.raises(ValueError, match="centime"):
        RefundPart("1", 0)
