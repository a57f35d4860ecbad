"""Another acquirer than the one that was asked before: only where that one is shut, and nothing can be there."""

from dataclasses import dataclass

import pytest

from core.acquirers.breaker import Breaker
from core.acquirers.registry import AcquirerMember, AcquirerRegistry
from core.acquirers.terms import AcquirerState, AcquirerTerms
from core.payments.authorisation import sending
from core.payments.refusal import Refusal
from core.payments.service import PaymentService, Ports
from core.payments.table import Payment, PaymentState
from core.ports import Authorisation, Decline, DeclineKind, Inquiry, NotSent, Order, UnknownOutcome
from tests.support.bank import CARD, CVV, FakeBank, Script, declines, says
from tests.support.billing import MemoryLimits
from tests.support.shop import Shop

OUR_FAULT = says(Decline("03", DeclineKind.OUR_FAULT))
BUSY = says(Decline("91", DeclineKind.BANK_BUSY))
DOWN = says(NotSent("no connection"))
FIRST, SECOND, THIRD = "cmi", "naps", "third"


@dataclass
class SilentOnce(FakeBank):
    """Tells nothing the first time that it is asked about an order."""

    silences: int = 1

    async def inquire(self, order_id: str) -> Inquiry:
        if self.silences:
            self.silences -= 1
            return UnknownOutcome("time-out")
        return await super().inquire(order_id)


@dataclass
class Three:
    """A till with three banks, of which the first can be shut."""

    shop: Shop
    till: PaymentService
    banks: tuple[SilentOnce, FakeBank, FakeBank]
    registry: AcquirerRegistry
    breaker: Breaker

    async def pays(self, script: Script) -> Payment:
        self.banks[0].scripts.append(script)
        payment = await self.shop.started()
        await self.till.authorise(payment.id, CARD, CVV, wait_s=60)
        return await self.till.attendant.read(payment.id)

    async def again(self, payment: Payment) -> Payment | Refusal:
        return await self.till.authorise(payment.id, CARD, CVV, wait_s=60)

    def shut_first(self) -> None:
        self.breaker.failed()

    def asked(self) -> list[int]:
        return [len(bank.orders) for bank in self.banks]


@pytest.fixture
def three(shop: Shop) -> Three:
    banks = (SilentOnce(shop.clock), FakeBank(shop.clock), FakeBank(shop.clock))
    breaker = Breaker(lambda: 0.0, failures_max=1)
    members = {
        FIRST: AcquirerMember(AcquirerTerms(FIRST, page=True), banks[0], breaker),
        SECOND: AcquirerMember(AcquirerTerms(SECOND, page=True, weight=0), banks[1]),
        THIRD: AcquirerMember(AcquirerTerms(THIRD, page=True, weight=0), banks[2]),
    }
    registry = AcquirerRegistry(members)
    world = Ports(shop.books, shop.billing, registry, MemoryLimits(), shop.clock)
    return Three(shop, PaymentService(world, times=shop.times), banks, registry, breaker)


async def test_a_refusal_that_is_confirmed_absent_later_goes_elsewhere_then(three: Three) -> None:
    refused = await three.pays(OUR_FAULT)
    assert (refused.state, refused.acquirer, refused.acquirer_free) == (PaymentState.DECLINED, FIRST, False)
    three.shut_first()
    paid = await three.again(refused)
    assert isinstance(paid, Payment)
    assert (paid.state, paid.acquirer) == (PaymentState.CAPTURED, SECOND)
    assert three.asked() == [1, 1, 0]


async def test_as_long_as_it_can_be_asked_it_alone_is(three: Three) -> None:
    refused = await three.pays(OUR_FAULT)
    paid = await three.again(refused)
    assert isinstance(paid, Payment)
    assert (paid.state, paid.acquirer) == (PaymentState.CAPTURED, FIRST)


async def test_what_never_left_for_the_next_one_goes_no_further_in_that_try(three: Three) -> None:
    """It was freed of the first by its word; the second's try is its own, and is told as any other."""
    refused = await three.pays(OUR_FAULT)
    three.shut_first()
    three.banks[1].scripts.append(DOWN)
    assert await three.again(refused) is Refusal.BANK_DOWN
    assert three.asked() == [1, 1, 0]
    assert (await three.till.attendant.read(refused.id)).acquirer == SECOND


