"""Paid by a wallet: committed first, asked when the dialog is over, landed once, by the wallet's own word."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from core.database.ledger.reading import LedgerReader
from core.payments.refusal import Refusal
from core.payments.table import Payment, PaymentState
from core.ports import Approved, NotSent, Pending, UnknownOutcome
from core.wallets.attempts import AttemptState
from core.wallets.port import WalletDecline, WalletDeclineKind
from core.wallets.service import PROMPTS_MAX
from tests.core.ledger.ledgers import balances, story_of
from tests.core.wallets.conftest import NEQDI, OTHER, WalletShop
from tests.support.bank import CARD, CVV, declines, silent
from tests.support.shop import BILL, PAYER

RECEIVABLE = f"acquirer:{NEQDI}:receivable"


async def balanced(shop: WalletShop) -> bool:
    return (await LedgerReader(shop.database).sheet(shop.clock.now())).holds


async def test_the_request_leaves_when_the_dialog_is_over(shop: WalletShop) -> None:
    payment = await shop.started()
    started = await shop.wallets.start(payment.id, NEQDI, PAYER)
    assert isinstance(started, Payment)
    assert started.state is PaymentState.SENDING
    assert started.wallet == NEQDI
    await shop.round(1)
    assert shop.neqdi.asked == []
    await shop.round(2)
    (attempt,) = shop.neqdi.asked
    assert (attempt.payer_msisdn, attempt.amount_centimes, attempt.currency) == (PAYER, 76920, "MAD")
    assert (await shop.record(payment)).state is AttemptState.ASKED


async def test_its_job_is_written_with_the_commit_and_runs_two_seconds_later(shop: WalletShop) -> None:
    payment = await shop.started()
    await shop.wallets.start(payment.id, NEQDI, PAYER)
    (job,) = await shop.database.all("SELECT * FROM procrastinate_jobs WHERE task_name = 'khallas.wallet'")
    assert job["args"]["key"] == (await shop.record(payment)).attempt.reference
    assert job["scheduled_at"] - shop.clock.now() == timedelta(seconds=2)


async def test_paid_is_captured_with_the_wallets_own_reference(shop: WalletShop) -> None:
    record = await shop.asked()
    shop.neqdi.pays(record.attempt)
    await shop.round(5)
    payment = await shop.till.payment(record.attempt.payment_id)
    assert payment is not None
    assert payment.state is PaymentState.CAPTURED
    assert (payment.auth_code, payment.transaction_number) == ("W000001", "W000001")
    assert (payment.wallet, payment.wallet_payer, payment.card_last4) == (NEQDI, PAYER, None)
    assert payment.receipt_number is not None
    assert {"receipt_sms", "receipt_mail"} <= set(await shop.messages(payment))
    await shop.work()
    assert await shop.postings(payment) == ["posted"]
    assert (await story_of(shop.database, payment.id))[0] == ("approved", RECEIVABLE, "bills:to_post", 76920)
    assert await balanced(shop)


async def test_a_callback_makes_us_ask_and_is_never_believed(shop: WalletShop) -> None:
    record = await shop.asked()
    assert await shop.wallets.called_back(NEQDI, record.attempt.reference, b"")
    await shop.work()
    assert (await shop.record(await shop.seen_of(record))).state is AttemptState.ASKED
    shop.neqdi.pays(record.attempt)
    assert await shop.wallets.called_back(NEQDI, record.attempt.reference, b"")
    await shop.work()
    assert (await shop.seen_of(record)).state is PaymentState.CAPTURED
    assert not await shop.wallets.called_back(NEQDI, "0b8b5a5e-0000-4000-8000-000000000000", b"")
    assert not await shop.wallets.called_back(NEQDI, "no uuid", b"")
    assert not await shop.wallets.called_back("nobody", record.attempt.reference, b"")


async def test_a_handle_is_learnt_once_and_planted_on_no_other(shop: WalletShop) -> None:
    shop.neqdi.answers.append(UnknownOutcome("time-out"))
    first = await shop.asked()
    await shop.wallets.called_back(NEQDI, first.attempt.reference, b"ws_CO_1")
    order = await shop.internet_order()
    second = await shop.asked(await shop.started(order))
    for handle in (b"ws_CO_1", b"ws_CO_2"):
        await shop.wallets.called_back(NEQDI, second.attempt.reference, handle)
    assert (await shop.again(first)).attempt.handle == "ws_CO_1"
    assert (await shop.again(second)).attempt.handle == "H2"


async def test_declined_lets_another_tender_on(shop: WalletShop) -> None:
    record = await shop.asked()
    shop.neqdi.declines(record.attempt, WalletDeclineKind.FUNDS)
    await shop.round(5)
    payment = await shop.seen_of(record)
    assert (payment.state, payment.decline_kind, payment.declines) == (PaymentState.DECLINED, "wallet_funds", 0)
    assert await shop.messages(payment) == ["declined_sms"]
    paid = await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    assert isinstance(paid, Payment)
    assert paid.state is PaymentState.CAPTURED
    assert paid.wallet is None
    assert await balances(shop.database) == {"acquirer:cmi:receivable": 76920, "bills:to_post": 76920}


async def test_while_a_wallet_is_asked_nothing_else_is_sent(shop: WalletShop) -> None:
    record = await shop.asked()
    payment = await shop.seen_of(record)
    assert await shop.till.authorise(payment.id, CARD, CVV, wait_s=0) == payment
    again = await shop.wallets.start(payment.id, OTHER, PAYER)
    assert isinstance(again, Payment)
    assert again.wallet == NEQDI
    assert shop.bank.orders == []
    assert shop.floussi.asked == []


async def test_the_database_itself_lets_no_card_go_beside_an_open_attempt(shop: WalletShop) -> None:
    """Whatever the code believes: the state was changed behind its back."""
    record = await shop.asked()
    shop.by_hand = True
    await shop.database.do("UPDATE payments SET state = 'declined'")
    outcome = await shop.till.authorise(record.attempt.payment_id, CARD, CVV, wait_s=1)
    assert outcome is Refusal.IN_PROGRESS
    assert shop.bank.orders == []


async def test_two_starts_at_once_ask_once(shop: WalletShop) -> None:
    payment = await shop.started()
    await asyncio.gather(*(shop.wallets.start(payment.id, name, PAYER) for name in (NEQDI, OTHER) * 4))
    await shop.left(payment)
    assert len(await shop.attempts.of(payment.id)) == 1
    assert len(shop.neqdi.asked) + len(shop.floussi.asked) == 1


async def test_not_sent_is_certain_and_the_basket_waits_on(shop: WalletShop) -> None:
    shop.neqdi.answers.append(NotSent("refused"))
    record = await shop.asked()
    payment = await shop.seen_of(record)
    assert (payment.state, payment.decline_kind) == (PaymentState.DECLINED, "wallet_busy")
    assert record.state is AttemptState.DECLINED


async def test_a_request_that_was_held_up_does_not_leave(shop: WalletShop) -> None:
    payment = await shop.started()
    await shop.wallets.start(payment.id, NEQDI, PAYER)
    await shop.round(61)
    assert shop.neqdi.asked == []
    assert (await shop.seen(payment)).state is PaymentState.DECLINED


async def test_a_lost_answer_is_unknown_and_is_never_asked_again_by_itself(shop: WalletShop) -> None:
    shop.neqdi.drops = 1
    record = await shop.asked()
    payment = await shop.seen_of(record)
    assert payment.state is PaymentState.UNKNOWN
    assert await shop.active() == [BILL.number]
    for _ in range(12):
        await shop.round(60)
    assert len(shop.neqdi.asked) == 1
    payment = await shop.seen_of(record)
    # its window is over and the wallet never had it: nobody was asked
    assert (payment.state, payment.decline_kind) == (PaymentState.DECLINED, "wallet_expired")


async def test_a_lost_answer_after_the_debit_is_found(shop: WalletShop) -> None:
    shop.neqdi.answers.append(UnknownOutcome("time-out"))
    record = await shop.asked()
    shop.neqdi.pays(record.attempt)
    await shop.round(5)
    assert (await shop.seen_of(record)).state is PaymentState.CAPTURED


async def test_what_nobody_can_tell_is_an_operators_and_stays_locked(shop: WalletShop) -> None:
    """Daraja's lost answer: without a handle nobody can be asked."""
    shop.neqdi.answers.append(UnknownOutcome("time-out"))
    shop.neqdi.silent = True
    record = await shop.asked()
    for _ in range(12):
        await shop.round(60)
    payment = await shop.seen_of(record)
    assert (payment.state, payment.by_hand) == (PaymentState.UNKNOWN, "wallet_unknown")
    assert await shop.active() == [BILL.number]
    shop.neqdi.silent = False
    shop.neqdi.pays(record.attempt)
    await shop.round(86_400)
    payment = await shop.seen_of(record)
    assert (payment.state, payment.by_hand) == (PaymentState.CAPTURED, None)


