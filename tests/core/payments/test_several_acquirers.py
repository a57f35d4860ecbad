"""Two acquirers, one till: who is asked for the money is asked about it; another comes only where nothing can be."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from psycopg.errors import RaiseException

from core.acquirers.registry import AcquirerMember, AcquirerRegistry
from core.acquirers.terms import AcquirerState, AcquirerTerms
from core.billing.posting import Poster
from core.payments.authorisation import sending
from core.payments.refusal import Refusal
from core.payments.service import PaymentService, Ports
from core.payments.table import IllegalMove, Payment, PaymentEvent, PaymentState
from core.ports import Attempt, Decline, DeclineKind, NotSent
from core.repositories import Change
from tests.support.bank import CARD, CVV, FakeBank, Script, asks_pin, declines, says, silent_after_charging
from tests.support.billing import MemoryLimits
from tests.support.shop import Shop

DOWN = says(NotSent("no connection"))
NO_SUCH_MERCHANT = says(Decline("03", DeclineKind.OUR_FAULT))
FIRST, SECOND = "cmi", "naps"


@dataclass
class Two:
    """A till with two banks; new payments go to the first one while it can be asked."""

    shop: Shop
    till: PaymentService
    first: FakeBank
    second: FakeBank
    registry: AcquirerRegistry

    async def pays(self, *scripts: Script) -> Payment | Refusal:
        """One attempt; `scripts` are what the first bank does."""
        self.first.scripts.extend(scripts)
        payment = await self.shop.started()
        return await self.till.authorise(payment.id, CARD, CVV, wait_s=60)

    async def again(self, payment: Payment) -> Payment | Refusal:
        return await self.till.authorise(payment.id, CARD, CVV, wait_s=60)

    def asked(self) -> tuple[int, int]:
        return len(self.first.orders), len(self.second.orders)

    async def the_payment(self) -> Payment:
        row = await self.shop.database.one("SELECT id FROM payments ORDER BY created_at DESC LIMIT 1")
        assert row is not None
        found = await self.till.payment(row["id"])
        assert found is not None
        return found

    async def told(self, payment: Payment) -> list[str]:
        """Whom each sending names."""
        rows = await self.shop.database.all(
            "SELECT detail FROM payment_events WHERE payment_id = %(id)s AND event = 'send' ORDER BY id", id=payment.id
        )
        return [row["detail"] for row in rows]


@pytest.fixture
def two(shop: Shop) -> Two:
    first, second = FakeBank(shop.clock), FakeBank(shop.clock)
    terms = AcquirerTerms(FIRST, page=True)
    last = AcquirerTerms(SECOND, page=True, weight=0)
    registry = AcquirerRegistry({FIRST: AcquirerMember(terms, first), SECOND: AcquirerMember(last, second)})
    world = Ports(shop.books, shop.billing, registry, MemoryLimits(), shop.clock)
    return Two(shop, PaymentService(world, times=shop.times), first, second, registry)


async def test_what_certainly_never_left_goes_on_to_the_next_at_once(two: Two) -> None:
    paid = await two.pays(DOWN)
    assert isinstance(paid, Payment)
    assert (paid.state, paid.acquirer, paid.attempts) == (PaymentState.CAPTURED, SECOND, 2)
    assert await two.told(paid) == [FIRST, SECOND]
    assert await two.shop.story(paid) == [
        "create>created", "send>sending", "refused>declined", "send>sending", "approved>captured",
    ]  # fmt: skip
    rows = await two.shop.database.all("SELECT debit FROM ledger_transfers WHERE payment_id = %(id)s", id=paid.id)
    assert {row["debit"] for row in rows} == {f"acquirer:{SECOND}:receivable"}


async def test_a_reply_that_was_lost_is_never_sent_elsewhere(two: Two) -> None:
    lost = await two.pays(silent_after_charging)
    assert isinstance(lost, Payment)
    assert (lost.state, lost.acquirer) == (PaymentState.UNKNOWN, FIRST)
    two.registry.say({FIRST: AcquirerState.DRAINING})
    assert await two.again(lost) == lost
    found = await two.till.inquire(lost.id)
    assert (found.state, found.acquirer) == (PaymentState.CAPTURED, FIRST)
    assert two.asked() == (1, 0)
    assert not two.second.asked


@pytest.mark.parametrize("script", [declines, asks_pin])
async def test_what_a_bank_said_of_a_card_is_not_asked_elsewhere(two: Two, script: Script) -> None:
    said = await two.pays(script)
    assert isinstance(said, Payment)
    assert said.acquirer == FIRST
    two.registry.say({FIRST: AcquirerState.DRAINING})
    again = await two.again(said)
    assert isinstance(again, Payment)
    assert again.acquirer == FIRST
    assert two.asked()[1] == 0


async def test_a_merchant_it_does_not_know_goes_on_once_it_confirms_that_it_has_nothing(two: Two) -> None:
    paid = await two.pays(NO_SUCH_MERCHANT)
    assert isinstance(paid, Payment)
    assert (paid.state, paid.acquirer) == (PaymentState.CAPTURED, SECOND)
    assert two.first.asked == 1


async def test_a_refusal_that_is_not_confirmed_absent_stays(two: Two) -> None:
    async def refuses_and_knows_it(bank: FakeBank, order: object) -> Decline:
        bank.declined.add(order.id)  # type: ignore[attr-defined]  # an Order
        return Decline("03", DeclineKind.OUR_FAULT)

    refused = await two.pays(refuses_and_knows_it)
    assert isinstance(refused, Payment)
    assert (refused.state, refused.acquirer) == (PaymentState.DECLINED, FIRST)
    assert two.asked() == (1, 0)


async def test_an_earlier_card_keeps_a_later_one_that_never_left(two: Two) -> None:
    declined = await two.pays(declines)
    assert isinstance(declined, Payment)
    two.first.scripts.append(DOWN)
    assert await two.again(declined) is Refusal.BANK_DOWN
    assert two.asked() == (2, 0)


async def test_what_is_held_up_on_its_way_to_the_next_is_not_sent_there(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    resend = two.shop.books.payments.resend

    async def slow(payment_id: str, refused: Change, send: Change, now: datetime) -> Payment:
        payment = await resend(payment_id, refused, send, now)
        two.shop.clock.forward(two.shop.times.send_within_s + 1)  # the process stood still after its commit
        return payment

    monkeypatch.setattr(two.shop.books.payments, "resend", slow)
    assert await two.pays(DOWN) is Refusal.BANK_DOWN
    assert two.asked() == (1, 0)
    payment = await two.the_payment()
    assert (payment.state, payment.acquirer, payment.acquirer_free) == (PaymentState.DECLINED, SECOND, True)


async def test_what_a_wallet_was_asked_ties_a_payment_to_no_acquirer(two: Two) -> None:
    payment, now, payments = await two.shop.started(), two.shop.clock.now(), two.shop.books.payments
    await payments.move(payment.id, Change(PaymentEvent.SEND, wallet="neqdi", wallet_payer="+212600000001"), now)
    await payments.move(payment.id, Change(PaymentEvent.LOST), now)
    await payments.move(payment.id, Change(PaymentEvent.REFUSED, decline_kind="wallet_refused"), now)
    two.registry.say({FIRST: AcquirerState.OFF})
    paid = await two.again(payment)
    assert isinstance(paid, Payment)
    assert (paid.state, paid.acquirer, paid.wallet, paid.acquirer_free) == (PaymentState.CAPTURED, SECOND, None, False)


async def test_a_wallet_after_a_card_does_not_free_the_payment_from_its_acquirer(two: Two) -> None:
    payment, now, payments = await two.shop.started(), two.shop.clock.now(), two.shop.books.payments
    for change in (
        sending(FIRST),
        Change(PaymentEvent.REFUSED),
        Change(PaymentEvent.SEND, wallet="neqdi", wallet_payer="+212600000001"),
        Change(PaymentEvent.REFUSED, decline_kind="wallet_refused"),
    ):
        payment = await payments.move(payment.id, change, now)
    assert (payment.wallet, payment.acquirer_free) == ("neqdi", False)
    with pytest.raises(IllegalMove):
        await payments.move(payment.id, sending(SECOND), now)


async def test_all_of_them_down_is_told_and_may_be_tried_again_anywhere(two: Two) -> None:
    two.second.scripts.append(DOWN)
    assert await two.pays(DOWN) is Refusal.BANK_DOWN
    payment = await two.the_payment()
    assert (payment.state, payment.attempts, payment.acquirer_free) == (PaymentState.DECLINED, 2, True)
    paid = await two.again(payment)
    assert isinstance(paid, Payment)
    assert (paid.state, paid.acquirer) == (PaymentState.CAPTURED, FIRST)


async def test_inquiry_void_and_credit_go_to_who_was_asked_though_it_takes_no_new_payment(two: Two) -> None:
    paid = await two.pays(DOWN)
    assert isinstance(paid, Payment)
    two.registry.say({SECOND: AcquirerState.DRAINING})
    await two.till.undo(paid.id, "a test")
    await two.till.attendant.attend(paid.id)
    assert await two.shop.state(paid) is PaymentState.VOIDED
    assert two.second.voided == {paid.id}
    assert not two.first.voided
    attempt = Attempt("another", 10_000, "MAD", "visa")
    assert two.registry.candidates(attempt, two.shop.clock.now()) == (FIRST,)


async def test_a_credit_goes_to_who_was_asked(two: Two) -> None:
    paid = await two.pays(DOWN)
    assert isinstance(paid, Payment)
    poster = Poster(two.shop.books, two.shop.billing, two.registry, two.shop.clock, two.shop.times)
    await poster.post(paid.id)
    assert await poster._crediter.begin(paid, "r1", 100) is not None
    credit = await two.shop.books.credits.of(paid.id, "r1")
    assert credit is not None
    await poster._crediter.ask(paid, credit)
    await poster._crediter.end(paid.id, "r1")
    assert two.second.refunds == [(paid.id, 100)]
    assert not two.first.refunds


async def test_off_is_asked_nothing_and_its_payment_waits(two: Two) -> None:
    lost = await two.pays(silent_after_charging)
    assert isinstance(lost, Payment)
    two.registry.say({FIRST: AcquirerState.OFF})
    assert (await two.till.inquire(lost.id)).state is PaymentState.UNKNOWN
    assert not two.first.asked
    two.registry.say({})
    assert (await two.till.inquire(lost.id)).state is PaymentState.CAPTURED


HELD: Sequence[tuple[PaymentEvent, ...]] = (
    (PaymentEvent.SEND,),
    (PaymentEvent.SEND, PaymentEvent.LOST),
    (PaymentEvent.SEND, PaymentEvent.REFUSED),
)


@pytest.mark.parametrize("events", HELD, ids=lambda events: str(events[-1]))
async def test_no_statement_and_no_hand_takes_a_payment_to_another_acquirer(
    two: Two, events: Sequence[PaymentEvent]
) -> None:
    payment, now = await two.shop.started(), two.shop.clock.now()
    for event in events:
        await two.shop.books.payments.move(payment.id, Change(event, acquirer=FIRST), now)
    with pytest.raises(IllegalMove):
        await two.shop.books.payments.move(payment.id, sending(SECOND), now)
    with pytest.raises(RaiseException, match="may be charged at cmi"):
        await two.shop.database.do("UPDATE payments SET acquirer = 'naps' WHERE id = %(id)s", id=payment.id)


async def test_a_sending_by_the_version_before_ties_a_free_payment_too(two: Two) -> None:
    two.second.scripts.append(DOWN)
    assert await two.pays(DOWN) is Refusal.BANK_DOWN
    payment = await two.the_payment()
    assert payment.acquirer_free
    for state, sends in (("sending", 1), ("unknown", 0), ("declined", 0)):  # as that version's statement has it
        await two.shop.database.do(
            "UPDATE payments SET state = %(state)s, attempts = attempts + %(sends)s WHERE id = %(id)s",
            state=state, sends=sends, id=payment.id,
        )  # fmt: skip
    assert not (await two.the_payment()).acquirer_free
    with pytest.raises(RaiseException, match="may be charged at naps"):
        await two.shop.database.do("UPDATE payments SET acquirer = 'cmi' WHERE id = %(id)s", id=payment.id)


async def test_what_another_acquirer_says_of_it_changes_nothing(two: Two, caplog: pytest.LogCaptureFixture) -> None:
    paid = await two.pays(
        DOWN,
    )
    assert isinstance(paid, Payment)
    elsewhere = replace(paid, acquirer=FIRST, state=PaymentState.SENDING)
    answer = two.second.charges[paid.id]
    stands = await two.till.attendant.paid_on_page(elsewhere, answer)
    assert (stands.state, stands.transaction_number) == (PaymentState.CAPTURED, paid.transaction_number)
    assert "cmi answered, and naps has it" in caplog.text
