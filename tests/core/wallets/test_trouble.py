"""Wallets in trouble: code that breaks, answers that come too late, a database that is away, callbacks of anybody."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from psycopg import AsyncConnection

from core.payments.refusal import Refusal
from core.payments.table import Payment, PaymentEvent, PaymentState
from core.ports import UnknownOutcome
from core.repositories import Change, DatabaseUnavailable
from core.wallets.attempts import ANSWERED_WITHIN_S, AttemptState, NoWallets
from core.wallets.port import Asked, Asking, WalletAttempt, WalletDecline, WalletDeclineKind, WalletInquiry, WalletPaid
from core.wallets.service import WalletPayments
from tests.core.wallets.conftest import NEQDI, OTHER, WalletShop
from tests.core.wallets.test_paying import balanced
from tests.support.shop import PAYER
from tests.support.wallet import FakeWallet


@dataclass
class Moody(FakeWallet):
    """Breaks, or lets the test do something while it is asked."""

    breaks: bool = False
    meanwhile: Callable[[WalletAttempt], object] | None = None
    inquired: list[str] = field(default_factory=list)

    async def ask(self, attempt: WalletAttempt) -> Asking:
        answer = await super().ask(attempt)
        if self.breaks:
            raise KeyError("a reader met what it did not know")
        if self.meanwhile is not None:
            done = self.meanwhile(attempt)
            if hasattr(done, "__await__"):
                await done
        return answer

    async def inquire(self, attempt: WalletAttempt) -> WalletInquiry:
        self.inquired.append(attempt.reference)
        if self.breaks:
            raise KeyError("a reader met what it did not know")
        return await super().inquire(attempt)


@dataclass
class Service:
    """The shop's wallets over a moody one; `told` is what the metrics hear."""

    shop: WalletShop
    wallet: Moody
    wallets: WalletPayments
    told: list[tuple[str, str]]

    async def started(self, payment: Payment | None = None) -> Payment:
        outcome = await self.wallets.start((payment or await self.shop.started()).id, NEQDI, PAYER)
        assert isinstance(outcome, Payment)
        self.shop.clock.forward(3)
        return outcome

    async def look(self, seconds: float = 0) -> int:
        self.shop.clock.forward(seconds)
        return await self.wallets.attend_due(10)


@pytest.fixture
def moody(shop: WalletShop) -> Service:
    wallet, told = Moody(shop.clock), []
    named = {NEQDI: wallet, OTHER: shop.floussi}

    def hear(provider: str, outcome: str) -> None:
        told.append((provider, outcome))

    return Service(shop, wallet, WalletPayments(shop.till, shop.attempts, named, shop.clock, count=hear), told)


async def test_a_wallet_that_nobody_set_up_is_the_callers_fault(shop: WalletShop) -> None:
    payment = await shop.started()
    with pytest.raises(NoWallets):
        await shop.wallets.start(payment.id, "nobody", PAYER)
    assert (await shop.seen(payment)).state is PaymentState.CREATED
    assert await shop.attempts.of(payment.id) == []
    assert (shop.wallets.name_of("nobody"), shop.wallets.name_of(NEQDI)) == ("nobody", "Neqdi")


async def test_an_open_attempt_is_told_while_it_is_open(shop: WalletShop) -> None:
    payment = await shop.started()
    assert await shop.wallets.open_attempt(payment) is None
    record = await shop.asked(payment)
    assert await shop.wallets.open_attempt(await shop.seen(payment)) == record
    shop.neqdi.pays(record.attempt)
    await shop.round(5)
    assert await shop.wallets.open_attempt(await shop.seen(payment)) is None


async def test_a_callback_that_cannot_be_read_still_makes_us_ask(
    shop: WalletShop, caplog: pytest.LogCaptureFixture
) -> None:
    record = await shop.asked()
    assert await shop.wallets.called_back(NEQDI, record.attempt.reference, b"\xff\xfe")
    said = [each.getMessage() for each in caplog.records if each.name == "khallas.security"]
    assert said == [f"wallet {NEQDI}: a callback that cannot be read: UnicodeDecodeError"]
    assert (await shop.again(record)).attempt.handle == record.attempt.handle
    shop.neqdi.pays(record.attempt)
    await shop.round()  # no second has passed: the callback alone made it due
    assert (await shop.seen_of(record)).state is PaymentState.CAPTURED