async def test_a_shut_acquirer_that_still_says_nothing_keeps_its_payment(three: Three) -> None:
    three.banks[0].silences = 2
    refused = await three.pays(OUR_FAULT)
    three.shut_first()
    await three.again(refused)
    assert three.asked() == [2, 0, 0]


async def test_a_card_that_was_refused_is_tried_nowhere_else(three: Three) -> None:
    declined = await three.pays(declines)
    three.shut_first()
    await three.again(declined)
    assert three.asked() == [2, 0, 0]
    assert three.banks[0].asked == 0


async def test_a_busy_bank_keeps_it_until_nothing_can_land_there(three: Three) -> None:
    three.banks[0].silences = 0
    busy = await three.pays(BUSY)
    three.shut_first()
    three.shop.clock.forward(three.shop.times.window_s - 1)
    three.banks[0].scripts.append(BUSY)
    await three.again(busy)
    assert three.asked() == [2, 0, 0]
    three.shop.clock.forward(three.shop.times.window_s - 1)
    await three.till.wait_longer(busy.id)
    three.shop.clock.forward(2)
    paid = await three.again(busy)
    assert isinstance(paid, Payment)
    assert (paid.state, paid.acquirer) == (PaymentState.CAPTURED, SECOND)
    assert three.asked() == [2, 1, 0]


async def test_an_acquirer_that_is_off_cannot_say_that_it_knows_nothing(three: Three) -> None:
    refused = await three.pays(OUR_FAULT)
    three.registry.say({FIRST: AcquirerState.OFF})
    assert await three.again(refused) is Refusal.BANK_DOWN
    assert three.asked() == [1, 0, 0]


async def test_nobody_takes_a_new_payment_on_a_page_either(three: Three) -> None:
    three.registry.say(dict.fromkeys((FIRST, SECOND, THIRD), AcquirerState.DRAINING))
    payment = await three.shop.started()
    assert await three.till.open_page(payment.id, 600) is Refusal.BANK_DOWN
    assert await three.shop.state(payment) is PaymentState.CREATED


async def test_a_try_that_left_while_its_absence_was_asked_for_stays_there(
    three: Three, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = await three.pays(OUR_FAULT)
    three.shut_first()
    inquire = three.banks[0].inquire

    async def sent_meanwhile(order_id: str) -> Inquiry:
        answer = await inquire(order_id)
        await three.shop.books.payments.move(order_id, sending(FIRST), three.shop.clock.now())
        return answer

    monkeypatch.setattr(three.banks[0], "inquire", sent_meanwhile)
    assert await three.again(refused) is Refusal.BANK_DOWN
    stands = await three.till.attendant.read(refused.id)
    assert (stands.state, stands.acquirer, stands.attempts) == (PaymentState.SENDING, FIRST, 2)
    assert three.asked() == [1, 0, 0]


async def test_what_the_sweep_gave_up_meanwhile_does_not_go_on_elsewhere(
    three: Three, caplog: pytest.LogCaptureFixture
) -> None:
    """A connection that hung for long, and then was none: the payment is unknown here, and asked about."""

    async def hangs(bank: FakeBank, order: Order) -> Authorisation:
        three.shop.clock.forward(three.shop.times.stale_sending_s + 1)
        await three.till.attendant.attend(order.id)
        return NotSent("no connection")

    stands = await three.pays(hangs)
    assert (stands.state, stands.acquirer, stands.attempts) == (PaymentState.UNKNOWN, FIRST, 1)
    assert three.asked() == [1, 0, 0]
    assert f"cannot go on to {SECOND}: IllegalMove" in caplog.text


async def test_a_name_that_nobody_has_is_asked_nothing(three: Three) -> None:
    """A payment of an acquirer that was taken out of the settings: it waits, and nothing is told of it."""
    gone = three.registry.of("taken out")
    order = Order("o", 100, "MAD", None, "")
    assert isinstance(await gone.authorise(order, CARD, CVV), NotSent)
    assert isinstance(await gone.answer_challenge(order, "c", CVV), NotSent)
    told = [await gone.inquire("o"), await gone.capture("o", 100), await gone.void("o"), await gone.refund("o", 100)]
    assert all(isinstance(each, UnknownOutcome) for each in told)
    assert await gone.credited_centimes("o") is None
