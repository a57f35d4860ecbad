"""What moves on while a bank or a page is asked, and what a basket meets that was left for too long."""

from collections.abc import Awaitable, Callable

import pytest

from core.payments.authorisation import sending
from core.payments.hosted_page import HostedPagePayments
from core.payments.refusal import Refusal
from core.payments.sweeps import BATCH_MAX, ROUNDS_MAX
from core.payments.table import Payment, PaymentState
from core.ports import Approved, Decline, DeclineKind, Inquiry, NoSuchOrder, Order, Tries, Undone
from core.subscribers.lines import ServiceType
from tests.core.payments.test_starting import OneReference
from tests.support.bank import declines, silent
from tests.support.shop import PAYER, STRANGER, Shop

PAGE_S = 600


async def on_page(shop: Shop) -> Payment:
    payment = await shop.started()
    opened = await shop.till.open_page(payment.id, PAGE_S)
    assert isinstance(opened, Payment)
    return opened


def tender(shop: Shop) -> Callable[[Payment], Awaitable[Payment]]:
    """How another tender than a card commits to be sent."""

    async def sent(payment: Payment) -> Payment:
        return await shop.books.payments.move(payment.id, sending(payment.acquirer), shop.clock.now())

    return sent


def paid_while_asked(shop: Shop, monkeypatch: pytest.MonkeyPatch, opened: Payment, answer: Inquiry) -> None:
    """The acquirer answers as of a moment ago; its own callback came in meanwhile."""

    async def inquire(order_id: str) -> Inquiry:
        said = shop.bank.charge(Order(order_id, opened.amount_centimes, "MAD", None, ""))
        assert isinstance(said, Approved)
        await shop.till.attendant.paid_on_page(opened, said)
        return answer

    monkeypatch.setattr(shop.bank, "inquire", inquire)


@pytest.mark.parametrize("answer", [NoSuchOrder(), Decline("51", DeclineKind.OTHER_CARD)], ids=["absent", "declined"])
async def test_what_was_paid_while_its_page_was_left_stays_paid(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, answer: Inquiry
) -> None:
    opened = await on_page(shop)
    paid_while_asked(shop, monkeypatch, opened, answer)
    stands = await shop.till.attendant.page_over(opened.id)
    assert (stands.state, stands.decline_kind) == (PaymentState.CAPTURED, None)
    assert await shop.state(opened) is PaymentState.CAPTURED


async def test_an_undecided_order_that_was_voided_there_is_declined_and_told(shop: Shop) -> None:
    shop.bank.scripts.append(silent)
    payment = await shop.paid()
    shop.bank.inquiries.append(Undone())
    found = await shop.till.inquire(payment.id)
    assert (found.state, found.decline_kind) == (PaymentState.DECLINED, DeclineKind.OUR_FAULT)
    assert await shop.active() == []
    await shop.work()
    assert [sms.text for sms in shop.gateways.sms] == [f"declined {payment.reference}"]


async def test_a_basket_that_is_too_old_leaves_for_no_page(shop: Shop) -> None:
    payment = await shop.started()
    shop.clock.forward(shop.times.basket_ttl_s)
    assert await shop.till.open_page(payment.id, PAGE_S) is Refusal.EXPIRED
    assert await shop.state(payment) is PaymentState.EXPIRED


async def test_two_browsers_that_leave_at_once_are_on_one_page(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = await shop.started()
    changed = shop.till._baskets.changed
    first: list[Payment | Refusal] = []

    async def another_first(*what: object) -> Refusal | None:
        monkeypatch.setattr(shop.till._baskets, "changed", changed)
        first.append(await shop.till.open_page(payment.id, PAGE_S))
        return None

    monkeypatch.setattr(shop.till._baskets, "changed", another_first)
    second = await shop.till.open_page(payment.id, PAGE_S)
    assert isinstance(second, Payment)
    assert (second.state, second.attempts, [second]) == (PaymentState.SENDING, 1, first)


@pytest.mark.parametrize("way", ["page", "otherwise"])
async def test_a_declined_basket_whose_reference_somebody_has_since_is_over(shop: Shop, way: str) -> None:
    shop.till._baskets._ids = OneReference("111111")
    shop.bank.scripts.append(declines)
    declined = await shop.paid()
    await shop.started(await shop.internet_order())
    if way == "page":
        assert await shop.till.open_page(declined.id, PAGE_S) is Refusal.EXPIRED
    else:
        assert await shop.till.send_otherwise(declined.id, tender(shop)) is Refusal.EXPIRED
    assert await shop.state(declined) is PaymentState.DECLINED


async def test_bills_that_are_being_charged_otherwise_are_sent_by_no_other_tender(shop: Shop) -> None:
    shop.bank.scripts.extend([declines, silent])
    declined = await shop.paid()
    other = await shop.paid(shop.order("ussd:2", payer=STRANGER))
    assert other.state is PaymentState.UNKNOWN
    # billing does not know that a card is under way: it is the lock that refuses
    assert await shop.till.send_otherwise(declined.id, tender(shop)) is Refusal.IN_PROGRESS
    assert await shop.state(declined) is PaymentState.DECLINED


async def test_a_page_that_was_taken_away_is_no_form(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    opened = await on_page(shop)
    hosting = HostedPagePayments(shop.till, {})
    assert await hosting.leave(opened.id) is Refusal.IN_PROGRESS
    assert f"payment {opened.id}: {opened.acquirer} has no page here any more" in caplog.text
    assert await shop.state(opened) is PaymentState.SENDING


async def test_a_quote_is_locked_after_wrong_words_and_none_is_given_while_billing_is_down(shop: Shop) -> None:
    payment = await shop.started()
    asked = ("ussd", STRANGER, payment.reference)
    assert await shop.till.quoted(*asked, "0600000001") == payment
    shop.billing.down = True
    assert await shop.till.quoted(*asked, "0600000001") is Refusal.BILLING_DOWN
    shop.billing.down = False
    for wrong in ("000000", "06", "nothing"):
        assert await shop.till.quoted(*asked, wrong) is Refusal.WRONG_CODE
    assert await shop.till.quoted(*asked, "0600000001") is Refusal.LOCKED
    assert await shop.till.quoted("ussd", PAYER, payment.reference, "012345") == payment


class Crowded:
    """A line at which strangers guess: its people alone are let through."""

    async def allow(self, channel: str, caller: str, target: str, *, known: bool = False) -> Tries:
        return Tries.OPEN if known else Tries.CROWDED

    async def failed(self, channel: str, caller: str, target: str) -> None:
        return


@pytest.mark.parametrize(("caller", "let_in"), [(PAYER, True), (STRANGER, False), ("anonymous:1", False)])
async def test_while_strangers_guess_a_hidden_number_is_a_stranger(shop: Shop, caller: str, *, let_in: bool) -> None:
    shop.till._limits = Crowded()
    answer = await shop.till.identify("ivr", caller, ServiceType.MOBILE, "0600000001", "012345")
    assert (answer is not Refusal.LOCKED) is let_in


async def test_a_sweep_goes_on_while_its_rounds_are_full_and_ends_all_the_same(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, rounds = [BATCH_MAX, BATCH_MAX, 3], 0

    async def texts_round() -> int:
        nonlocal rounds
        rounds += 1
        return sizes.pop(0) if sizes else BATCH_MAX

    monkeypatch.setattr(shop.sweep, "texts_round", texts_round)
    await shop.sweep.texts()
    assert rounds == 3
    await shop.sweep.texts()
    assert rounds == 3 + ROUNDS_MAX