async def test_code_that_breaks_while_it_asks_is_unknown_and_is_found_out(moody: Service) -> None:
    payment = await moody.started()
    moody.wallet.breaks = True
    await moody.look()
    record = await moody.shop.record(payment)
    assert (record.state, (await moody.shop.seen(payment)).state) == (AttemptState.UNKNOWN, PaymentState.UNKNOWN)
    await moody.look(5)  # its inquiry breaks too: nothing is decided
    assert (await moody.shop.record(payment)).state is AttemptState.UNKNOWN
    assert moody.wallet.inquired == [record.attempt.reference]
    moody.wallet.breaks = False
    moody.wallet.pays(record.attempt)
    await moody.look(30)
    assert (await moody.shop.seen(payment)).state is PaymentState.CAPTURED
    assert (len(moody.wallet.asked), moody.told) == (1, [(NEQDI, "unknown"), (NEQDI, "paid")])


async def test_a_wallet_that_decides_at_once_is_captured_at_once(moody: Service) -> None:
    payment = await moody.started()
    moody.wallet.answers.append(WalletPaid("W1", payment.amount_centimes, "MAD"))
    await moody.look()
    found = await moody.shop.seen(payment)
    assert (found.state, found.auth_code, moody.told) == (PaymentState.CAPTURED, "W1", [(NEQDI, "paid")])
    assert await balanced(moody.shop)


