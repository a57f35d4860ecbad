"""Credits whose answer says nothing, or the wrong thing: the acquirer's sum decides, and one is under way at a time."""

import pytest

from core.database.help_desk.operations import PgOps
from core.payments.table import PaymentState
from core.ports import Decline, DeclineKind, NotSettled, TooLate, Undoing, UnknownOutcome
from core.refunds.model import RefundPart
from core.refunds.requests import Reason
from tests.core.billing.test_posting import paid_three
from tests.core.refunds.test_reversals import refunds
from tests.support.desks import SUPERVISOR, DeskShop, desk_of
from tests.support.shop import Shop

DAY_S = 86_400
WINDOW_S = 900
BUSY = tuple(Decline(code, DeclineKind.BANK_BUSY) for code in ("96", "91", "19", "09", "99"))


@pytest.fixture
async def at(shop: Shop) -> DeskShop:
    return await desk_of(shop)


async def by_hand(shop: Shop) -> int:
    return (await PgOps(shop.database).overview(shop.clock.now())).by_hand


async def pass_time(shop: Shop, *pauses_s: float) -> None:
    for pause_s in pauses_s:
        shop.clock.forward(pause_s)
        await shop.sweep.run()
        await shop.work()


@pytest.mark.parametrize("answer", [*BUSY, UnknownOutcome("time-out"), Decline("05", DeclineKind.OTHER_CARD)], ids=str)
async def test_a_part_that_landed_is_credited_once_whatever_was_answered(at: DeskShop, answer: Undoing) -> None:
    payment, numbers = await paid_three(at.shop)
    await at.shop.work()
    at.shop.bank.lands_anyway.append(answer)
    await at.desk.propose_undo(SUPERVISOR, payment.id, Reason.WRONG_AMOUNT, "", (RefundPart(numbers[0], 3_000),))
    await at.shop.work()
    await pass_time(at.shop, 60, 3_600, DAY_S)
    assert await refunds(at.shop) == [(numbers[0], 3_000, "told")]
    assert at.shop.bank.refunds == [(payment.id, 3_000)]


@pytest.mark.parametrize("answer", BUSY, ids=str)
async def test_a_busy_bank_that_gave_nothing_is_asked_again_after_its_window(at: DeskShop, answer: Decline) -> None:
    payment, numbers = await paid_three(at.shop)
    await at.shop.work()
    at.shop.bank.refund_answers += [answer, answer]
    await at.desk.propose_undo(SUPERVISOR, payment.id, Reason.WRONG_AMOUNT, "", (RefundPart(numbers[0], 3_000),))
    await at.shop.work()
    assert at.shop.bank.refunds == []
    await pass_time(at.shop, 60, WINDOW_S)
    assert await refunds(at.shop) == [(numbers[0], 3_000, "crediting")]
    await pass_time(at.shop, 3_600, 60, 3_600, 3_600)
    assert await refunds(at.shop) == [(numbers[0], 3_000, "told")]
    assert at.shop.bank.refunds == [(payment.id, 3_000)]


async def test_a_credit_refused_by_a_listed_code_stays_with_a_person_until_asked_anew(at: DeskShop) -> None:
    payment, numbers = await paid_three(at.shop)
    await at.shop.work()
    at.shop.bank.refund_answers.append(Decline("57", DeclineKind.OTHER_CARD))
    await at.desk.propose_undo(SUPERVISOR, payment.id, Reason.WRONG_AMOUNT, "", (RefundPart(numbers[0], 3_000),))
    await at.shop.work()
    assert (await refunds(at.shop), await by_hand(at.shop)) == ([(numbers[0], 3_000, "refused")], 1)
    await pass_time(at.shop, 40 * DAY_S)
    assert await by_hand(at.shop) == 1
    await at.desk.propose_undo(SUPERVISOR, payment.id, Reason.WRONG_AMOUNT, "", (RefundPart(numbers[0], 3_000),))
    await at.shop.work()
    assert await by_hand(at.shop) == 0


async def test_one_credit_of_a_payment_is_under_way_across_bills_and_parts(shop: Shop) -> None:
    """The first was not answered and gave nothing, the second was not answered and did: each is told apart."""
    payment, _numbers = await paid_three(shop, 0, 2)
    shop.bank.refund_answers.append(UnknownOutcome("time-out"))
    shop.bank.lands_anyway.append(UnknownOutcome("time-out"))
    await shop.work()
    await pass_time(shop, 60, WINDOW_S, 60)
    assert await shop.postings(payment) == ["stuck", "posted", "refused"]
    assert shop.bank.refunds == []
    assert await by_hand(shop) == 1
    shop.bank.refunds.append((payment.id, 29_900))  # it lands a day late
    shop.bank.lands_anyway.clear()
    await pass_time(shop, DAY_S, 60, 60)
    assert await shop.postings(payment) == ["credited", "posted", "credited"]
    assert shop.bank.refunds == [(payment.id, 29_900), (payment.id, 31_040)]
    assert await by_hand(shop) == 0


async def test_a_sum_that_cannot_be_read_sticks_nothing(shop: Shop) -> None:
    payment, _ = await paid_three(shop, 0)
    shop.bank.sums_unreadable = True
    await shop.work()
    await pass_time(shop, 60, 300, 3_600)
    assert await shop.postings(payment) == ["refused", "posted", "posted"]
    shop.bank.sums_unreadable = False
    await pass_time(shop, 60)
    assert (await shop.postings(payment), len(shop.bank.refunds)) == (["credited", "posted", "posted"], 1)


async def test_an_unanswered_credit_waits_while_the_sum_cannot_be_read(shop: Shop) -> None:
    payment, _ = await paid_three(shop, 0)
    shop.bank.lands_anyway.append(UnknownOutcome("time-out"))
    await shop.work()
    shop.bank.sums_unreadable = True
    await pass_time(shop, 60, 3_600, 3_600)
    assert await shop.postings(payment) == ["crediting", "posted", "posted"]
    shop.bank.sums_unreadable = False
    await pass_time(shop, 3_600)
    assert (await shop.postings(payment), len(shop.bank.refunds)) == (["credited", "posted", "posted"], 1)


async def test_a_whole_that_meets_a_busy_bank_is_given_back_all_the_same(shop: Shop) -> None:
    """Billing refuses, the void comes too late, and the credit meets 96 once."""
    payment = await shop.started()
    shop.bank.voids.append(TooLate())
    shop.bank.refund_answers += [NotSettled(), Decline("96", DeclineKind.BANK_BUSY)]
    shop.billing.refuses = {payment.invoices[0].number}
    payment = await shop.paid()
    await shop.work()
    assert await shop.postings(payment) == ["refused"], "credited only when the money is back"
    assert await shop.state(payment) is PaymentState.REFUNDING
    await pass_time(shop, 3_600, 3_600, 3_600)
    assert (await shop.state(payment), await shop.postings(payment)) == (PaymentState.REFUNDED, ["credited"])
    assert shop.bank.refunds == [(payment.id, payment.amount_centimes)]


async def test_a_final_refusal_of_the_whole_stays_with_a_person(shop: Shop) -> None:
    shop.bank.voids.append(TooLate())
    shop.bank.refund_answers.append(Decline("57", DeclineKind.OTHER_CARD))
    payment = await shop.paid()
    await shop.work()
    await shop.till.undo(payment.id, "test")
    await shop.work()
    assert (await shop.state(payment), await by_hand(shop)) == (PaymentState.REFUNDING, 1)
    await pass_time(shop, 40 * DAY_S)
    assert (await shop.state(payment), await by_hand(shop), shop.bank.refunds) == (PaymentState.REFUNDING, 1, [])