@pytest.mark.parametrize("answer", [Pending(), UnknownOutcome("500")], ids=["pending", "unreadable"])
async def test_pending_is_never_paid_and_never_failed(shop: WalletShop, answer: Pending | UnknownOutcome) -> None:
    record = await shop.asked()
    shop.neqdi.inquiries.extend([answer] * 40)
    for _ in range(8):
        await shop.round(60)
    assert (await shop.seen_of(record)).state is PaymentState.UNKNOWN
    assert (await shop.record(await shop.seen_of(record))).by_hand == "wallet_unknown"


async def test_polls_are_dense_first_and_daily_in_the_end(shop: WalletShop) -> None:
    record = await shop.asked()
    begun, offsets = record.asked_at, []
    assert begun is not None
    for _ in range(20):
        (row,) = await shop.database.all("SELECT due_at FROM wallet_attempts")
        offsets.append((row["due_at"] - begun).total_seconds())
        shop.clock.time = row["due_at"]
        await shop.round()
    assert offsets[:6] == [5, 10, 20, 40, 100, 160]
    assert offsets[6:11] == [220, 280, 340, 400, 420]  # each minute to the expiry and two minutes
    assert offsets[11:15] == [900, 3_600, 86_400, 172_800]


async def test_another_amount_goes_back_whole(shop: WalletShop) -> None:
    record = await shop.asked()
    shop.neqdi.pays(record.attempt, centimes=10_000)
    await shop.round(5)
    assert (await shop.seen_of(record)).state is PaymentState.INTEGRITY_FAILURE
    await shop.round()
    payment = await shop.seen_of(record)
    assert payment.state is PaymentState.VOIDED
    assert shop.neqdi.took_centimes() == 0
    assert await balances(shop.database) == {}
    assert await balanced(shop)