async def test_one_attempts_trouble_does_not_stop_the_others(moody: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await moody.started()
    second = await moody.started(await moody.shop.started(await moody.shop.internet_order()))
    bad = (await moody.shop.record(first)).attempt.reference
    asking = moody.shop.attempts.asking

    async def breaks(record: object, *args: object) -> bool:
        if record.attempt.reference == bad:  # type: ignore[attr-defined]
            raise DatabaseUnavailable
        return await asking(record, *args)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(moody.shop.attempts, "asking", breaks)
        assert await moody.look() == 2
    assert (await moody.shop.record(first)).state is AttemptState.WAITING
    assert (await moody.shop.record(second)).state is AttemptState.ASKED
    assert [attempt.payment_id for attempt in moody.wallet.asked] == [second.id]


async def test_an_attempt_that_another_worker_sent_is_not_sent_again(moody: Service) -> None:
    payment = await moody.started()
    waiting = await moody.shop.record(payment)
    for _ in range(2):  # the second worker claimed it before the first one wrote
        await moody.wallets.attend_claimed(waiting)
    assert len(moody.wallet.asked) == 1
    assert (await moody.shop.record(payment)).attempt.handle == "H1"


@pytest.mark.parametrize("away", [1, 3, 9])
async def test_an_answer_outlives_a_moment_without_the_database(
    moody: Service, monkeypatch: pytest.MonkeyPatch, away: int
) -> None:
    """Nine tries are more than there are: then the attempt stays as sent, and its end is asked for."""
    payment = await moody.started()
    update, tries = moody.shop.attempts.update, 0

    async def fails(*args: object) -> bool:
        nonlocal tries
        tries += 1
        if tries <= away:
            raise DatabaseUnavailable
        return await update(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(moody.shop.attempts, "update", fails)
        await moody.look()
    record = await moody.shop.record(payment)
    if away < 9:
        assert (record.state, record.attempt.handle, tries) == (AttemptState.ASKED, "H1", away + 1)
        return
    assert (record.state, record.attempt.handle, tries) == (AttemptState.ASKING, None, 4)
    moody.wallet.pays(record.attempt)
    await moody.look(ANSWERED_WITHIN_S + 1)
    assert (await moody.shop.seen(payment)).state is PaymentState.CAPTURED
    assert len(moody.wallet.asked) == 1


@pytest.mark.parametrize(
    "late",
    [
        UnknownOutcome("time-out"),
        WalletDecline("expired", WalletDeclineKind.EXPIRED),
        WalletPaid("W000001", 76920, "MAD"),
        Asked("H1"),
    ],
    ids=["lost", "declined", "paid", "asked"],
)
async def test_an_answer_that_comes_after_the_end_changes_nothing(moody: Service, late: Asking) -> None:
    """The asking worker hangs for longer than it may; another finds the debit meanwhile."""
    payment = await moody.started()

    async def another_lands_it(attempt: WalletAttempt) -> None:
        moody.wallet.pays(attempt)
        await moody.look(ANSWERED_WITHIN_S + 1)

    moody.wallet.meanwhile = another_lands_it
    moody.wallet.answers.append(late)
    await moody.look()
    found, record = await moody.shop.seen(payment), await moody.shop.record(payment)
    assert (found.state, found.auth_code, record.state) == (PaymentState.CAPTURED, "W000001", AttemptState.PAID)
    assert moody.told == [(NEQDI, "paid")]
    assert [each for each in await moody.shop.messages(payment) if each != "receipt_mail"] == ["receipt_sms"]
    assert await balanced(moody.shop)


async def test_what_is_due_though_nothing_is_left_to_do_is_not_looked_at_for_ever(moody: Service) -> None:
    payment = await moody.started()
    moody.wallet.answers.append(WalletPaid("W1", payment.amount_centimes, "MAD"))
    await moody.look()
    await moody.shop.database.do("UPDATE wallet_attempts SET due_at = '2020-01-01'")
    assert await moody.look() == 1
    (row,) = await moody.shop.database.all("SELECT state, due_at FROM wallet_attempts")
    assert (row["state"], row["due_at"]) == ("paid", None)
    assert moody.wallet.inquired == []


async def test_a_handle_that_another_attempt_has_is_not_taken_over(moody: Service) -> None:
    """A provider that gives one name twice: the second is asked about by our own reference."""
    for order in (None, await moody.shop.internet_order()):
        moody.wallet.answers.append(Asked("SAME"))
        payment = await moody.started(await moody.shop.started(order) if order else None)
        await moody.look()
    second = await moody.shop.record(payment)
    assert (second.state, second.attempt.handle) == (AttemptState.ASKED, None)
    moody.wallet.pays(second.attempt)
    await moody.look(30)
    assert (await moody.shop.seen(payment)).state is PaymentState.CAPTURED


async def test_the_database_itself_lets_no_second_attempt_go_beside_an_open_one(shop: WalletShop) -> None:
    """Whatever the code believes: the state was changed behind its back."""
    record = await shop.asked()
    shop.by_hand = True
    await shop.database.do("UPDATE payments SET state = 'declined'")
    assert await shop.wallets.start(record.attempt.payment_id, OTHER, PAYER) is Refusal.IN_PROGRESS
    assert len(await shop.attempts.of(record.attempt.payment_id)) == 1
    assert shop.floussi.asked == []


async def test_no_attempt_is_written_for_a_payment_that_is_not_there(shop: WalletShop) -> None:
    record = await shop.asked()
    gone = replace(record, attempt=replace(record.attempt, payment_id="01JDZ0000000000000000000ZZ"))
    with pytest.raises(LookupError):
        await shop.attempts.begin(gone, Change(PaymentEvent.SEND), shop.clock.now(), shop.clock.now())
    paid = WalletPaid("W1", 76920, "MAD")
    assert await shop.attempts.land(gone, paid, shop.clock.now(), "token") is None
    assert await shop.attempts.of(record.attempt.payment_id) == [record]


async def test_of_two_callbacks_that_bring_one_handle_at_once_one_keeps_it(shop: WalletShop, database_url: str) -> None:
    shop.neqdi.answers.extend([UnknownOutcome("time-out")] * 2)
    first = await shop.asked()
    second = await shop.asked(await shop.started(await shop.internet_order()))
    async with await AsyncConnection.connect(database_url) as faster:
        await faster.execute(
            "UPDATE wallet_attempts SET handle = 'ws_CO_1' WHERE reference = %s", (first.attempt.reference,)
        )
        slower = asyncio.create_task(shop.wallets.called_back(NEQDI, second.attempt.reference, b"ws_CO_1"))
        while not await shop.database.all(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            assert not slower.done()
            await asyncio.sleep(0.01)
        await faster.commit()
    assert await slower  # it is asked about all the same
    assert (await shop.again(first)).attempt.handle == "ws_CO_1"
    assert (await shop.again(second)).attempt.handle is None
