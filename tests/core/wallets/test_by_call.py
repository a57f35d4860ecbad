"""A wallet that is asked on a call of ours: its prompt follows the call, and it and a card exclude each other."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from core.cards import Secret
from core.messaging.texts import load_texts
from core.payments.refusal import Refusal
from core.payments.table import Payment, PaymentState
from core.ports import Authorisation, Order, UnknownOutcome
from core.wallets.attempts import LEAVE_IN_CALL_S, AttemptState
from sessions.screens.menu import ScreenContext
from sessions.store.protocol import Key
from sessions.turn.effects import AskWallet, Authorise, Look, WalletRefused, WalletStarted
from sessions.turn.perform import DialogKey, EffectPerformer
from sessions.vault import Seals
from tests.channels.ivr.agi.agi_line import TOKENS, agi_line
from tests.channels.ivr.agi.switch import HANG_UP, Step, Switch
from tests.core.wallets.conftest import NEQDI, WalletShop
from tests.sessions.samples import VOICE, visit
from tests.support.bank import CARD, CVV, FakeBank
from tests.support.shop import PAYER, STRANGER

RACES = 12
PLACE = DialogKey(Key(PAYER, "ivr", "CA1"), 1, {})


def rung(number: str = PAYER) -> ScreenContext:
    return msgspec.structs.replace(visit(VOICE), msisdn=number, placed=True)


def caller(shop: WalletShop) -> EffectPerformer:
    """What a call does, on the real till."""
    return EffectPerformer(shop.till, Seals({"k1": bytes(32)}), wallets=shop.wallets)


async def ask(shop: WalletShop, payment: Payment, here: ScreenContext | None = None) -> object:
    return (await caller(shop).perform(AskWallet(payment.id, NEQDI), here or rung(), PLACE)).result


async def test_its_prompt_comes_two_seconds_after_the_call_however_long_that_still_talks(shop: WalletShop) -> None:
    payment = await shop.started()
    assert isinstance(await ask(shop, payment), WalletStarted)
    await shop.round(9)
    assert shop.neqdi.asked == [], "the caller still hears what comes"
    await caller(shop).dialog_over(payment.id)
    await shop.round(1)
    assert shop.neqdi.asked == []
    await shop.round(1)
    (attempt,) = shop.neqdi.asked
    assert attempt.payer_msisdn == PAYER
    await shop.round(60)
    assert len(shop.neqdi.asked) == 1, "its first job finds nothing to do"
    shop.neqdi.pays(attempt)
    await shop.round(60)
    assert await shop.state(payment) is PaymentState.CAPTURED


async def test_jobs_are_written_for_both_moments(shop: WalletShop) -> None:
    payment, began = await shop.started(), shop.clock.now()
    await ask(shop, payment)
    shop.clock.forward(5)
    await shop.wallets.dialog_over(payment.id)
    rows = await shop.database.all(
        "SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'khallas.wallet' ORDER BY id"
    )
    assert [row["scheduled_at"] - began for row in rows] == [timedelta(seconds=LEAVE_IN_CALL_S), timedelta(seconds=7)]


async def test_a_call_whose_end_nobody_tells_keeps_it_waiting_twenty_seconds(shop: WalletShop) -> None:
    payment = await shop.started()
    await ask(shop, payment)
    await shop.round(LEAVE_IN_CALL_S - 1)
    assert shop.neqdi.asked == []
    await shop.round(1)
    assert len(shop.neqdi.asked) == 1


async def test_the_end_of_a_dialog_postpones_nothing_and_wakes_nothing_else(shop: WalletShop) -> None:
    payment = await shop.started()
    await shop.wallets.dialog_over(payment.id)
    await shop.wallets.start(payment.id, NEQDI, PAYER)
    shop.clock.forward(1.5)
    await shop.wallets.dialog_over(payment.id)
    await shop.round(0.5)
    assert len(shop.neqdi.asked) == 1, "two seconds after its commit, as ever"
    due = (await shop.database.all("SELECT due_at FROM wallet_attempts"))[0]["due_at"]
    await shop.wallets.dialog_over(payment.id)
    assert (await shop.database.all("SELECT due_at FROM wallet_attempts"))[0]["due_at"] == due


@pytest.mark.parametrize(
    "here",
    [msgspec.structs.replace(rung(), placed=False), rung(STRANGER)],
    ids=["a call that came in", "another number"],
)
async def test_no_other_call_asks_whatever_screen_it_stands_on(shop: WalletShop, here: ScreenContext) -> None:
    payment = await shop.started()
    assert await ask(shop, payment, here) == WalletRefused(Refusal.BANK_DOWN)
    assert await shop.attempts.of(payment.id) == []
    assert await shop.state(payment) is PaymentState.CREATED


async def test_while_a_card_is_charged_a_call_starts_no_wallet(shop: WalletShop) -> None:
    answers = asyncio.Event()

    async def slow(bank: FakeBank, order: Order) -> Authorisation:
        await answers.wait()
        return bank.charge(order)

    shop.bank.scripts.append(slow)
    payment = await shop.started()
    under_way = await shop.till.authorise(payment.id, CARD, CVV, wait_s=0)
    assert isinstance(under_way, Payment)
    came = await ask(shop, payment)
    assert isinstance(came, Payment)
    assert (came.state, came.wallet) == (PaymentState.SENDING, None)
    assert await shop.attempts.of(payment.id) == []
    answers.set()
    assert (await shop.till.settle(payment.id, 30)).state is PaymentState.CAPTURED
    assert isinstance(await ask(shop, payment), Payment), "it is paid"
    assert await shop.attempts.of(payment.id) == []


async def test_a_card_whose_end_nobody_knows_lets_no_wallet_on(shop: WalletShop) -> None:
    async def lost(bank: FakeBank, order: Order) -> Authorisation:
        bank.charge(order)
        return UnknownOutcome("time-out")

    shop.bank.scripts.append(lost)
    payment = await shop.paid()
    assert payment.state is PaymentState.UNKNOWN
    assert isinstance(await ask(shop, payment), Payment)
    assert await shop.attempts.of(payment.id) == []


async def test_while_the_wallet_asks_another_call_charges_no_card(shop: WalletShop) -> None:
    """Somebody quotes the reference at the voice line, and types a card to its end."""
    payment = await shop.started()
    await ask(shop, payment)
    on = caller(shop)
    await on.launch(Authorise(payment.id, Secret("123")), CARD, PLACE)
    seen = (await on.perform(Look(payment.id), visit(VOICE), PLACE)).result
    assert isinstance(seen, Payment)
    assert (seen.state, seen.wallet) == (PaymentState.SENDING, NEQDI)
    assert shop.bank.orders == []
    await shop.wallets.dialog_over(payment.id)
    record = await shop.left(payment)
    shop.neqdi.declines(record.attempt)
    await shop.round(5)
    await on.launch(Authorise(payment.id, Secret("123")), CARD, PLACE)
    assert (await shop.till.settle(payment.id, 30)).state is PaymentState.CAPTURED
    assert [order.id for order in shop.bank.orders] == [payment.id], "after its own last word a card may pay"


async def test_of_a_card_and_a_wallet_on_two_calls_at_once_one_is_sent(shop: WalletShop) -> None:
    for number in range(RACES):
        payment = await shop.started(shop.order(f"ussd:race:{number}"))
        on = caller(shop)
        calls = [on.launch(Authorise(payment.id, Secret("123")), CARD, PLACE), ask(shop, payment)]
        await asyncio.gather(*(calls if number % 2 else reversed(calls)))
        await shop.till.settle(payment.id, 30)
        attempts = await shop.attempts.of(payment.id)
        charged = [order for order in shop.bank.orders if order.id == payment.id]
        assert len(attempts) + len(charged) == 1
        if attempts:
            await shop.wallets.dialog_over(payment.id)
            record = await shop.left(payment)
            assert record.state is AttemptState.ASKED
            shop.neqdi.declines(record.attempt)
            await shop.round(5)
            await shop.till.cancel(payment.id)
        else:
            await shop.till.undo(payment.id, "the next race needs the bill")
            await shop.round(5)


# --- over a real switch's protocol -----------------------------------------------------------------------------------


async def on_a_switch(shop: WalletShop, redis_url: str, payment: Payment, steps: list[Step], *, ours: bool) -> Switch:
    token = TOKENS.make(payment.id, payment.payer_msisdn) if ours else ""
    terms = ((NEQDI, shop.neqdi.terms),)
    async with agi_line(
        shop.till, redis_url, load_texts(), shop.clock, wallets=shop.wallets, terms=terms, drain_s=30
    ) as line:
        call = await line.call(steps, payment.payer_msisdn, token=token)
        await line.over()
    return call


async def test_asterisks_call_says_it_and_its_end_lets_the_prompt_follow(shop: WalletShop, redis_url: str) -> None:
    payment = await shop.started()
    steps = [("Pour payer par Neqdi tapez un Terminez par dièse", "1#")]
    call = await on_a_switch(shop, redis_url, payment, steps, ours=True)
    assert "Après l'appel, Neqdi demande votre code secret sur ce téléphone" in call.said[-1]
    assert call.variables == {"KHALLAS_RESULT": "ended"}
    assert shop.neqdi.asked == []
    await shop.round(2)
    assert [attempt.payer_msisdn for attempt in shop.neqdi.asked] == [PAYER]


async def test_who_hangs_up_while_it_is_said_is_asked_all_the_same(shop: WalletShop, redis_url: str) -> None:
    payment = await shop.started()
    steps = [("Pour payer par Neqdi", f"1#{HANG_UP}")]
    await on_a_switch(shop, redis_url, payment, steps, ours=True)
    await shop.round(2)
    assert len(shop.neqdi.asked) == 1


async def test_who_calls_asterisk_from_that_number_hears_of_no_wallet(shop: WalletShop, redis_url: str) -> None:
    payment = await shop.started()
    steps = [
        ("payer avec une référence tapez deux", "2"),
        ("référence de paiement", f"{payment.reference}#"),
        ("numéro de la ligne", "0600000001#"),
        ("Tapez le numéro de votre carte", "1#"),
        ("Numéro de carte incorrect", HANG_UP),
    ]
    call = await on_a_switch(shop, redis_url, payment, steps, ours=False)
    assert not any("Neqdi" in said for said in call.said)
    assert await shop.attempts.of(payment.id) == []