async def test_a_success_after_expired_is_kept_while_the_bills_are_free(
    shop: WalletShop, caplog: pytest.LogCaptureFixture
) -> None:
    record = await shop.asked()
    shop.neqdi.declines(record.attempt, WalletDeclineKind.EXPIRED)
    await shop.round(5)
    assert (await shop.seen_of(record)).state is PaymentState.DECLINED
    shop.neqdi.pays(record.attempt)
    await shop.round(900)
    assert (await shop.seen_of(record)).state is PaymentState.CAPTURED
    assert await balanced(shop)
    assert "goes back" not in caplog.text


async def test_a_success_after_the_card_paid_goes_back(shop: WalletShop, caplog: pytest.LogCaptureFixture) -> None:
    """Exactly one is kept: the card's, whose receipt is out."""
    record = await shop.asked()
    shop.neqdi.declines(record.attempt, WalletDeclineKind.EXPIRED)
    await shop.round(5)
    await shop.till.authorise(record.attempt.payment_id, CARD, CVV, wait_s=60)
    shop.neqdi.pays(record.attempt)
    await shop.round(900)
    assert (await shop.again(record)).state is AttemptState.SURPLUS
    assert f"payment {record.attempt.payment_id}: the wallet's money came beside another tender's" in caplog.text
    assert (await balances(shop.database))["doubt:captures"] == 76920
    assert await balanced(shop)
    await shop.round()
    assert (await shop.again(record)).state is AttemptState.RETURNED
    payment = await shop.seen_of(record)
    assert (payment.state, payment.wallet) == (PaymentState.CAPTURED, None)
    assert shop.neqdi.took_centimes() == 0
    assert len(shop.bank.charges) == 1
    assert (await balances(shop.database)).get(RECEIVABLE) is None
    assert await balanced(shop)


async def test_a_success_while_a_card_is_being_asked_goes_back(shop: WalletShop) -> None:
    record = await shop.asked()
    shop.neqdi.declines(record.attempt)
    await shop.round(5)
    shop.bank.inquiries.extend([UnknownOutcome("?")] * 50)
    shop.bank.scripts.append(silent)
    await shop.till.authorise(record.attempt.payment_id, CARD, CVV, wait_s=60)
    shop.neqdi.pays(record.attempt)
    await shop.round(900)
    await shop.round()
    assert (await shop.again(record)).state is AttemptState.RETURNED
    assert (await shop.seen_of(record)).state is PaymentState.UNKNOWN
    assert await balances(shop.database) == {}
    assert shop.neqdi.took_centimes() == 0


async def test_a_success_on_bills_that_another_basket_paid_goes_back(shop: WalletShop) -> None:
    record = await shop.asked()
    shop.neqdi.declines(record.attempt)
    await shop.round(5)
    await shop.paid(shop.order(key="ussd:9:9"))
    shop.neqdi.pays(record.attempt)
    await shop.round(900)
    await shop.round(60)
    assert (await shop.seen_of(record)).state is PaymentState.VOIDED
    assert shop.neqdi.took_centimes() == 0
    assert await balanced(shop)


async def test_a_surplus_that_the_wallet_keeps_is_an_operators(shop: WalletShop) -> None:
    record = await shop.asked()
    shop.neqdi.declines(record.attempt)
    shop.neqdi.gives_back = False
    await shop.round(5)
    await shop.till.authorise(record.attempt.payment_id, CARD, CVV, wait_s=60)
    shop.neqdi.pays(record.attempt)
    await shop.round(900)
    await shop.round()
    left = await shop.again(record)
    assert (left.state, left.by_hand) == (AttemptState.SURPLUS, "reversal_refused")
    assert (await balances(shop.database))["doubt:captures"] == 76920
    assert await balanced(shop)


async def test_a_card_that_lands_late_beside_the_wallet_is_the_one_that_is_kept(shop: WalletShop) -> None:
    """A card that was refused by mistake is found charged while the wallet is asked."""
    payment = await shop.started()
    shop.bank.scripts.append(declines)
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    record = await shop.asked(await shop.seen(payment))
    await shop.till.attendant.paid_on_page(await shop.seen(payment), Approved("000777", "26327", 76920))
    shop.neqdi.pays(record.attempt)
    await shop.round(5)
    await shop.round()
    found = await shop.seen(payment)
    assert (found.state, found.wallet, found.auth_code) == (PaymentState.CAPTURED, None, "000777")
    assert (await shop.again(record)).state is AttemptState.RETURNED
    assert shop.neqdi.took_centimes() == 0
    assert await balanced(shop)


async def test_another_payers_wallet_and_its_bound(shop: WalletShop) -> None:
    payment = await shop.started()
    for number in range(PROMPTS_MAX):
        outcome = await shop.wallets.start(payment.id, NEQDI, "+212655555555")
        assert isinstance(outcome, Payment)
        assert outcome.wallet_payer == "+212655555555"
        record = await shop.left(payment)
        assert shop.neqdi.asked[-1].payer_msisdn == "+212655555555"
        shop.neqdi.declines(record.attempt)
        await shop.round(5)
        assert len(shop.neqdi.asked) == number + 1
    assert await shop.wallets.start(payment.id, NEQDI, "+212655555555") is Refusal.LOCKED
    assert isinstance(await shop.wallets.start(payment.id, NEQDI, PAYER), Payment)


async def test_what_is_offered(shop: WalletShop) -> None:
    shop.neqdi.terms = replace(shop.neqdi.terms, prefixes=("+21266",))
    shop.floussi.terms = replace(shop.floussi.terms, whole_units=True)

    async def names(msisdn: str, centimes: int, currency: str = "MAD") -> list[str]:
        return [offer.provider for offer in await shop.wallets.offers(msisdn, centimes, currency)]

    assert await names("+212661000000", 76920) == [NEQDI]
    assert await names("+212661000000", 76900) == [NEQDI, OTHER]
    assert await names("+212600000000", 76900) == [OTHER]
    assert await names("+212600000000", 76920) == []
    assert await names("+212661000000", 500_001) == []
    assert await names("+212661000000", 76900, "EUR") == []
    assert await names("anonymous", 76900) == []
    shop.floussi.terms = replace(shop.floussi.terms, whole_units=False)
    paid = await shop.asked(await shop.started(await shop.internet_order(payer="+212661000000")), OTHER)
    shop.floussi.pays(paid.attempt)
    await shop.round(5)
    assert await names("+212661000000", 76900) == [OTHER, NEQDI]


async def test_an_amount_the_wallet_cannot_take_is_not_asked_for(shop: WalletShop) -> None:
    shop.neqdi.terms = replace(shop.neqdi.terms, whole_units=True)
    payment = await shop.started()
    assert await shop.wallets.start(payment.id, NEQDI, PAYER) is Refusal.BANK_DOWN
    assert (await shop.seen(payment)).state is PaymentState.CREATED


@pytest.mark.parametrize(("kind", "logged"), [(WalletDeclineKind.OUR_FAULT, True), (WalletDeclineKind.FUNDS, False)])
async def test_a_decline_of_our_fault_is_told_so(
    shop: WalletShop, caplog: pytest.LogCaptureFixture, kind: WalletDeclineKind, logged: bool
) -> None:
    shop.neqdi.answers.append(WalletDecline("formatError", kind))
    record = await shop.asked()
    assert (await shop.seen_of(record)).decline_kind == f"wallet_{kind}"
    assert (f"wallet {NEQDI} refuses our configuration: code formatError" in caplog.text) is logged


async def test_a_forgotten_payer_is_forgotten_as_a_wallet_too(shop: WalletShop) -> None:
    record = await shop.asked()
    shop.neqdi.pays(record.attempt)
    await shop.round(5)
    await shop.database.do("UPDATE payments SET payer_msisdn = ''")
    assert (await shop.seen_of(record)).wallet_payer is None
    assert (await shop.again(record)).attempt.payer_msisdn == ""
